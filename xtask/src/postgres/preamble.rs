//! What a session of ours sends before anything else, so that no name that we send can mean an object of another role.
//!
//! With an empty `search_path` PostgreSQL looks names up in `pg_catalog` alone, where only a superuser can put
//! something: an operator or a function of another schema, `public.=` say, is never found. So `=` and `LIKE` need no
//! `OPERATOR(pg_catalog.=)` behind these statements. Relations and types would be looked up in `pg_temp` first, which
//! only this session can fill; all of ours are named with their schema nevertheless. The first statement itself names
//! everything and uses no operator.
//!
//! It is a statement and no option of the session: poolers refuse options, and `RESET search_path` must bring back the
//! path that role and database have. What the statements print is passed over: `\gset` would make a psql's variable of
//! it, whose name the server chooses.

/// Everything after this is looked up in `pg_catalog`.
macro_rules! empty_path {
    () => {
        "SELECT pg_catalog.set_config('search_path', '', false);\n"
    };
}

/// A short `statement_timeout` of a role or a database could end the next query. SET takes less time than any query.
macro_rules! own_time {
    () => {
        "SET statement_timeout TO 0; "
    };
}

/// Settings of a role or a database that would end a session of ours or change its results. A load may take hours. A
/// session that holds a lock is idle. A statement sees what other sessions committed before it. A statement that fails
/// within a block ends no session. Triggers and foreign keys work. What we send is read as the standard has it. Messages
/// are English, where the role may set that: causes are read from them. 0 switches a time limit off, and what else is on
/// or off.
macro_rules! usual {
    () => {
        "WHEN 'standard_conforming_strings' THEN 'on' WHEN 'array_nulls' THEN 'on' WHEN 'exit_on_error' THEN 'off' WHEN 'default_transaction_isolation' THEN 'read committed' \
         WHEN 'default_transaction_deferrable' THEN 'off' WHEN 'session_replication_role' THEN 'origin' WHEN 'lc_messages' THEN 'C' ELSE '0' END, false)) \
         FROM pg_catalog.pg_settings \
         WHERE (context = 'user' OR pg_catalog.current_setting('is_superuser') = 'on') AND name IN ('statement_timeout', \
         'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout', \
         'exit_on_error', 'default_transaction_isolation', 'default_transaction_deferrable', 'session_replication_role', \
         'standard_conforming_strings', 'array_nulls', 'transform_null_equals', 'quote_all_identifiers', 'lc_messages', "
    };
}

/// A superuser whose sessions a setting gives to another role acts as itself. Any other role may need the setting: it
/// may be how it gets its rights.
macro_rules! own_role {
    () => {
        "SELECT pg_catalog.count(pg_catalog.set_config('role', 'none', false)) FROM pg_catalog.pg_roles AS r \
         WHERE r.rolname = session_user AND r.rolsuper AND pg_catalog.current_setting('role') <> 'none';\n"
    };
}

/// Begins every psql of ours: one that changes something, or loads what others wrote.
pub const PREAMBLE: &str = concat!(
    empty_path!(),
    own_time!(),
    "SELECT pg_catalog.count(pg_catalog.set_config(name, CASE name WHEN 'restrict_nonsystem_relation_kind' THEN '' ",
    usual!(),
    "'restrict_nonsystem_relation_kind')\\; ",
    own_role!(),
);

/// Begins every psql that only asks. Views and foreign tables of others are refused where the server can do that, row
/// security fails instead of running a policy, and text of an SQL_ASCII database, which may be anything, comes as it
/// is: as UTF-8 the server would refuse to send it. So does text of the maintenance database, where the session asks for that.
/// The server compiles no query of it: it runs each of them once.
pub(super) const ASKING: &str = concat!(
    empty_path!(),
    own_time!(),
    "SELECT pg_catalog.count(pg_catalog.set_config(name, CASE name WHEN 'row_security' THEN 'off' \
     WHEN 'restrict_nonsystem_relation_kind' THEN 'view, foreign-table' \
     WHEN 'client_encoding' THEN CASE WHEN 'SQL_ASCII' IN (pg_catalog.getdatabaseencoding()::pg_catalog.text, \
     pg_catalog.current_setting('client_encoding')) THEN 'SQL_ASCII' ELSE 'UTF8' END ",
    usual!(),
    "'jit', 'row_security', 'restrict_nonsystem_relation_kind', 'client_encoding')\\; ",
    own_role!(),
);

/// Begins a superuser's psql in a database that a file has filled with that superuser's rights: code of the file may stand
/// in the place of any function of PostgreSQL's own. No function is called, and no event trigger runs but those that are
/// always enabled.
pub(super) const CALLING_NOTHING: &str = "SET search_path TO '';
SET statement_timeout TO 0;
SET role TO 'none';
SET session_replication_role TO 'replica';
SET standard_conforming_strings TO on;
SET transform_null_equals TO off;
SET lc_messages TO 'C';
";

/// The first statement alone: for a session that has let another path in.
pub const EMPTY_PATH: &str = empty_path!();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_emptied_before_an_operator_is_looked_up() {
        for text in [PREAMBLE, ASKING] {
            let (first, rest) = text.split_once('\n').unwrap();
            assert_eq!(format!("{first}\n"), EMPTY_PATH);
            assert!(rest.starts_with("SET statement_timeout TO 0; SELECT ") && rest.ends_with(";\n"));
        }
    }
}
