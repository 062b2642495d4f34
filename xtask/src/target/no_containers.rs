//! Targets whose server is in no container: none of ours stands beside it.

use super::backend::Companions;
use super::companion::{Companion, CompanionContainer, CompanionEnd, CompanionImage, Surroundings};
use crate::error::Fault;
use anyhow::Result;
use std::time::Duration;

/// Says so of a target.
pub(super) trait NoContainers {}

impl<T: NoContainers> Companions for T {
    fn surroundings(&self) -> Result<Option<Surroundings>> {
        Ok(None)
    }

    fn fetch_images(&self, _: &[CompanionImage<'_>], _: &dyn Fn(&str)) -> Result<()> {
        Ok(())
    }

    fn companion_end(&self, _: &str, _: &str, _: Duration) -> Option<CompanionEnd> {
        None
    }

    fn start_companion(&self, companion: &Companion<'_>, _: bool) -> Result<()> {
        let fault = Fault::usage(format!("{} needs the target compose", companion.name));
        Err(fault.hint("choose it: --target compose").into())
    }

    fn companion_containers(&self, _: &str, _: Duration) -> Vec<CompanionContainer> {
        Vec::new()
    }

    fn stop_companion(&self, _: &str, _: bool) -> Result<()> {
        Ok(())
    }
}
