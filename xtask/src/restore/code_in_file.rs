//! Whether code of a backup's file runs while it is loaded.

use crate::postgres::dump::Contents;

/// Extensions of PostgreSQL's own whose functions change no table and no role, whatever checks and defaults call them with.
const HARMLESS_EXTENSIONS: [&str; 16] = [
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_stat_statements",
    "pg_trgm",
    "pgcrypto",
    "tablefunc",
    "unaccent",
    "uuid-ossp",
];

/// Whether checks, defaults, triggers and the like may run more than PostgreSQL's own functions.
pub(super) fn runs(contents: &Contents) -> bool {
    contents.makes_routines || contents.extensions.iter().any(|name| !HARMLESS_EXTENSIONS.contains(&name.as_str()))
}
