//! The report of one database's backup.

use super::args::Args;
use crate::backup::manifest::{Seconds, StartedAt};
use crate::backup::take::Taken;
use crate::commands::result::Written;
use crate::context::Context;
use crate::postgres::dump::{Copied, OpenFga};
use crate::postgres::text::Text;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;

pub(super) fn tell(args: &Args, taken: &Taken, target: &Target, context: &Context) -> Result<()> {
    let written = Written { what: "backup", path: &taken.path, context };
    if args.json {
        return written.as_json(&Document::of(taken));
    }
    let place = format!("{}, {}", server(&taken.manifest.server_version), target.place());
    written.as_report(&report(taken, &place, context), None)
}

/// `15.18 (Debian 15.18-0+deb12u1)` → `PostgreSQL 15.18`.
pub(super) fn server(version: &str) -> String {
    format!("PostgreSQL {}", version.split_whitespace().next().unwrap_or("?"))
}

fn report(taken: &Taken, place: &str, context: &Context) -> Vec<String> {
    let manifest = &taken.manifest;
    let tables = manifest.tables();
    let folder = taken.path.parent().unwrap_or(Path::new("."));
    let shown = context.shown(folder);
    let rows = terminal::counted(manifest.rows(), "row", "rows");
    let mut lines = vec![
        context.terminal.done_line(&format!("Backup created in {}/", shown.trim_end_matches('/'))),
        String::new(),
        format!("File:      {}", context.shown(&taken.path)),
        format!("Size:      {}", terminal::size(taken.bytes)),
        format!("Database:  {} ({place})", manifest.database),
        format!("Tables:    {} ({rows})", terminal::count(tables.len() as u64)),
    ];
    if let Some(OpenFga { stores, authorization_models, tuples }) = manifest.openfga {
        lines.push(format!(
            "OpenFGA:   {}, {}, {}",
            terminal::counted(stores, "store", "stores"),
            terminal::counted(authorization_models, "model", "models"),
            terminal::counted(tuples, "tuple", "tuples")
        ));
    }
    if let Some(patterns) = &manifest.only_tables {
        lines.push(format!(
            "Partial:   only {}; db-restore will not take it for the latest backup",
            patterns.iter().map(Text::as_str).collect::<Vec<_>>().join(", ")
        ));
    }
    lines
}

/// `--json`, version 1.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    version: u32,
    /// The path. As in all JSON of this program, bytes that are not UTF-8 are shown as �.
    file: Cow<'a, str>,
    bytes: u64,
    sha256: &'a str,
    database: &'a str,
    server_version: &'a str,
    tables: Vec<Copied>,
    openfga: Option<OpenFga>,
    started_at: StartedAt,
    seconds: Seconds,
}

impl<'a> Document<'a> {
    pub(super) fn of(taken: &'a Taken) -> Self {
        Self {
            version: 1,
            file: taken.path.to_string_lossy(),
            bytes: taken.bytes,
            sha256: &taken.sha256,
            database: &taken.manifest.database,
            server_version: &taken.manifest.server_version,
            tables: taken.manifest.tables(),
            openfga: taken.manifest.openfga,
            started_at: taken.manifest.started_at,
            seconds: taken.manifest.seconds,
        }
    }
}
