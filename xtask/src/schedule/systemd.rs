//! A timer of this user's systemd, set by the programs `systemctl` and `loginctl`.

use super::plan::Plan;
use super::timer::Presence;
use super::units::Units;
use crate::error::Fault;
use crate::platform;
use crate::process::{self, Captured, Program};
use crate::target::state_folder::write_private;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);
/// What helps where systemd starts no timer.
const ANOTHER: &str = "does this user's systemd run? systemctl --user status; else add --timer cron to the command, or --timer paste, \
                       which prints the line for another timer";
/// No unit is longer, in bytes.
const LONGEST: u64 = 64 << 10;

/// Whether this user's systemd runs and answers.
pub fn answers() -> bool {
    Path::new("/run/systemd/system").exists()
        && user(&["show-environment"], DEADLINE).is_ok_and(|said| said.ending.success())
}

/// Whether this user's timers go on after they log out.
pub fn lingers(deadline: Duration) -> bool {
    let user = platform::user_id().unwrap_or_default().to_string();
    let asked = Program::new("loginctl").args(["show-user", &user, "--property=Linger", "--value"]).capture(deadline);
    // Of a user who is not logged in and does not linger it says nothing.
    asked.is_ok_and(|said| said.ending.success() && said.text().trim() == "yes")
}

/// Has this user's timers go on after they log out.
pub fn enable_linger() -> Result<()> {
    let said = Program::new("loginctl").arg("enable-linger").capture(DEADLINE)?;
    done(&said, "Lingering could not be enabled")
}

/// Writes the units and starts the timer.
pub fn install(plan: &Plan, name: &str) -> Result<()> {
    let folder = folder(&plan.environment)?;
    let units = Units::of(plan, name)?;
    let refused = || Fault::failed(format!("{} cannot be written", folder.display()));
    fs::create_dir_all(&folder).with_context(refused)?;
    for (path, text) in files(&folder, name).iter().zip([&units.service, &units.timer]) {
        write_private(path, text.as_bytes()).with_context(refused)?;
    }
    let timer = format!("{name}.timer");
    // What runs already keeps its old times until it is restarted.
    let started =
        [&["daemon-reload"][..], &["enable", &timer], &["restart", &timer]].into_iter().try_for_each(|words| {
            let asked = user(words, DEADLINE);
            let asked = asked
                .with_context(|| Fault::failed("systemctl, the program of systemd, cannot be asked").hint(ANOTHER))?;
            done(&asked, "The timer could not be started")
        });
    started.inspect_err(|_| {
        let _ = remove(&plan.environment, name);
    })
}

/// Stops the timer and removes the units.
pub fn remove(environment: &BTreeMap<String, String>, name: &str) -> Result<()> {
    let folder = folder(environment)?;
    let timer = format!("{name}.timer");
    // One that is not there any more is no reason to keep its files.
    let stopped = user(&["disable", "--now", &timer], DEADLINE);
    for path in files(&folder, name) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| Fault::failed(format!("{} cannot be removed", path.display())));
            }
            _ => (),
        }
    }
    // Without the program no systemd runs that could have read them.
    if process::find("systemctl").is_none() {
        return Ok(());
    }
    stopped.and(user(&["daemon-reload"], DEADLINE)).map(drop)
}

/// Whether the timer stands and runs as it was written.
pub fn presence(plan: &Plan, name: &str, deadline: Duration) -> Presence {
    let (Ok(folder), Ok(units)) = (folder(&plan.environment), Units::of(plan, name)) else {
        return Presence::Unknown("its folder is not known".to_owned());
    };
    for (path, text) in files(&folder, name).iter().zip([&units.service, &units.timer]) {
        match fs::read_to_string(path) {
            Ok(there) if there == *text => (),
            Ok(_) => return Presence::Edited(format!("{} was edited by hand", path.display())),
            Err(error) => return Presence::Gone(format!("{} is gone: {error}", path.display())),
        }
    }
    match user(&["is-active", &format!("{name}.timer")], deadline) {
        Ok(said) if said.ending.success() => Presence::There,
        Ok(said) if !said.text().trim().is_empty() => {
            Presence::Gone(format!("the timer {name}.timer is {}", said.text().trim()))
        }
        Ok(said) => Presence::Unknown(said.stderr.trim().to_owned()),
        Err(error) => Presence::Unknown(format!("{error:#}")),
    }
}

/// Whether one of the units of this name is there.
pub fn is_there(environment: &BTreeMap<String, String>, name: &str) -> bool {
    folder(environment).is_ok_and(|folder| files(&folder, name).iter().any(|path| path.symlink_metadata().is_ok()))
}

/// Units of this name that were written for none of these plans: where they are, and what they say.
pub fn edited(environment: &BTreeMap<String, String>, plans: &[&Plan], name: &str) -> Vec<(String, String)> {
    let Ok(folder) = folder(environment) else { return Vec::new() };
    let written: Vec<Units> = plans.iter().filter_map(|plan| Units::of(plan, name).ok()).collect();
    let texts = |units: &Units| [units.service.clone(), units.timer.clone()];
    let now = files(&folder, name).into_iter().enumerate().map(|(at, path)| {
        let text = platform::read_regular(&path, LONGEST).ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let is_written = written.iter().any(|units| texts(units).get(at) == Some(&text));
        (!is_written).then(|| (path.display().to_string(), text))
    });
    now.flatten().collect()
}

/// The service and the timer.
fn files(folder: &Path, name: &str) -> [PathBuf; 2] {
    ["service", "timer"].map(|kind| folder.join(format!("{name}.{kind}")))
}

fn folder(environment: &BTreeMap<String, String>) -> Result<PathBuf, Fault> {
    let config = environment.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(Path::new(environment.get("HOME")?).join(".config")));
    config.map(|config| config.join("systemd/user")).ok_or_else(|| {
        Fault::usage("HOME is not set: the folder of systemd's user units is not known")
            .hint("set HOME, or: --timer cron")
    })
}

fn user(words: &[&str], deadline: Duration) -> Result<Captured> {
    Program::new("systemctl").arg("--user").args(words).env("LC_ALL", "C").capture(deadline)
}

fn done(said: &Captured, what: &str) -> Result<()> {
    if said.ending.success() {
        return Ok(());
    }
    let fault = Fault::failed(what).hint(ANOTHER);
    Err(anyhow::Error::msg(said.stderr.trim().to_owned()).context(fault))
}
