//! Whether code of a backup's file may change more than the tables that it fills, while it is loaded.

use crate::postgres::dump::Contents;

/// Extensions of PostgreSQL's own whose functions change no table and no role, whatever checks and defaults call them with.
/// Those of `tablefunc` run the text that they are given.
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
    "plpgsql",
    "unaccent",
    "uuid-ossp",
];

/// Whether checks, defaults, triggers and the like may run more than functions that are known to be harmless.
pub(super) fn runs(contents: &Contents) -> bool {
    contents.runs_code || has_other_extensions(contents)
}

/// Whether it has extensions beside the harmless ones.
pub fn has_other_extensions(contents: &Contents) -> bool {
    contents.extensions.iter().any(|name| !HARMLESS_EXTENSIONS.contains(&name.as_str()))
}
