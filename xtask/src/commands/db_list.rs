//! `db-list`: what backups there are, and with `--check` whether every byte of them is as it was written.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod server;
mod sets;

use self::server::{Answer, Question};
use self::sets::{Group, SetEntry, Sets};
use crate::backup::listing::{self, Backup};
use crate::backup::manifest;
use crate::backup::name::Purpose;
use crate::backup::proof::{self, Verdict};
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::postgres::dump::Contents;
use crate::process::signals;
use crate::restore::previous::Kept;
use crate::restore::record::Unrecorded;
use crate::terminal;
use anyhow::Result;
use chrono::{DateTime, FixedOffset, Local, SecondsFormat};
use serde::Serialize;
use std::borrow::Cow;
use std::cell::Cell;
use std::path::{Path, PathBuf};

/// List the backups of every database, or of --database, newest first, those of a set together; --check reads and proves
/// every byte
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to look in [default: backups/]
    folder: Option<PathBuf>,
    /// Read every file and prove it
    #[arg(long)]
    check: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let folder = match &args.folder {
        Some(typed) => existing(&context.typed(typed))?,
        None => context.backups_folder(),
    };
    // Another folder has nothing to do with the server of this checkout.
    let question = args.folder.is_none().then(|| Question::ask(context));
    let mut backups = listed(&folder, args.check, context)?;
    let database = context.typed_database();
    let sets = Sets::list(&folder, &backups, database)?;
    if database.is_some() {
        backups.retain(|backup| backup.database.as_deref() == database);
    }
    let answer = || {
        let mut answer = question.and_then(Question::answer)?;
        answer.kept.retain(|kept| database.is_none_or(|database| kept.database == *database));
        answer.overdue.retain(|overdue| database.is_none_or(|database| overdue.live == *database));
        Some(answer)
    };
    // Without an answer because of a signal, the list would lack a part without a word.
    let answer = || signals::check().map(|()| answer()).and_then(|answer| signals::check().map(|()| answer));
    let answer = if args.json {
        let answer = answer()?;
        context.terminal.json(&Document::of(&backups, &sets, answer.as_ref()))?;
        answer
    } else {
        // The files are shown before the server's answer is waited for.
        show(&backups, &sets, &folder, context)?;
        let answer = answer()?;
        answer.iter().try_for_each(|answer| answer.show(context))?;
        answer
    };
    answer.iter().try_for_each(|answer| answer.warn(context))?;
    if args.check { check_fit(&backups, &sets) } else { Ok(()) }
}

/// The backups of the folder; with `check`, each file is read and proven, with its progress.
fn listed(folder: &Path, check: bool, context: &Context) -> Result<Vec<Backup>> {
    if !check {
        return listing::list(folder, &proof::glance);
    }
    let progress = context.terminal.progress("checking", None);
    let checked = Cell::new(0);
    listing::list(folder, &|path| {
        let before = checked.get();
        proof::check(path, &|bytes| {
            checked.set(u64::saturating_add(before, bytes));
            progress.set(checked.get());
        })
    })
}

/// Refuses files that a restore would refuse.
///
/// # Errors
/// Exit 3: there are such files.
fn check_fit(backups: &[Backup], sets: &Sets) -> Result<()> {
    let unfit = backups.iter().filter(|backup| backup.examined.verdict.is_unfit()).count();
    let unfit = unfit.saturating_add(sets.unfit());
    if unfit == 0 {
        return Ok(());
    }
    let files = terminal::counted(unfit as u64, "file is", "files are");
    let them = if unfit == 1 { "it" } else { "them" };
    let message = format!("{files} cut, damaged or unreadable; a restore would refuse {them}");
    Err(Fault::new(Exit::Refused, message).hint("make a new backup with: cargo xtask db-backup").into())
}

/// A folder that was named must be there: no backups in it would be the wrong answer to a mistyped name.
fn existing(folder: &Path) -> Result<PathBuf, Fault> {
    if folder.symlink_metadata().is_ok() {
        return Ok(folder.to_owned());
    }
    Err(Fault::failed(format!("There is no folder {}", folder.display()))
        .hint("name a folder that is there, or leave it out for backups/"))
}

/// Each file with its verdict, then the reasons of those that are not whole.
fn show(backups: &[Backup], sets: &Sets, folder: &Path, context: &Context) -> Result<()> {
    let terminal = &context.terminal;
    if backups.is_empty() && sets.is_empty() {
        let of = context.typed_database().map(|name| terminal::clean_line(&format!(" of database {name}")));
        terminal.note(&format!("No backups{} in {}", of.unwrap_or_default(), context.shown(folder)));
        terminal.note(&terminal.to_type("Make one with: cargo xtask db-backup"));
        return Ok(());
    }
    let now = Local::now().fixed_offset();
    let rows: Vec<Vec<String>> = sets.groups(backups).iter().flat_map(|group| rows(group, &now, context)).collect();
    terminal.table(&["FILE", "DATABASE", "AGE", "SIZE", "TABLES", "ROWS", "VERDICT"], &rows, &[2, 3, 4, 5])?;
    for backup in backups {
        if let Some(reason) = &backup.examined.reason {
            terminal.warn(&terminal::clean_line(&format!("{}: {reason}", context.shown(&backup.path))));
            let way = backup.examined.kind.map(|kind| kind.way(&context.as_word(&backup.path)));
            way.into_iter().for_each(|way| terminal.hint(&way));
        }
    }
    sets.reasons().for_each(|reason| terminal.warn(&terminal::clean_line(reason)));
    Ok(())
}

