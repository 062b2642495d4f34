//! New objects.

use super::Meaning::{
    self, Creates, CreatesSchema, ForeignTable, Index, MaterializedView, Partition, PartitionedTable, ReplacedView,
    Rule, Table, View,
};

pub(super) const FORMS: &[(&str, Meaning)] = &[
    // dumpNamespace, dumpExtension
    ("CREATE SCHEMA @schema", CreatesSchema),
    ("CREATE EXTENSION IF NOT EXISTS @extension [ WITH SCHEMA @id ]", Creates),
    // dumpEnumType, dumpRangeType, dumpCompositeType, dumpBaseType, dumpShellType
    ("CREATE TYPE @name [ AS ENUM ( .. ) ]", Creates),
    ("CREATE TYPE @name AS RANGE ( .. )", Creates),
    ("CREATE TYPE @name [ AS ] ( .. )", Creates),
    // dumpDomain
    ("CREATE DOMAIN @name AS ...", Creates),
    // dumpProcLang
    (
        "CREATE [ OR REPLACE ] [ TRUSTED ] PROCEDURAL LANGUAGE @id [ HANDLER @any ] [ INLINE @any ] [ VALIDATOR @any ]",
        Creates,
    ),
    // dumpFunc, dumpAgg
    ("CREATE [ OR REPLACE ] { FUNCTION | PROCEDURE } @name ( .. ) ...", Creates),
    ("CREATE AGGREGATE @name ( .. ) ( .. )", Creates),
    // dumpCast, dumpTransform
    (
        "CREATE CAST ( .. ) { WITHOUT FUNCTION | WITH INOUT | WITH FUNCTION @any ( .. ) } [ AS { ASSIGNMENT | IMPLICIT } ]",
        Creates,
    ),
    ("CREATE TRANSFORM FOR ... LANGUAGE @id ( .. )", Creates),
    // dumpOpr, dumpOpclass, dumpOpfamily, dumpAccessMethod
    ("CREATE OPERATOR @schema . @op [ @op ]* ( .. )", Creates),
    ("CREATE OPERATOR CLASS @name [ DEFAULT ] FOR TYPE ... USING @id [ FAMILY @any ] AS ...", Creates),
    ("CREATE OPERATOR FAMILY @name USING @id", Creates),
    ("CREATE ACCESS METHOD @id TYPE { INDEX | TABLE } HANDLER @any", Creates),
    // dumpCollation, dumpConversion
    ("CREATE COLLATION @name ( .. )", Creates),
    ("CREATE [ DEFAULT ] CONVERSION @name FOR @string TO @string FROM @any", Creates),
    // dumpTSParser, dumpTSDictionary, dumpTSTemplate, dumpTSConfig
    ("CREATE TEXT SEARCH { PARSER | DICTIONARY | TEMPLATE | CONFIGURATION } @name ( .. )", Creates),
    // dumpForeignDataWrapper, dumpForeignServer, dumpUserMappings
    ("CREATE FOREIGN DATA WRAPPER @id [ HANDLER @any ] [ VALIDATOR @any ] [ OPTIONS ( .. ) ]", Creates),
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
        "CREATE FOREIGN TABLE @target [ PARTITION OF @name ] [ ( .. ) ] \
         [ { FOR VALUES { FROM ( .. ) TO ( .. ) | IN ( .. ) | WITH ( .. ) } | DEFAULT } ] \
         [ INHERITS ( @name [ , @name ]* ) ] SERVER @id [ OPTIONS ( .. ) ]",
        ForeignTable,
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
