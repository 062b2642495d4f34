//! Questions to the server, each one psql process that answers in JSON.

pub use super::session_name::{fresh_name, is_fresh_name};

use super::beginning::{self, Beginning};
use super::configured;
use super::preamble::{ASKING, CALLING_NOTHING, PREAMBLE};
use super::quote::{literal, sendable};
use super::refusal;
use super::server::Server;
use crate::error::{Cause, Fault};
use crate::process::{Captured, Dialog, Program, signals};
use crate::target::{Target, client_error, openfga_migration};
use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// For clearing up: a person who pressed Ctrl-C does not wait for a server that is silent.
const CLEAR_UP_DEADLINE: Duration = Duration::from_secs(5);

/// Each try takes two programs: some seconds in all.
const END_TRIES: u32 = 20;

/// True of a session of `pg_stat_activity` that logged in as this one did. Any role may give its sessions any name:
/// only those of our own are taken for ours.
pub const OWN: &str = "usesysid = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user)";

/// The JSON value that an answer begins with, and what follows it. PostgreSQL writes a line for each element of a list.
pub fn first_of<T: DeserializeOwned>(answer: &str) -> Result<(T, &str)> {
    let mut values = serde_json::Deserializer::from_str(answer).into_iter();
    let first = values.next().context("psql gave no answer")??;
    Ok((first, answer[values.byte_offset()..].trim()))
}

impl Server<'_> {
    /// The single JSON value that this SQL selects.
    ///
    /// # Errors
    /// Exit 4 when the server cannot be reached or refuses the login; else the server's own message.
    pub fn query<T: DeserializeOwned>(&self, sql: &str) -> Result<T> {
        let text = self.ask(sql)?;
        serde_json::from_str(text.trim())
            .with_context(|| format!("psql answered {:?}", text.chars().take(200).collect::<String>()))
    }

    /// What psql prints for this SQL: unaligned rows, nothing else.
    ///
    /// # Errors
    /// As for [`Self::query`].
    pub fn ask(&self, sql: &str) -> Result<String> {
        self.capture(ASKING, sql)
    }

    /// Runs a statement that by its nature runs code of the database's owner, such as ANALYZE: views stay open
    /// to that code.
    pub fn work(&self, sql: &str) -> Result<String> {
        self.capture(PREAMBLE, sql)
    }

    /// Runs statements that call no function, as a superuser in a database in which any function may be another's.
    pub fn work_calling_nothing(&self, sql: &str) -> Result<String> {
        self.capture(CALLING_NOTHING, sql)
    }

    /// Sends a script as one piece to a psql of its own, and gives what it said, whether it worked or not.
    pub fn run_script(&self, script: &str) -> Result<Captured> {
        self.converse(PREAMBLE, script)
    }

    /// Ends every session of this name and of our own role; asked in this database.
    pub fn terminate(&self) -> Result<()> {
        let sql = format!(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
             WHERE application_name = {} AND {OWN} AND pid <> pg_catalog.pg_backend_pid()",
            literal(self.session())?
        );
        self.clearing_up().ask(&sql).map(drop)
    }

    /// Ends these sessions, and waits until they are gone.
    pub fn end(&self) -> Result<()> {
        let sql = format!(
            "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE application_name = {} AND {OWN}",
            literal(self.session())?
        );
        for _ in 0..END_TRIES {
            self.terminate()?;
            if self.clearing_up().ask(&sql)?.trim() == "0" {
                return Ok(());
            }
        }
        let fault = Fault::failed(format!("The server session {} does not end", self.session()));
        let find = "SELECT pid, state, query FROM pg_catalog.pg_stat_activity WHERE application_name";
        let hint = format!(
            "see what it does: cargo xtask db-shell -- -d {} -c \"{find} = '{}'\"",
            self.maintenance_database(),
            self.session()
        );
        Err(fault.hint(hint).into())
    }

    /// Our own sessions may be those that are to end.
    fn clearing_up(&self) -> Self {
        self.named("xtask-terminate").within(CLEAR_UP_DEADLINE)
    }

    fn capture(&self, preamble: &str, sql: &str) -> Result<String> {
        let said = self.converse(preamble, sql)?;
        if said.ending.success() {
            Ok(said.text())
        } else {
            Err(failure(self.target(), "psql", &said.stderr, said.ending))
        }
    }

    fn converse(&self, preamble: &str, sql: &str) -> Result<Captured> {
        let (start, deadline) = (Instant::now(), self.deadline());
        let sql = sendable(sql)?;
        let left = || deadline.saturating_sub(start.elapsed());
        let started = |program: Program| program.args(OPTIONS).dialog(|_| true);
        let begun = beginning::begin(&self.in_utf8().within(deadline), preamble, &started);
        let mut psql = match begun.map_err(|error| understood(self, error))? {
            Beginning::Ended(said) => {
                signals::check()?;
                return Ok(said);
            }
            // It was never asked: what it says from here on is no answer.
            Beginning::Silent(_) => return Err(self.silent()?),
            Beginning::Begun(psql, _) => psql,
        };
        // A psql that has ended says why below.
        let _ = psql.write_all(sql.as_bytes());
        psql.end_input();
        let mut answer = String::new();
        while let Some(line) = psql.line(left()) {
            answer.push_str(&line);
            answer.push('\n');
        }
        signals::check()?;
        if left().is_zero() {
            return Err(self.no_answer()?.into());
        }
        let said = psql.finish()?;
        if !said.ending.success() {
            // It may be a signal to us that ended it.
            signals::check()?;
        }
        // What came while the last line was waited for belongs to the answer.
        let stdout = [answer.into_bytes(), said.stdout].concat();
        Ok(Captured { stdout, ..said })
    }

    /// Why a psql did not come to its first question.
    fn silent(&self) -> Result<anyhow::Error> {
        signals::check()?;
        Ok(self.no_answer()?.into())
    }

    fn no_answer(&self) -> Result<Fault> {
        let message = format!("psql did not answer within {} s", self.deadline().as_secs());
        let program = self.in_utf8().own_program("psql")?.args(OPTIONS);
        let fault = Fault::unreachable(message).because(Cause::NoAnswer);
        Ok(fault.hint(format!("it was started as: {}", program.shown())))
    }

    /// The version of the psql that this server is asked with. psql itself says it: a server could say another one.
    pub fn psql_version(&self) -> Result<String> {
        let started = |program: Program| program.args(OPTIONS).dialog(|_| true);
        match beginning::begin(&self.in_utf8(), ASKING, &started)? {
            Beginning::Begun(_, begun) => Ok(begun.version),
            Beginning::Ended(said) => Err(failure(self.target(), "psql", &said.stderr, said.ending)),
            Beginning::Silent(_) => Err(self.silent()?),
        }
    }
}

