//! The compiler that a repository pins: an older one cannot build the copy.

use super::collision::Collision;
use super::repository::Repository;
use super::toml_text;
use crate::error::Fault;
use crate::platform;
use serde_json::Value;

const FILES: [&str; 2] = ["rust-toolchain", "rust-toolchain.toml"];
const LONGEST: u64 = 1 << 16;
/// A nightly of this day or later is as new as the oldest release that is needed.
const FIRST_NIGHTLY: &str = "2025-06-20";

/// The pin that counts in the folder: the nearest one, upwards to the top of the repository; its file and channel.
pub fn pinned(repository: &Repository) -> Option<(String, String)> {
    let folders = repository.folder.ancestors().take_while(|folder| folder.starts_with(&repository.top));
    let mut files = folders.flat_map(|folder| FILES.map(|name| (folder.join(name), name)));
    files.find_map(|(path, name)| {
        let text = String::from_utf8(platform::read_regular(&path, LONGEST).ok()?).ok()?;
        let channel = match toml_text::parsed(&text) {
            Ok(pin) => pin.pointer("/toolchain/channel").and_then(Value::as_str)?.to_owned(),
            Err(_) => text.trim().to_owned(),
        };
        Some((name.to_owned(), channel))
    })
}

/// Refuses a compiler that is older than this.
pub fn check(repository: &Repository, needed: &str) -> Result<(), Fault> {
    let Some((file, channel)) = pinned(repository) else { return Ok(()) };
    if !is_older(&channel, needed) {
        return Ok(());
    }
    let what = format!("{file} pins Rust {channel}, and {needed} or newer is needed");
    Err(Collision::new(
        what,
        format!(
            "pin {needed} or newer; or use it from here, with nothing copied: cargo xtask --root {} db-backup",
            repository.as_word()
        ),
    )
    .into())
}

/// Whether a channel is known to be older; one that says no version is not.
fn is_older(channel: &str, needed: &str) -> bool {
    let numbers = |version: &str| -> Option<Vec<u32>> {
        let release = version.split('-').next()?;
        let numbers: Option<Vec<u32>> = release.split('.').map(|number| number.parse().ok()).collect();
        // `1.89` means its newest patch.
        numbers.map(|numbers| numbers.into_iter().take(2).collect())
    };
    if let Some(date) = channel.strip_prefix("nightly-").or_else(|| channel.strip_prefix("beta-")) {
        let date: String = date.chars().take(FIRST_NIGHTLY.len()).collect();
        let is_date = date.chars().all(|letter| letter.is_ascii_digit() || letter == '-');
        return is_date && date.len() == FIRST_NIGHTLY.len() && date.as_str() < FIRST_NIGHTLY;
    }
    matches!((numbers(channel), numbers(needed)), (Some(channel), Some(needed)) if channel < needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_version_that_is_known_to_be_older_is_refused() {
        for (channel, expected) in [
            ("1.70", true),
            ("1.88.0-x86_64-unknown-linux-gnu", true),
            ("1.89", false),
            ("1.89.0", false),
            ("1.100.0", false),
            ("2.0", false),
            ("stable", false),
            ("nightly", false),
            ("nightly-2024-01-01", true),
            ("nightly-2026-01-01-aarch64-apple-darwin", false),
            ("beta-2023-05-05", true),
            ("", false),
            ("my-own", false),
        ] {
            assert_eq!(is_older(channel, "1.89"), expected, "{channel}");
        }
    }
}
