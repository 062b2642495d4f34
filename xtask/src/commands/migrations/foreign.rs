//! Folders and databases of other tools: named, and left alone.

use super::work::{Compared, Work};
use crate::error::Fault;
use crate::migration::config::SETTING;
use crate::migration::other_ledgers;
use crate::migration::plan::State;
use crate::postgres::rows;
use crate::terminal;
use anyhow::Result;

impl Work<'_> {
    /// Whether the folder's files are another tool's; says so.
    pub fn is_left_out(&self) -> bool {
        if let Some(why) = &self.folder.foreign {
            self.context.terminal.warn(&terminal::clean_line(&format!("The migrations are left out: {why}")));
        }
        self.folder.foreign.is_some()
    }

    /// That another tool migrates the database, as far as this program has applied nothing there.
    pub fn other_ledgers(&self, compared: &Compared) -> Result<Option<String>> {
        other_ledgers::owner(&self.live(), &compared.ledger)
    }

    /// Asks before the first migration of a database that holds data already: another program made it.
    pub fn confirm_first(&self, compared: &Compared, yes: bool) -> Result<()> {
        let pending = compared.entries.iter().filter(|entry| entry.state == State::Pending).count();
        if pending == 0 || !compared.ledger.rows.is_empty() || !rows::may_be_there(&self.live()) {
            return Ok(());
        }
        let database = self.server.database();
        let migrations = terminal::counted(pending as u64, "migration", "migrations");
        let from = self.config.folder.as_deref().map(|folder| self.context.shown(folder)).unwrap_or_default();
        self.context.terminal.warn(&terminal::clean_line(&format!(
            "Database {database} holds data, and none of the {migrations} of {from} is applied to it; a backup is taken first"
        )));
        let declined = || {
            let hint = format!("to leave them out: {SETTING}=none in .env; then run it again");
            Fault::failed("Declined; no migration was applied").hint(hint)
        };
        Ok(self.context.terminal.confirm_or(&format!("Apply {migrations} to it?"), yes, declined)?)
    }
}
