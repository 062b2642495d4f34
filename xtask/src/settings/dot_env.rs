//! `.env` as a file: made once, and changed one value at a time.

use super::env_file::{self, EnvFile};
use crate::error::Fault;
use crate::platform;
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::path::Path;

/// Makes `.env` from `.env.example`, readable by this user only; false where it exists already.
pub fn make_env_file(root: &Path) -> Result<bool> {
    let path = root.join(".env");
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let refused = || {
        let hint = format!("make {} writable, and some room on its disk", root.display());
        Fault::failed(format!("{} cannot be made", path.display())).hint(hint)
    };
    let example = std::fs::read(root.join(".env.example")).unwrap_or_default();
    let mut file = platform::create_private(&path).with_context(refused)?;
    file.write_all(&example).and_then(|()| file.sync_all()).with_context(refused)?;
    Ok(true)
}

/// Sets one value in `.env`, which must exist: every other byte and the file's mode stay, and the file is
/// replaced in one step.
pub fn write_env_file(root: &Path, name: &str, value: &str) -> Result<()> {
    // Through a link, so that the file that people linked to is the one that changes.
    let link = root.join(".env");
    let path = link.canonicalize().with_context(|| {
        let fault = Fault::failed(format!("{} cannot be found", link.display()));
        fault.hint("where it is a link, make the file that it points to")
    })?;
    let refused = || {
        let fault = Fault::failed(format!("{name} cannot be written to {}", path.display()));
        fault.hint(format!("make the file and its folder writable, or add by hand: {name}={value}"))
    };
    let text = std::fs::read(&path).with_context(refused)?;
    let edited = env_file::set(&text, name, value);
    if EnvFile::parse(&edited, &|_| None).get(name) != Some(value) {
        return Err(Fault::failed(format!("{name} cannot be written to {}", path.display()))
            .hint(format!("mend the line with the open quote there, or add by hand: {name}={value}"))
            .into());
    }
    if edited == text {
        return Ok(());
    }
    let temporary = path.with_file_name(format!(".env.xtask-{}", std::process::id()));
    let mut file = platform::create_private(&temporary).with_context(refused)?;
    let written = (|| {
        file.write_all(&edited)?;
        if let Some(mode) = platform::mode(&path)? {
            platform::set_mode(&temporary, mode)?;
        }
        file.sync_all()?;
        std::fs::rename(&temporary, &path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(refused)
}
