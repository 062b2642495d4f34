//! `common.database-url-var`: sqlx finds its database's address in another variable than `DATABASE_URL`.

use super::{Config, FILE, USUAL};
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::{Target, named_by_url};
use crate::words::shell_word;
use std::path::Path;

impl Config {
    /// Refuses to work on another database than sqlx would.
    ///
    /// # Errors
    /// Exit 2: the variable that `sqlx.toml` names is not set, or names another database than the target's.
    pub fn check_database(&self, target: &Target, settings: &Settings, root: &Path) -> Result<(), Fault> {
        let Some(variable) = &self.address_in else { return Ok(()) };
        let refused = |what: String| {
            let fault = format!("{FILE} says that the database's address is in {variable}, {what}");
            Fault::usage(fault).hint(format!(
                "name one database in both: {}, and the target's own settings; or take common.database-url-var \
                 out of {FILE}",
                shell_word(variable)
            ))
        };
        let address = settings.get(variable).ok_or_else(|| refused("which is not set".to_owned()))?;
        let mut theirs = settings.clone();
        theirs.set_flag(USUAL, address);
        let theirs = named_by_url(&theirs, root)?;
        if theirs.database == target.database() && target.access().may_be_at(&theirs.place) {
            return Ok(());
        }
        let found = format!("which names database {} at {}, not {}", theirs.database, theirs.place, target.shown());
        Err(refused(found))
    }
}
