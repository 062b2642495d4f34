//! `db-migrate repair`: what is wrong, why, and the ledger repaired after a question for each.

use super::status;
use crate::commands::migrations::{Compared, Waiting, Work};
use crate::context::Context;
use crate::error::Fault;
use crate::migration::checks::{self, Direction};
use crate::migration::checksum;
use crate::migration::files::shown;
use crate::migration::indexes;
use crate::migration::ledger::write;
use crate::migration::plan::{Entry, Lost, State, same_words};
use crate::migration::session::Session;
use crate::platform;
use crate::terminal;
use crate::words::number;
use anyhow::Result;
use std::time::Duration;

/// Show what is wrong with versions, and repair the ledger after a question for each
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these versions
    #[arg(value_name = "VERSION", allow_negative_numbers = true, value_parser = number::<i64>)]
    versions: Vec<i64>,
    /// Mark a dirty version as applied: it was finished by hand, or its revert was undone
    #[arg(long)]
    applied: bool,
    /// Ignore applied versions that have no file here: another program's
    #[arg(long)]
    ignore_missing: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
}

/// What a yes does to the ledger.
#[derive(Debug)]
enum Repair {
    /// The file as it is now stands for what was applied.
    Accept,
    /// All of a dirty version is there, by hand.
    Finish,
    /// Its file has this version now.
    Renumber(i64),
    Remove,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    target.check_consent(args.yes)?;
    let limits = args.waiting.limits(context)?;
    let terminal = &context.terminal;
    terminal.note(&format!("Repairing the ledger of {}", target.shown()));
    // A version that is named is meant.
    let work = Work::opened(&target, context, args.ignore_missing && args.versions.is_empty())?;
    let compared = work.settled(limits)?;
    let faulty = faulty(args, &compared)?;
    if faulty.is_empty() {
        terminal.done("Nothing to repair");
        return Ok(());
    }
    let (repairs, left) = ask(faulty, &compared, args, (&work, context))?;
    if !repairs.is_empty() {
        let mut locked = work.lock(limits)?;
        if work.compare()?.ledger != compared.ledger {
            return Err(Fault::failed("Another run changed the ledger meanwhile; nothing was repaired")
                .hint("run it again")
                .into());
        }
        for (entry, repair) in repairs.iter().filter(|(entry, _)| entry.state == State::Dirty) {
            check_by_hand(&work, &mut locked.session, entry, matches!(repair, Repair::Finish))?;
        }
        let writer = work.writer(&mut locked.session, &compared.ledger, limits.table)?;
        let sql = repairs.iter().map(|(entry, repair)| repair.sql(&writer.table, entry, &compared, &work));
        writer.change(&mut locked.session, &sql.collect::<Result<Vec<_>>>()?.join("\n"))?;
        terminal.done(&format!("{} repaired", terminal::counted(repairs.len() as u64, "version", "versions")));
    }
    if left > 0 {
        let stay = terminal::counted(left, "version stays as it is", "versions stay as they are");
        return Err(Fault::failed(stay).hint("see why each stays: cargo xtask db-migrate status").into());
    }
    Ok(())
}

/// The repairs that a person says yes to, and how many versions stay as they are.
fn ask<'a>(
    faulty: Vec<&'a Entry>,
    compared: &Compared,
    args: &Args,
    (work, context): (&Work<'_>, &Context),
) -> Result<(Vec<(&'a Entry, Repair)>, u64)> {
    let terminal = &context.terminal;
    let mut repairs = Vec::new();
    let mut left = 0;
    for entry in faulty {
        let reason = status::reason(entry, &work.config.ignored)?.unwrap_or_default();
        terminal.warn(&format!("{}: {reason}", entry.named()));
        if let Some(hint) = same_words(entry, &compared.entries) {
            terminal.note(&format!("  {hint}"));
        }
        let Some((question, repair)) = question(entry, args) else {
            terminal.note(&format!("  {}", terminal.to_type(&only_by_name(entry))));
            left += 1;
            continue;
        };
        match if args.yes { Some(true) } else { terminal.ask(&question)? } {
            Some(true) => repairs.push((entry, repair)),
            Some(false) => left += 1,
            None => {
                let fault = Fault::failed(format!("{question} There is no terminal to ask on"));
                return Err(fault.hint("answer yes on the command line: --yes").into());
            }
        }
    }
    Ok((repairs, left))
}

/// The versions to repair.
fn faulty<'a>(args: &Args, compared: &'a Compared) -> Result<Vec<&'a Entry>, Fault> {
    if let Some(unknown) =
        args.versions.iter().find(|version| !compared.entries.iter().any(|entry| entry.version == **version))
    {
        return Err(Fault::usage(format!("There is no version {unknown}"))
            .hint("list them with: cargo xtask db-migrate status"));
    }
    let is_wrong = |entry: &&Entry| {
        matches!(entry.state, State::Changed | State::Dirty | State::MissingFile | State::Renamed)
            && (args.versions.is_empty() || args.versions.contains(&entry.version))
    };
    Ok(compared.entries.iter().filter(is_wrong).collect())
}

