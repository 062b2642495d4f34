//! One psql loads a proven backup into an empty database; what the server counts is compared with what the backup holds.

use super::load_failure::{self, LoadOptions};
use super::load_memory;
use super::preflight;
use crate::backup::proof::Proven;
use crate::error::{self, Exit, Fault};
use crate::postgres::beginning::{self, Beginning};
use crate::postgres::preamble::{EMPTY_PATH, PREAMBLE};
use crate::postgres::quote::literal;
use crate::postgres::restrict::Begun;
use crate::postgres::server::Server;
use crate::postgres::session;
use crate::process::{Captured, Dialog, Program, signals};
use crate::settings::fault_point;
use crate::target::{Target, client_error};
use anyhow::{Error, Result};
use std::io::Write as _;
use std::time::Duration;

/// The longest load or ANALYZE: all that psql waits for is the server's own work.
pub(super) const DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// The system's words for ENOSPC, which PostgreSQL hands on.
const DISK_FULL: &str = "No space left on device";

const OPTIONS: [&str; 7] =
    ["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "-f", "-"];

/// A backup that is to be loaded, and how.
pub(super) struct Load<'a> {
    pub(super) backup: &'a Proven,
    pub(super) options: LoadOptions<'a>,
}

/// The server's answers to a load.
#[derive(Default)]
struct Answers {
    /// The rows of each COPY, in the file's order.
    copied: Vec<u64>,
    /// It answered the question that follows the file.
    complete: bool,
}

impl Load<'_> {
    /// Loads it into the server's database; `progress` gets the bytes that were sent.
    ///
    /// # Errors
    /// The file changed meanwhile (3), a statement failed, or the server counted other rows than the backup holds.
    pub(super) fn run(&self, server: &Server<'_>, progress: &dyn Fn(u64)) -> Result<()> {
        let hidden = self.backup.contents.hidden;
        let server = server.within(DEADLINE);
        // Of a file in which a psql may find commands the psql that was asked beforehand gets every byte.
        let is_plain = hidden.command.is_none() && hidden.unrestrict.is_none();
        let server = if is_plain { server.in_bulk(Some(self.backup.bytes())) } else { server };
        let nonce = session::fresh_name()?;
        let (mut psql, begun) = self.begin(&server)?;
        let sent = self.send(&mut psql, &begun, &nonce, progress);
        let answers = if sent.is_ok() { answers(&psql, &nonce) } else { Answers::default() };
        let said = psql.finish()?;
        fault_point("loaded");
        signals::check()?;
        let sent = match sent {
            // A file that changed is refused, whatever psql said to it.
            Err(error) if error::exit(&error) == Exit::Refused => return Err(error),
            sent => sent,
        };
        self.check_end(server.target(), begun.lines, &said)?;
        sent.and_then(|()| self.check_rows(&answers)).map_err(|error| error::explain(error, || self.cannot()))
    }

    fn cannot(&self) -> Fault {
        Fault::failed(format!("{} cannot be loaded", self.backup.path.display()))
    }

    fn begin(&self, server: &Server<'_>) -> Result<(Dialog, Begun)> {
        let started = |psql: Program| {
            // Of a line for every statement only those are kept that are looked at.
            psql.args(OPTIONS).dialog(|line| line.starts_with(b"COPY ") || line.starts_with(b"xtask-"))
        };
        // A file that sets no path means the role's own, or the one that was typed.
        let path = match self.options.search_path {
            Some(path) => format!("SELECT pg_catalog.set_config('search_path', {}, false);", literal(path.as_str())?),
            None => "RESET search_path;".to_owned(),
        };
        // The swap's own commit puts all that was written before it on disk: no statement need wait for that. As a
        // statement, because poolers refuse options of a session.
        let memory = if load_memory::matters(self.backup.bytes()) {
            load_memory::statement(server.target().access().memory())
        } else {
            String::new()
        };
        let preamble = format!("{PREAMBLE}SET synchronous_commit TO off; {memory} {path}\n");
        match beginning::begin(server, &preamble, &started)? {
            Beginning::Begun(psql, begun) => Ok((psql, begun)),
            Beginning::Silent(_) => Err(signals::check().err().map_or_else(|| self.cannot().into(), Into::into)),
            Beginning::Ended(said) => {
                let why = session::failure(server.target(), "psql", &said.stderr, said.ending);
                Err(error::headed(why, self.cannot().to_string()))
            }
        }
    }

    /// The file, then a question whose answer shows that all of it was executed and committed.
    fn send(&self, psql: &mut Dialog, begun: &Begun, nonce: &str, progress: &dyn Fn(u64)) -> Result<()> {
        preflight::refuse_hidden_commands(self.backup, &begun.version)?;
        self.backup.feed(psql, self.options.search_path, progress)?;
        // Within a transaction nothing would be left of the load once psql ends.
        let committed = "pg_catalog.pg_current_xact_id_if_assigned() IS NULL";
        writeln!(psql, "{EMPTY_PATH}SELECT '{nonce}' WHERE {committed};").map_err(Into::into)
    }

    /// Explains psql's failure; `lines`: how many it had got before the file's own.
    fn check_end(&self, target: &Target, lines: u64, said: &Captured) -> Result<()> {
        if said.ending.success() {
            return Ok(());
        }
        if client_error::server_says(&said.stderr, DISK_FULL) {
            // The server may have gone down with it: what it says last is not the cause.
            let fault = Fault::failed(format!("The server's disk is full; {} is unchanged", target.database()));
            return Err(Error::msg(said.stderr.trim().to_owned()).context(fault.hint(preflight::MAKE_ROOM)));
        }
        Err(load_failure::explain(target, self.backup, self.options, lines, said))
    }

    fn check_rows(&self, answers: &Answers) -> Result<()> {
        let held: Vec<u64> = self.backup.contents.copied.iter().map(|copied| copied.rows).collect();
        if answers.complete && answers.copied == held {
            return Ok(());
        }
        Err(Error::msg(format!(
            "the server counted {} rows in {} tables, the backup holds {} in {}",
            total(&answers.copied),
            answers.copied.len(),
            total(&held),
            held.len()
        )))
    }
}

fn answers(psql: &Dialog, nonce: &str) -> Answers {
    let mut answers = Answers::default();
    while !answers.complete
        && let Some(line) = psql.line(DEADLINE)
    {
        answers.copied.extend(line.strip_prefix("COPY ").and_then(|rows| rows.parse::<u64>().ok()));
        answers.complete = line == nonce;
    }
    answers
}

/// What psql prints may claim any number of rows.
fn total(rows: &[u64]) -> u64 {
    rows.iter().fold(0, |total, rows| total.saturating_add(*rows))
}
