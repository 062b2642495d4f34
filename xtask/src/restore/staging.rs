//! A database of our own beside the live one, into which a proven backup is loaded and checked.

use super::code_in_file;
use super::load::{self, Load, Recount};
use super::load_failure::LoadOptions;
use super::load_settings;
use super::preflight::Watch;
use super::property_statements;
use super::record::{OwnedDatabase, Purpose, Record};
pub use super::shared_catalogs::Place;
use super::shared_catalogs::{Guard, Tried};
use super::{blockers, subscriptions};
use crate::backup::proof::Proven;
use crate::error::{self, Cause, Exit, Fault};
use crate::postgres::activity::Counters;
use crate::postgres::properties::Properties;
use crate::postgres::quote::literal;
use crate::postgres::server::Server;
use crate::process::signals;
use crate::words::{counted, first_names, shell_word};
use anyhow::{Error, Result};

/// At most this many tables are named.
const MOST_NAMED: usize = 10;

/// A database that is being filled. Dropped without a swap, it is dropped on the server too.
#[derive(Debug)]
pub struct Staging<'r, 't> {
    record: &'r Record<'t>,
    database: OwnedDatabase,
    /// `Drop` leaves the database alone: it was swapped in, or it is dropped already.
    left: bool,
}

/// A staging database that holds what its backup holds: the only one that may be swapped in.
#[derive(Debug)]
pub struct Checked<'r, 't> {
    staging: Staging<'r, 't>,
    /// `None`: nothing was loaded.
    guard: Option<Guard>,
    /// What the sessions that loaded it set first.
    load_settings: String,
    /// What comparing the rows with the backup's left open.
    recount: Recount,
}

/// The sessions that load a staging database. Their own name keeps a load that outlives its run from making that run look
/// alive.
pub fn loading<'t>(server: &Server<'t>) -> Server<'t> {
    server.named(&format!("{}-load", server.session()))
}

/// Drops schema public, which a new database has, where the backup's had none. A role that may not drop it leaves it.
fn leave_out_public(backup: &Proven, staging: &Server<'_>) -> Result<()> {
    if !backup.manifest.as_ref().is_some_and(|manifest| manifest.without_public) {
        return Ok(());
    }
    let sql = "DO $$BEGIN DROP SCHEMA public; EXCEPTION WHEN insufficient_privilege THEN NULL; END$$;";
    staging.ask(sql).map(drop)
}

/// A login event trigger of the file ended the session that looks at what was loaded.
///
/// # Errors
/// The error, where it has another cause.
fn by_its_trigger(backup: &Proven, error: Error) -> Result<Error, Error> {
    if error::cause(&error) != Some(Cause::CodeAtLogin) {
        return Err(error);
    }
    let fault = Fault::failed(format!(
        "{} is not used: a login event trigger of the file ends every session of its database",
        backup.path.display()
    ));
    let hint = "turn it off in the database that the file was made of, then dump that again: \
                ALTER EVENT TRIGGER NAME DISABLE";
    Ok(Error::msg(error.root_cause().to_string()).context(fault.hint(hint)))
}

/// Compares the rows that the tables hold now. Code of the file may have taken this role's login away.
fn check_tables(load: &Load<'_>, inside: &Server<'_>, guard: &Guard) -> Result<Recount> {
    let unanswered = |error| by_its_trigger(load.backup, error).unwrap_or_else(|error| guard.unanswered(error));
    let mut found = load::recount(load, inside).map_err(unanswered)?;
    found.wrong.take().map_or(Ok(found), Err)
}

impl<'r, 't> Staging<'r, 't> {
    /// Makes an empty, recorded database; from template0, because nothing that was put into template1 belongs into it.
    /// No other role may connect to it. Where this role is no superuser, `owner` owns it while it is loaded, too: the owner
    /// of a table must be allowed to make one there.
    pub fn create(
        record: &'r Record<'t>,
        purpose: Purpose,
        like: Option<&Properties>,
        owner: Option<&str>,
    ) -> Result<Self> {
        let options = like.map(|like| property_statements::creation(like, literal)).transpose()?.unwrap_or_default();
        Ok(Self { record, database: record.create(purpose, &options, owner)?, left: false })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.database.name()
    }

    /// The database.
    pub fn database(&self) -> &OwnedDatabase {
        &self.database
    }

