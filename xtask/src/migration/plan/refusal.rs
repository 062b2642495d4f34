//! States of folder and ledger that a person must look at before anything is run.

use super::entry::{Entry, Lost, State};
use crate::error::{Exit, Fault};
use crate::migration::checks::Direction;
use crate::migration::files::{Folder, Migration, shown};
use crate::words::clean_line;

/// What a person does about a folder or database that is another tool's.
pub const FOLDER_HINT: &str = "keep this program's migrations in a folder of their own, XTASK_MIGRATIONS=FOLDER, or have none: XTASK_MIGRATIONS=none";

/// What sqlx refuses as a whole, and what another tool runs.
pub fn folder(folder: &Folder) -> Result<(), Fault> {
    refused(folder, "Nothing is applied").map_or(Ok(()), Err)
}

/// The same, behind what cannot be done because of it.
pub fn refused(folder: &Folder, what: &str) -> Option<Fault> {
    if let Some(why) = &folder.foreign {
        return Some(Fault::failed(format!("{what}: {why}")).hint(FOLDER_HINT));
    }
    let (first, more) = folder.refusals.split_first()?;
    let mut fault = format!("{what}: {}", first.what);
    more.iter().for_each(|refusal| fault.extend(["; ", &refusal.what]));
    let mut cures: Vec<&str> = folder.refusals.iter().map(|refusal| refusal.cure).collect();
    cures.dedup();
    Some(Fault::failed(fault).hint(cures.join("\n")))
}

/// At most so many commands stand in one hint.
const MOST_REPAIRS: usize = 3;

/// The commands that repair these versions, one each.
pub fn repairs(versions: &[i64]) -> String {
    let shown = versions.iter().take(MOST_REPAIRS).map(|version| format!("cargo xtask db-migrate repair {version}"));
    let more = if versions.len() > MOST_REPAIRS { "; and so for each of the others" } else { "" };
    shown.collect::<Vec<_>>().join("; ") + more
}

/// Two files that would both be run as one version.
pub fn rivals(wanted: &[&Migration]) -> Result<(), Fault> {
    let Some(migration) = wanted.iter().find(|migration| !migration.rivals.is_empty()) else { return Ok(()) };
    let names: Vec<String> = std::iter::once(&migration.up).chain(&migration.rivals).map(|up| shown(up)).collect();
    Err(Fault::failed(format!("Version {} is claimed by two files: {}", migration.version, names.join(" and ")))
        .hint("give the newer one a version of its own"))
}

/// A version that is half there, is another one than its file, or has another number now.
pub fn unfinished(entries: &[Entry]) -> Result<(), Fault> {
    if let Some(entry) = entries.iter().find(|entry| entry.state == State::Running) {
        let session = entry.session.as_deref().unwrap_or("another session");
        return Err(Fault::new(Exit::Locked, format!("{} is being run by {session}", entry.named()))
            .hint("wait until it has ended: --wait-for-run SECONDS"));
    }
    dirty(entries)?;
    if let Some(changed) = named(entries, State::Changed) {
        let other = entries.iter().any(|entry| entry.state == State::Changed && entry.other_words().is_some());
        let hint = if other {
            "see why with: cargo xtask db-migrate repair; if it is another program's, give the file another version"
        } else {
            "see why with: cargo xtask db-migrate repair"
        };
        return Err(Fault::failed(format!("Changed since it was applied: {changed}")).hint(hint));
    }
    let renamed = entries.iter().filter_map(|entry| match &entry.lost {
        Some(Lost::Renamed { to, .. }) if entry.state == State::Renamed => {
            Some(format!("{} is {to} now", entry.named()))
        }
        _ => None,
    });
    let renamed: Vec<String> = renamed.collect();
    if !renamed.is_empty() {
        return Err(Fault::failed(format!("Applied under another version: {}", renamed.join(", "))).hint(
            "if it is applied again, its changes are made twice; give its row the new version instead: cargo xtask \
             db-migrate repair",
        ));
    }
    Ok(())
}

