//! `pg_stat_statements`, which counts the statements that the panels of slow statements show.

use super::role::Found;
use crate::error::Fault;
use crate::postgres::server::Server;
use crate::words::shell_word;
use anyhow::Result;

/// Whether the server counts statements.
#[derive(Debug)]
pub enum Statements {
    /// It did so before.
    Counted,
    /// The extension was made now, in this database.
    Made(&'static str),
    /// It does not: why, and what a person types.
    Missing(Fault),
}

/// Makes the extension where the server has loaded the library.
pub fn ensure(server: &Server<'_>, found: &Found) -> Statements {
    let database = server.maintenance_database();
    let missing = |why: &str, hint: String| {
        Statements::Missing(Fault::failed(format!("The panels of slow statements stay empty: {why}")).hint(hint))
    };
    if !found.statements_loaded {
        return missing("PostgreSQL was started without pg_stat_statements", load_hint(found));
    }
    if found.statements_made {
        return Statements::Counted;
    }
    match make(server) {
        Ok(()) => Statements::Made(database),
        Err(error) => {
            missing(&format!("{error:#}"), format!("let a superuser make the extension: {}", make_hint(database)))
        }
    }
}

/// Makes the extension, in the maintenance database: it shows all databases, and is in no backup.
///
/// # Errors
/// What the server says: this user may not, or the server has no files of it.
fn make(server: &Server<'_>) -> Result<()> {
    // Our sessions look nothing up outside of pg_catalog, which takes no extension.
    server.in_maintenance().ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public").map(drop)
}

/// What a superuser types to make it.
fn make_hint(database: &str) -> String {
    let database = shell_word(database);
    format!("cargo xtask db-shell -- -d {database} -c 'CREATE EXTENSION pg_stat_statements WITH SCHEMA public'")
}

/// What makes the server load it, beside the libraries that it loads now.
fn load_hint(found: &Found) -> String {
    const THEN: &str = "then: cargo xtask down\nthen: cargo xtask up\nthen: cargo xtask monitoring-dashboard";
    let by_hand = format!("add pg_stat_statements to the server's shared_preload_libraries\n{THEN}");
    let Some(preloaded) = &found.preloaded else { return by_hand };
    let libraries: Vec<&str> =
        preloaded.libraries.split(',').map(str::trim).filter(|library| !library.is_empty()).collect();
    let is_plain =
        |library: &&str| library.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./$".contains(letter));
    if preloaded.source == "command line" {
        return format!("add it to shared_preload_libraries in the command of the server's service\n{THEN}");
    }
    if !libraries.iter().all(is_plain) {
        return by_hand;
    }
    let listed: Vec<String> =
        libraries.iter().chain(&["pg_stat_statements"]).map(|library| format!("'{library}'")).collect();
    let sql = format!("ALTER SYSTEM SET shared_preload_libraries TO {}", listed.join(", "));
    let quoted = if sql.contains('$') { shell_word(&sql) } else { format!("\"{sql}\"") };
    format!("load it: cargo xtask db-shell -- -c {quoted}\n{THEN}")
}

#[cfg(test)]
mod tests {
    use super::super::role::Preloaded;
    use super::*;

    fn hint(libraries: &str, source: &str) -> String {
        let preloaded = Some(Preloaded { libraries: libraries.to_owned(), source: source.to_owned() });
        load_hint(&Found { preloaded, ..Found::default() })
    }

    #[test]
    fn the_libraries_that_are_loaded_stay_in_the_list() {
        let none =
            "load it: cargo xtask db-shell -- -c \"ALTER SYSTEM SET shared_preload_libraries TO 'pg_stat_statements'\"";
        assert!(hint("", "default").starts_with(none));
        assert!(
            hint("pg_cron, auto_explain", "configuration file")
                .contains("TO 'pg_cron', 'auto_explain', 'pg_stat_statements'\"")
        );
        assert!(hint("pg_cron", "command line").contains("in the command of the server's service"));
        for hostile in ["a'; DROP ROLE x; --", "`touch x`", "\"a b\""] {
            assert!(hint(hostile, "configuration file").starts_with("add pg_stat_statements to"), "{hostile}");
        }
        assert!(load_hint(&Found::default()).starts_with("add pg_stat_statements to"), "hidden from this user");
    }
}
