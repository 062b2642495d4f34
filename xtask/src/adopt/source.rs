//! What is copied: this program's package, as it is built from here.

use super::name::PackageName;
use super::repository::Repository;
use crate::error::Fault;
use crate::platform;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What belongs to a copy, as git names it. Tests and fuzz targets need the rest of this repository.
const PARTS: [&str; 5] = ["Cargo.toml", "clippy.toml", "rustfmt.toml", "src", "monitoring"];
const LICENSE: &str = "LICENSE";
/// What follows this line of the manifest is about the tests.
const MARKER: &str = "# --- `cargo xtask adopt` leaves out what follows";
/// No file of the package is longer, in bytes.
const LONGEST: u64 = 1 << 22;

/// The package of this program.
#[derive(Debug)]
pub struct Source {
    /// Its folder.
    pub package: PathBuf,
    /// The folder above, with the workspace's manifest and lock.
    pub top: PathBuf,
    /// The oldest compiler that builds it.
    pub rust_version: String,
    pub version: String,
    files: BTreeMap<String, String>,
}

impl Source {
    /// Reads the package in this folder.
    ///
    /// # Errors
    /// Exit 2: it is no folder of a git repository: git alone tells which files belong to it.
    pub fn open(package: &Path) -> Result<Self> {
        let repository = Repository::open(package).with_context(|| {
            Fault::usage(format!("adopt copies the checkout of this program, and {} is not one", package.display()))
                .hint("clone this project with git, and run there: cargo run -- adopt DIR")
        })?;
        let package = repository.folder.clone();
        let top = package.parent().unwrap_or(&package).to_owned();
        let mut files = BTreeMap::new();
        for path in repository.files(&PARTS)?.into_iter().filter(|path| package.join(path).is_file()) {
            files.insert(path.clone(), read(&package.join(path))?);
        }
        let license = [&package, &top].into_iter().map(|folder| folder.join(LICENSE)).find(|path| path.is_file());
        if let Some(path) = license {
            files.insert(LICENSE.to_owned(), read(&path)?);
        }
        let manifest = files.get("Cargo.toml").context("the package has no Cargo.toml")?;
        let (rust_version, version) = (value_of(manifest, "rust-version")?, value_of(manifest, "version")?);
        Ok(Self { package, top, rust_version, version, files })
    }

    /// The files of a copy under this name: paths from its folder, and texts.
    pub fn files(&self, name: &PackageName) -> BTreeMap<String, String> {
        let renamed = |(path, text): (&String, &String)| {
            let text = if path == "Cargo.toml" { manifest_of_copy(text, name) } else { text.clone() };
            (path.clone(), text)
        };
        self.files.iter().map(renamed).collect()
    }

    /// The lock of this checkout; empty where there is none.
    pub fn lock(&self) -> String {
        read(&self.top.join("Cargo.lock")).unwrap_or_default()
    }
}

fn read(path: &Path) -> Result<String> {
    let bytes = platform::read_regular(path, LONGEST).with_context(|| format!("{} cannot be read", path.display()))?;
    let text = String::from_utf8(bytes).with_context(|| format!("{} is no text", path.display()))?;
    Ok(text.replace("\r\n", "\n"))
}

/// The value of the first line `key = "value"`.
fn value_of(manifest: &str, key: &str) -> Result<String> {
    let value =
        |line: &str| Some(line.strip_prefix(key)?.trim_start().strip_prefix("= \"")?.split('"').next()?.to_owned());
    manifest.lines().find_map(value).with_context(|| format!("the package's Cargo.toml has no {key}"))
}

/// The manifest under another name, without what is about the tests.
fn manifest_of_copy(manifest: &str, name: &PackageName) -> String {
    let lines = manifest.lines().take_while(|line| !line.starts_with(MARKER));
    let mut copy = String::new();
    for line in lines {
        match line {
            line if line.starts_with("name = ") => copy.push_str(&format!("name = \"{name}\"")),
            "autotests = false" => continue,
            // Its tests read files that are not copied.
            "path = \"src/main.rs\"" => copy.push_str("path = \"src/main.rs\"\ntest = false"),
            "test = false" => continue,
            line => copy.push_str(line),
        }
        copy.push('\n');
    }
    copy.truncate(copy.trim_end().len());
    copy + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_manifest_has_another_name_and_no_tests_and_a_copy_of_it_is_the_same() {
        let manifest = "[package]\nname = \"xtask\"\nautotests = false\n\n[[bin]]\nname = \"xtask\"\npath = \"src/main.rs\"\n\n# --- `cargo xtask adopt` leaves out what follows: x\n\n[[test]]\nname = \"it\"\n";
        let name = "db-tool".parse().unwrap();
        let copy =
            "[package]\nname = \"db-tool\"\n\n[[bin]]\nname = \"db-tool\"\npath = \"src/main.rs\"\ntest = false\n";
        assert_eq!(manifest_of_copy(manifest, &name), copy);
        assert_eq!(manifest_of_copy(copy, &name), copy);
    }
}
