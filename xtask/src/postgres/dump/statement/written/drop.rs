//! `--clean`: what pg_dump drops before it creates anything.

use super::Meaning::{self, Drops, DropsSchema};

pub(super) const FORMS: &[(&str, Meaning)] = &[
    (
        "DROP { [ FOREIGN ] TABLE | [ MATERIALIZED ] VIEW | SEQUENCE | INDEX | DOMAIN | COLLATION | CONVERSION | STATISTICS \
         | TEXT SEARCH { PARSER | DICTIONARY | TEMPLATE | CONFIGURATION } } [ IF EXISTS ] @name",
        Drops,
    ),
    ("DROP TYPE [ IF EXISTS ] @name [ CASCADE ]", Drops),
    ("DROP { FUNCTION | PROCEDURE | AGGREGATE } [ IF EXISTS ] @name ( .. )", Drops),
    ("DROP OPERATOR [ IF EXISTS ] @schema . @op [ @op ]* ( .. )", Drops),
    ("DROP OPERATOR { CLASS | FAMILY } [ IF EXISTS ] @name USING @id", Drops),
    ("DROP CAST [ IF EXISTS ] ( .. )", Drops),
    ("DROP TRANSFORM [ IF EXISTS ] FOR ... LANGUAGE @id", Drops),
    ("DROP { TRIGGER | RULE | POLICY } [ IF EXISTS ] @id ON @name", Drops),
    ("DROP SCHEMA [ IF EXISTS ] @schema", DropsSchema),
    (
        "DROP { EXTENSION | [ PROCEDURAL ] LANGUAGE | ACCESS METHOD | FOREIGN DATA WRAPPER | SERVER | EVENT TRIGGER \
         | PUBLICATION | SUBSCRIPTION } [ IF EXISTS ] @id",
        Drops,
    ),
    ("DROP USER MAPPING [ IF EXISTS ] FOR @id SERVER @id", Drops),
];