/// Settings of these names that stand for sessions of the target's user in its database, each with the statement that
/// takes it away; `None` where there is none, or the server does not answer.
pub fn configured_settings(target: &Target, names: &[&str]) -> Option<String> {
    configured::how_to_reset(&configured::of(target, target.user(), names, &|sql| ask_quietly(target, sql)))
}

/// What psql prints for this SQL in the maintenance database; `None` where that does not work, for whatever reason.
fn ask_quietly(target: &Target, sql: &str) -> Option<String> {
    let server = Server::new(target).ok()?.in_maintenance().within(CLEAR_UP_DEADLINE);
    let said = server.converse(ASKING, sql).ok()?;
    said.ending.success().then(|| said.text())
}

/// A psql that stays open for questions, until it is dropped, and refuses commands to itself where it knows how.
///
/// # Errors
/// It ended at its beginning: why.
pub(super) fn dialog(server: &Server<'_>) -> Result<Dialog> {
    let started = |program: Program| program.args(OPTIONS).lasting_dialog();
    match beginning::begin(&server.in_utf8(), ASKING, &started).map_err(|error| understood(server, error))? {
        Beginning::Begun(psql, _) => Ok(psql),
        // A silent one may still answer; who asks it passes over what it says of its beginning.
        Beginning::Silent(psql) => signals::check().map(|()| psql).map_err(Into::into),
        Beginning::Ended(said) => Err(failure(server.target(), "psql", &said.stderr, said.ending)),
    }
}

/// A psql that reads SQL from its stdin and prints unaligned rows, until the first error.
const OPTIONS: [&str; 8] =
    ["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "-f", "-"];

/// Why a PostgreSQL program failed: the place, the login, or what the program itself says.
pub fn failure(target: &Target, program: &str, stderr: &str, ending: crate::process::Ending) -> anyhow::Error {
    let ask = |sql: &str| ask_quietly(target, sql);
    if let Some(fault) = configured::to_blame(target, program, stderr, ending, &ask) {
        return anyhow::Error::msg(stderr.trim().to_owned()).context(fault);
    }
    if let Some(cause) = target.cause(stderr, ending) {
        return refusal::explained(target, cause, &ask);
    }
    let fault = Fault::failed(format!("{program} failed ({ending})"));
    let fault = if client_error::is_lock_timeout(stderr) { fault.because(Cause::LockTimeout) } else { fault };
    anyhow::Error::msg(stderr.trim().to_owned()).context(fault)
}

/// Why a program could not be started, as the target's first contact with the server says, or the server itself.
pub fn understood(server: &Server<'_>, error: anyhow::Error) -> anyhow::Error {
    let target = server.target();
    if server.database() != target.database() {
        return error;
    }
    refusal::explained(target, error, &|sql| ask_quietly(target, sql))
}

/// Explains an error of the target, which may be one of OpenFGA's own program.
pub fn explain_migration(target: &Target, error: anyhow::Error) -> anyhow::Error {
    let failed = error.downcast_ref::<openfga_migration::Failed>();
    let ask = |sql: &str| ask_quietly(target, sql);
    match failed.and_then(|failed| configured::to_blame_for_migration(target, failed, &ask)) {
        Some(fault) => error.context(fault),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_answers_may_have_several_lines() {
        let (first, rest) = first_of::<Vec<u8>>("[1, \n 2]\n[{\"a\": 1}, \n {}]\n").unwrap();
        assert_eq!((first, rest), (vec![1, 2], "[{\"a\": 1}, \n {}]"));
        assert!(first_of::<Vec<u8>>("").is_err() && first_of::<Vec<u8>>("no JSON").is_err());
    }
}
