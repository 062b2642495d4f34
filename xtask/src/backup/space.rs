//! Free space for a backup: looked at first, and watched while writing.

use crate::error::Fault;
use crate::platform;
use crate::postgres::database;
use crate::postgres::server::Server;
use crate::words::size;
use anyhow::{Context as _, Result};
use std::path::Path;

/// Enough for a database that was never backed up here, unless the server knows better.
const PLENTY: u64 = 64 << 20;
/// A disk is never filled to the last byte: others write to it too.
const RESERVE: u64 = 4 << 20;

/// Refuses to begin where the backup cannot fit. Twice the newest backup is plenty; only where there is less
/// is the server asked how large the database is (its indexes are not in a dump, so that is an upper guess).
pub(super) fn check(folder: &Path, newest: Option<u64>, server: &Server<'_>) -> Result<()> {
    let free = available(folder)?;
    if free >= newest.map_or(PLENTY, |bytes| bytes.saturating_mul(2)).saturating_add(RESERVE) {
        return Ok(());
    }
    let needed = match newest {
        Some(bytes) => bytes.saturating_add(bytes / 8),
        None => database::size(server)?,
    };
    if free >= needed.saturating_add(RESERVE) {
        return Ok(());
    }
    let why =
        format!("{} are free; it needs about {}, and {} stay free for others", size(free), size(needed), size(RESERVE));
    Err(full(folder, &why).into())
}

/// Stops before the disk is full.
pub(super) fn watch(folder: &Path) -> Result<()> {
    let free = available(folder)?;
    if free < RESERVE { Err(full(folder, &format!("only {} are left", size(free))).into()) } else { Ok(()) }
}

/// Bytes that are free on the disk of a folder.
pub fn available(folder: &Path) -> Result<u64> {
    fs4::available_space(folder).with_context(|| format!("asking for the free space of {}", folder.display()))
}

pub(super) fn full(folder: &Path, why: &str) -> Fault {
    Fault::failed(format!("The disk of {} has no room for the backup: {why}", folder.display()))
        .hint("make room there; a backup alone can be written elsewhere: cargo xtask db-backup --output DIR")
}

/// Whether a program that writes the backup says that it found no room (the words of ENOSPC and EDQUOT). What it quotes
/// of the server is of another disk.
pub(super) fn is_full_by_words(stderr: &str) -> bool {
    let is_own = |line: &&str| !line.contains("ERROR:  ") && !line.contains("from server: ");
    stderr.lines().take_while(is_own).any(|line| {
        let words = line.to_ascii_lowercase();
        words.contains("no space left on device") || words.contains("disk quota exceeded")
    })
}

/// Makes the folder that backups are written to, where it is not there yet.
///
/// # Errors
/// Something else stands there, or it cannot be made.
pub fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let cannot = || {
        Fault::failed(format!("{} is not a folder that backups can be written to", folder.display()))
            .hint("make it a folder, or write elsewhere: cargo xtask db-backup --output DIR")
    };
    // The system would say that the folder exists.
    if let Ok(link) = std::fs::read_link(folder) {
        let why = format!("it is a link to {}, which is not a folder", link.display());
        return Err(anyhow::Error::msg(why).context(cannot()));
    }
    if folder.exists() {
        return Err(anyhow::Error::msg("it is a file").context(cannot()));
    }
    platform::create_folder(folder).with_context(cannot)
}
