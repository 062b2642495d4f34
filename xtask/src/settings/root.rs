//! The checkout that a run is for.

use super::variable;
use crate::error::Fault;
use std::path::{Path, PathBuf};

/// What only a checkout has. The last is for those who keep their Compose file elsewhere.
const MARKS: [&str; 5] =
    ["docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml", "xtask/Cargo.toml"];

/// The checkout: `XTASK_ROOT`, else the run-time, else the compile-time manifest folder's parent.
pub fn root() -> PathBuf {
    if let Some(root) = named() {
        let root = PathBuf::from(root);
        return std::path::absolute(&root).unwrap_or(root);
    }
    let manifest = variable("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let manifest = PathBuf::from(manifest);
    manifest.parent().map_or(manifest.clone(), Path::to_owned)
}

/// Refuses to work in a folder that is no checkout: backups would go there, and the database be another one.
///
/// # Errors
/// Exit 2: the checkout was moved, or `XTASK_ROOT` names another folder.
pub fn check_root(root: &Path) -> Result<(), Fault> {
    if MARKS.iter().any(|mark| root.join(mark).is_file()) {
        return Ok(());
    }
    let root = root.display();
    Err(match named() {
        Some(_) => Fault::usage(format!("XTASK_ROOT is {root}, which is not a checkout (no docker-compose.yml)"))
            .hint("name the checkout's folder: XTASK_ROOT=/path/to/checkout"),
        None => Fault::usage(format!("There is no checkout in {root}, where this program was built"))
            .hint("if it was moved, name its folder: XTASK_ROOT=/path/to/checkout; or build again there: cargo build"),
    })
}

fn named() -> Option<String> {
    variable("XTASK_ROOT").filter(|root| !root.is_empty())
}
