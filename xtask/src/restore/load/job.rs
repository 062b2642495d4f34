//! A backup that is to be loaded, and the psql that does it: how it begins, and what its end means.

use super::lines::Lines;
use crate::backup::proof::Proven;
use crate::error::{self, Fault};
use crate::postgres::beginning::{self, Beginning};
use crate::postgres::preamble::{EMPTY_PATH, PREAMBLE};
use crate::postgres::quote::literal;
use crate::postgres::restrict::Begun;
use crate::postgres::server::Server;
use crate::postgres::session;
use crate::process::{Captured, Dialog, Program, signals};
use crate::restore::load_failure::{self, LoadOptions};
use crate::restore::{load_memory, preflight};
use crate::target::Target;
use crate::target::disk_full::is_disk_full;
use anyhow::{Error, Result};
use std::time::Duration;

/// The longest load or ANALYZE: all that psql waits for is the server's own work.
pub(in crate::restore) const DEADLINE: Duration = Duration::from_secs(24 * 3600);

const OPTIONS: [&str; 7] =
    ["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "-f", "-"];

/// A backup that is to be loaded, and how.
pub(in crate::restore) struct Load<'a> {
    pub(in crate::restore) backup: &'a Proven,
    pub(in crate::restore) options: LoadOptions<'a>,
    /// The statements that each of its sessions executes first, so that the file's text means what it meant.
    pub(in crate::restore) settings: &'a str,
}

impl Load<'_> {
    /// What failed.
    pub(super) fn cannot(&self) -> Fault {
        Fault::failed(format!("{} cannot be loaded", self.backup.path.display()))
    }

    /// The server for the sessions of a load.
    pub(super) fn server<'t>(&self, server: &Server<'t>) -> Server<'t> {
        let server = server.within(DEADLINE);
        // Of a file in which a psql may find commands the psql that was asked beforehand gets every byte.
        if self.hides_nothing() { server.in_bulk(Some(self.backup.bytes())) } else { server }
    }

    /// Whether every psql reads the file as the proof did.
    pub(super) fn hides_nothing(&self) -> bool {
        let hidden = self.backup.contents.hidden;
        hidden.command.is_none() && hidden.unrestrict.is_none()
    }

    /// Starts one of so many psql, with the settings of a load.
    pub(super) fn begin(&self, server: &Server<'_>, sessions: usize) -> Result<(Dialog, Begun)> {
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
            load_memory::statement(server.target().access().memory(), sessions)
        } else {
            String::new()
        };
        let preamble = format!("{PREAMBLE}SET synchronous_commit TO off; {memory} {}{path}\n", self.settings);
        let begun = match beginning::begin(server, &preamble, &started)? {
            Beginning::Begun(psql, begun) => (psql, begun),
            Beginning::Silent(_) => {
                return Err(signals::check().err().map_or_else(|| self.cannot().into(), Into::into));
            }
            Beginning::Ended(said) => {
                let why = session::failure(server.target(), "psql", &said.stderr, said.ending);
                return Err(error::headed(why, self.cannot().to_string()));
            }
        };
        preflight::refuse_hidden_commands(self.backup, &begun.1.version)?;
        Ok(begun)
    }

    /// Explains psql's failure.
    pub(super) fn check_end(&self, target: &Target, lines: &Lines, said: &Captured) -> Result<()> {
        if said.ending.success() {
            return Ok(());
        }
        if is_disk_full(&said.stderr) {
            // The server may have gone down with it: what it says last is not the cause.
            let fault = Fault::failed(format!("The server's disk is full; {} is unchanged", target.database()));
            return Err(Error::msg(said.stderr.trim().to_owned()).context(fault.hint(preflight::MAKE_ROOM)));
        }
        Err(load_failure::explain(target, self.backup, self.options, lines, said))
    }

    /// Compares the rows that the server counted, by block of the file.
    pub(super) fn check_rows(&self, counted: &[u64]) -> Result<()> {
        let held: Vec<u64> = self.backup.contents.copied.iter().map(|copied| copied.rows).collect();
        if counted == held {
            return Ok(());
        }
        Err(Error::msg(format!(
            "the server counted {} rows in {} tables, the backup holds {} in {}",
            total(counted),
            counted.len(),
            total(&held),
            held.len()
        )))
    }
}

/// A question that is answered with this word where no transaction is open: of one nothing would be left once psql ends.
pub(super) fn is_committed(word: &str) -> String {
    format!("{EMPTY_PATH}SELECT '{word}' WHERE pg_catalog.pg_current_xact_id_if_assigned() IS NULL;\n")
}

/// What psql prints may claim any number of rows.
fn total(rows: &[u64]) -> u64 {
    rows.iter().fold(0, |total, rows| total.saturating_add(*rows))
}
