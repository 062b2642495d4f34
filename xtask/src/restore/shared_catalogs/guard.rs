//! A load that changed what belongs to the whole server is not used.

use super::SharedCatalogs;
use super::change::Change;
use crate::error::{Exit, Fault};
use crate::process::signals;
use crate::restore::record::{Entry, OwnedDatabase, Record};
use anyhow::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So many changes are named.
const NAMED: usize = 20;
/// After a failure nobody waits long for a server that is silent.
const CLEAR_UP_PATIENCE: Duration = Duration::from_secs(5);
const HINT: &str = "code in the file has done this, or another session meanwhile: the server does not tell which\n\
    look at each, and undo what nobody wanted: cargo xtask db-shell -- -c '\\l+' -c '\\du+' -c '\\drds' -c '\\db+'\n\
    if it was another session, try again";

/// The databases that the record proves to be this role's, by OID.
type Recorded = BTreeMap<u32, Entry>;

/// How the server was before a file was loaded.
#[derive(Debug)]
pub struct Guard {
    file: PathBuf,
    /// The loaded database's.
    own: u32,
    before: SharedCatalogs,
    recorded: Recorded,
}

impl Guard {
    /// Looks at the server; `database` is the one that the file will be loaded into.
    pub fn before(record: &Record<'_>, database: &OwnedDatabase, file: &Path) -> Result<Self> {
        let before = SharedCatalogs::before(record.target(), record.run(), database.name())?;
        Ok(Self { file: file.to_owned(), own: database.oid(), before, recorded: recorded(record)? })
    }

    /// The outcome of what ran code of the file, unless something of the whole server has changed. That is looked for after
    /// a failure, too: what the code did before stays.
    ///
    /// # Errors
    /// Exit 6 names what has changed.
    pub fn check<T>(&self, record: &Record<'_>, outcome: Result<T>) -> Result<T> {
        match (signals::shielded(|| self.changes(record, outcome.is_err())), outcome) {
            (Ok(changes), outcome) if changes.is_empty() => outcome,
            (Ok(changes), outcome) => Err(refusal(&self.file, &changes, outcome.err())),
            (Err(_), Err(failed)) => Err(failed),
            (Err(unknown), Ok(_)) => Err(unknown),
        }
    }

    fn changes(&self, record: &Record<'_>, failed: bool) -> Result<Vec<Change>> {
        let target = record.target();
        let patience = if failed { CLEAR_UP_PATIENCE } else { target.patience() };
        let changes = self.before.changes(target, record.run(), patience)?;
        if changes.is_empty() {
            return Ok(changes);
        }
        let now = recorded(record)?;
        let mut ours = self.of_other_runs(&now);
        // A run that made a database, loaded it and swapped it in meanwhile: of the live one it recorded the old one.
        let lives: Vec<&str> =
            now.iter().filter(|(oid, _)| ours.contains(oid)).map(|(_, of)| of.live.as_str()).collect();
        ours.extend(changes.iter().filter_map(|change| change.of_new_database(&lives)));
        Ok(changes.into_iter().filter(|change| !change.is_of(&ours)).collect())
    }

    /// Databases that other runs of ours were at work on meanwhile: what they did is explained. A kept database of which
    /// the record says the same as before, and no living run, was left alone by all of them.
    fn of_other_runs(&self, now: &Recorded) -> BTreeSet<u32> {
        let before = &self.recorded;
        let is_at_work = |oid: &&u32| match (before.get(oid), now.get(oid)) {
            (Some(was), Some(is)) => was != is || was.alive,
            (was, is) => was.is_some() || is.is_some(),
        };
        before.keys().chain(now.keys()).filter(|oid| **oid != self.own).filter(is_at_work).copied().collect()
    }
}

fn recorded(record: &Record<'_>) -> Result<Recorded> {
    let (view, live) = (record.view()?, record.target().database());
    let owned = |entry: &Entry| view.owned(entry, live).map(|database| (database.oid(), entry.clone()));
    Ok(view.entries().iter().filter_map(owned).collect())
}

fn refusal(file: &Path, changes: &[Change], failed: Option<Error>) -> Error {
    let file = file.display();
    let headline = match &failed {
        None => format!("{file} was loaded and is not used: objects outside its database changed meanwhile"),
        Some(_) => format!("{file} was not loaded, and objects outside its database changed meanwhile"),
    };
    let mut lines: Vec<String> = changes.iter().take(NAMED).map(ToString::to_string).collect();
    let more = changes.len().saturating_sub(NAMED);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let what = lines.join("\n");
    let error = match failed {
        None => Error::msg(what),
        Some(failed) => failed.context(what),
    };
    error.context(Fault::new(Exit::Partial, headline).hint(HINT))
}
