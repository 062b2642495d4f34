//! Settings that `ALTER ROLE` and `ALTER DATABASE` made for the sessions of a role in a database, and which of them is to
//! blame where such a session fails.

use super::quote::{identifier, literal, literals};
use crate::error::Fault;
use crate::process::Ending;
use crate::target::Target;
use crate::target::client_error::{Connection, server_says};
use crate::target::openfga_migration::Failed;
use crate::words::{clean_line, shell_word};
use serde::Deserialize;

/// One setting, and whose sessions it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Configured {
    name: String,
    value: String,
    /// `None`: for every role.
    role: Option<String>,
    /// `None`: in every database.
    database: Option<String>,
}

impl Configured {
    /// For people: `role is reader, for user app in database openfga`. In a hint a name of others is one word.
    pub fn shown(&self) -> String {
        let (role, database) = (self.role.as_deref().map(shell_word), self.database.as_deref().map(shell_word));
        let whose = match (role, database) {
            (None, None) => "every user".to_owned(),
            (None, Some(database)) => format!("database {database}"),
            (Some(role), None) => format!("user {role}"),
            (Some(role), Some(database)) => format!("user {role} in database {database}"),
        };
        format!("{} is {}, for {whose}", self.name, shell_word(&self.value))
    }

    /// The statement that takes it away, also in a session that has the setting itself.
    ///
    /// # Errors
    /// A name of the server cannot be quoted.
    pub fn reset(&self) -> Result<String, Fault> {
        let statement = self.statement()?;
        Ok(if self.name == READ_ONLY { format!("BEGIN READ WRITE; {statement} COMMIT;") } else { statement })
    }

    fn statement(&self) -> Result<String, Fault> {
        let name = &self.name;
        Ok(match (&self.role, &self.database) {
            (None, None) => format!("ALTER ROLE ALL RESET {name};"),
            (None, Some(database)) => format!("ALTER DATABASE {} RESET {name};", identifier(database)?),
            (Some(role), None) => format!("ALTER ROLE {} RESET {name};", identifier(role)?),
            (Some(role), Some(database)) => {
                format!("ALTER ROLE {} IN DATABASE {} RESET {name};", identifier(role)?, identifier(database)?)
            }
        })
    }
}

/// What several settings have in common with a message of the server.
struct Cause {
    /// The server's words, in English.
    words: &'static str,
    names: &'static [&'static str],
}

/// By it each transaction of a session is read-only that does not say otherwise.
pub const READ_ONLY: &str = "default_transaction_read_only";
const LIBRARIES: &[&str] = &["local_preload_libraries", "session_preload_libraries"];
const IDENTITY: &[&str] = &["role"];
const CAUSES: [Cause; 12] = [
    Cause { words: "canceling statement due to statement timeout", names: &["statement_timeout"] },
    Cause { words: "canceling statement due to lock timeout", names: &["lock_timeout"] },
    Cause { words: "terminating connection due to idle-session timeout", names: &["idle_session_timeout"] },
    Cause {
        words: "terminating connection due to idle-in-transaction timeout",
        names: &["idle_in_transaction_session_timeout"],
    },
    Cause { words: "terminating connection due to transaction timeout", names: &["transaction_timeout"] },
    Cause { words: " in a read-only transaction", names: &[READ_ONLY] },
    Cause { words: "could not access file", names: LIBRARIES },
    Cause { words: "could not load library", names: LIBRARIES },
    Cause { words: "access to library", names: LIBRARIES },
    Cause { words: "permission denied", names: IDENTITY },
    Cause { words: "must be owner of", names: IDENTITY },
    Cause { words: "must be superuser", names: IDENTITY },
];

/// pg_dump sets these itself: what they end is a wait that we asked for.
const OF_PG_DUMP: [&str; 2] = ["statement_timeout", "lock_timeout"];

/// The settings that may have been meant by the failure of a program of ours; empty: none.
fn suspects(program: &str, stderr: &str, ending: Ending) -> &'static [&'static str] {
    let says = |words: &str| match Connection::of(stderr, ending) {
        Connection::NotMade(report) => report.contains(&format!("FATAL:  {words}")),
        Connection::Unknown => false,
        _ if program == "pg_dump" => {
            let report = stderr.lines().find(|line| line.starts_with("pg_dump: error: ")).unwrap_or_default();
            report.contains(words)
        }
        _ => server_says(stderr, words),
    };
    let names = CAUSES.iter().find(|cause| says(cause.words)).map_or(&[][..], |cause| cause.names);
    if program == "pg_dump" && names.iter().any(|name| OF_PG_DUMP.contains(name)) { &[] } else { names }
}

/// Why a program of ours failed, where a setting is to blame for it. `ask` asks the server, in the maintenance database.
pub fn to_blame(
    target: &Target,
    program: &str,
    stderr: &str,
    ending: Ending,
    ask: &dyn Fn(&str) -> Option<String>,
) -> Option<Fault> {
    let names = suspects(program, stderr, ending);
    let hint = how_to_reset(&of(target, target.user(), names, ask))?;
    let held = matches!(Connection::of(stderr, ending), Connection::Held);
    let message = format!("A setting of user {} or database {} prevents this", target.user(), target.database());
    let fault = if held { Fault::failed(message) } else { Fault::unreachable(message).lasting() };
    Some(fault.hint(hint))
}

