//! Steps run one after another; where one fails, what is true then is asked of the ledger, not guessed.

use super::done::Done;
use super::failed::{Attempt, Truth, stopped};
use super::notices;
use super::work::Work;
use crate::error::{Exit, Fault};
use crate::migration::blockers;
use crate::migration::checks::Direction;
use crate::migration::failure::Failure;
use crate::migration::ledger::Ledger;
use crate::migration::run::{Runner, Step};
use crate::postgres::locks::Holder;
use crate::process::signals;
use crate::terminal;
use anyhow::Result;
use std::time::Duration;

/// What happens while steps run.
pub(super) enum Event<'a> {
    /// A step took so long.
    Ran(&'a Step, Duration),
    /// A step waits, up to so long, for what these sessions hold.
    Waits(&'a Step, Duration, &'a [Holder]),
}

/// Is called as it happens.
type Tell<'a> = &'a (dyn Fn(Event<'_>) + Sync);

impl Work<'_> {
    /// Runs the steps, shows what the server said meanwhile, and asks the ledger afterwards whether they are there.
    ///
    /// # Errors
    /// Exit 6 where some were run and one was not.
    pub(super) fn execute(&self, runner: &mut Runner<'_, '_>, steps: &[Step]) -> Result<Vec<Done>> {
        let done = {
            let line = self.context.terminal.waiting("running");
            self.run_each(runner, steps, &|event| line.aside(|| self.tell(&event)))
        };
        notices::show(&runner.session.end(), &self.context.terminal);
        let done = done?;
        signals::shielded(|| self.check(steps))?;
        Ok(done)
    }

    /// Runs the steps, and tells of each.
    pub(super) fn run_each(&self, runner: &mut Runner<'_, '_>, steps: &[Step], tell: Tell<'_>) -> Result<Vec<Done>> {
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
                        done.push(of(step, Duration::ZERO));
                        return Err(stopped(failure.error, &done, steps.len()));
                    }
                    truth => {
                        let (done, all, target) = (done.as_slice(), steps.len(), self.server.target());
                        return Err(Attempt { step, holders: &holders, done, all, target }.explain(failure, truth));
                    }
                },
            };
            tell(Event::Ran(step, took));
            done.push(of(step, took));
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
        if !step.transactional {
            // It waits as long as it must.
            return (runner.run(step), Vec::new());
        }
        let lock_timeout = runner.lock_timeout;
        let waits = |holders: &[Holder]| tell(Event::Waits(step, lock_timeout, holders));
        blockers::during(&self.migrating(), lock_timeout, &waits, || runner.run(step))
    }

    fn tell(&self, event: &Event<'_>) {
        let terminal = &self.context.terminal;
        match event {
            Event::Ran(step, took) => {
                let lead = if step.direction == Direction::Up { "" } else { "Reverted: " };
                let line = format!("{lead}{} {} ({})", step.version, step.description, terminal::duration(*took));
                terminal.done(&terminal::clean(&line));
            }
            Event::Waits(step, lock_timeout, holders) => {
                let Some(holder) = holders.first() else { return };
                let (version, seconds) = (step.version, lock_timeout.as_secs());
                let line = format!("{version} waits up to {seconds} s (--lock-timeout): {holder}");
                terminal.note(&terminal::clean_line(&line));
            }
        }
    }

    /// Done is what a fresh session sees.
    fn check(&self, steps: &[Step]) -> Result<()> {
        let explained = |error: anyhow::Error| {
            let fault = Fault::new(Exit::Partial, "The migrations ran, but the ledger does not show them");
            error.context(fault.hint("see the state of each version: cargo xtask db-migrate status"))
        };
        let ledger = self.ledger().map_err(explained)?;
        match steps.iter().find(|step| !is_done(step, &ledger)) {
            None => Ok(()),
            Some(step) => Err(explained(anyhow::anyhow!("the ledger does not show the change of {}", step.version))),
        }
    }

    /// What is true of a step that failed.
    fn truth(&self, step: &Step, failure: &Failure) -> Truth {
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
            let Ok(ledger) = self.ledger() else { return unseen };
            match ledger.row(step.version) {
                Some(row) if !row.success => Truth::Dirty,
                _ if is_done(step, &ledger) && failure.refused => Truth::DoneByOthers,
                _ if is_done(step, &ledger) => Truth::Done,
                _ => Truth::Untouched,
            }
        })
    }
}

fn of(step: &Step, took: Duration) -> Done {
    Done { version: step.version, description: step.description.clone(), took }
}

/// Whether the ledger says that this step is done.
fn is_done(step: &Step, ledger: &Ledger) -> bool {
    let row = ledger.row(step.version);
    match step.direction {
        Direction::Up => row.is_some_and(|row| row.success && row.checksum == step.checksum),
        Direction::Down => row.is_none(),
    }
}
