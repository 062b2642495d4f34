//! Owners, and what pg_dump adds to an object after it is there.

use super::Meaning::{self, Attaches, BehindIndex, Completes, DefaultRights, Drops, Gives, GivesSchema, Key, Plain};

pub(super) const FORMS: &[(&str, Meaning)] = &[
    // _printTocEntry
    (
        "ALTER { [ FOREIGN ] TABLE | [ MATERIALIZED ] VIEW | SEQUENCE | TYPE | DOMAIN | COLLATION | CONVERSION | STATISTICS \
         | TEXT SEARCH { DICTIONARY | CONFIGURATION } } @name OWNER TO @owner",
        Gives,
    ),
    ("ALTER { FUNCTION | PROCEDURE } @routine ( .. ) OWNER TO @owner", Gives),
    ("ALTER AGGREGATE @name ( .. ) OWNER TO @owner", Gives),
    ("ALTER OPERATOR @schema . @op [ @op ]* ( .. ) OWNER TO @owner", Gives),
    ("ALTER OPERATOR { CLASS | FAMILY } @name USING @id OWNER TO @owner", Gives),
    ("ALTER SCHEMA @schema OWNER TO @owner", GivesSchema),
    ("ALTER { FOREIGN DATA WRAPPER | SERVER | EVENT TRIGGER | PUBLICATION | SUBSCRIPTION } @id OWNER TO @owner", Plain),
    ("ALTER [ PROCEDURAL ] LANGUAGE @language OWNER TO @owner", Plain),
    ("ALTER LARGE OBJECT @number OWNER TO @owner", Plain),
    // append_depends_on_extension
    ("ALTER { FUNCTION | PROCEDURE } @name ( .. ) DEPENDS ON EXTENSION @id", Plain),
    ("ALTER { INDEX | MATERIALIZED VIEW } @name DEPENDS ON EXTENSION @id", Plain),
    ("ALTER TRIGGER @id ON @name DEPENDS ON EXTENSION @id", Plain),
    // dumpConstraint
    (
        "ALTER TABLE ONLY @target ADD CONSTRAINT @id { UNIQUE [ NULLS NOT DISTINCT ] | PRIMARY KEY } ( .. ) \
         [ INCLUDE ( .. ) ] [ WITH ( .. ) ] [ DEFERRABLE ] [ INITIALLY DEFERRED ]",
        Key,
    ),
    (
        "ALTER [ FOREIGN ] TABLE [ ONLY ] @target \
         ADD [ CONSTRAINT @id ] { CHECK | NOT NULL | UNIQUE | PRIMARY KEY | EXCLUDE } ...",
        Completes,
    ),
    // Its target is the table that it refers to.
    (
        "ALTER [ FOREIGN ] TABLE [ ONLY ] @name ADD [ CONSTRAINT @id ] FOREIGN KEY ( .. ) REFERENCES @target ...",
        Completes,
    ),
    ("ALTER [ FOREIGN ] TABLE [ IF EXISTS ] [ ONLY ] @name DROP CONSTRAINT [ IF EXISTS ] @id", Drops),
    ("ALTER DOMAIN @name ADD CONSTRAINT @id ...", Plain),
    ("ALTER DOMAIN @name DROP CONSTRAINT [ IF EXISTS ] @id", Drops),
    // dumpAttrDef
    ("ALTER [ FOREIGN ] TABLE [ ONLY ] @name ALTER COLUMN @id SET DEFAULT ...", Plain),
    ("ALTER [ FOREIGN ] TABLE [ IF EXISTS ] [ ONLY ] @name ALTER COLUMN @id DROP DEFAULT", Drops),
    // dumpTableSchema
    ("ALTER [ FOREIGN ] TABLE [ ONLY ] @name ALTER COLUMN @id SET NOT NULL", Plain),
    ("ALTER [ FOREIGN ] TABLE [ ONLY ] @name ALTER COLUMN @id SET STATISTICS [ - ] @number", Plain),
    ("ALTER [ FOREIGN ] TABLE [ ONLY ] @name ALTER COLUMN @id SET { STORAGE | COMPRESSION } @word", Plain),
    ("ALTER [ FOREIGN ] TABLE [ ONLY ] @name ALTER COLUMN @id SET ( .. )", Plain),
    ("ALTER FOREIGN TABLE [ ONLY ] @name ALTER COLUMN @id OPTIONS ( .. )", Plain),
    ("ALTER TABLE [ ONLY ] @name REPLICA IDENTITY USING INDEX @id", BehindIndex),
    ("ALTER TABLE [ ONLY ] @name REPLICA IDENTITY { NOTHING | FULL | USING INDEX @id }", Plain),
    ("ALTER TABLE [ ONLY ] @name { ENABLE | FORCE } ROW LEVEL SECURITY", Plain),
    ("ALTER TABLE @name SET ACCESS METHOD @id", Plain),
    // A person's usual repair; no pg_dump writes it.
    ("ALTER TABLE @name RENAME COLUMN @id TO @id", Plain),
    // dumpTableAttach, dumpIndexAttach
    (
        "ALTER TABLE [ ONLY ] @name ATTACH PARTITION @target \
         { DEFAULT | FOR VALUES { FROM ( .. ) TO ( .. ) | IN ( .. ) | WITH ( .. ) } }",
        Attaches,
    ),
    ("ALTER INDEX @name ATTACH PARTITION @name", BehindIndex),
    // dumpIndex, dumpStatisticsExt
    ("ALTER TABLE @name CLUSTER ON @id", BehindIndex),
    ("ALTER INDEX @name ALTER COLUMN @number SET STATISTICS @number", BehindIndex),
    ("ALTER STATISTICS @name SET STATISTICS @number", Plain),
    // dumpSequence
    ("ALTER TABLE [ ONLY ] @name ALTER COLUMN @id ADD GENERATED { ALWAYS | BY DEFAULT } AS IDENTITY ( .. )", Plain),
    ("ALTER SEQUENCE @name OWNED BY @name . @id", Plain),
    // dumpTrigger, dumpRule, _disableTriggersIfNecessary (--disable-triggers)
    ("ALTER [ FOREIGN ] TABLE @name { DISABLE | ENABLE [ ALWAYS | REPLICA ] } { TRIGGER | RULE } @id", Plain),
    ("ALTER EVENT TRIGGER @id { DISABLE | ENABLE [ ALWAYS | REPLICA ] }", Plain),
    // dumpOpfamily, dumpTSConfig
    ("ALTER OPERATOR FAMILY @name USING @id ADD ...", Plain),
    ("ALTER TEXT SEARCH CONFIGURATION @name ADD MAPPING FOR @id WITH @any [ , @any ]*", Plain),
    // dumpPublicationTable, dumpPublicationNamespace
    ("ALTER PUBLICATION @id ADD TABLE [ ONLY ] @name [ ( .. ) ] [ WHERE ( .. ) ]", Plain),
    ("ALTER PUBLICATION @id ADD TABLES IN SCHEMA @schema", Plain),
    // buildDefaultACLCommands
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE @owner [ IN SCHEMA @schema ] GRANT @word [ , @word ]* \
         ON { TABLES | SEQUENCES | FUNCTIONS | TYPES | SCHEMAS | LARGE OBJECTS } TO @role [ WITH GRANT OPTION ]",
        DefaultRights,
    ),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE @owner [ IN SCHEMA @schema ] REVOKE @word [ , @word ]* \
         ON { TABLES | SEQUENCES | FUNCTIONS | TYPES | SCHEMAS | LARGE OBJECTS } FROM @role",
        Plain,
    ),
];