/// The rows of a file, or of a set and its files below it.
fn rows(group: &Group<'_>, now: &DateTime<FixedOffset>, context: &Context) -> Vec<Vec<String>> {
    let files = group.backups.iter().map(|backup| row(backup, now, context));
    let Some(set) = group.set else { return files.collect() };
    let counted = group.backups.iter().filter_map(|backup| counts(backup));
    let (tables, rows) = counted.fold((0u64, 0u64), |(tables, rows), (more_tables, more_rows)| {
        (tables.saturating_add(more_tables), rows.saturating_add(more_rows))
    });
    let bytes = group.backups.iter().fold(0u64, |total, backup| total.saturating_add(backup.examined.bytes));
    let mut all = vec![vec![
        context.shown(&set.path),
        set.databases.map_or_else(|| "-".to_owned(), |count| terminal::counted(count, "database", "databases")),
        age(now, &set.time),
        terminal::size(bytes),
        terminal::count(tables),
        terminal::count(rows),
        format!("set, {}", set.verdict.as_str()),
    ]];
    all.extend(files.map(|mut row| {
        row.iter_mut().take(1).for_each(|file| file.insert_str(0, "  "));
        row
    }));
    all
}

/// How old something is; of a time to come, that the clock was set back since.
fn age(now: &DateTime<FixedOffset>, time: &DateTime<FixedOffset>) -> String {
    let seconds = now.signed_duration_since(time).num_seconds();
    if seconds < 0 { "in future".to_owned() } else { terminal::span(seconds) }
}

fn row(backup: &Backup, now: &DateTime<FixedOffset>, context: &Context) -> Vec<String> {
    let dash = || "-".to_owned();
    let counts = counts(backup);
    let mut verdict = backup.examined.verdict.as_str().to_owned();
    match backup.purpose {
        Some(Purpose::Tables) => verdict.push_str(", partial"),
        Some(Purpose::PreRestore) => verdict.push_str(", before a restore"),
        Some(Purpose::PreMigration) => verdict.push_str(", before a migration"),
        Some(Purpose::Globals) => verdict.push_str(", roles"),
        _ if backup.examined.manifest.as_ref().is_some_and(|manifest| !manifest.is_full()) => {
            verdict.push_str(", partial");
        }
        _ => {}
    }
    vec![
        context.shown(&backup.path),
        backup.database.as_ref().map_or_else(dash, ToString::to_string),
        backup.time.map_or_else(dash, |time| age(now, &time)),
        if backup.examined.verdict == Verdict::Unreadable { dash() } else { terminal::size(backup.examined.bytes) },
        counts.map_or_else(dash, |(tables, _)| terminal::count(tables)),
        counts.map_or_else(dash, |(_, rows)| terminal::count(rows)),
        verdict,
    ]
}

/// Tables and rows, where the manifest or a full read tells.
fn counts(backup: &Backup) -> Option<(u64, u64)> {
    let examined = &backup.examined;
    let filled = examined.manifest.as_ref().map(|manifest| manifest.copied.to_vec());
    let filled = filled.or_else(|| examined.contents.as_ref().map(Contents::filled))?;
    Some((manifest::tables(&filled).len() as u64, manifest::rows(&filled)))
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    backups: Vec<Entry<'a>>,
    /// Newest first.
    sets: Vec<SetEntry<'a>>,
    /// Previous databases; null where the server did not answer at once.
    kept_on_server: Option<&'a [Kept]>,
    /// Databases that are named like ours but are not recorded, with the statements that undo by hand.
    not_recorded: Option<&'a [Unrecorded]>,
}

impl<'a> Document<'a> {
    fn of(backups: &'a [Backup], sets: &'a Sets, answer: Option<&'a Answer>) -> Self {
        Self {
            version: 1,
            backups: backups.iter().map(|backup| Entry::of(backup, sets.of(backup))).collect(),
            sets: sets.entries().collect(),
            kept_on_server: answer.map(|answer| answer.kept.as_slice()),
            not_recorded: answer.map(|answer| answer.findings.unrecorded.as_slice()),
        }
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    file: Cow<'a, str>,
    database: Option<&'a str>,
    purpose: Option<Purpose>,
    /// RFC 3339.
    time: Option<String>,
    /// Null where the file could not be read.
    bytes: Option<u64>,
    tables: Option<u64>,
    rows: Option<u64>,
    full: bool,
    verdict: Verdict,
    reason: Option<&'a str>,
    /// The newest set that names it.
    set: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    fn of(backup: &'a Backup, set: Option<&'a Path>) -> Self {
        Self {
            file: backup.path.to_string_lossy(),
            database: backup.database.as_deref(),
            purpose: backup.purpose,
            time: backup.time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, false)),
            bytes: (backup.examined.verdict != Verdict::Unreadable).then_some(backup.examined.bytes),
            tables: counts(backup).map(|(tables, _)| tables),
            rows: counts(backup).map(|(_, rows)| rows),
            full: backup.is_full(),
            verdict: backup.examined.verdict,
            reason: backup.examined.reason.as_deref(),
            set: set.map(Path::to_string_lossy),
        }
    }
}
