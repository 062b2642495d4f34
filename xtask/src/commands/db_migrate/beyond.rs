//! What other commands ask about migrations.

use crate::context::Context;
use crate::migration::config::Config;
use crate::migration::ledger::Name;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use std::collections::BTreeSet;

/// The migrations, as `version words`, that a database with these versions lacks, and `db-migrate` would apply. A folder or `sqlx.toml` that cannot be
/// read is a warning: it stops nothing but `db-migrate` itself.
pub fn pending_beyond(applied: Option<&BTreeSet<i64>>, target: &Target, context: &Context) -> Result<Vec<String>> {
    let read = || -> Result<_> {
        let config = Config::load(&context.root, &context.settings)?;
        let folder = config.files_for(target)?;
        Ok((config, folder))
    };
    let (config, folder) = match read() {
        Ok(read) => read,
        Err(error) => {
            context
                .terminal
                .warn(&terminal::clean(&format!("The migrations that will be pending are not known: {error:#}")));
            return Ok(Vec::new());
        }
    };
    if config.ledger != Name::default() {
        // A backup's rows are known for sqlx's usual table only.
        return Ok(Vec::new());
    }
    let lacks = |version: i64| applied.is_none_or(|applied| !applied.contains(&version));
    let pending = folder.migrations.iter().filter(|migration| lacks(migration.version));
    Ok(pending.map(|migration| format!("{} {}", migration.version, migration.description)).collect())
}
