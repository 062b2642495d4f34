//! Whether cron runs on this machine: Linux only, elsewhere it is not known.

use crate::process::{Ending, Program};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Programs that start what a user's crontab says, by the names of their processes.
const DAEMONS: [&str; 4] = ["cron", "crond", "fcron", "cronie"];
/// systemd's names of these programs. Under `cron.target` systemd itself starts the runs.
const UNITS: [&str; 5] = ["cron.service", "crond.service", "cronie.service", "fcron.service", "cron.target"];

/// Whether one of them runs; `None` where that cannot be seen.
pub fn runs(deadline: Duration) -> Option<bool> {
    if among_processes()? {
        return Some(true);
    }
    if Path::new("/run/systemd/system").exists() { of_systemd(deadline) } else { Some(false) }
}

/// Whether a process has one of the names; `None` where the processes of others are not seen.
fn among_processes() -> Option<bool> {
    // Where `/proc` is mounted with `hidepid`, another user's process is not there.
    fs::read_to_string("/proc/1/comm").ok()?;
    let entries = fs::read_dir("/proc").ok()?.flatten();
    Some(entries.map(|entry| entry.path()).any(|process| is_daemon(&process)))
}

fn is_daemon(process: &Path) -> bool {
    let Ok(name) = fs::read_to_string(process.join("comm")) else { return false };
    if name.trim() != "busybox" {
        return DAEMONS.contains(&name.trim());
    }
    let words = fs::read(process.join("cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).nth(1).is_some_and(|applet| applet == b"crond")
}

/// Whether systemd has started one, or starts what a crontab says itself.
fn of_systemd(deadline: Duration) -> Option<bool> {
    let asked = Program::new("systemctl").arg("is-active").args(UNITS).capture(deadline).ok()?;
    // 3: none is active; 4: no unit of these names.
    match asked.ending {
        Ending::Code(0) => Some(true),
        Ending::Code(3 | 4) => Some(asked.text().lines().any(|state| state == "active")),
        _ => None,
    }
}
