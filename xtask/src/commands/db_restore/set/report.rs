//! How the restore of a set went, or its undo.

use crate::backup::set::SetFile;
use crate::commands::result;
use crate::context::Context;
use crate::restore::swapped::Done;
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

pub(super) struct Report<'a> {
    /// `Set restored`.
    pub(super) what: &'a str,
    pub(super) set: Option<&'a SetFile>,
    /// In the order of what was swapped in.
    pub(super) safety: &'a [Option<&'a Path>],
    pub(super) done: &'a Done,
    /// The run's own database, by which `--undo --set` finds the set.
    pub(super) database: &'a str,
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    set: Option<Cow<'a, str>>,
    databases: Vec<Database<'a>>,
    database_outage_seconds: f64,
    services_outage_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Database<'a> {
    database: &'a str,
    safety_backup: Option<Cow<'a, str>>,
    before: Option<&'a str>,
}

impl Report<'_> {
    pub(super) fn show(&self, json: bool, context: &Context) -> Result<()> {
        if json {
            return context.terminal.json(&self.document());
        }
        let done = self.done;
        let names: Vec<&str> = done.databases.iter().map(|database| database.name.as_str()).collect();
        let mut lines = vec![context.terminal.done_line(self.what), String::new()];
        lines.extend(self.set.map(|set| format!("From:      {}", context.shown(&set.path))));
        let outage = done.database_outage.as_secs_f64();
        lines.push(format!("Databases: {} (unreachable for {outage:.2} s)", names.join(", ")));
        let stopped = |outage: Duration| format!("Services:  stopped for {:.1} s", outage.as_secs_f64());
        lines.extend(done.services_outage.map(stopped));
        let safety = self.safety.iter().flatten();
        lines.extend(safety.map(|safety| format!("Safety:    {}", context.shown(safety))));
        let kept: Vec<&str> = done.databases.iter().filter_map(|database| database.before.as_deref()).collect();
        if !kept.is_empty() {
            lines.push(format!("Previous:  kept on the server as {}", kept.join(", ")));
        }
        if self.can_be_undone() {
            let undo = format!("cargo xtask db-restore --undo --set{}", self.by_database());
            lines.push(format!("Undo:      {}", context.terminal.to_type(&undo)));
        }
        result::report(&lines, context)
    }

    /// What names the set where the run's own database is not in it.
    fn by_database(&self) -> String {
        let mut kept = self.done.databases.iter().filter(|database| !database.is_new).map(|database| &database.name);
        match kept.clone().next() {
            Some(first) if !kept.any(|name| name == self.database) => {
                format!(" --database {}", terminal::shell_word(first))
            }
            _ => String::new(),
        }
    }

    /// Whether every database that was replaced is kept.
    fn can_be_undone(&self) -> bool {
        let mut databases = self.done.databases.iter().filter(|database| !database.is_new).peekable();
        databases.peek().is_some() && databases.all(|database| database.before.is_some())
    }

    fn document(&self) -> Document<'_> {
        let safety = self.safety.iter().copied().chain(std::iter::repeat(None));
        let databases = self.done.databases.iter().zip(safety).map(|(swapped, safety)| Database {
            database: &swapped.name,
            safety_backup: safety.map(Path::to_string_lossy),
            before: swapped.before.as_deref(),
        });
        Document {
            version: 1,
            set: self.set.map(|set| set.path.to_string_lossy()),
            databases: databases.collect(),
            database_outage_seconds: self.done.database_outage.as_secs_f64(),
            services_outage_seconds: self.done.services_outage.map(|outage| outage.as_secs_f64()),
        }
    }
}
