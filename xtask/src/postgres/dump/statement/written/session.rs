//! Settings, transactions, rows, and the functions that pg_dump calls.

use super::Meaning::{
    self, ActsAs, Begin, ClientEncoding, Commit, Copy, NoTransactionTimeout, Plain, SearchPath, SequenceValue, Setting,
    StandardStrings, Statistics,
};

pub(super) const FORMS: &[(&str, Meaning)] = &[
    // _doSetFixedOutputState
    ("SET { statement_timeout | lock_timeout | idle_in_transaction_session_timeout } = 0", Setting),
    ("SET transaction_timeout = 0", NoTransactionTimeout),
    ("SET client_encoding = @encoding", ClientEncoding),
    ("SET standard_conforming_strings = on", StandardStrings(true)),
    ("SET standard_conforming_strings = off", StandardStrings(false)),
    ("SET ROLE @role", Setting),
    ("SET check_function_bodies = false", Setting),
    ("SET xmloption = content", Setting),
    ("SET client_min_messages = warning", Setting),
    ("SET escape_string_warning = off", Setting),
    ("SET row_security = { on | off }", Setting),
    // dumpSearchPath. People put their own path there, for functions that need one.
    ("SELECT pg_catalog . set_config ( 'search_path' , @string , { false | true } )", SearchPath),
    // _selectTablespace, _selectTableAccessMethod, and up to pg_dump 11 _setWithOids
    ("SET default_tablespace = { '' | @tablespace }", Setting),
    ("SET default_table_access_method = @id", Setting),
    ("SET default_with_oids = false", Setting),
    // _doSetSessionAuth (--use-set-session-authorization), buildACLCommands
    ("SET SESSION AUTHORIZATION { @session | DEFAULT }", ActsAs),
    ("RESET SESSION AUTHORIZATION", Setting),
    // Around large objects; pg_restore -f has more of them (--single-transaction, --transaction-size).
    ("BEGIN", Begin),
    ("COMMIT", Commit),
    // dumpTableData_copy. INSERT is read by `insert.rs`.
    ("COPY @target [ ( @id [ , @id ]* ) ] FROM stdin", Copy),
    // refreshMatViewData
    ("REFRESH MATERIALIZED VIEW @name", Plain),
    // dumpSequenceData
    ("SELECT pg_catalog . setval ( @string , [ - ] @number , { true | false } )", SequenceValue),
    // dumpLO, _StartLO, dump_lo_buf, _EndLO, DropLOIfExists
    ("SELECT pg_catalog . { lo_create | lo_unlink } ( @string )", Plain),
    ("SELECT pg_catalog . lo_open ( @string , 131072 )", Plain),
    ("SELECT pg_catalog . lowrite ( 0 , @string )", Plain),
    ("SELECT pg_catalog . lo_close ( 0 )", Plain),
    ("SELECT pg_catalog . lo_unlink ( oid ) FROM pg_catalog . pg_largeobject_metadata WHERE oid = @string", Plain),
    // dumpRelationStats_dumper
    (
        "SELECT \"*\" FROM pg_catalog . { pg_restore_relation_stats | pg_restore_attribute_stats | pg_restore_extended_stats } \
         ( 'version' , @string : : integer [ , @string , @string [ : : @word [ \"[\" \"]\" ] ] ]* )",
        Statistics,
    ),
];