    /// Tries migrations in it, and drops it. The task may ask whether they have changed objects outside of this database,
    /// and removed none. What has changed there when the database is gone comes beside the task's result, as an error with
    /// exit 6; `place` says which statement made a role.
    ///
    /// # Errors
    /// The task's own; or the database could not be dropped.
    pub fn guarded<T>(
        self,
        place: Place<'_>,
        task: impl FnOnce(&dyn Fn() -> bool) -> Result<T>,
    ) -> Result<(T, Option<Error>)> {
        let record = self.record;
        let guard = Guard::before(record, &self.database, Tried::Migrations)?;
        let done = task(&|| guard.sees_revertible(record));
        let dropped = self.discard();
        let (done, changed) = guard.beside(record, done, place)?;
        match (dropped, changed) {
            // What files changed outside of it matters more than a scratch database that stays.
            (Err(_), Some(changed)) => Err(changed),
            (Err(left), None) => Err(left),
            (Ok(()), changed) => Ok((done, changed)),
        }
    }

    /// Feeds the backup to psql, and compares what the server counted with what the backup holds. It stops before
    /// the server's disk is full.
    pub fn load(self, backup: &Proven, options: LoadOptions<'_>, progress: &dyn Fn(u64)) -> Result<Checked<'r, 't>> {
        let server = self.record.server();
        let load_settings = load_settings::statements(server, backup)?;
        let tried = Tried::Backup { file: backup.path.clone(), runs_code: code_in_file::runs(&backup.contents) };
        let guard = Guard::before(self.record, &self.database, tried)?;
        let inside = loading(server).in_database(self.name());
        let load = Load { backup, options, settings: &load_settings };
        let loaded = Watch::during(server, inside.session(), || {
            leave_out_public(backup, &inside)?;
            load::load(&load, &inside, progress)
        });
        let checked = guard.check(self.record, loaded).and_then(|()| self.check_subscriptions(backup, &guard));
        match checked.and_then(|()| check_tables(&load, &inside, &guard)) {
            Ok(recount) => Ok(Checked { staging: self, guard: Some(guard), load_settings, recount }),
            Err(error) => Err(self.discard_after(error)),
        }
    }

    /// Drops it after a failure; where that does not work the failure says so, too.
    fn discard_after(self, error: Error) -> Error {
        let name = self.name().to_owned();
        let Err(left) = self.discard() else { return error };
        let mut hints: Vec<&str> = error::fault(&error).and_then(Fault::hint_text).into_iter().collect();
        let message = if error::exit(&left) == Exit::Unreachable {
            hints.push("once the server answers, drop it: cargo xtask db-restore --repair");
            format!("{error}; {name} stays on the server")
        } else {
            hints.extend(error::fault(&left).and_then(Fault::hint_text).filter(|hint| !hints.contains(hint)));
            format!("{error}; also: {left}")
        };
        let fault = Fault::new(error::exit(&error), message).hint(hints.join("\n"));
        error.context(fault)
    }

    /// A dump's subscriptions are disabled. One that code of the file enabled would take what the publisher keeps for the
    /// live database's.
    fn check_subscriptions(&self, backup: &Proven, guard: &Guard) -> Result<()> {
        let subscriptions = subscriptions::of(self.record.server(), self.name());
        let subscriptions = subscriptions.map_err(|error| guard.unanswered(error))?;
        let Some(enabled) = subscriptions.iter().find(|subscription| subscription.enabled) else { return Ok(()) };
        let message =
            format!("{} enabled its subscription {} while it was loaded", backup.path.display(), enabled.name);
        Err(Fault::failed(message).hint("a file whose code does that is refused: find out where it comes from").into())
    }

    /// Nothing is loaded: an empty database is what is wanted.
    pub fn left_empty(self) -> Checked<'r, 't> {
        Checked { staging: self, guard: None, load_settings: String::new(), recount: Recount::default() }
    }

    /// Drops it on the server.
    ///
    /// # Errors
    /// It could not be dropped, or the live database is gone since (6).
    pub fn discard(mut self) -> Result<()> {
        self.left = true;
        signals::shielded(|| self.record.drop_database(&self.database)).map_err(|error| {
            let name = self.database.name();
            let by_hand = blockers::by_hand(self.record.server(), name).unwrap_or_default();
            let hint = format!("the next run tries again, or: cargo xtask db-restore --repair\n{by_hand}");
            error::explain(error, || Fault::failed(format!("{name} could not be dropped")).hint(hint))
        })
    }
}

