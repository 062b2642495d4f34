//! The database's own migrations: pending, changed, dirty.

use super::catalog::reach;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::migration::checks::Direction;
use crate::migration::config::Config;
use crate::migration::ledger::Ledger;
use crate::migration::plan::{self, Entry, Rules, State};
use crate::migration::{other_ledgers, running};
use crate::words::counted;
use anyhow::Result;

const STATUS: &str = "cargo xtask db-migrate status";

pub fn probe(scene: &Scene) -> Finding {
    if reach(scene).is_err() {
        return Finding::not_asked(Part::Postgres);
    }
    match entries(scene) {
        Ok(Found::Foreign(why)) => Finding::skipped(why),
        Ok(Found::Entries(entries)) => judge(&entries),
        Err(_) if scene.server().is_err() => Finding::not_asked(Part::Postgres),
        Err(error) => Finding::of_error(&error, STATUS),
    }
}

enum Found {
    Entries(Vec<Entry>),
    /// Why the folder is not this program's.
    Foreign(String),
}

fn entries(scene: &Scene) -> Result<Found> {
    let config = Config::load(scene.root, scene.settings)?;
    let folder = config.files_for(scene.postgres().target())?;
    if let Some(why) = folder.foreign {
        return Ok(Found::Foreign(why));
    }
    let ledger = Ledger::read(scene.postgres(), &config.ledger, &config.create_schemas)?;
    if !folder.migrations.is_empty()
        && let Some(why) = other_ledgers::owner(scene.postgres(), &ledger)?
    {
        return Ok(Found::Foreign(why));
    }
    let rules = Rules { ignored: &config.ignored, ignore_missing: false };
    let mut entries = plan::compare(&folder, &ledger, rules)?;
    running::mark(&mut entries, scene.postgres())?;
    Ok(Found::Entries(entries))
}

fn judge(entries: &[Entry]) -> Finding {
    let of =
        |states: &[State]| -> Vec<&Entry> { entries.iter().filter(|entry| states.contains(&entry.state)).collect() };
    let named = |found: &[&Entry]| {
        let names = found.iter().map(|entry| format!("{} {}", entry.version, entry.description()));
        names.collect::<Vec<_>>().join(", ")
    };
    let fails = |state, what: &str, hint: &str| {
        let found = of(&[state]);
        (!found.is_empty()).then(|| Finding::fail(format!("{what}: {}", named(&found)), hint))
    };
    let changed = || fails(State::Changed, "changed since it was applied", "see why: cargo xtask db-migrate repair");
    if let Some(finding) = dirty(&of(&[State::Dirty])).or_else(changed) {
        return finding;
    }
    if let Some(entry) = of(&[State::Running]).first() {
        let session = entry.session.as_deref().unwrap_or("another session");
        return Finding::warn(format!("{} is being run by {session}", entry.named()), "wait until it has ended");
    }
    let hint = "give their rows the new versions: cargo xtask db-migrate repair";
    if let Some(finding) = fails(State::Renamed, "applied under another version", hint) {
        return finding;
    }
    let applied = entries.iter().filter(|entry| entry.row.is_some()).count();
    let pending = of(&[State::Pending, State::OutOfOrder]);
    let number = counted(pending.len() as u64, "migration", "migrations");
    if !pending.is_empty() && applied == 0 {
        return Finding::fail(format!("not migrated: none of {number} is applied"), "cargo xtask db-migrate");
    }
    if !pending.is_empty() {
        return Finding::warn(format!("{number} pending: {}", named(&pending)), "cargo xtask db-migrate");
    }
    let missing = of(&[State::MissingFile]);
    match (missing.is_empty(), entries.is_empty()) {
        (true, true) => Finding::skipped("there are none"),
        (true, false) => Finding::ok(format!("{applied} applied, none pending")),
        (false, _) => {
            let hint = "get the checkout that applied them, or: cargo xtask db-migrate repair";
            Finding::warn(format!("applied, but without a file here: {}", named(&missing)), hint)
        }
    }
}

/// The first version that was begun, either way, and never ended; until it is, no other can be applied.
fn dirty(found: &[&Entry]) -> Option<Finding> {
    let entry = found.first()?;
    let what = if entry.begun() == Some(Direction::Down) { "revert started" } else { "started" };
    let detail = format!("dirty, {what} and not finished: {}", entry.named());
    Some(Finding::fail(
        detail,
        format!("check how much of it took effect; {}", entry.hint_to_finish().unwrap_or_default()),
    ))
}
