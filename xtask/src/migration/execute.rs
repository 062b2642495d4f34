//! Steps run one after another; where one fails, what is true then is asked of the ledger, not guessed.

use super::attempt::{Attempt, Truth, stopped};
use super::blockers;
use super::checks::Direction;
use super::failure::Failure;
use super::hidden;
use super::ledger::{Ledger, Writer, write};
use super::migrated::Migrated;
use super::run::{Done, Runner, Step};
use crate::error::{Exit, Fault};
use crate::postgres::locks::Holder;
use crate::postgres::server::see_settings;
use crate::process::signals;
use anyhow::Result;
use std::time::Duration;

/// What happens while steps run.
pub enum Event<'a> {
    /// A step took so long.
    Ran(&'a Step, Duration),
    /// A step waits, up to so long or as long as it must, for what these sessions hold.
    Waits(&'a Step, Option<Duration>, &'a [Holder]),
}

/// Is called as it happens.
pub type Tell<'a> = &'a (dyn Fn(Event<'_>) + Sync);

impl Migrated<'_, '_> {
    /// Runs the steps, and tells of each.
    ///
    /// # Errors
    /// Exit 6 where some were run and one was not.
    pub fn run_each(&self, runner: &mut Runner<'_, '_>, steps: &[Step], tell: Tell<'_>) -> Result<Vec<Done>> {
        hidden::refuse(self.server, steps)?;
        let mut done = Vec::new();
        for step in steps {
            if let Some(signal) = signals::pending() {
                return Err(stopped(signals::interrupted(signal).into(), &done, steps.len()));
            }
            let (ran, holders) = self.run_step(runner, step, tell);
            let took = match ran {
                Ok(took) => took,
                Err(failure) => match self.truth(step, &failure) {
                    Truth::Done if done.len() + 1 == steps.len() => Duration::ZERO,
                    Truth::Done => {
                        done.push(Done::of(step, Duration::ZERO));
                        return Err(stopped(failure.error, &done, steps.len()));
                    }
                    truth => {
                        let (done, all, server) = (done.as_slice(), steps.len(), self.server);
                        return Err(Attempt { step, holders: &holders, done, all, server }.explain(failure, truth));
                    }
                },
            };
            tell(Event::Ran(step, took));
            done.push(Done::of(step, took));
        }
        Ok(done)
    }

    /// Runs one, and sees who holds what it waits for.
    fn run_step(
        &self,
        runner: &mut Runner<'_, '_>,
        step: &Step,
        tell: Tell<'_>,
    ) -> (Result<Duration, Failure>, Vec<Holder>) {
        let limit = step.waits_up_to(runner.lock_timeout);
        let waits = |holders: &[Holder]| tell(Event::Waits(step, limit, holders));
        let (ran, holders) = blockers::during(&self.migrating(), runner.lock_timeout, &waits, || runner.run(step));
        if let Err(failure) = &ran
            && !step.transactional
            && limit.is_some()
            && failure.refused
            && failure.is_lock_timeout()
        {
            self.take_mark_back(step, &runner.ledger);
        }
        (ran, holders)
    }

    /// The ledger forgets that a file was begun whose one statement waited in vain. Where that fails, it stays dirty, and the
    /// ledger is asked for the truth.
    fn take_mark_back(&self, step: &Step, ledger: &Writer) {
        let statement = write::not_begun(&ledger.table, step.version, step.direction);
        let _ = signals::shielded(|| self.session().and_then(|mut session| ledger.change(&mut session, &statement)));
    }

    /// Asks the ledger, in a fresh session, whether the steps are done.
    ///
    /// # Errors
    /// It does not show one of them (6).
    pub fn check(&self, steps: &[Step]) -> Result<()> {
        let explained = |error: anyhow::Error| {
            let fault = Fault::new(Exit::Partial, "The migrations ran, but the ledger does not show them");
            error.context(fault.hint(format!(
                "see the state of each version: cargo xtask db-migrate status; whether a file set search_path for the \
                 database or a role: {}",
                see_settings(self.server.target())
            )))
        };
        let ledger = self.ledger_again().map_err(explained)?;
        match steps.iter().find(|step| !is_done(step, &ledger)) {
            None => Ok(()),
            Some(step) => Err(explained(anyhow::anyhow!("the ledger does not show the change of {}", step.version))),
        }
    }

    /// What is true of a step that failed. The ledger does not show what a file did that ended its transaction.
    fn truth(&self, step: &Step, failure: &Failure) -> Truth {
        match (self.ledger_truth(step, failure), failure.transaction) {
            (Truth::Untouched, Some(transaction)) => {
                let question = format!("SELECT pg_catalog.txid_status({transaction});");
                match signals::shielded(|| self.server.ask_maintenance(&question)) {
                    Ok(answer) if answer.trim() == "committed" => Truth::PartsStay,
                    // Where it was rolled back, the file may have done so itself, and gone on without a transaction.
                    _ => Truth::Unknown,
                }
            }
            (truth, _) => truth,
        }
    }

    /// What the ledger says of it.
    fn ledger_truth(&self, step: &Step, failure: &Failure) -> Truth {
        signals::shielded(|| {
            // A transaction whose COMMIT was never sent has no effect, whether or not the server can be asked.
            let unseen = if step.transactional && !failure.committing { Truth::Untouched } else { Truth::Unknown };
            if !failure.refused {
                // Its session may still be at work: it has to be over before the ledger tells the truth.
                let ended = self.migrating().in_maintenance().end();
                if ended.is_err() {
                    return unseen;
                }
            }
            let Ok(ledger) = self.ledger_again() else { return unseen };
            match ledger.row(step.version) {
                Some(row) if !row.success => Truth::Dirty,
                _ if is_done(step, &ledger) && failure.refused => Truth::DoneByOthers,
                _ if is_done(step, &ledger) => Truth::Done,
                _ => Truth::Untouched,
            }
        })
    }
}

/// Whether the ledger says that this step is done.
fn is_done(step: &Step, ledger: &Ledger) -> bool {
    let row = ledger.row(step.version);
    match step.direction {
        Direction::Up => row.is_some_and(|row| row.success && row.checksum == step.checksum),
        Direction::Down => row.is_none(),
    }
}
