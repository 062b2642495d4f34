//! Files run one by one, each with its row in the ledger: in one transaction, or marked as dirty until it is done.

use super::checks::{Direction, Findings};
use super::checksum::in_digested_pieces;
use super::existing::Existing;
use super::failure::Failure;
use super::files::shown;
use super::indexes;
use super::ledger::{Writer, write};
use super::left_out::LeftOutStatement;
use super::made::RoleMade;
use super::plan::Wanted;
use super::session::Session;
use super::shared_objects::SharedStatement;
use super::transaction::LeftOut;
use crate::error::Fault;
use crate::postgres::preamble::EMPTY_PATH;
use crate::process::signals;
use crate::settings::fault_point;
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One file to run, as it was when it was checked.
#[derive(Debug, Clone)]
pub struct Step {
    pub version: i64,
    pub description: String,
    pub file: PathBuf,
    pub direction: Direction,
    /// After each of its pieces.
    digests: Arc<Vec<[u8; 32]>>,
    /// It could end its transaction, read otherwise than we read it.
    pub ambiguous: bool,
    /// Where it could hold a psql command, read so.
    pub hidden_command: Option<u64>,
    /// As the ledger holds it.
    pub checksum: String,
    pub transactional: bool,
    /// Outside of a transaction its one statement does nothing where it waits for a lock in vain.
    lone: bool,
    /// It ends its transaction half-way, and was applied by sqlx.
    split: bool,
    left_out: LeftOut,
    /// The roles that it makes.
    pub roles: Vec<RoleMade>,
    /// What of it changes something that belongs to the whole server.
    shared: Vec<SharedStatement>,
}

impl Step {
    /// The step of a file with what was found in it.
    pub fn of(wanted: Wanted<'_>, direction: Direction, found: &Findings) -> Self {
        Self {
            version: wanted.version,
            description: wanted.description.to_owned(),
            file: wanted.file.to_owned(),
            direction,
            digests: Arc::clone(&found.digests),
            ambiguous: found.ambiguous,
            hidden_command: found.hidden_command,
            checksum: found.checksum.clone(),
            transactional: found.transactional,
            lone: found.lone,
            split: found.split.is_some(),
            left_out: found.left_out.clone(),
            roles: found.roles.clone(),
            shared: found.shared.clone(),
        }
    }

    /// Leaves out of what is sent what would change something of the whole server that was there before; gives it, what
    /// has one place as one.
    pub fn leave_out(&mut self, existing: &Existing) -> Vec<LeftOutStatement> {
        self.shared.retain(|statement| existing.has(&statement.touched));
        let shared = std::mem::take(&mut self.shared);
        self.left_out.ranges.extend(shared.iter().map(|statement| statement.bytes.clone()));
        LeftOutStatement::all(&shown(&self.file), &shared)
    }

    /// How long a statement of it waits for a lock; `None`: as long as it must, because it would leave something behind.
    pub fn waits_up_to(&self, lock_timeout: Duration) -> Option<Duration> {
        (self.transactional || self.lone).then_some(lock_timeout)
    }

    /// Hands out what is sent of the file.
    ///
    /// # Errors
    /// It is another file than was checked: nothing is handed out from the first piece on that differs.
    pub fn sent(&self, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let changed = || Fault::failed("The file was changed while it ran").hint("run it again");
        let mut at = 0;
        let mut digests = self.digests.iter();
        in_digested_pieces(&self.file, &mut |piece, digest| {
            if digests.next() != Some(&digest) {
                return Err(changed().into());
            }
            let mut piece = piece.to_vec();
            self.left_out.blank(&mut piece, at);
            at += piece.len() as u64;
            write(&piece)
        })?;
        if digests.next().is_some() { Err(changed().into()) } else { Ok(()) }
    }
}

/// A step that was run.
#[derive(Debug)]
pub struct Done {
    pub version: i64,
    pub description: String,
    pub took: Duration,
}

impl Done {
    pub fn of(step: &Step, took: Duration) -> Self {
        Self { version: step.version, description: step.description.clone(), took }
    }
}

