//! Whether code of a file that ran in one database changed what belongs to the whole server.

use super::SharedCatalogs;
use super::change::Change;
use super::roles::{self, Place};
use crate::error::{self, Exit, Fault};
use crate::process::{self, signals};
use crate::restore::record::{Entry, OwnedDatabase, Record};
use anyhow::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// At most this many changes are named.
const NAMED: usize = 20;
/// After a failure a silent server is waited for no longer than this.
const CLEAR_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// The code whose effects outside of its database are looked for.
#[derive(Debug, Clone)]
pub enum Tried {
    /// A backup is loaded from this file. Without code of its own it changes no role, database or tablespace.
    Backup { file: PathBuf, runs_code: bool },
    /// Migrations run in a scratch database.
    Migrations,
}

impl Tried {
    fn headline(&self, is_done: bool) -> String {
        match self {
            Self::Backup { file, .. } if is_done => {
                format!("{} was loaded and is not used: objects outside its database changed meanwhile", file.display())
            }
            Self::Backup { file, .. } => {
                format!("{} was not loaded, and objects outside its database changed meanwhile", file.display())
            }
            Self::Migrations => {
                "The migrations were tried in a scratch database, and objects outside of it changed meanwhile"
                    .to_owned()
            }
        }
    }

    fn can_have_made(&self, change: &Change) -> bool {
        !matches!(self, Self::Backup { runs_code: false, .. }) || change.is_made_by_statements()
    }

    fn not_known(&self) -> String {
        match self {
            Self::Backup { file, .. } => format!(
                "{} was loaded and is not used: whether objects outside its database changed meanwhile is not known",
                file.display()
            ),
            Self::Migrations => {
                "The migrations were tried in a scratch database; whether objects outside of it changed \
                                 meanwhile is not known"
                    .to_owned()
            }
        }
    }

    fn hint(&self, maintenance: &str, changes: &[Change], place: Place<'_>) -> String {
        if roles::explain(changes, place) {
            let ways = roles::ways(changes, maintenance);
            return format!("a statement about a role reaches the whole server, also from a scratch database\n{ways}");
        }
        let cause = match self {
            Self::Backup { .. } => "code in the file did this",
            Self::Migrations => {
                "a migration did this (a statement about a role, a database or a tablespace reaches the whole server, also \
                 from a scratch database)"
            }
        };
        let way = match self {
            Self::Backup { .. } => String::new(),
            Self::Migrations => format!("\n{}", roles::ways(changes, maintenance)),
        };
        format!(
            "{cause}, or another session did it at the same time: PostgreSQL does not record which{way}\n\
             check each change, and undo those that you do not want: cargo xtask db-shell -- -d {maintenance} -c '\\l+' \
             -c '\\du+' -c '\\drds' -c '\\db+'\nif it was another session, try again"
        )
    }
}

/// What the record says at one time.
#[derive(Debug, Clone)]
struct Recorded {
    /// The databases that it proves to be this role's, by OID.
    owned: BTreeMap<u32, Entry>,
    /// Names of databases that living runs make just now: their OIDs are not recorded yet.
    in_making: BTreeSet<String>,
}

/// What belonged to the whole server before code of a file ran.
#[derive(Debug)]
pub struct Guard {
    tried: Tried,
    /// The OID of the database in which the code runs.
    own: u32,
    /// That database is dropped by now: what is gone with it is explained.
    is_dropped: bool,
    before: SharedCatalogs,
    /// The database in which a person looks at what belongs to the whole server.
    maintenance: &'static str,
    /// What the record said before and after the catalogs were read: other runs go on meanwhile.
    recorded: [Recorded; 2],
}

impl Guard {
    /// Looks at the server; the code will run in `database`.
    pub fn before(record: &Record<'_>, database: &OwnedDatabase, tried: Tried) -> Result<Self> {
        let first = recorded(record)?;
        let timeout = record.target().timeout();
        let before = SharedCatalogs::before(&|sql| record.ask(sql, timeout), database.name())?;
        let maintenance = record.server().maintenance_database();
        Ok(Self {
            tried,
            own: database.oid(),
            is_dropped: false,
            before,
            maintenance,
            recorded: [first, recorded(record)?],
        })
    }

    /// The outcome of the code, unless something of the whole server has changed. It is compared after a failure, too: what
    /// the code changed before it failed stays.
    ///
    /// # Errors
    /// Exit 6 names what has changed.
    pub fn check<T>(&self, record: &Record<'_>, outcome: Result<T>) -> Result<T> {
        let (done, changed) = self.beside(record, outcome, &|_| None)?;
        changed.map_or(Ok(done), Err)
    }

