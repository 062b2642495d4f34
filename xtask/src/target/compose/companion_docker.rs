//! What Docker says of the images and containers of ours beside the project.

use super::failure_text;
use super::life::{self, Life};
use crate::error::Fault;
use crate::process::Program;
use crate::target::companion::{CompanionEnd, CompanionImage};
use anyhow::{Error, Result};
use std::time::Duration;

/// For one image.
const PULL_DEADLINE: Duration = Duration::from_secs(1200);
/// A container that ends so often does not come right by itself.
const RESTARTS: u64 = 2;

/// Pulls the images that are not here.
///
/// # Errors
/// Exit 1: one cannot be pulled.
pub(super) fn fetch(images: &[CompanionImage<'_>], say: &dyn Fn(&str), deadline: Duration) -> Result<()> {
    for CompanionImage { name, setting, user } in images {
        let here = Program::new("docker").args(["image", "inspect", "--format", "{{.Id}}", "--", name]);
        if here.capture(deadline)?.ending.success() {
            continue;
        }
        say(name);
        let pulled = Program::new("docker").args(["pull", "--quiet", "--", name]).capture(PULL_DEADLINE)?;
        if !pulled.ending.success() {
            let fault = Fault::failed(format!("The image {name} of {user} is not here and cannot be pulled"));
            let fault = fault.hint(format!("name one that is here or can be pulled, in .env: {setting}=IMAGE"));
            return Err(Error::msg(failure_text::last_lines(&pulled.stderr, 1)).context(fault));
        }
    }
    Ok(())
}

/// How a container ended; `None` while it runs.
pub(super) fn end_of(id: &str, deadline: Duration) -> Option<CompanionEnd> {
    let how = match life::of(id, deadline)? {
        Life { restarting: true, restarts: RESTARTS.., exit_code: code, .. } => {
            format!("Docker restarts it again and again (exit code {code})")
        }
        Life { ended: true, exit_code: code, .. } => format!("it has ended (exit code {code})"),
        _ => return None,
    };
    let log = Program::new("docker").args(["logs", "--tail", "5", id]).capture(deadline).ok();
    let log = log.map(|log| format!("{}\n{}", log.text(), log.stderr)).unwrap_or_default();
    let last = log.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Some(CompanionEnd { how, last_line: last.map(str::to_owned) })
}
