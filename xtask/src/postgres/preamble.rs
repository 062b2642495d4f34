//! What a session of ours sends before anything else, so that no name that we send can mean an object of another role.
//!
//! With an empty `search_path` PostgreSQL looks names up in `pg_catalog` alone, where only a superuser can put
//! something: an operator or a function of another schema, `public.=` say, is never found. So `=` and `LIKE` need no
//! `OPERATOR(pg_catalog.=)` behind these statements. Relations and types would be looked up in `pg_temp` first, which
//! only this session can fill; all of ours are named with their schema nevertheless. The first statement itself names
//! everything and uses no operator.
//!
//! It is a statement and no option of the session: poolers refuse options, and `RESET search_path` must bring back the
//! path that role and database have.

/// Everything after this is looked up in `pg_catalog`.
macro_rules! empty_path {
    () => {
        "SELECT pg_catalog.set_config('search_path', '', false) AS xtask \\gset\n"
    };
}

/// The limits that a role or a database sets are for its own programs: a load takes as long as it takes, and who holds
/// a lock is idle.
macro_rules! limits {
    () => {
        "'statement_timeout', 'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', \
         'transaction_timeout'"
    };
}

/// Begins every psql of ours: one that changes something, or loads what others wrote.
pub const PREAMBLE: &str = concat!(
    empty_path!(),
    "SELECT pg_catalog.count(pg_catalog.set_config(name, '0', false)) AS xtask FROM pg_catalog.pg_settings \
     WHERE name IN (",
    limits!(),
    ") \\gset\n"
);

/// Begins every psql that only asks. Views and foreign tables of others are refused where the server can do that, row
/// security fails instead of running a policy, and text of an SQL_ASCII database, which may be anything, comes as it
/// is: as UTF-8 the server would refuse to send it.
pub(super) const ASKING: &str = concat!(
    empty_path!(),
    "SELECT pg_catalog.count(pg_catalog.set_config(name, CASE name WHEN 'row_security' THEN 'off' \
     WHEN 'restrict_nonsystem_relation_kind' THEN 'view, foreign-table' \
     WHEN 'client_encoding' THEN CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END \
     ELSE '0' END, false)) AS xtask FROM pg_catalog.pg_settings \
     WHERE name IN ('row_security', 'restrict_nonsystem_relation_kind', 'client_encoding', ",
    limits!(),
    ") \\gset\n"
);

/// The first statement again, without a command to psql: for a session that has let another path in.
pub const EMPTY_PATH: &str = "SELECT pg_catalog.set_config('search_path', '', false);\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_emptied_before_an_operator_is_looked_up() {
        for text in [PREAMBLE, ASKING] {
            let (first, rest) = text.split_once('\n').unwrap();
            assert_eq!(first, "SELECT pg_catalog.set_config('search_path', '', false) AS xtask \\gset");
            assert!(rest.starts_with("SELECT ") && rest.ends_with(" \\gset\n"));
        }
        assert!(!EMPTY_PATH.contains('\\'));
    }
}