/// The question, and what a yes does; `None` for what must be named.
fn question(entry: &Entry, args: &Args) -> Option<(String, Repair)> {
    let reverted = entry.begun() == Some(Direction::Down);
    let is_named = args.versions.contains(&entry.version);
    let (question, repair) = match (entry.state, entry.lost) {
        (State::Changed, _) if entry.other_words().is_some() && !is_named => return None,
        (State::Changed, _) => ("Accept the file as it is now as the applied one?".to_owned(), Repair::Accept),
        (State::Dirty, _) if args.applied => {
            let how = if reverted { "its revert was undone" } else { "it was finished" };
            (format!("Mark it as applied, because {how} by hand?"), Repair::Finish)
        }
        (State::Dirty, _) if reverted => {
            let question = "Its revert was finished by hand: remove its row, so that `up` runs its file again?";
            (question.to_owned(), Repair::Remove)
        }
        (State::Dirty, _) => ("Remove its row, so that `up` runs its file again?".to_owned(), Repair::Remove),
        (State::Renamed, Some(Lost::Renamed { to, .. })) => {
            (format!("Change its row to version {to}?"), Repair::Renumber(to))
        }
        // What is taken out is applied again where its file comes back, or by the program whose row it is.
        _ if !is_named => return None,
        _ => ("Remove its row from the ledger?".to_owned(), Repair::Remove),
    };
    Some((question, repair))
}

fn only_by_name(entry: &Entry) -> String {
    let version = entry.version;
    if entry.state == State::Changed {
        let file =
            entry.migration.as_ref().map(|migration| terminal::shell_word(&shown(&migration.up))).unwrap_or_default();
        return terminal::clean_line(&format!(
            "give {file} another version; it is accepted only if you name it: cargo xtask db-migrate repair {version}"
        ));
    }
    let way = match entry.lost {
        Some(Lost::Ahead) => "get the newer checkout".to_owned(),
        Some(Lost::Alike { .. }) => {
            return format!("its row is removed only if you name it: cargo xtask db-migrate repair {version}");
        }
        Some(Lost::OnlyWayBack) => "get its .up.sql file back".to_owned(),
        _ => "get the checkout that has it; if it is another program's: --ignore-missing".to_owned(),
    };
    format!("{way}; its row is removed only if you name it: cargo xtask db-migrate repair {version}")
}

/// Looks for invalid indexes before a dirty version is marked as applied, or its row is removed: then `up` builds them again,
/// and fails on one that is left. A version that is marked as applied must have its indexes.
fn check_by_hand(work: &Work<'_>, session: &mut Session<'_>, entry: &Entry, is_finished: bool) -> Result<()> {
    let Some(migration) = &entry.migration else { return Ok(()) };
    let text = match platform::read_regular(&migration.up, checks::LARGEST_WITHOUT_TRANSACTION) {
        Ok(text) => text,
        Err(error) if is_finished => return Err(error.into()),
        // Its row may go all the same: `up` says what is wrong with the file.
        Err(_) => return Ok(()),
    };
    let mut invalid = indexes::invalid(session)?;
    invalid.retain(|index| index.is_named_in(&text));
    indexes::refuse(&invalid)?;
    if !is_finished {
        return Ok(());
    }
    let made = checks::check(&migration.up, Direction::Up, &work.config.ignored).map(|found| found.made);
    let absent = indexes::absent(session, &made.unwrap_or_default())?;
    if let Some(made) = absent.first() {
        let what = if entry.begun() == Some(Direction::Down) { "whole" } else { "finished" };
        return Err(Fault::failed(format!("{} is not {what}: index {} is missing", entry.named(), made.name))
            .hint(format!(
                "create it by hand, or remove the version's row: cargo xtask db-migrate repair {}",
                entry.version
            ))
            .into());
    }
    Ok(())
}

impl Repair {
    fn sql(&self, table: &str, entry: &Entry, compared: &Compared, work: &Work<'_>) -> Result<String> {
        let version = entry.version;
        let checksum = |entry: &Entry| {
            let file = entry.migration.as_ref().map(|migration| migration.up.as_path());
            file.map_or_else(|| Ok(String::new()), |file| checksum::of(file, &work.config.ignored))
        };
        Ok(match self {
            Self::Accept => write::accept(table, version, entry.description(), &checksum(entry)?)?,
            // Before a revert its row was right.
            Self::Finish if entry.begun() == Some(Direction::Down) || entry.migration.is_none() => {
                let time = entry.row.as_ref().and_then(|row| u64::try_from(row.execution_time).ok());
                write::finish(table, version, Duration::from_nanos(time.unwrap_or_default()))
            }
            Self::Finish => {
                let accept = write::accept(table, version, entry.description(), &checksum(entry)?)?;
                accept + &write::finish(table, version, Duration::ZERO)
            }
            Self::Renumber(to) => {
                let file = compared.entries.iter().find(|entry| entry.version == *to).unwrap_or(entry);
                write::renumber(table, version, *to, file.description(), &checksum(file)?)?
            }
            Self::Remove => write::remove(table, version),
        })
    }
}
