//! How `openfga migrate` went. It is OpenFGA's own program with a session of its own: settings of its role and of the
//! database hold for it.

use crate::error::Fault;
use crate::process::Captured;
use crate::target::backend::OwnMigration;
use crate::target::database_name;
use crate::target::openfga_exposure::Exposure;
use crate::words::{shell_word, sql_name, without_logins};
use anyhow::Result;
use std::fmt;

/// Why it failed, found by downcast.
#[derive(Debug)]
pub struct Failed {
    /// The role that it logs in as.
    pub role: String,
    /// Its own words, which quote the server's.
    pub words: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

impl std::error::Error for Failed {}

/// Whether the program that ran as this role ended well.
///
/// # Errors
/// Exit 1, with its words.
pub fn check(captured: &Captured, role: &str) -> Result<()> {
    if captured.ending.success() { Ok(()) } else { Err(failed(captured, role)) }
}

/// The failure of a program that said this.
pub fn failed(captured: &Captured, role: &str) -> anyhow::Error {
    let output = format!("{}\n{}", captured.text(), captured.stderr);
    let fault = Fault::failed(format!("openfga migrate failed ({})", captured.ending)).hint("fix the error above");
    failed_saying(&output, role, fault)
}

/// The failure of a program whose output came another way, such as from a container's log.
pub fn failed_saying(output: &str, role: &str, fault: Fault) -> anyhow::Error {
    anyhow::Error::new(Failed { role: role.to_owned(), words: words(output) }).context(fault)
}

/// Why it is not run with our login, and what to type instead. `exposed` is not empty.
pub fn not_migrated(exposed: &[&Exposure], user: &str, database: &str, own: &OwnMigration) -> Fault {
    let maintenance = database_name::maintenance(database);
    refused(&format!("OpenFGA's tables in {database} were not migrated"), "migrate", (exposed, user, maintenance), own)
}

/// The same of a server that would be started there.
pub fn not_started(exposed: &[&Exposure], user: &str, database: &str, own: &OwnMigration) -> Fault {
    let maintenance = database_name::maintenance(database);
    refused(&format!("OpenFGA was not started in database {database}"), "run", (exposed, user, maintenance), own)
}

fn refused(
    what: &str,
    verb: &str,
    (exposed, user, maintenance): (&[&Exposure], &str, &str),
    own: &OwnMigration,
) -> Fault {
    let why = exposed.first().map(|exposure| exposure.why()).unwrap_or_default();
    let more = match exposed.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message =
        format!("{what}: {why}{more}; the program openfga could run code from there with the rights of user {user}");
    Fault::failed(message).hint(ways_out(verb, exposed, (user, maintenance), own))
}

/// The program as the role that owns it, where no other role is named; the statements that end it; what a person removes.
fn ways_out(verb: &str, exposed: &[&Exposure], (user, maintenance): (&str, &str), own: &OwnMigration) -> String {
    let mut lines = Vec::new();
    let owner = exposed.first().and_then(|exposure| exposure.owner());
    if let Some(owner) = owner.filter(|owner| exposed.iter().all(|other| other.role() == Some(owner))) {
        lines.push(as_owner(verb, owner, own));
    }
    let or = if lines.is_empty() { "" } else { "or " };
    let (of_database, inside): (Vec<&Exposure>, Vec<&Exposure>) =
        exposed.iter().copied().partition(|one| one.is_database());
    let elsewhere = format!("-d {maintenance} ");
    for (exposed, place, what) in [
        (of_database, elsewhere.as_str(), format!("make {} the owner", shell_word(user))),
        (inside, "", "end that, as a superuser".into()),
    ] {
        let mut statements: Vec<String> = exposed.iter().filter_map(|one| one.statement(user)).collect();
        statements.dedup();
        if !statements.is_empty() {
            let sql = shell_word(&statements.join("; "));
            lines.push(format!("{or}{what}: cargo xtask db-shell -- {place}-c {sql}"));
        }
    }
    let planted = exposed.iter().filter_map(|exposure| exposure.planted());
    lines.extend(planted.map(|object| format!("remove it if the tables of the other schema are yours: {object}")));
    let to_remove = exposed.iter().filter_map(|exposure| exposure.to_remove());
    let user = shell_word(user);
    lines.extend(to_remove.map(|object| format!("look at it; give it to user {user}, or remove it: {object}")));
    lines.join("\n")
}

fn as_owner(verb: &str, owner: &str, own: &OwnMigration) -> String {
    // A server of the person's own: on this host alone, and named to this program.
    let (listens, named) = match verb {
        "run" => (
            format!(
                " --http-addr {ADDRESS} --grpc-addr 127.0.0.1:8081 --metrics-enabled=false --playground-enabled=false \
                 --profiler-enabled=false"
            ),
            format!("{}\nwhile it runs, name it in .env: OPENFGA_API_URL=http://{ADDRESS}", may_use_tables(owner)),
        ),
        _ => (String::new(), String::new()),
    };
    format!(
        "{verb} it as role {}, its password in OPENFGA_DATASTORE_PASSWORD:\n{} {verb} --datastore-engine postgres \
         --datastore-uri {} --datastore-username {}{listens}{named}",
        shell_word(owner),
        shell_word(&own.program.to_string_lossy()),
        shell_word(&own.uri),
        shell_word(owner)
    )
}

/// The tables may be those of the role that this program logs in as. By a right to create triggers or foreign keys the
/// owner could have that role run its code: no such right is granted, and none on other tables.
fn may_use_tables(owner: &str) -> String {
    let tables = TABLES.map(|table| format!("public.{table}")).join(", ");
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {}", sql_name(owner));
    format!("\nwhere another role made its tables: cargo xtask db-shell -- -c {}", shell_word(&grant))
}

/// OpenFGA's tables.
const TABLES: [&str; 6] = ["store", "authorization_model", "tuple", "changelog", "assertion", "goose_db_version"];
/// Where a server that a person starts listens.
const ADDRESS: &str = "127.0.0.1:8080";

/// Its error, without the manual that follows it.
fn words(output: &str) -> String {
    let mut lines = output.trim().lines().skip_while(|line| !line.starts_with("Error: ")).peekable();
    let error: Vec<&str> = match lines.peek() {
        Some(_) => lines.take_while(|line| *line != "Usage:").collect(),
        None => output.trim().lines().next_back().into_iter().collect(),
    };
    without_logins(error.join("\n").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_itself_in_what_is_typed() {
        let own = OwnMigration { program: "openfga".into(), uri: "postgres://h/d".into(), is_on_own_server: true };
        let typed = as_owner("run", "a\nb\"'", &own);
        assert!(typed.contains(r#" --datastore-username $'a\012b"\047' --http-addr"#), "{typed}");
        assert!(typed.contains(r#" -- -c $'GRANT SELECT, INSERT, UPDATE, DELETE ON public.store, "#), "{typed}");
        assert!(typed.contains(", public.goose_db_version TO \"a\\012b\"\"\\047\"'\nwhile it runs"), "{typed}");
    }

    #[test]
    fn its_error_is_reported_and_not_its_manual() {
        let manual = "Usage:\n  openfga migrate [flags]\n\nFlags:\n      --version uint   the version\n";
        let output = format!("Container x  Running\nError: failed to ping:\n\tFATAL: no (SQLSTATE 57P05)\n{manual}");
        assert_eq!(words(&output), "Error: failed to ping:\n\tFATAL: no (SQLSTATE 57P05)");
        assert_eq!(words("a\npanic: postgres://u:hunter2@h/db\n"), "panic: postgres://***@h/db");
        assert_eq!(words(""), "");
    }
}
