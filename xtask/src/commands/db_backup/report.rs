//! What a run that backed up several databases says.

use super::one::{self, Document as OneDatabase};
use crate::backup::globals::TakenGlobals;
use crate::backup::manifest::StartedAt;
use crate::backup::set::{NotTaken, NotTakenBecause, ServerSet};
use crate::backup::several::Outcome;
use crate::backup::take::Taken;
use crate::commands::result::{Table, Written};
use crate::context::Context;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;

/// A set that was written.
pub(super) struct Report<'a> {
    pub(super) path: &'a Path,
    pub(super) set: &'a ServerSet,
    pub(super) outcome: &'a Outcome,
}

impl Report<'_> {
    /// Writes the result: for a person the table, for a script the set's path, or the JSON.
    pub(super) fn tell(&self, json: bool, target: &Target, context: &Context) -> Result<()> {
        const HEAD: [&str; 5] = ["DATABASE", "FILE", "SIZE", "TABLES", "ROWS"];
        let written = Written { what: "set", path: self.path, context };
        if json {
            return written.as_json(&self.document());
        }
        let row = |taken: &Taken| {
            vec![
                taken.manifest.database.to_string(),
                context.shown(&taken.path),
                terminal::size(taken.bytes),
                terminal::count(taken.manifest.tables().len() as u64),
                terminal::count(taken.manifest.rows()),
            ]
        };
        let rows: Vec<Vec<String>> = self.outcome.taken.iter().map(row).collect();
        let table = Table { head: &HEAD, rows: &rows, right: &[2, 3, 4] };
        written.as_report(&self.lines(target, context), Some(&table))
    }

    fn lines(&self, target: &Target, context: &Context) -> Vec<String> {
        let folder = context.shown(self.path.parent().unwrap_or(Path::new(".")));
        let backups = terminal::counted(self.set.databases.len() as u64, "backup", "backups");
        let seconds = terminal::counted(self.set.seconds().max(1), "second", "seconds");
        let mut lines = vec![
            context
                .terminal
                .done_line(&format!("{backups} and their set created in {}/", folder.trim_end_matches('/'))),
            String::new(),
            format!("Set:       {}", context.shown(self.path)),
            format!("Server:    {}", server_of(self.set, target)),
            format!("Taken:     over {seconds}; they are not one snapshot"),
        ];
        lines.extend(self.globals().map(|taken| {
            let roles = terminal::counted(taken.manifest.roles.get(), "role", "roles");
            format!("Roles:     {} ({roles}, without passwords)", context.shown(&taken.path))
        }));
        lines.extend(self.set.not_taken.iter().filter(|one| one.because != NotTakenBecause::Failed).map(left_out));
        lines.push(String::new());
        lines
    }

    fn globals(&self) -> Option<&TakenGlobals> {
        self.outcome.globals.as_ref()?.as_ref().ok()
    }

    fn document(&self) -> Document<'_> {
        let set = self.set;
        Document {
            version: 1,
            set: self.path.to_string_lossy(),
            server_version: &set.server.version,
            system_identifier: set.server.system_identifier.as_deref(),
            started_at: set.started_at,
            finished_at: set.finished_at,
            databases: self.outcome.taken.iter().map(OneDatabase::of).collect(),
            globals: self.globals().map(|taken| GlobalsDocument {
                file: taken.path.to_string_lossy(),
                bytes: taken.bytes,
                sha256: &taken.sha256,
                roles: taken.manifest.roles.get(),
            }),
            not_taken: &set.not_taken,
        }
    }
}

fn left_out(one: &NotTaken) -> String {
    format!("Left out:  {} ({})", one.database, one.reason)
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    set: Cow<'a, str>,
    server_version: &'a str,
    system_identifier: Option<&'a str>,
    started_at: StartedAt,
    finished_at: StartedAt,
    databases: Vec<OneDatabase<'a>>,
    /// Null: they were not saved.
    globals: Option<GlobalsDocument<'a>>,
    not_taken: &'a [NotTaken],
}

#[derive(Serialize)]
struct GlobalsDocument<'a> {
    file: Cow<'a, str>,
    bytes: u64,
    sha256: &'a str,
    roles: u64,
}

fn server_of(set: &ServerSet, target: &Target) -> String {
    format!("{}, {}", one::server(&set.server.version), target.place())
}
