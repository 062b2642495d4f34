//! Room on the disks: the one of the backups, and the server's own.

use crate::backup::space;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::process::Program;
use crate::target::backend::DataDisk;
use crate::words::shell_word;
use crate::words::size;
use anyhow::{Context as _, Result};

/// Below this, whatever the database's size is.
const LEAST: u64 = 1_000_000_000;
/// Where the image keeps its data, unless its environment says otherwise.
const DATA: &str = "/var/lib/postgresql/data";

/// The disk of `backups/`.
pub fn of_backups(scene: &Scene) -> Finding {
    let folder = scene.root.join("backups");
    let folder = if folder.exists() { folder } else { scene.root.to_owned() };
    let hint = format!(
        "make room on the disk of {}, or remove old backups: cargo xtask db-prune",
        shell_word(&folder.to_string_lossy())
    );
    match space::available(&folder) {
        Ok(free) => judge(scene, free, "for backups", &hint),
        Err(error) => Finding::of_error(&error, &hint),
    }
}

/// The disk of the server's data.
pub fn of_server(scene: &Scene) -> Finding {
    let hint = "make room on the server's disk before it stops writing";
    let free = match scene.target.access().data_disk() {
        DataDisk::InContainer { service } => match in_container(scene, &service) {
            Some(asked) => asked,
            None => return Finding::not_asked(Part::Postgres),
        },
        DataDisk::Folder(folder) => space::available(&folder),
        DataDisk::Unmade => return Finding::skipped("there is no local server yet"),
        DataDisk::Unseen => return Finding::skipped("the server's disk cannot be seen from here"),
    };
    match free {
        Ok(free) => judge(scene, free, "for the server", hint),
        Err(error) => Finding::of_error(&error, hint),
    }
}

/// Warns where less is free than twice the database's size.
fn judge(scene: &Scene, free: u64, whom: &str, hint: &str) -> Finding {
    let needed = scene.server().map_or(LEAST, |facts| facts.size_bytes.saturating_mul(2).max(LEAST));
    let detail = format!("{} free {whom}", size(free));
    if free < needed {
        return Finding::warn(format!("{detail}, less than {}", size(needed)), hint);
    }
    Finding::ok(detail)
}

fn in_container(scene: &Scene, service: &str) -> Option<Result<u64>> {
    let containers = scene.project()?.ok()?.containers_of(service);
    let container = containers.iter().find(|container| container.is_running())?;
    let folder = container.variable("PGDATA").unwrap_or(DATA);
    let asked = Program::new("docker").args(["exec", &container.id, "df", "-Pk", folder]).capture(scene.left());
    Some(asked.and_then(|captured| available(&captured.text()).with_context(|| captured.stderr.trim().to_owned())))
}

/// The fourth word of the last line of `df -Pk`, in blocks of 1024 bytes.
fn available(text: &str) -> Option<u64> {
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn df_tells_what_is_free() {
        let text = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n/dev/vda         263174212 36700000  59000000      39% /data\n";
        assert_eq!(available(text), Some(59_000_000 * 1024));
        assert_eq!(available("df: no such file\n"), None);
    }
}