    /// The same once that database is dropped: sessions of ours, in which its code may run, were in it until then.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    pub fn check_dropped(mut self, record: &Record<'_>) -> Result<()> {
        self.is_dropped = true;
        self.check(record, Ok(()))
    }

    /// As [`check`](Self::check), but a change does not replace the outcome of code that succeeded: it is given beside it.
    ///
    /// `place` says which statement of the code made a role.
    ///
    /// # Errors
    /// The task's own; with what has changed, if anything has.
    pub fn beside<T>(&self, record: &Record<'_>, outcome: Result<T>, place: Place<'_>) -> Result<(T, Option<Error>)> {
        match (signals::shielded(|| self.changes(record, outcome.is_err())), outcome) {
            (Ok(changes), Ok(done)) if changes.is_empty() => Ok((done, None)),
            (Ok(changes), Ok(done)) => Ok((done, Some(self.refusal(&changes, None, place)))),
            (Ok(changes), Err(failed)) if changes.is_empty() => Err(failed),
            (Ok(changes), Err(failed)) => Err(self.refusal(&changes, Some(failed), place)),
            (Err(_), Err(failed)) => Err(failed),
            (Err(unknown), Ok(done)) => Ok((done, Some(self.unanswered(unknown)))),
        }
    }

    /// Whether something of the whole server changed so far, and nothing is gone: the way back of the code may revert it.
    pub fn sees_revertible(&self, record: &Record<'_>) -> bool {
        let changes = self.changes(record, false).unwrap_or_default();
        !changes.is_empty() && !changes.iter().any(Change::is_removal)
    }

    /// Why a question after the code ran had no answer. Before it this role could ask: that it cannot any more is a change,
    /// too, unless the server is gone.
    pub fn unanswered(&self, why: Error) -> Error {
        if error::exit(&why) != Exit::Failed && !error::is_lasting(&why) {
            return why;
        }
        let hint = self.tried.hint(self.maintenance, &[], &|_| None);
        why.context(Fault::new(Exit::Partial, self.tried.not_known()).hint(hint))
    }

    fn changes(&self, record: &Record<'_>, failed: bool) -> Result<Vec<Change>> {
        let target = record.target();
        let timeout = if failed { CLEAR_UP_TIMEOUT } else { target.timeout() };
        let ask = || self.before.changes(&|sql| record.ask(sql, timeout));
        if ask()?.is_empty() {
            return Ok(Vec::new());
        }
        // Between two looks at the record, so that it tells of each change which run made it.
        // Code of a file may end the record's session: then what was known before is all that explains a change.
        let recorded = || recorded(record).unwrap_or_else(|_| self.recorded[1].clone());
        let first = recorded();
        let changes = ask()?;
        let last = recorded();
        let snapshots: Vec<&Recorded> = self.recorded.iter().chain([&first, &last]).collect();
        let in_making: Vec<&str> =
            snapshots.iter().flat_map(|snapshot| &snapshot.in_making).map(String::as_str).collect();
        let mut ours = self.of_other_runs(&snapshots, record.server().session());
        if self.is_dropped || matches!(self.tried, Tried::Migrations) {
            // What they change of the scratch database itself goes with it.
            ours.insert(self.own);
        }
        // A run that made a database, loaded it and swapped it in meanwhile: of the live one it recorded the old one.
        let owned = snapshots.iter().flat_map(|snapshot| &snapshot.owned).filter(|(oid, _)| ours.contains(oid));
        let lives: Vec<&str> = owned.map(|(_, entry)| entry.live.as_str()).collect();
        ours.extend(changes.iter().filter_map(|change| change.of_new_database(&lives)));
        ours.extend(changes.iter().filter_map(|change| change.of_database(&in_making)));
        let not_ours = changes.into_iter().filter(|change| !change.is_of(&ours));
        let (possible, of_others): (Vec<Change>, Vec<Change>) =
            not_ours.partition(|change| self.tried.can_have_made(change));
        for change in of_others {
            process::remark(&format!("another session changed this meanwhile: {change}"));
        }
        Ok(possible)
    }

    fn refusal(&self, changes: &[Change], failed: Option<Error>, place: Place<'_>) -> Error {
        let headline = self.tried.headline(failed.is_none());
        let mut lines: Vec<String> = changes.iter().take(NAMED).map(|change| roles::line(change, place)).collect();
        let more = changes.len().saturating_sub(NAMED);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        let what = lines.join("\n");
        let error = match failed {
            None => Error::msg(what),
            Some(failed) => failed.context(what),
        };
        error.context(Fault::new(Exit::Partial, headline).hint(self.tried.hint(self.maintenance, changes, place)))
    }

    /// Databases that other runs of ours were at work on meanwhile: what they did is explained. A kept database of which
    /// the record says the same at every look, and no other living run, was left alone by all of them.
    fn of_other_runs(&self, snapshots: &[&Recorded], run: &str) -> BTreeSet<u32> {
        let is_at_work = |oid: &u32| {
            let entries: Vec<Option<&Entry>> = snapshots.iter().map(|snapshot| snapshot.owned.get(oid)).collect();
            let differ = entries.windows(2).any(|pair| pair.first() != pair.last());
            differ || entries.iter().flatten().any(|entry| entry.alive && entry.run != run)
        };
        let all = snapshots.iter().flat_map(|snapshot| snapshot.owned.keys()).copied();
        all.filter(|oid| *oid != self.own && is_at_work(oid)).collect()
    }
}

fn recorded(record: &Record<'_>) -> Result<Recorded> {
    let (view, live) = (record.view()?, record.target().database());
    let owned = |entry: &Entry| view.owned(entry, live).map(|database| (database.oid(), entry.clone()));
    let in_making = view.entries().iter().filter(|entry| entry.alive && entry.is_in_making());
    Ok(Recorded {
        owned: view.entries().iter().filter_map(owned).collect(),
        in_making: in_making.map(|entry| entry.name.clone()).collect(),
    })
}
