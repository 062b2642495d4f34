//! What a database with some versions lacks.

use super::config::Config;
use super::ledger::Name;
use crate::settings::Settings;
use crate::target::Target;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;

/// The migrations, as `version words`, that a database with these versions lacks, and `db-migrate` would apply.
///
/// # Errors
/// The folder or `sqlx.toml` cannot be read.
pub fn pending_beyond(
    applied: Option<&BTreeSet<i64>>,
    target: &Target,
    settings: &Settings,
    root: &Path,
) -> Result<Vec<String>> {
    let config = Config::load(root, settings)?;
    let folder = config.files_for(target)?;
    if config.ledger != Name::default() {
        // A backup's rows are known for sqlx's usual table only.
        return Ok(Vec::new());
    }
    let lacks = |version: i64| applied.is_none_or(|applied| !applied.contains(&version));
    let pending = folder.migrations.iter().filter(|migration| lacks(migration.version));
    Ok(pending.map(|migration| format!("{} {}", migration.version, migration.description)).collect())
}
