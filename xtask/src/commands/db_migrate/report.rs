//! How an `up` or a `down` went, or would go.

use crate::commands::result;
use crate::context::Context;
use crate::migration::checks::Direction;
use crate::migration::files::shown;
use crate::migration::run::{Done, Step};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;

pub(super) struct Report<'a> {
    pub(super) direction: Direction,
    pub(super) backup: Option<&'a Path>,
    pub(super) done: &'a [Done],
    /// The newest version that is applied now.
    pub(super) newest: Option<i64>,
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    database: &'a str,
    direction: &'static str,
    backup: Option<Cow<'a, str>>,
    newest: Option<i64>,
    migrations: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    version: i64,
    description: &'a str,
    seconds: f64,
}

impl Report<'_> {
    pub(super) fn show(&self, json: bool, target: &Target, context: &Context) -> Result<()> {
        let terminal = &context.terminal;
        if json {
            let migrations = self.done.iter().map(|done| Item {
                version: done.version,
                description: &done.description,
                seconds: done.took.as_secs_f64(),
            });
            return terminal.json(&Document {
                version: 1,
                database: target.database(),
                direction: self.direction.as_str(),
                backup: self.backup.map(Path::to_string_lossy),
                newest: self.newest,
                migrations: migrations.collect(),
            });
        }
        let newest = self.newest.map_or_else(|| "no version applied".to_owned(), |version| format!("at {version}"));
        let what = if self.direction == Direction::Up { "applied" } else { "reverted" };
        let count = terminal::counted(self.done.len() as u64, "migration", "migrations");
        let headline = if self.done.is_empty() { "Nothing to do".to_owned() } else { format!("{count} {what}") };
        let mut lines = vec![terminal.done_line(&headline), String::new()];
        lines.push(format!("Database:  {} ({newest})", target.database()));
        lines.extend(self.backup.map(|backup| format!("Backup:    {}", context.shown(backup))));
        result::report(&lines, context)
    }
}

/// The steps of a run that changes nothing: the SQL as it would be sent, each file under its name, or a document.
pub(super) fn dry_run(
    steps: &[Step],
    direction: Direction,
    json: bool,
    target: &Target,
    context: &Context,
) -> Result<()> {
    let terminal = &context.terminal;
    if json {
        let migrations: Vec<_> = steps
            .iter()
            .map(|step| {
                serde_json::json!({
                    "version": step.version,
                    "description": step.description,
                    "file": step.file.to_string_lossy(),
                    "transactional": step.transactional,
                })
            })
            .collect();
        return terminal.json(&serde_json::json!({
            "version": 1,
            "database": target.database(),
            "direction": direction.as_str(),
            "dry_run": true,
            "migrations": migrations,
        }));
    }
    for step in steps {
        terminal.result(&format!("-- {}", shown(&step.file)))?;
        step.sent(&mut |piece| terminal.result_piece(piece))?;
        terminal.result("")?;
    }
    if steps.is_empty() {
        terminal.note("Nothing to do");
    }
    Ok(())
}
