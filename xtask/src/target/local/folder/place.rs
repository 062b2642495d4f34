//! Where a local server's folder is.

use crate::platform;
use crate::words::hex;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Where folders are that a server user can enter although it cannot enter the checkout.
pub const SHARED: &str = "/var/lib/xtask";
/// The folder in a checkout.
pub(super) const OWN: &str = ".xtask/local";

/// The path that servers are started with, links resolved as far as it exists, so that every way to the
/// checkout gives the same one. Windows' resolved form (`\\?\C:\`) is one that PostgreSQL does not take.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if platform::WINDOWS {
        return absolute;
    }
    for part in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (std::fs::canonicalize(part), absolute.strip_prefix(part)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    absolute
}

/// `checkout-1a2b3c4d`: its folder's name for people, its whole path's hash for uniqueness.
pub(super) fn checkout_name(root: &Path) -> String {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_".contains(letter) { letter } else { '-' };
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    format!("{}-{}", name.chars().map(plain).collect::<String>(), hex(&digest[..4]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn the_default_is_that_of_the_setting() {
        assert_eq!(settings::default_of("XTASK_LOCAL_DIR"), OWN);
    }

    #[test]
    fn a_checkout_gets_a_plain_name_of_its_own() {
        let name = checkout_name(Path::new("/root/my project"));
        assert!(name.starts_with("my-project-") && name.len() == "my-project-".len() + 8, "{name}");
        assert_ne!(name, checkout_name(Path::new("/home/my project")));
    }

    #[test]
    fn a_path_that_is_not_there_yet_is_resolved_as_far_as_it_is() {
        let real = std::fs::canonicalize(std::env::temp_dir()).unwrap();
        assert_eq!(resolved(&real.join("no such/../folder")), real.join("no such/../folder"));
        assert_eq!(resolved(&real), real);
    }
}
