//! Comments, security labels and grants: on objects of this database, never on one that all databases share.

use super::Meaning::{self, BehindIndex, Grants, Plain};

pub(super) const FORMS: &[(&str, Meaning)] = &[
    // dumpComment, dumpTableComment
    ("COMMENT ON INDEX @name IS { @string | NULL }", BehindIndex),
    ("COMMENT ON CONSTRAINT @id ON @name IS { @string | NULL }", BehindIndex),
    (
        "COMMENT ON { [ FOREIGN ] TABLE | [ MATERIALIZED ] VIEW | SEQUENCE | INDEX | TYPE | DOMAIN | COLLATION | CONVERSION \
         | STATISTICS | TEXT SEARCH { PARSER | DICTIONARY | TEMPLATE | CONFIGURATION } } @name IS { @string | NULL }",
        Plain,
    ),
    ("COMMENT ON COLUMN @name . @id IS { @string | NULL }", Plain),
    ("COMMENT ON { FUNCTION | PROCEDURE | AGGREGATE } @name ( .. ) IS { @string | NULL }", Plain),
    ("COMMENT ON OPERATOR @schema . @op [ @op ]* ( .. ) IS { @string | NULL }", Plain),
    ("COMMENT ON OPERATOR { CLASS | FAMILY } @name USING @id IS { @string | NULL }", Plain),
    ("COMMENT ON CONSTRAINT @id ON [ DOMAIN ] @name IS { @string | NULL }", Plain),
    ("COMMENT ON { TRIGGER | RULE | POLICY } @id ON @name IS { @string | NULL }", Plain),
    ("COMMENT ON CAST ( .. ) IS { @string | NULL }", Plain),
    ("COMMENT ON TRANSFORM FOR ... LANGUAGE @id IS { @string | NULL }", Plain),
    ("COMMENT ON SCHEMA @schema IS { @string | NULL }", Plain),
    (
        "COMMENT ON { EXTENSION | [ PROCEDURAL ] LANGUAGE | ACCESS METHOD | FOREIGN DATA WRAPPER | SERVER | EVENT TRIGGER \
         | PUBLICATION | SUBSCRIPTION } @id IS { @string | NULL }",
        Plain,
    ),
    ("COMMENT ON LARGE OBJECT @number IS { @string | NULL }", Plain),
    // dumpSecLabel, dumpTableSecLabel. A subscription's label would be one of the shared ones; pg_dump writes none.
    (
        "SECURITY LABEL FOR @id ON { [ FOREIGN ] TABLE | [ MATERIALIZED ] VIEW | SEQUENCE | TYPE | DOMAIN } @name IS @string",
        Plain,
    ),
    ("SECURITY LABEL FOR @id ON COLUMN @name . @id IS @string", Plain),
    ("SECURITY LABEL FOR @id ON { FUNCTION | PROCEDURE | AGGREGATE } @name ( .. ) IS @string", Plain),
    ("SECURITY LABEL FOR @id ON SCHEMA @schema IS @string", Plain),
    (
        "SECURITY LABEL FOR @id ON { EXTENSION | [ PROCEDURAL ] LANGUAGE | EVENT TRIGGER | PUBLICATION } @id IS @string",
        Plain,
    ),
    ("SECURITY LABEL FOR @id ON LARGE OBJECT @number IS @string", Plain),
    // buildACLCommands. Privileges on what the system itself made are dumped, too.
    (
        "GRANT @word [ ( @id ) ] [ , @word [ ( @id ) ] ]* ON { { TABLE | SEQUENCE | TYPE } @any \
         | { FUNCTION | PROCEDURE } { @routine | @any } ( .. ) \
         | { SCHEMA | LANGUAGE | FOREIGN DATA WRAPPER | FOREIGN SERVER } @id \
         | LARGE OBJECT @number } TO @role [ WITH GRANT OPTION ]",
        Grants,
    ),
    (
        "REVOKE @word [ ( @id ) ] [ , @word [ ( @id ) ] ]* ON { { TABLE | SEQUENCE | TYPE } @any \
         | { FUNCTION | PROCEDURE } @any ( .. ) | { SCHEMA | LANGUAGE | FOREIGN DATA WRAPPER | FOREIGN SERVER } @id \
         | LARGE OBJECT @number } FROM @role",
        Plain,
    ),
];
