//! How `openfga migrate` went. It is OpenFGA's own program with a session of its own: settings of its role and of the
//! database hold for it.

use crate::error::Fault;
use crate::process::Captured;
use crate::target::backend::OwnMigration;
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

/// Why a database's owner has to do it, and what that role types.
pub fn not_migrated(owner: &str, user: &str, database: &str, own: &OwnMigration) -> Fault {
    Fault::failed(format!(
        "OpenFGA's tables in {database} were not migrated: the database belongs to role {owner}, whose objects the program \
         openfga would run with the rights of user {user}"
    ))
    .hint(format!("{}\n{}", as_owner("migrate", owner, own), or_give(user, database)))
}

/// The same of a server that would be started there.
pub fn not_started(owner: &str, user: &str, database: &str, own: &OwnMigration) -> Fault {
    Fault::failed(format!(
        "OpenFGA was not started: database {database} belongs to role {owner}, whose objects the program openfga would run \
         with the rights of user {user}"
    ))
    .hint(format!("{}\n{}", as_owner("run", owner, own), or_give(user, database)))
}

/// Where the owner cannot log in, as after a restore that made the role.
fn or_give(user: &str, database: &str) -> String {
    let sql = format!("ALTER DATABASE {} OWNER TO {}", sql_name(database), sql_name(user));
    format!("or make {user} the owner: cargo xtask db-shell -- -d postgres -c {}", shell_word(&sql))
}

fn as_owner(verb: &str, owner: &str, own: &OwnMigration) -> String {
    format!(
        "{verb} it as that role, its password in OPENFGA_DATASTORE_PASSWORD:\n{} {verb} --datastore-engine postgres \
         --datastore-uri {} --datastore-username {}",
        shell_word(&own.program.to_string_lossy()),
        shell_word(&own.uri),
        shell_word(owner)
    )
}

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
    fn its_error_is_told_and_not_its_manual() {
        let manual = "Usage:\n  openfga migrate [flags]\n\nFlags:\n      --version uint   the version\n";
        let output = format!("Container x  Running\nError: failed to ping:\n\tFATAL: no (SQLSTATE 57P05)\n{manual}");
        assert_eq!(words(&output), "Error: failed to ping:\n\tFATAL: no (SQLSTATE 57P05)");
        assert_eq!(words("a\npanic: postgres://u:hunter2@h/db\n"), "panic: postgres://***@h/db");
        assert_eq!(words(""), "");
    }
}
