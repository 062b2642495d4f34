//! Room on the disks: the one of the backups, and the server's own.

use super::catalog::reach;
use crate::backup::space;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::target::backend::DataDisk;
use crate::words::shell_word;
use crate::words::size;
use anyhow::Context as _;

/// Below this, whatever the database's size is.
const LEAST: u64 = 1_000_000_000;

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
        DataDisk::InContainer { .. } if reach(scene).is_err() => return Finding::not_asked(Part::Postgres),
        DataDisk::InContainer { folder } => {
            let disks = scene.target.access().disks(std::slice::from_ref(&folder), scene.left());
            disks.and_then(|disks| disks.first().map(|disk| disk.free).context("df shows no disk"))
        }
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
