//! Whether a program runs on this machine, by its name: Linux only, elsewhere it is not known.

use std::fs;
use std::path::Path;

/// Whether one of them runs; `None` where that cannot be seen, or where systemd starts what a crontab says.
pub fn runs(names: &[&str]) -> Option<bool> {
    let entries = fs::read_dir("/proc").ok()?;
    let commands = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    let commands: Vec<String> = commands.collect();
    // Not even this process is seen.
    if commands.is_empty() {
        return None;
    }
    let found = commands.iter().any(|command| names.contains(&command.trim()));
    (found || !Path::new("/run/systemd/system").exists()).then_some(found)
}