/// Versions whose file, either way, was begun outside a transaction and did not end.
fn dirty(entries: &[Entry]) -> Result<(), Fault> {
    let dirty = || entries.iter().filter(|entry| entry.state == State::Dirty);
    let of = |direction: Direction, what: &str| {
        let names: Vec<String> = dirty().filter(|entry| entry.begun() == Some(direction)).map(Entry::named).collect();
        (!names.is_empty()).then(|| format!("{what} outside a transaction and not finished: {}", names.join(", ")))
    };
    let faults = [of(Direction::Up, "Started"), of(Direction::Down, "Revert started")];
    let fault = faults.into_iter().flatten().collect::<Vec<_>>().join("; ");
    if fault.is_empty() {
        return Ok(());
    }
    let ways: Vec<String> = dirty().filter_map(Entry::hint_to_finish).collect();
    Err(Fault::new(Exit::Partial, fault).hint(format!("check how much of it took effect; {}", ways.join("\n"))))
}

/// What to do where the file of this version was renamed and changed, as it seems: run under its new version, its changes
/// are made twice.
pub fn same_words(entry: &Entry, entries: &[Entry]) -> Option<String> {
    let Some(Lost::Alike { to }) = entry.lost else { return None };
    let file = entries.iter().find(|entry| entry.version == to)?.migration.as_ref()?;
    let (file, version) = (clean_line(&shown(&file.up)), entry.version);
    Some(format!(
        "{file} has the description of version {version} and other content: if it is the same change, give the file its \
         old version {version} back; as version {to} its changes are made twice"
    ))
}

/// Applied versions without a file.
pub fn missing(entries: &[Entry]) -> Result<(), Fault> {
    let of = |entry: &&Entry| entry.state == State::MissingFile && entry.lost != Some(Lost::OnlyWayBack);
    let missing: Vec<&Entry> = entries.iter().filter(of).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|entry| entry.named()).collect::<Vec<_>>().join(", ");
    let versions: Vec<i64> = missing.iter().map(|entry| entry.version).collect();
    let gone = format!(
        "get the checkout that has them; if the versions are another program's: --ignore-missing; if the files are gone \
         for good: {}",
        repairs(&versions)
    );
    let hint = if entries.iter().all(|entry| entry.migration.is_none()) {
        "no migration is here at all: name the folder that holds them: XTASK_MIGRATIONS=DIR; or get the checkout that \
         has them"
    } else if missing.iter().all(|entry| entry.lost == Some(Lost::Ahead)) {
        "the database is newer than this checkout: get the newer checkout; if the versions are another program's: \
         --ignore-missing"
    } else {
        &gone
    };
    let mut hints: Vec<String> = missing.iter().filter_map(|entry| same_words(entry, entries)).collect();
    hints.push(hint.to_owned());
    Err(Fault::failed(format!("The ledger has versions without a file here: {names}")).hint(hints.join("\n")))
}

/// Pending versions below an applied one.
pub fn out_of_order(entries: &[Entry]) -> Result<(), Fault> {
    let Some(pending) = named(entries, State::OutOfOrder) else { return Ok(()) };
    let applied = entries.iter().rfind(|entry| entry.row.is_some() && entry.state != State::Ignored);
    let newest = applied.map_or(0, |entry| entry.version);
    Err(Fault::failed(format!("Pending below the newest applied version {newest}: {pending}")).hint(
        "apply it anyway: --allow-out-of-order; or, if no database has it yet, rename the file to a newer version",
    ))
}

/// A version that neither files nor ledger have.
pub fn unknown(entries: &[Entry], version: i64) -> Result<(), Fault> {
    if entries.iter().any(|entry| entry.version == version) {
        return Ok(());
    }
    Err(Fault::usage(format!("There is no version {version}")).hint("list them with: cargo xtask db-migrate status"))
}

fn named(entries: &[Entry], state: State) -> Option<String> {
    let found: Vec<String> = entries.iter().filter(|entry| entry.state == state).map(Entry::named).collect();
    (!found.is_empty()).then(|| found.join(", "))
}
