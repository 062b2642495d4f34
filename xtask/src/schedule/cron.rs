//! This user's crontab, read and written by the program `crontab`.

use super::crontab::{self, Found};
use super::daemon;
use super::plan::Plan;
use super::timer::Presence;
use crate::error::Fault;
use crate::process::{self, Program};
use anyhow::{Context as _, Result};
use std::time::Duration;

const PROGRAM: &str = "crontab";
const DEADLINE: Duration = Duration::from_secs(10);
/// What the programs say where a user has no crontab yet: Debian's, Red Hat's and BSD's; BusyBox's.
const NONE_YET: &[&str] = &["no crontab for", "can't open"];

/// Whether there is the program.
pub fn is_there() -> bool {
    process::find(PROGRAM).is_some()
}

/// What has cron run.
pub const START: &str =
    "start it, at every boot, too: systemctl enable --now cron; without systemd: service cron start";

/// What makes the block useless although it stands in the crontab.
pub fn caution(deadline: Duration) -> Option<String> {
    let runs = daemon::runs(deadline)?;
    (!runs).then(|| "no cron runs on this machine: nothing starts what the crontab says".to_owned())
}

/// The whole crontab; empty where there is none.
///
/// # Errors
/// Exit 1: the program is not there, or refuses.
fn read(deadline: Duration) -> Result<String> {
    let captured = program()?.arg("-l").capture(deadline)?;
    if captured.ending.success() {
        return String::from_utf8(captured.stdout)
            .with_context(|| Fault::failed("The crontab is not UTF-8").hint("change it by hand: crontab -e"));
    }
    if NONE_YET.iter().any(|words| captured.stderr.contains(words)) {
        return Ok(String::new());
    }
    Err(refused("The crontab cannot be read", &captured.stderr))
}

fn program() -> Result<Program, Fault> {
    let path = process::find(PROGRAM).ok_or_else(|| {
        Fault::failed("There is no program crontab on this machine")
            .hint("install cron; or add --timer paste to the command, which prints the line for another timer")
    })?;
    Ok(Program::new(path).env("LC_ALL", "C"))
}

fn refused(what: &str, said: &str) -> anyhow::Error {
    let hint = "may this user have one? see /etc/cron.allow and /etc/cron.deny; try by hand: crontab -e";
    anyhow::Error::msg(said.trim().to_owned()).context(Fault::failed(what).hint(hint))
}

/// Writes it whole, and looks whether it is there.
fn write(text: &str) -> Result<()> {
    let captured = program()?.arg("-").capture_with(text.as_bytes().to_vec(), DEADLINE)?;
    if !captured.ending.success() {
        return Err(refused("The crontab cannot be written", &captured.stderr));
    }
    // Some drop the last empty line, or what is only blanks.
    if read(DEADLINE)?.trim_end() != text.trim_end() {
        let what = "The crontab was written, but reads back as another text";
        return Err(Fault::failed(what).hint("look at it: crontab -l").into());
    }
    Ok(())
}

/// Whether anything stands there under this name.
///
/// # Errors
/// The crontab cannot be read.
pub fn has(name: &str) -> Result<bool> {
    Ok(!matches!(crontab::find(&read(DEADLINE)?, name), Found::Nothing))
}

/// The block of this name, if it was written for none of these plans: where it is, and what it says.
///
/// # Errors
/// The crontab cannot be read.
pub fn edited(plans: &[&Plan], name: &str) -> Result<Option<(String, String)>> {
    let text = read(DEADLINE)?;
    let is_written = |block: &str| plans.iter().any(|plan| plan.block.as_deref() == Some(block));
    Ok(match crontab::find(&text, name) {
        Found::Block(place) if !is_written(&text[place.clone()]) => {
            Some((format!("The block {name} of the crontab"), text[place].to_owned()))
        }
        // Nothing can replace it: this says why.
        Found::Broken(_) => crontab::without(&text, name).map(|_| None)?,
        _ => None,
    })
}

/// Writes the block in place of one of this name.
pub fn install(block: &str, name: &str) -> Result<()> {
    let before = read(DEADLINE)?;
    let after = crontab::with(&before, name, block)?;
    if before == after { Ok(()) } else { write(&after) }
}

/// Removes the block; false where there is none.
pub fn remove(name: &str) -> Result<bool> {
    let before = read(DEADLINE)?;
    let after = crontab::without(&before, name)?;
    if before == after {
        return Ok(false);
    }
    write(&after)?;
    Ok(true)
}

/// Whether the block stands there as it was written.
pub fn presence(plan: &Plan, name: &str, deadline: Duration) -> Presence {
    let text = match read(deadline) {
        Ok(text) => text,
        Err(error) => return Presence::Unknown(format!("{error:#}")),
    };
    match crontab::find(&text, name) {
        Found::Nothing => Presence::Gone(format!("the block {name} is gone from the crontab")),
        Found::Broken(why) => Presence::Broken(format!("the block {name} of the crontab: {why}")),
        Found::Block(place) if Some(&text[place.clone()]) == plan.block.as_deref() => Presence::There,
        Found::Block(place) => {
            let lines: Vec<&str> = text[place].lines().filter(|line| !line.starts_with('#')).collect();
            if lines.iter().all(|line| line.trim().is_empty()) {
                return Presence::Gone(format!("no line of the block {name} of the crontab starts anything"));
            }
            Presence::Edited(format!("the block {name} of the crontab was edited by hand: {}", lines.join("; ")))
        }
    }
}
