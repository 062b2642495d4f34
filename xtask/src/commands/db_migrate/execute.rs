//! Steps run one after another; where one fails, what is true then is asked of the ledger, not guessed.

use super::work::Work;
use crate::error::{self, Exit, Fault};
use crate::migration::checks::{self, Direction};
use crate::migration::failure::{Failure, code};
use crate::migration::files::shown;
use crate::migration::ledger::Ledger;
use crate::migration::run::{Runner, Step};
use crate::postgres::maintenance_database;
use crate::postgres::session;
use crate::process::signals;
use crate::terminal;
use anyhow::Result;
use std::time::Duration;

/// A step that was run.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) version: i64,
    pub(super) description: String,
    pub(super) took: Duration,
}

/// What the ledger says of a step that failed.
enum Truth {
    /// It came to its end all the same.
    Done,
    /// It is as before.
    Untouched,
    /// Another program did it.
    DoneByOthers,
    Dirty,
    Unknown,
}

impl Work<'_> {
    /// Runs the steps, and asks the ledger afterwards whether they are there.
    ///
    /// # Errors
    /// Exit 6 where some were run and one was not.
    pub(super) fn execute(&self, runner: &mut Runner<'_, '_>, steps: &[Step]) -> Result<Vec<Done>> {
        let done = self.run_each(runner, steps, &|step, took| self.tell(step, took))?;
        signals::shielded(|| self.check(steps))?;
        Ok(done)
    }

    /// Runs the steps, and tells of each.
    pub(super) fn run_each(
        &self,
        runner: &mut Runner<'_, '_>,
        steps: &[Step],
        tell: &dyn Fn(&Step, Duration),
    ) -> Result<Vec<Done>> {
        let mut done = Vec::new();
        for step in steps {
            if let Some(signal) = signals::pending() {
                return Err(stopped(signals::interrupted(signal).into(), &done, steps.len()));
            }
            let took = match runner.run(step) {
                Ok(took) => took,
                Err(failure) => match self.truth(step, &failure) {
                    Truth::Done if done.len() + 1 == steps.len() => Duration::ZERO,
                    Truth::Done => {
                        done.push(of(step, Duration::ZERO));
                        return Err(stopped(failure.error, &done, steps.len()));
                    }
                    truth => return Err(self.failed(step, failure, &truth, &done, steps.len())),
                },
            };
            tell(step, took);
            done.push(of(step, took));
        }
        Ok(done)
    }

    fn tell(&self, step: &Step, took: Duration) {
        let (version, description) = (step.migration.version, &step.migration.description);
        let lead = if step.direction == Direction::Up { "" } else { "Taken back: " };
        let line = format!("{lead}{version} {description} ({})", terminal::duration(took));
        self.context.terminal.done(&terminal::clean(&line));
    }

    /// Done is what a fresh session sees.
    fn check(&self, steps: &[Step]) -> Result<()> {
        let explained = |error: anyhow::Error| {
            let fault = Fault::new(Exit::Partial, "The migrations ran, but the ledger does not show them");
            error.context(fault.hint("see how they stand: cargo xtask db-migrate status"))
        };
        let ledger = self.ledger().map_err(explained)?;
        match steps.iter().find(|step| !is_done(step, &ledger)) {
            None => Ok(()),
            Some(step) => Err(explained(anyhow::anyhow!("{} is not as it should be", step.migration.version))),
        }
    }

    /// What is true of a step that failed.
    fn truth(&self, step: &Step, failure: &Failure) -> Truth {
        signals::shielded(|| {
            // A transaction whose COMMIT was never sent has no effect, whether or not the server can be asked.
            let unseen = if step.transactional && !failure.committing { Truth::Untouched } else { Truth::Unknown };
            if !failure.refused {
                // Its session may still be at work: it has to be over before the ledger tells the truth.
                let ended = session::end(self.target, maintenance_database(self.target), &self.session_name());
                if ended.is_err() {
                    return unseen;
                }
            }
            let Ok(ledger) = self.ledger() else { return unseen };
            match ledger.row(step.migration.version) {
                Some(row) if !row.success => Truth::Dirty,
                _ if is_done(step, &ledger) && failure.refused => Truth::DoneByOthers,
                _ if is_done(step, &ledger) => Truth::Done,
                _ => Truth::Untouched,
            }
        })
    }

    fn failed(&self, step: &Step, failure: Failure, truth: &Truth, done: &[Done], all: usize) -> anyhow::Error {
        let exit = error::exit(&failure.error);
        if matches!((truth, exit), (Truth::Untouched, Exit::Signal(_))) {
            return stopped(failure.error, done, all);
        }
        if matches!(truth, Truth::DoneByOthers) {
            let fault = format!("Another program was faster with {}; it stands once", step.migration.version);
            return Fault::new(Exit::Locked, fault).hint("run it again: it goes on from there").into();
        }
        let file = shown(step.file());
        let place = failure.at.map(|(line, inner)| {
            let begun = checks::statement_before(step.file(), line).unwrap_or(line);
            format!("{file}:{}", begun + inner.map_or(0, |inner| inner.saturating_sub(1)))
        });
        let outcome = match truth {
            Truth::Dirty => "what it did until then stays; its version is marked as dirty".to_owned(),
            Truth::Unknown => "whether it took effect is not known".to_owned(),
            _ => outcome(step.direction, done.len(), all),
        };
        let touched = matches!(truth, Truth::Dirty | Truth::Unknown) || !done.is_empty();
        let when = match (failure.committing && failure.refused, &failure.statement) {
            (true, None) => " at COMMIT",
            (true, Some(_)) => " when its row in the ledger was written",
            _ => "",
        };
        let fault = Fault::new(
            if touched { Exit::Partial } else { exit },
            format!("{} failed{when}; {outcome}", place.unwrap_or(file)),
        );
        let said = match exit {
            // Its own words say that nothing was changed.
            Exit::Signal(signal) => format!("Ended by signal {signal}"),
            _ => error_text(&failure.error),
        };
        let own_hint = error::fault(&failure.error).and_then(Fault::hint_text).map(str::to_owned);
        let hint = match truth {
            Truth::Dirty => {
                let own = own_hint.map(|hint| format!("{hint}\n")).unwrap_or_default();
                format!("{own}finish it or undo it by hand, then: cargo xtask db-migrate repair")
            }
            Truth::Unknown => "see how it stands, once the server answers: cargo xtask db-migrate status".to_owned(),
            _ if failure.is_lock_timeout() => "somebody holds what it needs; see who: \
                cargo xtask db-shell -- -c 'SELECT pid, state, query FROM pg_stat_activity'\n\
                or wait longer: --lock-timeout SECONDS"
                .to_owned(),
            _ if code(&failure.error) == Some(code::IN_TRANSACTION) => {
                "give the statement a file of its own whose first line is: -- no-transaction".to_owned()
            }
            _ => own_hint.unwrap_or_else(|| "mend the file, then run it again".to_owned()),
        };
        let statement = failure.statement.map(|statement| format!("\nSTATEMENT:  {statement}")).unwrap_or_default();
        anyhow::Error::msg(format!("{said}{statement}")).context(fault.hint(hint))
    }
}

