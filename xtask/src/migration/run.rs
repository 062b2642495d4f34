//! Files run one by one, each with its row in the ledger: in one transaction, or marked as dirty until it is done.

use super::checks::Direction;
use super::checksum::{Checksum, in_pieces};
use super::failure::Failure;
use super::files::Migration;
use super::indexes;
use super::ledger::{Writer, write};
use super::session::Session;
use crate::error::{Exit, Fault};
use crate::postgres::preamble::EMPTY_PATH;
use crate::process::signals;
use crate::settings::fault_point;
use anyhow::Result;
use std::path::Path;
use std::time::{Duration, Instant};

/// One file to run, as it was when it was checked.
#[derive(Debug, Clone)]
pub struct Step {
    pub migration: Migration,
    pub direction: Direction,
    /// Of the file that is run, in hexadecimal.
    pub checksum: String,
    pub transactional: bool,
}

impl Step {
    /// The file that is run.
    pub fn file(&self) -> &Path {
        match (&self.migration.down, self.direction) {
            (Some(down), Direction::Down) => down,
            _ => &self.migration.up,
        }
    }
}

/// Runs files in one session, and keeps the ledger.
#[derive(Debug)]
pub struct Runner<'a, 'b> {
    pub session: &'b mut Session<'a>,
    pub ledger: Writer,
    /// How long a statement in a transaction waits for a lock.
    pub lock_timeout: Duration,
}

impl Runner<'_, '_> {
    /// Runs a step; gives how long its file took.
    pub fn run(&mut self, step: &Step) -> Result<Duration, Failure> {
        if step.transactional { self.in_transaction(step) } else { self.without_transaction(step) }
    }

    fn in_transaction(&mut self, step: &Step) -> Result<Duration, Failure> {
        let clock = Instant::now();
        let milliseconds = self.lock_timeout.as_millis();
        let mut checksum = Checksum::default();
        self.session.feed(&format!("{FRESH} {CLEAN} SET lock_timeout TO {milliseconds}; BEGIN;"), |write| {
            in_pieces(step.file(), &mut |piece| {
                checksum.feed(piece);
                write(piece)
            })
        })?;
        let took = clock.elapsed();
        check_unchanged(step, checksum)?;
        fault_point("applying");
        signals::check().map_err(anyhow::Error::from)?;
        let row = match step.direction {
            Direction::Up => write::insert(&self.ledger.table, &step.migration, &step.checksum, Some(took))
                .map_err(anyhow::Error::from)?,
            Direction::Down => write::remove(&self.ledger.table, step.migration.version),
        };
        let ours = format!("{FRESH} {EMPTY_PATH}");
        self.ledger.lock(self.session, &ours)?;
        // Only now: whatever cut the file short has been noticed. What waits for COMMIT runs on the configured path.
        self.session.commit(&format!("{ours} {row} RESET search_path; COMMIT;\n{EMPTY_PATH}"))?;
        fault_point("committed");
        Ok(took)
    }

    fn without_transaction(&mut self, step: &Step) -> Result<Duration, Failure> {
        let version = step.migration.version;
        let text = std::fs::read(step.file()).map_err(anyhow::Error::from)?;
        let mut checksum = Checksum::default();
        checksum.feed(&text);
        check_unchanged(step, checksum)?;
        let invalid_before = indexes::invalid(self.session)?;
        self.ledger.change(
            self.session,
            &match step.direction {
                Direction::Up => write::insert(&self.ledger.table, &step.migration, &step.checksum, None)
                    .map_err(anyhow::Error::from)?,
                Direction::Down => write::begin_removal(&self.ledger.table, version),
            },
        )?;
        fault_point("dirty");
        let clock = Instant::now();
        // In one piece: psql would run a statement that our death had cut. A build waits for old transactions as long
        // as it must.
        self.session.feed(&format!("{FRESH} {CLEAN} SET lock_timeout TO 0;"), |write| write(&text))?;
        let took = clock.elapsed();
        // In a transaction that the file left open the time stands still.
        let closed =
            self.session.ask("SELECT pg_catalog.now() OPERATOR(pg_catalog.=) pg_catalog.statement_timestamp()")?;
        if closed.as_deref() != Some("true") {
            return Err(
                anyhow::Error::from(Fault::failed("The file leaves a transaction open, which is rolled back")).into()
            );
        }
        self.session.run(&format!("{FRESH} {EMPTY_PATH}"))?;
        let text = String::from_utf8_lossy(&text);
        let mut invalid = indexes::invalid(self.session)?;
        invalid.retain(|name| {
            let bare = name.rsplit('.').next().unwrap_or(name).trim_matches('"');
            !invalid_before.contains(name) || text.contains(bare)
        });
        if !invalid.is_empty() {
            let fault = Fault::new(Exit::Partial, format!("Invalid indexes are left: {}", invalid.join(", ")));
            let hint = format!("drop them: DROP INDEX CONCURRENTLY {};", invalid.join(", "));
            return Err(anyhow::Error::from(fault.hint(hint)).into());
        }
        fault_point("ran");
        self.ledger.change(
            self.session,
            &match step.direction {
                Direction::Up => write::finish(&self.ledger.table, version, took),
                Direction::Down => write::remove(&self.ledger.table, version),
            },
        )?;
        fault_point("committed");
        Ok(took)
    }
}

/// Each file begins, and each row is written, as in a fresh session: what a file set must not reach them. Strings are
/// read as `checks` read them, whatever the database's own setting is. Errors must not drown in notices. One query: on
/// a distant server each costs a way there and back.
const FRESH: &str = "RESET SESSION AUTHORIZATION\\; RESET ROLE\\; RESET ALL\\; SET client_min_messages TO warning\\; \
                     SET standard_conforming_strings TO on;";
/// What an earlier file left in the session.
const CLEAN: &str = "CLOSE ALL\\; DEALLOCATE ALL\\; UNLISTEN *\\; DISCARD TEMP;";

fn check_unchanged(step: &Step, checksum: Checksum) -> Result<(), Failure> {
    if checksum.finish() == step.checksum {
        return Ok(());
    }
    let fault = Fault::failed("The file was changed while it ran");
    Err(anyhow::Error::from(fault.hint("run it again")).into())
}