/// Runs files in one session, and keeps the ledger.
#[derive(Debug)]
pub struct Runner<'a, 'b> {
    pub session: &'b mut Session<'a>,
    pub ledger: Writer,
    /// How long a statement waits for a lock, where a step has a limit.
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
        let modes = match step.left_out.modes.as_str() {
            "" => String::new(),
            modes => format!(" SET TRANSACTION {modes};"),
        };
        let (begin, end) = if step.left_out.read_only { READ_ONLY } else { ("", "") };
        let before = format!("{FRESH} {CLEAN} SET lock_timeout TO {milliseconds}; BEGIN;{modes}{begin}");
        self.feed(step, &before)?;
        self.session.run(end)?;
        let took = clock.elapsed();
        fault_point("applying");
        signals::check().map_err(anyhow::Error::from)?;
        let row = match step.direction {
            Direction::Up => {
                write::insert(&self.ledger.table, step.version, &step.description, &step.checksum, Some(took))
                    .map_err(anyhow::Error::from)?
            }
            Direction::Down => write::remove(&self.ledger.table, step.version),
        };
        let ours = format!("{FRESH} {QUIET} {EMPTY_PATH}");
        self.ledger.lock(self.session, &ours)?;
        // Only now: whatever cut the file short has been noticed. What waits for COMMIT runs on the configured path.
        self.session.commit(&format!("{ours} {row} RESET search_path; COMMIT;\n{EMPTY_PATH}"))?;
        fault_point("committed");
        Ok(took)
    }

    /// Sends a file behind the beginning of its transaction. One that could end it, if psql read it otherwise than we do,
    /// must still be in it at its end.
    fn feed(&mut self, step: &Step, before: &str) -> Result<(), Failure> {
        if !step.ambiguous {
            return self.session.feed(&step.file, before, |write| step.sent(write));
        }
        self.session.run(before)?;
        let begun = self.session.ask("pg_catalog.txid_current()")?;
        let fed = self.session.feed(&step.file, "", |write| step.sent(write)).and_then(|()| {
            let now = self.session.ask("pg_catalog.txid_current_if_assigned()")?;
            if now == begun {
                return Ok(());
            }
            Err(anyhow::Error::from(Fault::failed("The file ended its transaction").hint("fix the file")).into())
        });
        let transaction = begun.and_then(|number| number.parse().ok());
        fed.map_err(|failure| Failure { transaction, ..failure })
    }

    fn without_transaction(&mut self, step: &Step) -> Result<Duration, Failure> {
        let version = step.version;
        let mut text = Vec::new();
        step.sent(&mut |piece| {
            text.extend_from_slice(piece);
            Ok(())
        })?;
        let invalid_before = indexes::invalid(self.session)?;
        let begun = match step.direction {
            Direction::Up => write::insert(&self.ledger.table, version, &step.description, &step.checksum, None)
                .map_err(anyhow::Error::from)?,
            Direction::Down => write::begin_removal(&self.ledger.table, version),
        };
        self.ledger.change(self.session, &begun)?;
        fault_point("dirty");
        let clock = Instant::now();
        // In one piece: psql would run a statement that our death had cut. A build waits for old transactions as long
        // as it must.
        // sqlx begins a transaction before such a file, and ends what is open after it.
        let (begin, commit) = if step.split { (" BEGIN;", "COMMIT;") } else { ("", "") };
        let timeout = step.waits_up_to(self.lock_timeout).map_or(0, |limit| limit.as_millis());
        let before = format!("{FRESH} {CLEAN} SET lock_timeout TO {timeout};{begin}");
        self.session.feed(&step.file, &before, |write| write(&text))?;
        self.session.run(commit)?;
        let took = clock.elapsed();
        self.refuse_open_transaction()?;
        self.session.run(&format!("{FRESH} {QUIET} {EMPTY_PATH}"))?;
        let mut invalid = indexes::invalid(self.session)?;
        invalid.retain(|index| !invalid_before.contains(index) || index.is_named_in(&text));
        indexes::refuse(&invalid).map_err(anyhow::Error::from)?;
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

    /// In a transaction that the file left open the time stands still.
    fn refuse_open_transaction(&mut self) -> Result<()> {
        let closed =
            self.session.ask("SELECT pg_catalog.now() OPERATOR(pg_catalog.=) pg_catalog.statement_timestamp()")?;
        if closed.as_deref() == Some("true") {
            return Ok(());
        }
        let fault = Fault::failed("The file leaves a transaction open, which is rolled back");
        Err(fault.hint("end the transaction in the file: COMMIT;").into())
    }
}

/// Each file begins, and each row is written, as in a fresh session: what a file set must not reach them. Strings are
/// read as `checks` read them, whatever the database's own setting is. One query: on a distant server each costs a way
/// there and back.
const FRESH: &str = "RESET SESSION AUTHORIZATION\\; RESET ROLE\\; RESET ALL\\; SET standard_conforming_strings TO on;";
/// Around a file that is READ ONLY: what follows in its transaction may write again.
const READ_ONLY: (&str, &str) =
    (" SAVEPOINT xtask_read_only; SET TRANSACTION READ ONLY;", "RELEASE SAVEPOINT xtask_read_only;");
/// Our own statements have nothing to say.
const QUIET: &str = "SET client_min_messages TO warning;";
/// What an earlier file left in the session.
const CLEAN: &str = "CLOSE ALL\\; DEALLOCATE ALL\\; UNLISTEN *\\; DISCARD TEMP;";
