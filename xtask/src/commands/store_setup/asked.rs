//! The tests of a store file, asked before and after a run changes the store.

use super::apply::Setup;
use crate::commands::assertions::{ask, outcome_lines, unanswered};
use crate::commands::second_openfga::SecondOpenfga;
use crate::error::{Exit, Fault};
use crate::openfga::assertions::{Live, Outcome, OwnStore, Tally};
use crate::terminal::{count, counted};
use anyhow::Result;

impl Setup<'_> {
    /// What is to be deleted counts for the tests: they are asked of a store that holds what the file says and nothing
    /// else, before the live one is touched.
    pub(super) fn try_beforehand(self, second: &SecondOpenfga<'_>) -> Result<()> {
        let (file, context) = (self.file, self.context);
        let OwnStore { api, store, model } = second.store(self.model, &file.tuples, &[])?;
        let live = Live { api, store: &store, model: &model, exact: true, tuples: &file.tuples };
        let outcomes = ask(live, file, second, context)?;
        let tally = Tally::of(&outcomes);
        let of = counted(outcomes.len() as u64, "assertion", "assertions");
        self.say(&outcomes);
        if tally.failed > 0 {
            let message = format!(
                "{} of {of} failed with the file's tuples alone; nothing was changed",
                count(tally.failed as u64)
            );
            return Err(Fault::failed(message)
                .hint("fix the model, the tuples or the tests, then run it again")
                .into());
        }
        if tally.unanswered > 0 {
            return Err(unanswered(tally, &of).into());
        }
        context.terminal.done(&format!("{of} passed in a second OpenFGA that holds what the file says"));
        Ok(())
    }

    /// Says what a person must know of the answers.
    fn say(self, outcomes: &[Outcome]) {
        let told = |outcome: &&Outcome| !outcome.passed || !outcome.extra.is_empty() || outcome.note.is_some();
        for outcome in outcomes.iter().filter(told) {
            outcome_lines(outcome, self.context).iter().for_each(|line| self.context.terminal.note(line));
        }
    }

    /// Goes on only where every test passed.
    pub(super) fn check(self, outcomes: &[Outcome], changed: bool) -> Result<(), Fault> {
        self.say(outcomes);
        let tally = Tally::of(outcomes);
        let of = counted(outcomes.len() as u64, "assertion", "assertions");
        if tally.failed > 0 {
            let message = format!("{} of {of} failed; .env keeps the ids that it has", count(tally.failed as u64));
            let exit = if changed { Exit::Partial } else { Exit::Failed };
            return Err(Fault::new(exit, message).hint("fix the model, the tuples or the tests, then run it again"));
        }
        if tally.unanswered > 0 {
            let unanswered = count(tally.unanswered as u64);
            let message = format!("{unanswered} of {of} have no answer; .env keeps the ids that it has");
            let hint = "the server is too slow or down: check it with cargo xtask health-check, then run it again";
            return Err(Fault::unreachable(message).hint(hint));
        }
        Ok(())
    }
}
