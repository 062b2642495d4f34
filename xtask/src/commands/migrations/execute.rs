//! Steps run, and shown as they go.

use super::notices;
use super::work::Work;
use crate::migration::checks::Direction;
use crate::migration::execute::Event;
use crate::migration::run::{Done, Runner, Step};
use crate::process::signals;
use crate::terminal;
use anyhow::Result;

impl Work<'_> {
    /// Runs the steps, shows what the server said meanwhile, and asks the ledger afterwards whether they are there.
    ///
    /// # Errors
    /// Exit 6 where some were run and one was not.
    pub fn execute(&self, runner: &mut Runner<'_, '_>, steps: &[Step]) -> Result<Vec<Done>> {
        let migrated = self.migrated();
        let done = {
            let line = self.context.terminal.waiting("running");
            migrated.run_each(runner, steps, &|event| line.aside(|| self.tell(&event)))
        };
        notices::show(&runner.session.end(), &self.context.terminal);
        let done = done?;
        signals::shielded(|| migrated.check(steps))?;
        Ok(done)
    }

    fn tell(&self, event: &Event<'_>) {
        let terminal = &self.context.terminal;
        match event {
            Event::Ran(step, took) => {
                let lead = if step.direction == Direction::Up { "" } else { "Reverted: " };
                let line = format!("{lead}{} {} ({})", step.version, step.description, terminal::duration(*took));
                terminal.done(&terminal::clean_line(&line));
            }
            Event::Waits(step, limit, holders) => {
                let Some(holder) = holders.first() else { return };
                let how = limit.map_or_else(
                    || "waits without a limit, because it runs outside a transaction".to_owned(),
                    |limit| format!("waits up to {} s (--lock-timeout)", limit.as_secs()),
                );
                terminal.note(&terminal::clean_line(&format!("{} {how}: {holder}", step.version)));
            }
        }
    }
}
