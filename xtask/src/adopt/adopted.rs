//! What was adopted, and when it was changed since: `.adopted` in the copy lists its files with their SHA-256, as
//! `sha256sum` does.

use super::collision::Collision;
use super::name::PackageName;
use super::repository::Repository;
use crate::error::Fault;
use crate::words::{hex, shell_word};
use anyhow::Result;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The list's name in the folder of the copy.
pub const FILE: &str = ".adopted";
const VERSION: &str = "# version ";

/// A copy that is there.
#[derive(Debug)]
pub struct Adopted {
    pub name: PackageName,
    pub version: String,
    /// Path in the copy's folder → SHA-256 of the text, with line ends of Unix.
    pub hashes: BTreeMap<String, String>,
}

/// Files of a copy that people changed; an update would lose it.
#[derive(Debug)]
pub struct LocalChanges {
    pub files: Vec<String>,
    pub diff: String,
}

impl fmt::Display for LocalChanges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "changed since: {}", self.files.join(", "))
    }
}

impl std::error::Error for LocalChanges {}

/// The SHA-256 of a text, whatever line ends git gave it.
pub fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.replace("\r\n", "\n")))
}

/// The list of these files.
pub fn list(files: &BTreeMap<String, String>, version: &str) -> String {
    let lines: String = files.iter().map(|(path, text)| format!("{}  {path}\n", hash(text))).collect();
    format!(
        "# The files as `cargo xtask adopt` copied them; `cargo xtask adopt --update` brings newer ones.\n{VERSION}{version}\n{lines}"
    )
}

impl Adopted {
    /// The copy in a folder of the repository's top.
    ///
    /// # Errors
    /// There are several, or its list is not as this program writes it.
    pub fn find(repository: &Repository) -> Result<Option<Self>> {
        let mut found = Vec::new();
        for path in repository.files(&["*/.adopted"])? {
            // The folder of an interrupted run has another name.
            let Some(name) = path.strip_suffix("/.adopted").and_then(|name| name.parse().ok()) else { continue };
            let read = repository.text(&path)?.and_then(|text| parsed(name, &text));
            let refused = || {
                Collision::new(
                    format!("{path} is not as adopt wrote it"),
                    format!("restore it: git checkout -- {}", shell_word(&path)),
                )
            };
            found.push(read.ok_or_else(|| Fault::from(refused()))?);
        }
        if let [first, second, ..] = found.as_slice() {
            let what = format!("Two folders hold copies: {} and {}", first.name, second.name);
            return Err(Fault::from(Collision::new(what, "remove one of them")).into());
        }
        Ok(found.pop())
    }

    /// Where the files differ both from what was adopted and from what would be copied now.
    pub fn local_changes(&self, repository: &Repository, new: &BTreeMap<String, String>) -> Result<Vec<String>> {
        let mut changed = Vec::new();
        let folder = format!("{}/", self.name);
        for path in repository.files(&[&folder])? {
            let Some(inside) = path.strip_prefix(&folder).filter(|inside| *inside != FILE) else { continue };
            let Some(text) = repository.text(&path)? else { continue };
            let is_known = self.hashes.get(inside) == Some(&hash(&text))
                || new.get(inside).map(|text| hash(text)) == Some(hash(&text));
            changed.extend((!is_known).then(|| inside.to_owned()));
        }
        let is_gone = |path: &&String| new.contains_key(*path) && !repository.has(&format!("{folder}{path}"));
        changed.extend(self.hashes.keys().filter(is_gone).cloned());
        changed.sort();
        Ok(changed)
    }

    /// The difference that people made, as git shows it; else the one to what would be copied.
    pub fn difference(&self, repository: &Repository, files: &[String], package: &Path) -> Result<String> {
        let list = format!("{}/{FILE}", self.name);
        let commit = repository.git(&["log", "-1", "--no-show-signature", "--format=%H", "--", &list])?.text();
        let options = ["--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all"];
        let mut diff = String::new();
        for file in files {
            let path = format!("{}/{file}", self.name);
            let known = [&["diff"], &options[..], &[commit.trim(), "--", &path]].concat();
            let known = if commit.trim().is_empty() { String::new() } else { repository.git(&known)?.text() };
            if known.is_empty() {
                let source = package.join(file).display().to_string();
                let words = [&["diff", "--no-index"], &options[..], &["--", &source, &path]].concat();
                // With a difference, git ends with 1.
                diff.push_str(&repository.git_or(&words, 1)?.text());
            } else {
                diff.push_str(&known);
            }
        }
        Ok(diff)
    }
}

fn parsed(name: PackageName, text: &str) -> Option<Adopted> {
    let text = text.replace("\r\n", "\n");
    let version = text.lines().find_map(|line| line.strip_prefix(VERSION))?.to_owned();
    let mut hashes = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (hash, path) = line.split_once("  ")?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        (is_hash && is_of_copy(path)).then(|| hashes.insert(path.to_owned(), hash.to_owned()))?;
    }
    let is_version = version.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-+".contains(letter));
    is_version.then_some(Adopted { name, version, hashes })
}

/// Whether a path is one that a copy can have: files that are not listed any more are removed.
fn is_of_copy(path: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_known = ["Cargo.toml", "clippy.toml", "rustfmt.toml", "LICENSE"].contains(&path)
        || ["src/", "monitoring/"].iter().any(|folder| path.starts_with(folder));
    is_known && path.chars().all(is_letter) && path.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_back_and_no_other_path_is_taken() {
        let files: BTreeMap<String, String> = [("Cargo.toml", "a\r\n"), ("src/main.rs", "b\n")]
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into();
        let text = list(&files, "0.2.0");
        let name = || "xtask".parse().unwrap();
        let read = parsed(name(), &text.replace('\n', "\r\n")).unwrap();
        assert_eq!((read.name.as_str(), read.version.as_str(), read.hashes.len()), ("xtask", "0.2.0", 2));
        assert_eq!(read.hashes["Cargo.toml"], hash("a\n"), "line ends do not count");
        for path in ["../x", "src/../../x", "/etc/passwd", "src//x", "src/", "other", "src/a b"] {
            assert!(parsed(name(), &text.replace("src/main.rs", path)).is_none(), "{path}");
        }
        assert!(parsed(name(), &text.replace("0.2.0", "\u{1b}[31m")).is_none());
    }
}
