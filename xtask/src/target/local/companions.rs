//! No containers stand beside a server that is in none.

use super::Local;
use crate::error::Fault;
use crate::target::backend::Companions;
use crate::target::companion::{Companion, CompanionContainer, Surroundings};
use anyhow::Result;
use std::time::Duration;

impl Companions for Local {
    fn surroundings(&self) -> Result<Option<Surroundings>> {
        Ok(None)
    }

    fn start_companion(&self, companion: &Companion<'_>, _: bool) -> Result<()> {
        Err(Fault::usage(format!("{} needs the target compose", companion.name)).into())
    }

    fn companion_containers(&self, _: &str, _: Duration) -> Vec<CompanionContainer> {
        Vec::new()
    }

    fn stop_companion(&self, _: &str, _: bool) -> Result<()> {
        Ok(())
    }
}
