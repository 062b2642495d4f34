//! The name under which a checkout's schedule stands in crontab and systemd: two checkouts on one machine have two.

use crate::platform;
use crate::words::hex;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Letters of the folder's name that are shown; the rest tells checkouts apart.
const SHOWN: usize = 32;

/// The checkout's own path, whatever link leads there: the name is made of it.
pub fn checkout(root: &Path) -> PathBuf {
    // Few programs take Windows' own form of such a path.
    let real = if platform::WINDOWS { None } else { root.canonicalize().ok() };
    real.unwrap_or_else(|| root.to_owned())
}

/// `xtask-app-1a2b3c4d`: the folder's name, and what tells its path from every other.
pub fn of(root: &Path) -> String {
    let folder = root.file_name().unwrap_or_default().to_string_lossy();
    let plain: String =
        folder.chars().filter(|letter| letter.is_ascii_alphanumeric() || "_-".contains(*letter)).take(SHOWN).collect();
    let path = hex(&Sha256::digest(root.as_os_str().as_encoded_bytes()));
    let middle = if plain.is_empty() { "checkout" } else { &plain };
    format!("xtask-{middle}-{}", path.get(..8).unwrap_or(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_one_name_have_two_names_that_every_system_takes() {
        let names = ["/srv/app", "/home/app", "/srv/größe %s\n/", "/", "/srv/50%"].map(|path| of(Path::new(path)));
        for (at, name) in names.iter().enumerate() {
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{name}");
            assert!(!names[..at].contains(name), "{name}");
        }
        assert!(names[0].starts_with("xtask-app-"), "{names:?}");
    }
}