/// The settings to blame for a failure of OpenFGA's program. Its words quote the server's words in any place.
pub fn to_blame_for_migration(target: &Target, failed: &Failed, ask: &dyn Fn(&str) -> Option<String>) -> Option<Fault> {
    let names = CAUSES.iter().filter(|cause| failed.words.contains(cause.words)).flat_map(|cause| cause.names);
    let names: Vec<&str> = names.copied().collect();
    let hint = how_to_reset(&of(target, &failed.role, &names, ask))?;
    let message = format!("A setting of user {} or database {} is in OpenFGA's way", failed.role, target.database());
    Some(Fault::failed(message).hint(hint))
}

/// Those of these names that stand for this role's sessions in the target's database, as far as that can be asked.
pub fn of(target: &Target, role: &str, names: &[&str], ask: &dyn Fn(&str) -> Option<String>) -> Vec<Configured> {
    if names.is_empty() {
        return Vec::new();
    }
    let found =
        question(target.database(), role, names).ok().and_then(|sql| serde_json::from_str(ask(&sql)?.trim()).ok());
    found.unwrap_or_default()
}

fn question(database: &str, role: &str, names: &[&str]) -> Result<String, Fault> {
    Ok(format!(
        "SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', pg_catalog.split_part(e, '=', 1), \
         'value', pg_catalog.substr(e, pg_catalog.strpos(e, '=') + 1), 'role', r.rolname, 'database', d.datname) \
         ORDER BY s.setdatabase DESC, s.setrole DESC, e), '[]') \
         FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN pg_catalog.unnest(s.setconfig) AS e \
         LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase \
         LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole \
         WHERE (s.setdatabase = 0 OR d.datname = {}) AND (s.setrole = 0 OR r.rolname = {}) \
         AND pg_catalog.split_part(e, '=', 1) IN ({})",
        literal(database)?,
        literal(role)?,
        literals(names.iter().copied())?
    ))
}

/// Each setting, and the statement that takes it away; `None`: there is none.
pub fn how_to_reset(found: &[Configured]) -> Option<String> {
    let lines: Vec<String> = found
        .iter()
        .filter_map(|setting| {
            // A value or a name with a line break in it begins no line of ours.
            Some(clean_line(&format!("{}; to remove it: {}", setting.shown(), setting.reset().ok()?)))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(role: Option<&str>, database: Option<&str>) -> Configured {
        let (role, database) = (role.map(str::to_owned), database.map(str::to_owned));
        Configured { name: "role".to_owned(), value: "reader".to_owned(), role, database }
    }

    #[test]
    fn each_place_of_a_setting_has_its_statement() {
        for (role, database, shown, reset) in [
            (None, None, "every user", "ALTER ROLE ALL RESET role;"),
            (None, Some("o\"d"), "database 'o\"d'", "ALTER DATABASE \"o\"\"d\" RESET role;"),
            (Some("a"), None, "user a", "ALTER ROLE \"a\" RESET role;"),
            (Some("a"), Some("d"), "user a in database d", "ALTER ROLE \"a\" IN DATABASE \"d\" RESET role;"),
        ] {
            let setting = setting(role, database);
            assert_eq!(setting.shown(), format!("role is reader, for {shown}"));
            assert_eq!(setting.reset().unwrap(), reset);
        }
        assert_eq!(how_to_reset(&[]), None);
        let read_only = Configured { name: READ_ONLY.to_owned(), ..setting(None, Some("d")) };
        let reset = "BEGIN READ WRITE; ALTER DATABASE \"d\" RESET default_transaction_read_only; COMMIT;";
        assert_eq!(read_only.reset().unwrap(), reset);
    }

    #[test]
    fn a_setting_is_suspected_by_the_servers_own_words_alone() {
        let psql = |stderr: &str, code| suspects("psql", stderr, Ending::Code(code));
        let timeout = "canceling statement due to statement timeout";
        assert_eq!(psql(&format!("psql:<stdin>:1: ERROR:  {timeout}\n"), 3), ["statement_timeout"]);
        let idle = "terminating connection due to idle-session timeout";
        assert_eq!(psql(&format!("psql:<stdin>:1: FATAL:  {idle}\n"), 2), ["idle_session_timeout"]);
        let library = "connection to server at \"::1\", port 5432 failed: FATAL:  could not access file \"x\"\n";
        assert_eq!(psql(&format!("psql: error: {library}"), 2), LIBRARIES);
        assert_eq!(suspects("pg_dump", &format!("pg_dump: error: {library}"), Ending::Code(1)), LIBRARIES);
        let denied = "pg_dump: error: query failed: ERROR:  permission denied for table t\n";
        assert_eq!(suspects("pg_dump", denied, Ending::Code(1)), IDENTITY);
        // A wait that a timeout of pg_dump ended; what another server said; what a function raised in another place.
        assert!(
            suspects("pg_dump", &format!("pg_dump: error: query failed: ERROR:  {timeout}\n"), Ending::Code(1))
                .is_empty()
        );
        assert!(psql(&format!("psql:<stdin>:1: ERROR:  x\nDETAIL:  {timeout}\n"), 3).is_empty());
        assert!(psql("psql: error: connection to server failed: Connection refused\n", 2).is_empty());
        assert!(psql("", 1).is_empty());
    }
}
