//! New objects.

use super::Meaning::{
    self, Creates, CreatesRoutine, CreatesSchema, Dictionary, Extension, ForeignPartition, ForeignTable, Index,
    MakesCode, MaterializedView, Partition, PartitionedTable, ReplacedView, Rule, Table, Template, TextSearch, View,
};

pub(super) const FORMS: &[(&str, Meaning)] = &[
    // dumpNamespace, dumpExtension
    ("CREATE SCHEMA @schema", CreatesSchema),
    ("CREATE EXTENSION IF NOT EXISTS @extension [ WITH SCHEMA @id ]", Extension),
    // dumpEnumType, dumpRangeType, dumpCompositeType, dumpBaseType, dumpShellType
    ("CREATE TYPE @name [ AS ENUM ( .. ) ]", Creates),
    (
        "CREATE TYPE @name AS RANGE ( subtype = @any [ @word ]* [ , multirange_type_name = @any ] [ , subtype_opclass = @any ] \
         [ , collation = @any ] )",
        Creates,
    ),
    ("CREATE TYPE @name AS RANGE ( .. )", MakesCode),
    ("CREATE TYPE @name AS ( .. )", Creates),
    ("CREATE TYPE @name ( .. )", MakesCode),
    // dumpDomain
    ("CREATE DOMAIN @name AS ...", Creates),
    // dumpProcLang. Without a handler it is CREATE EXTENSION. A language that is there is never changed, and a trusted one
    // has a handler of its own: with another one's, every role could run programs.
    ("CREATE [ OR REPLACE ] PROCEDURAL LANGUAGE @language_extension", Extension),
    ("CREATE TRUSTED PROCEDURAL LANGUAGE @language HANDLER @name [ INLINE @name ] [ VALIDATOR @name ]", MakesCode),
    ("CREATE PROCEDURAL LANGUAGE @language HANDLER @any [ INLINE @any ] [ VALIDATOR @any ]", MakesCode),
    // dumpFunc, dumpAgg
    ("CREATE [ OR REPLACE ] { FUNCTION | PROCEDURE } @routine ( .. ) ...", CreatesRoutine),
    ("CREATE AGGREGATE @name ( .. ) ( .. )", MakesCode),
    // dumpCast, dumpTransform. Without a function the bytes of one type are taken for the other's.
    ("CREATE CAST ( .. ) WITHOUT FUNCTION [ AS { ASSIGNMENT | IMPLICIT } ]", MakesCode),
    ("CREATE CAST ( .. ) { WITH INOUT | WITH FUNCTION @any ( .. ) } [ AS { ASSIGNMENT | IMPLICIT } ]", Creates),
    ("CREATE TRANSFORM FOR ... LANGUAGE @id ( .. )", Creates),
    // dumpOpr, dumpOpclass, dumpOpfamily, dumpAccessMethod
    ("CREATE OPERATOR @schema . @op [ @op ]* ( .. )", MakesCode),
    ("CREATE OPERATOR CLASS @name [ DEFAULT ] FOR TYPE ... USING @id [ FAMILY @any ] AS ...", MakesCode),
    ("CREATE OPERATOR FAMILY @name USING @id", Creates),
    ("CREATE ACCESS METHOD @id TYPE { INDEX | TABLE } HANDLER @any", MakesCode),
    // dumpCollation, dumpConversion
    ("CREATE COLLATION @name ( .. )", Creates),
    ("CREATE [ DEFAULT ] CONVERSION @name FOR @string TO @string FROM @any", MakesCode),
    // dumpTSDictionary, dumpTSConfig
    (
        "CREATE TEXT SEARCH DICTIONARY @name ( TEMPLATE = { @routine | @any } \
         [ , @option = { @string | [ - ] @number [ . @number ] | @id } ]* )",
        Dictionary,
    ),
    ("CREATE TEXT SEARCH CONFIGURATION @name ( PARSER = @any )", Creates),
    // dumpTSParser, dumpTSTemplate: of functions that PostgreSQL itself puts together, and of the file's own.
    (
        "CREATE TEXT SEARCH PARSER @name ( START = @'prsd_start' , GETTOKEN = @'prsd_nexttoken' , END = @'prsd_end' , \
         [ HEADLINE = @'prsd_headline' , ] LEXTYPES = @'prsd_lextype' )",
        MakesCode,
    ),
    (
        "CREATE TEXT SEARCH TEMPLATE @name ( { INIT = @'dsimple_init' , LEXIZE = @'dsimple_lexize' \
         | INIT = @'dsynonym_init' , LEXIZE = @'dsynonym_lexize' | INIT = @'dispell_init' , LEXIZE = @'dispell_lexize' \
         | INIT = @'thesaurus_init' , LEXIZE = @'thesaurus_lexize' | INIT = @'dsnowball_init' , LEXIZE = @'dsnowball_lexize' } )",
        MakesCode,
    ),
    (
        "CREATE TEXT SEARCH PARSER @name ( START = { @routine | @any } , GETTOKEN = { @routine | @any } , \
         END = { @routine | @any } , [ HEADLINE = { @routine | @any } , ] LEXTYPES = { @routine | @any } )",
        TextSearch,
    ),
    (
        "CREATE TEXT SEARCH TEMPLATE @routine ( [ INIT = { @routine | @any } , ] LEXIZE = { @routine | @any } )",
        Template,
    ),
    // dumpForeignDataWrapper, dumpForeignServer, dumpUserMappings
    ("CREATE FOREIGN DATA WRAPPER @id [ OPTIONS ( .. ) ]", Creates),
    ("CREATE FOREIGN DATA WRAPPER @id [ HANDLER @any ] [ VALIDATOR @any ] [ OPTIONS ( .. ) ]", MakesCode),
    ("CREATE SERVER @id [ TYPE @string ] [ VERSION @string ] FOREIGN DATA WRAPPER @id [ OPTIONS ( .. ) ]", Creates),
    ("CREATE USER MAPPING FOR @role SERVER @id [ OPTIONS ( .. ) ]", Creates),
    // dumpTableSchema. Partitions name their table there up to pg_dump 11; nothing here ends in AS and a query.
    (
        "CREATE [ UNLOGGED ] TABLE @target [ OF @any ] [ ( .. ) ] [ INHERITS ( @name [ , @name ]* ) ] [ USING @id ] [ WITH ( .. ) ]",
        Table,
    ),
    (
        "CREATE [ UNLOGGED ] TABLE @target [ OF @any ] PARTITION OF @name [ ( .. ) ] \
         { FOR VALUES { FROM ( .. ) TO ( .. ) | IN ( .. ) | WITH ( .. ) } | DEFAULT } \
         [ INHERITS ( @name [ , @name ]* ) ] [ USING @id ] [ WITH ( .. ) ]",
        Partition,
    ),
    (
        "CREATE [ UNLOGGED ] TABLE @target [ OF @any ] [ PARTITION OF @name ] [ ( .. ) ] \
         [ { FOR VALUES { FROM ( .. ) TO ( .. ) | IN ( .. ) | WITH ( .. ) } | DEFAULT } ] \
         [ INHERITS ( @name [ , @name ]* ) ] PARTITION BY { LIST | RANGE | HASH } ( .. ) [ USING @id ] [ WITH ( .. ) ]",
        PartitionedTable,
    ),
    (
        "CREATE FOREIGN TABLE @target [ ( .. ) ] [ INHERITS ( @name [ , @name ]* ) ] SERVER @id [ OPTIONS ( .. ) ]",
        ForeignTable,
    ),
    (
        "CREATE FOREIGN TABLE @target PARTITION OF @name [ ( .. ) ] \
         { FOR VALUES { FROM ( .. ) TO ( .. ) | IN ( .. ) | WITH ( .. ) } | DEFAULT } \
         [ INHERITS ( @name [ , @name ]* ) ] SERVER @id [ OPTIONS ( .. ) ]",
        ForeignPartition,
    ),
    ("CREATE VIEW @target [ WITH ( .. ) ] AS ...", View),
    // --clean replaces a view by an empty one, before it drops anything that the view uses.
    ("CREATE OR REPLACE VIEW @target [ WITH ( .. ) ] AS ...", ReplacedView),
    ("CREATE MATERIALIZED VIEW @target [ USING @id ] [ WITH ( .. ) ] AS ...", MaterializedView),
    // dumpSequence, dumpStatisticsExt, dumpIndex
    ("CREATE [ UNLOGGED ] SEQUENCE @name ...", Creates),
    ("CREATE STATISTICS @name [ ( .. ) ] ON ... FROM @name", Creates),
    ("CREATE [ UNIQUE ] INDEX @id ON [ ONLY ] @target ...", Index),
    // dumpTrigger, dumpEventTrigger
    (
        "CREATE [ CONSTRAINT ] TRIGGER @id { BEFORE | AFTER | INSTEAD OF } \
         { INSERT | DELETE | TRUNCATE | UPDATE [ OF @id [ , @id ]* ] } \
         [ OR { INSERT | DELETE | TRUNCATE | UPDATE [ OF @id [ , @id ]* ] } ]* ON @name ...",
        Creates,
    ),
    ("CREATE EVENT TRIGGER @id ON @id [ WHEN TAG IN ( .. ) ] EXECUTE { FUNCTION | PROCEDURE } @any ( )", Creates),
    // dumpRule. A view's own rule, ON SELECT, is written as CREATE VIEW.
    ("CREATE [ OR REPLACE ] RULE @id AS ON { INSERT | UPDATE | DELETE } TO @name [ WHERE ... ] DO ...", Rule),
    // dumpPolicy
    (
        "CREATE POLICY @id ON @name [ AS { PERMISSIVE | RESTRICTIVE } ] [ FOR { ALL | SELECT | INSERT | UPDATE | DELETE } ] \
         [ TO @role [ , @role ]* ] [ USING ( .. ) ] [ WITH CHECK ( .. ) ]",
        Creates,
    ),
    // dumpPublication, dumpSubscription: one that does not connect
    ("CREATE PUBLICATION @id [ FOR ALL TABLES ] [ WITH ( .. ) ]", Creates),
    (
        "CREATE SUBSCRIPTION @id CONNECTION @string PUBLICATION @id [ , @id ]* WITH ( connect = false \
         [ , { slot_name | binary | streaming | two_phase | disable_on_error | password_required | run_as_owner | failover \
         | synchronous_commit | origin } = { @string | @id } ]* )",
        Creates,
    ),
];
