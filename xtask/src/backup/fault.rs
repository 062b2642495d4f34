//! Why no backup was made.

use super::options::BackupOptions;
use super::space;
use crate::error::{self, Exit, Fault};
use crate::postgres::dump::Flaw;
use crate::postgres::server::Server;
use crate::postgres::{locks, session};
use crate::process::{Captured, Ending};
use crate::target::Target;
use std::time::Duration;

/// pg_dump's words where a pattern names no table of this database.
const NO_SUCH_TABLE: [&str; 3] = ["no matching tables were found", "improper relation name", "improper qualified name"];

/// How pg_dump reports a table that it got no lock on in time, and one that it may not read, where the server speaks
/// English.
const TIMED_OUT: &str = "query failed: ERROR:  canceling statement due to ";
const DENIED: &str = "query failed: ERROR:  permission denied ";
/// pg_dump's own words, which are English whatever the server speaks.
pub(super) const LOCKING: &str = "pg_dump: detail: Query was: LOCK TABLE ";

/// Why another command does not go on without its backup. Only a database that cannot be dumped is a reason to waive
/// the backup (`waiver` says how): a locked table, a full disk and the like pass or can be fixed.
pub fn explain_missing(error: anyhow::Error, message: &str, waiver: &str) -> anyhow::Error {
    match error::exit(&error) {
        Exit::Failed if error::is_lasting(&error) => error.context(Fault::failed(message).hint(waiver)),
        Exit::Failed | Exit::Locked => error::headed(error, message),
        _ => error,
    }
}

/// Something between us and pg_dump cut or changed its stream.
pub(super) fn not_whole(target: &Target) -> Fault {
    Fault::failed(format!("The dump of {} is incomplete; no backup was made", target.database()))
        .hint("check the connection between this program and pg_dump (Docker, network), then try again")
}

/// The same, by what is wrong with the stream; or the server is gone, and pg_dump's end was lost with it.
pub(super) fn incomplete(target: &Target, flaw: Flaw, stderr: &str, ending: Ending) -> anyhow::Error {
    match target.cause(stderr, ending).filter(|cause| error::exit(cause) == Exit::Unreachable) {
        Some(cause) => unreachable(cause),
        None => anyhow::Error::new(flaw).context(not_whole(target)),
    }
}

/// A statement that runs nothing of the database's owner, unlike psql's `\dt`: every operator has its schema.
const TABLES: &str = r#""SELECT schemaname, tablename FROM pg_catalog.pg_tables WHERE schemaname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema}')""#;

fn unreachable(cause: anyhow::Error) -> anyhow::Error {
    let hint = error::fault(&cause).and_then(Fault::hint_text).unwrap_or("try again").to_owned();
    let fault = Fault::unreachable(format!("{cause}; no backup was made"));
    cause.context(fault.hint(hint))
}

/// Why pg_dump failed; `took`: how long it ran. Only a fault of the database itself is lasting: it cannot be dumped as it is.
pub(super) fn failed(server: &Server<'_>, options: &BackupOptions, said: &Captured, took: Duration) -> anyhow::Error {
    let (target, stderr) = (server.target(), said.stderr.as_str());
    let said = session::failure(target, "pg_dump", stderr, said.ending);
    if space::is_full_by_words(stderr) {
        return said.context(space::full(options.destination.folder(), "it is full"));
    }
    let own = stderr.lines().find_map(|line| line.strip_prefix("pg_dump: error: ")).unwrap_or_default();
    if NO_SUCH_TABLE.iter().any(|words| own.starts_with(words)) {
        let fault = Fault::failed("There is no such table; no backup was made");
        return said.context(fault.hint(format!(
            "list the tables: cargo xtask db-shell -- -c {TABLES}\na name with capitals or dots needs double \
             quotes of its own: --table '\"Name\"'",
        )));
    }
    if error::exit(&said) == Exit::Unreachable && !error::is_lasting(&said) {
        return unreachable(said);
    }
    let is_locking = stderr.lines().any(|line| line.starts_with(LOCKING));
    if is_locking && waited(server, own, took >= options.lock_timeout) {
        return stayed_locked(server, options, said);
    }
    if error::fault(&said).is_some_and(|fault| fault.hint_text().is_some()) {
        return said;
    }
    let fault = Fault::failed(format!("{} could not be dumped; no backup was made", target.database()));
    said.context(
        fault
            .hint(
                "fix the error above, then try again; to see every program that is started: cargo xtask db-backup \
                 --verbose",
            )
            .lasting(),
    )
}

/// Whether a table stayed locked. pg_dump waits under a `statement_timeout`; in another language than English its
/// end is distinguished from a missing right by the time that passed, and by what the server knows.
fn waited(server: &Server<'_>, own: &str, is_over_time: bool) -> bool {
    if own.starts_with(TIMED_OUT) || own.starts_with(DENIED) {
        return own.starts_with(TIMED_OUT);
    }
    let is_held = || locks::holders(server).is_ok_and(|holders| !holders.is_empty());
    is_over_time && (is_held() || may_read_all(server))
}

/// Whether no right to a table is missing, as far as that can be asked.
fn may_read_all(server: &Server<'_>) -> bool {
    let sql = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c \
               JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!' AND n.nspname <> 'information_schema' \
               AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')";
    server.ask(sql).is_ok_and(|count| count.trim() == "0")
}

/// Names who holds the table, as far as that can be seen.
fn stayed_locked(server: &Server<'_>, options: &BackupOptions, said: anyhow::Error) -> anyhow::Error {
    let seconds = options.lock_timeout.as_secs();
    let fault = Fault::new(Exit::Locked, format!("A table stayed locked for {seconds} s; no backup was made"));
    let holders = locks::holders(server).unwrap_or_default();
    let Some(holder) = holders.first() else {
        return said.context(fault.hint("try again, or wait longer: --lock-timeout SECONDS"));
    };
    let names: Vec<String> = holders.iter().map(ToString::to_string).collect();
    anyhow::Error::msg(names.join("\n")).context(fault.hint(format!(
        "wait longer with --lock-timeout SECONDS, or end that session: \
         cargo xtask db-shell -- -c 'SELECT pg_catalog.pg_terminate_backend({})'",
        holder.pid
    )))
}
