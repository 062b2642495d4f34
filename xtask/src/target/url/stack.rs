//! There is nothing to start or to stop: the server's host does that.

use super::Url;
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::backend::{Access as _, ComposeProject, Extent, Stack};
use crate::target::ports::Taken;
use crate::target::startup::{Answering, Startup};
use anyhow::Result;
use std::path::Path;

impl Stack for Url {
    fn starts_server(&self) -> bool {
        false
    }

    fn up(&self, startup: &Startup, _: Extent) -> Result<Answering> {
        Ok(Answering { postgres: startup.queries.version(&[])?, openfga: None, started: false, failed: Vec::new() })
    }

    fn down(&self, _: Extent, _: &dyn Fn(&Fault)) -> Result<bool> {
        let fault = Fault::usage(format!("This program does not stop {}", self.place()));
        Err(fault.hint("stop it on its host; or name another target: --target compose, --target local").into())
    }

    fn running(&self) -> Option<Vec<String>> {
        None
    }

    fn check_ours(&self) -> Result<()> {
        Ok(())
    }

    /// Nothing but this program reads it.
    fn check_env_file(&self, _: &Settings) -> Result<()> {
        Ok(())
    }

    fn taken_ports(&self, _: &Settings) -> Result<Vec<Taken>> {
        Ok(Vec::new())
    }

    fn has_containers(&self) -> bool {
        false
    }

    fn runs_at_first_start(&self, _: &Path) -> Option<String> {
        None
    }

    fn compose_project(&self) -> Option<&dyn ComposeProject> {
        None
    }
}