/// What a person should know of a load that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadWarning {
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A backup counts every table: pg_dump reads all of them.
fn not_counted(tables: &[(String, u64)], code_ran: bool) -> Option<LoadWarning> {
    let names: Vec<String> = tables.iter().map(|(name, _)| name.clone()).collect();
    let held: Vec<String> = tables.iter().map(|(name, rows)| format!("{} {rows}", shell_word(name))).collect();
    let what = match code_ran {
        true => "Rows were not counted again after the load, although code ran that may have changed them",
        false => "Rows were not counted after the load, although statements of the file may have left some out",
    };
    (!tables.is_empty()).then(|| LoadWarning {
        what: format!("{what}: {}", first_names(&names, MOST_NAMED)),
        hint: Some(format!(
            "once it is restored, a backup counts them (tables): cargo xtask db-backup --json\nthe file's rows: {}",
            first_names(&held, MOST_NAMED)
        )),
    })
}

impl Checked<'_, '_> {
    pub fn database(&self) -> &OwnedDatabase {
        &self.staging.database
    }

    /// What a person should know of rows that may differ from the backup's.
    pub fn warnings(&self) -> Vec<LoadWarning> {
        let Recount { uncounted, added, code_ran, .. } = &self.recount;
        let more = added.len().saturating_sub(MOST_NAMED) as u64;
        let others = (more > 0).then(|| {
            format!("Event triggers may also have added rows to {}", counted(more, "other table", "other tables"))
        });
        let added = added.iter().take(MOST_NAMED).cloned().chain(others);
        let added = added.map(|what| LoadWarning { what, hint: None });
        not_counted(uncounted, *code_ran).into_iter().chain(added).collect()
    }

    /// Statistics for the planner, which no dump holds; gives the server's counters of what was loaded, where it has
    /// them. Functions in indexes run meanwhile, with the settings and the `search_path` that the load had: so the tables
    /// are compared once more. What the server was like before the load is forgotten then: of many databases that are
    /// staged together it would fill the memory. No session of ours is in the database from then on until it is swapped in.
    pub fn analyze(&mut self, backup: &Proven, options: LoadOptions<'_>) -> Result<Option<Counters>> {
        let guard = self.guard.take();
        self.analyze_under(guard.as_ref(), backup, options)
    }

    fn analyze_under(
        &mut self,
        guard: Option<&Guard>,
        backup: &Proven,
        options: LoadOptions<'_>,
    ) -> Result<Option<Counters>> {
        let (Staging { record, database, .. }, settings) = (&self.staging, &self.load_settings);
        let analyze = match options.search_path {
            Some(path) => format!("{settings}SET search_path TO {};\nANALYZE;\nSET search_path TO ''", path.as_str()),
            None => format!("{settings}ANALYZE"),
        };
        let inside = loading(record.server()).in_database(database.name()).within(load::DEADLINE);
        let counters = Counters::after(&analyze, &inside);
        let Some(guard) = guard else { return counters };
        // A login that is refused now was not before the load.
        let unanswered = |error| if error::is_lasting(&error) { guard.unanswered(error) } else { error };
        let refused = |error| by_its_trigger(backup, error).unwrap_or_else(unanswered);
        let counters = guard.check(record, counters.map_err(refused))?;
        // Code of the file may run in any session of its database, those that count the rows included.
        self.recount = guard.check(record, check_tables(&Load { backup, options, settings }, &inside, guard))?;
        Ok(counters)
    }

    /// Runs `ANALYZE` as a restore does, where code of the file may run in it: a drill finds what a restore would.
    ///
    /// # Errors
    /// As for [`analyze`](Self::analyze).
    pub fn try_analyze(&mut self, backup: &Proven, options: LoadOptions<'_>) -> Result<()> {
        if code_in_file::runs(&backup.contents) {
            let guard = self.guard.take();
            self.analyze_under(guard.as_ref(), backup, options)?;
            self.guard = guard;
        }
        Ok(())
    }

    /// It has the live name now, or may have it: it is not dropped.
    pub(super) fn leave(mut self) {
        self.staging.left = true;
    }

    /// Drops it on the server: it was only to be checked.
    ///
    /// # Errors
    /// As for [`Staging::discard`]; or code of the file changed objects outside of it until then (6).
    pub fn discard(self) -> Result<()> {
        let record = self.staging.record;
        self.staging.discard()?;
        self.guard.map_or(Ok(()), |guard| guard.check_dropped(record))
    }
}

impl Drop for Staging<'_, '_> {
    fn drop(&mut self) {
        if !self.left {
            // If that fails too, the record tells the next run what it is.
            let _ = signals::shielded(|| self.record.drop_database(&self.database));
        }
    }
}
