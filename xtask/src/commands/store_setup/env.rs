//! The ids in `.env`: known to be writable before anything is changed, written when all is checked.

use super::options::Options;
use crate::commands::other_ids;
use crate::context::Context;
use crate::openfga::store::{MODEL_ID, STORE_ID};
use crate::settings::{self, EnvEdit};
use crate::target::Target;
use anyhow::Result;

/// A sample with the length of OpenFGA's ids.
const SAMPLE: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// Whether `.env` gets the ids.
#[derive(Debug)]
pub struct Ids {
    wanted: bool,
}

impl Ids {
    /// Makes sure that they can be written, before anything is changed.
    pub fn of(options: Options<'_>, target: &Target, context: &Context) -> Result<Self> {
        let wanted = !options.no_env;
        if wanted {
            target.stack().check_env_file(&context.settings)?;
        }
        if wanted && !options.dry_run && context.root.join(".env").symlink_metadata().is_ok() {
            EnvEdit::prepare(&context.root, &[(STORE_ID, SAMPLE), (MODEL_ID, SAMPLE)])?;
        }
        Ok(Self { wanted })
    }

    /// Whether they would change the file; an id that is not known yet is to be made.
    pub fn would_change(&self, store: Option<&str>, model: Option<&str>, context: &Context) -> Result<bool> {
        if !self.wanted || context.root.join(".env").symlink_metadata().is_err() {
            return Ok(self.wanted);
        }
        let values = [(STORE_ID, store.unwrap_or(SAMPLE)), (MODEL_ID, model.unwrap_or(SAMPLE))];
        Ok(EnvEdit::prepare(&context.root, &values)?.changes())
    }

    /// Writes both in one step; whether the file was changed. Says whom it concerns.
    pub fn write(&self, store: &str, model: &str, target: &Target, context: &Context) -> Result<bool> {
        let values = [(STORE_ID, store), (MODEL_ID, model)];
        if !self.wanted {
            return Ok(false);
        }
        // Never from .env.example: the stack runs, and the next start would take a placeholder password from it.
        settings::make_empty_env_file(&context.root)?;
        let edit = EnvEdit::prepare(&context.root, &values)?;
        let changes = edit.changes();
        edit.write()?;
        for (name, value) in values {
            if let Some(other) = context.settings.in_environment(name).filter(|other| *other != value) {
                context
                    .terminal
                    .warn(&format!("{name} is {other} in this environment, which wins over .env: unset it"));
            }
        }
        if changes {
            say_who_uses_them(target, context);
        } else {
            other_ids::warn(store, model, target, context);
        }
        Ok(changes)
    }
}

/// Running containers keep the ids that they were made with.
fn say_who_uses_them(target: &Target, context: &Context) {
    if let Some(holders) = target.services().holders_of(&[STORE_ID, MODEL_ID]) {
        let renew = context.terminal.to_type(&holders.renew);
        context
            .terminal
            .note(&format!("{} use the ids (a restart is not enough): {renew}", holders.services.join(", ")));
    }
}
