//! The project as Compose reads its files, and its name.

use super::Compose;
use super::config::Config;
use super::engine::DEADLINE;
use super::read_project::{AskedOnce, ReadProject};
use anyhow::Result;
use std::time::Duration;

/// What Compose reads in the project's files.
pub(super) const CONFIG: [&str; 3] = ["config", "--format", "json"];

impl Compose {
    /// The project as Compose reads it, all profiles included; asked once.
    pub(super) fn config(&self) -> Result<&Config> {
        self.config_within(DEADLINE)
    }

    pub(super) fn config_within(&self, deadline: Duration) -> Result<&Config> {
        Ok(&self.read_within(deadline)?.config)
    }

    pub(super) fn read_within(&self, deadline: Duration) -> Result<&ReadProject> {
        self.files().get(deadline, || {
            let told = self.told(CONFIG, deadline).map_err(|error| self.outer_cause().unwrap_or(error))?;
            told.map_or_else(|| Ok(self.run(CONFIG, deadline)?.text()), Ok)
        })
    }

    /// As [`Self::read_within`], but the causes of a Compose that does not answer in time are not looked for.
    pub(super) fn read_in_time(&self, deadline: Duration) -> Result<&ReadProject> {
        self.files().get(deadline, || {
            if let Some(told) = self.told(CONFIG, deadline)? {
                return Ok(told);
            }
            let captured = self.program(CONFIG)?.capture(deadline)?;
            if captured.ending.success() { Ok(captured.text()) } else { Ok(self.run(CONFIG, deadline)?.text()) }
        })
    }

    pub(super) fn files(&self) -> &AskedOnce {
        let is_selected = self.starts.get().is_some() && self.selection().is_some();
        if is_selected { &self.files_of_start } else { &self.files }
    }

    /// The project's name, where it is known without asking Compose.
    pub(super) fn project(&self) -> Option<&str> {
        self.project.get().map(String::as_str)
    }

    /// The project's name, as Compose tells it.
    pub(super) fn asked_name(&self) -> Option<&str> {
        self.config().ok().map(|config| config.name.as_str())
    }
}