/// Ended between two steps, or before one took effect.
fn stopped(error: anyhow::Error, done: &[Done], all: usize) -> anyhow::Error {
    let signal = match error::exit(&error) {
        Exit::Signal(signal) => signal,
        _ if done.is_empty() => return error,
        _ => {
            let fault = Fault::new(Exit::Partial, format!("The session was lost; {} of {all} were run", done.len()));
            return error.context(fault.hint("run it again: it goes on from there"));
        }
    };
    if done.is_empty() {
        return signals::interrupted(signal).into();
    }
    let fault = Fault::new(Exit::Partial, format!("Ended by signal {signal}; {} of {all} were run", done.len()));
    fault.hint("run it again: it goes on from there").into()
}

fn error_text(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn of(step: &Step, took: Duration) -> Done {
    Done { version: step.migration.version, description: step.migration.description.clone(), took }
}

/// Whether the ledger says that this step is done.
fn is_done(step: &Step, ledger: &Ledger) -> bool {
    let row = ledger.row(step.migration.version);
    match step.direction {
        Direction::Up => row.is_some_and(|row| row.success && row.checksum == step.checksum),
        Direction::Down => row.is_none(),
    }
}

fn outcome(direction: Direction, done: usize, all: usize) -> String {
    let what = if direction == Direction::Up { "applied" } else { "taken back" };
    match done {
        0 => format!("nothing was {what}"),
        done => format!("{done} of {all} were {what}, this one and those after it were not"),
    }
}
