//! What a person writes into `sqlx.toml`, within bounds.

use crate::error::Fault;
use crate::platform;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// No such file is larger, in bytes.
pub(super) const LARGEST: usize = 1 << 16;
/// Brackets nested deeper than this are no settings, and the parser calls itself for each.
const DEEPEST: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) common: Common,
    pub(super) migrate: Migrate,
    /// Of no meaning to migrations.
    #[serde(rename = "drivers")]
    _drivers: Option<IgnoredAny>,
    /// Of no meaning to migrations.
    #[serde(rename = "macros")]
    _macros: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Common {
    pub(super) database_url_var: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Migrate {
    pub(super) create_schemas: BTreeSet<String>,
    pub(super) table_name: Option<String>,
    pub(super) migrations_dir: Option<PathBuf>,
    pub(super) ignored_chars: BTreeSet<char>,
    pub(super) defaults: Defaults,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Defaults {
    pub(super) migration_type: Kind,
    pub(super) migration_versioning: Versioning,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    #[default]
    Inferred,
    Simple,
    Reversible,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Versioning {
    #[default]
    Inferred,
    Timestamp,
    Sequential,
}

/// The file; sqlx's defaults where there is none.
pub(super) fn read(path: &Path, root: &Path) -> Result<File> {
    match platform::read_regular(path, LARGEST as u64) {
        Ok(text) => parse(&text).with_context(|| {
            let name = path.strip_prefix(root).unwrap_or(path).display();
            let fault = Fault::usage(format!("{name} cannot be used"));
            fault.hint("it tells sqlx where ledger and files are: fix it, or remove it")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(File::default()),
        Err(error) => {
            let fault = Fault::usage(format!("{} cannot be read", path.display()))
                .hint("it must be a file that you may read, or be gone");
            Err(anyhow::Error::new(error).context(fault))
        }
    }
}

pub(super) fn parse(text: &[u8]) -> Result<File> {
    let text = std::str::from_utf8(text).context("it is not UTF-8")?;
    anyhow::ensure!(text.len() <= LARGEST, "it is larger than {LARGEST} bytes");
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        anyhow::ensure!(depth <= DEEPEST, "its brackets are nested deeper than {DEEPEST} times");
    }
    Ok(basic_toml::from_str(text)?)
}
