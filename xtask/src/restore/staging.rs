//! A database of our own beside the live one, into which a proven backup is loaded and checked.

use super::carried;
use super::load_failure::{self, LoadOptions};
use super::preflight::{self, Watch};
use super::record::{OwnedDatabase, Purpose, Record};
use super::shared_catalogs::Guard;
use super::subscriptions;
use crate::backup::proof::Proven;
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::Counters;
use crate::postgres::beginning::{self, Beginning};
use crate::postgres::preamble::{EMPTY_PATH, PREAMBLE};
use crate::postgres::properties::Properties;
use crate::postgres::quote::literal;
use crate::postgres::search_path::SearchPath;
use crate::postgres::session;
use crate::process::{Program, signals};
use crate::settings::fault_point;
use crate::target::client_error;
use anyhow::Result;
use std::io::Write as _;
use std::time::Duration;

/// psql has said everything by then; what it still does is the server's own work.
const LAST_WORDS: Duration = Duration::from_secs(24 * 3600);

/// The system's words for ENOSPC, which PostgreSQL hands on.
const DISK_FULL: &str = "No space left on device";

/// A database that is being filled. Dropped without a swap, it is dropped on the server too.
#[derive(Debug)]
pub struct Staging<'r, 't> {
    record: &'r Record<'t>,
    database: OwnedDatabase,
    /// It may have become the live one, or it is dropped already.
    left: bool,
}

/// A staging database that holds what its backup holds: the only one that may be swapped in.
#[derive(Debug)]
pub struct Checked<'r, 't> {
    staging: Staging<'r, 't>,
    /// `None`: nothing was loaded.
    guard: Option<Guard>,
}

impl<'r, 't> Staging<'r, 't> {
    /// Makes an empty, recorded database; from template0, because nothing that was put into template1 belongs into it.
    /// `owner` owns it while it is loaded, too: the owner of a table must be allowed to make one there.
    pub fn create(
        record: &'r Record<'t>,
        purpose: Purpose,
        like: Option<&Properties>,
        owner: Option<&str>,
    ) -> Result<Self> {
        let options = like.map(carried::creation).transpose()?.unwrap_or_default();
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

    /// Feeds the backup to one psql, and compares what the server counted with what the backup holds. It stops before
    /// the server's disk is full.
    pub fn load(self, backup: &Proven, options: LoadOptions<'_>, progress: &dyn Fn(u64)) -> Result<Checked<'r, 't>> {
        // What is still being loaded after a kill has another session name than the run: it is not alive.
        let server = self.record.server();
        let loader = format!("{}-load", server.session());
        let guard = Guard::before(self.record, &self.database, &backup.path)?;
        let loaded = Watch::during(server, &loader, || self.fill(&loader, backup, options, progress));
        match guard.check(self.record, loaded).and_then(|()| self.check_subscriptions(backup, &guard)) {
            Ok(()) => Ok(Checked { staging: self, guard: Some(guard) }),
            Err(error) => Err(self.discard_after(error)),
        }
    }

    /// Drops it after a failure; where that does not work the failure says so, too.
    fn discard_after(self, error: anyhow::Error) -> anyhow::Error {
        let Err(left) = self.discard() else { return error };
        let hints: Vec<&str> = [&error, &left].iter().filter_map(|error| error::fault(error)?.hint_text()).collect();
        let fault = Fault::new(error::exit(&error), format!("{error}; also, {left}")).hint(hints.join("\n"));
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

    fn fill(&self, loader: &str, backup: &Proven, options: LoadOptions<'_>, progress: &dyn Fn(u64)) -> Result<()> {
        let cannot = || Fault::failed(format!("{} cannot be loaded", backup.path.display()));
        let nonce = session::fresh_name()?;
        let target = self.record.target();
        let inside = self.record.server().in_database(self.name()).named(loader).within(LAST_WORDS);
        let started = |psql: Program| {
            psql.args([
                "--no-psqlrc",
                "--no-password",
                "--tuples-only",
                "--no-align",
                "--set=ON_ERROR_STOP=1",
                "-f",
                "-",
            ])
            // Of a line for every statement only those are kept that are looked at.
            .dialog(|line| line.starts_with(b"COPY ") || line.starts_with(b"xtask-"))
        };
        // The swap's own commit puts all that was written before it on disk: no statement need wait for that. As a
        // statement, because poolers refuse options of a session.
        // A file that sets no path means the role's own, or the one that was typed.
        let path = match options.search_path {
            Some(path) => format!("SELECT pg_catalog.set_config('search_path', {}, false);", literal(path.as_str())?),
            None => "RESET search_path;".to_owned(),
        };
        let preamble = format!("{PREAMBLE}SET synchronous_commit TO off; {path}\n");
        let (mut psql, begun) = match beginning::begin(&inside, &preamble, &started)? {
            Beginning::Begun(psql, begun) => (psql, begun),
            Beginning::Silent(_) => return Err(signals::check().err().map_or_else(|| cannot().into(), Into::into)),
            Beginning::Ended(said) => {
                let why = session::failure(target, "psql", &said.stderr, said.ending);
                return Err(error::headed(why, cannot().to_string()));
            }
        };
        let lines = begun.lines;
        let fed = (|| -> Result<()> {
            preflight::refuse_hidden_commands(backup, &begun.version)?;
            backup.feed(&mut psql, options.search_path, progress)?;
            // Within a transaction nothing would be left of the load once psql ends.
            let committed = "pg_catalog.pg_current_xact_id_if_assigned() IS NULL";
            writeln!(psql, "{EMPTY_PATH}SELECT '{nonce}' WHERE {committed};").map_err(Into::into)
        })();
        let mut counted = Vec::new();
        let mut complete = false;
        if fed.is_ok() {
            while let Some(line) = psql.line(LAST_WORDS) {
                counted.extend(line.strip_prefix("COPY ").and_then(|rows| rows.parse::<u64>().ok()));
                complete = line == nonce;
                if complete {
                    break;
                }
            }
        }
        let said = psql.finish()?;
        fault_point("loaded");
        signals::check()?;
        let fed = match fed {
            // A file that changed is refused, whatever psql said to it.
            Err(error) if error::exit(&error) == Exit::Refused => return Err(error),
            fed => fed,
        };
        if !said.ending.success() && client_error::server_says(&said.stderr, DISK_FULL) {
            // The server may have gone down with it: what it says last is not the cause.
            let fault = Fault::failed(format!("The server's disk is full; {} is unchanged", target.database()));
            return Err(anyhow::Error::msg(said.stderr.trim().to_owned()).context(fault.hint(preflight::MAKE_ROOM)));
        }
        if !said.ending.success() {
            return Err(load_failure::explain(target, backup, options, lines, &said));
        }
        fed.map_err(|error| error::explain(error, cannot))?;
        let expected: Vec<u64> = backup.contents.copied.iter().map(|copied| copied.rows).collect();
        if !complete || counted != expected {
            let (loaded, held) = (total(&counted), total(&expected));
            let what = format!(
                "the server counted {loaded} rows in {} tables, the backup holds {held} in {}",
                counted.len(),
                expected.len()
            );
            return Err(anyhow::Error::msg(what)).map_err(|error| error::explain(error, cannot));
        }
        Ok(())
    }

    /// Nothing is loaded: an empty database is what is wanted.
    pub fn left_empty(self) -> Checked<'r, 't> {
        Checked { staging: self, guard: None }
    }

    /// Drops it on the server.
    ///
    /// # Errors
    /// It could not be dropped, or the live database is gone since (6).
    pub fn discard(mut self) -> Result<()> {
        self.left = true;
        signals::shielded(|| self.record.drop_database(&self.database)).map_err(|error| {
            let name = self.database.name();
            let by_hand = subscriptions::by_hand(self.record.server(), name).unwrap_or_default();
            let hint = format!("the next run tries again, or: cargo xtask db-restore --repair\n{by_hand}");
            error::explain(error, || Fault::failed(format!("{name} could not be dropped")).hint(hint))
        })
    }
}

/// What psql prints may claim any number of rows.
fn total(rows: &[u64]) -> u64 {
    rows.iter().fold(0, |total, rows| total.saturating_add(*rows))
}

impl Checked<'_, '_> {
    pub fn database(&self) -> &OwnedDatabase {
        &self.staging.database
    }

    /// Statistics for the planner, which no dump holds; gives the server's counters of what was loaded, where it has
    /// them. Functions in indexes run meanwhile, with the `search_path` that the load had.
    pub fn analyze(&self, path: Option<&SearchPath>) -> Result<Option<Counters>> {
        let Staging { record, database, .. } = &self.staging;
        let analyze = match path {
            Some(path) => format!("SET search_path TO {};\nANALYZE;\nSET search_path TO ''", path.as_str()),
            None => "ANALYZE".to_owned(),
        };
        let inside = record.server().in_database(database.name()).within(LAST_WORDS);
        let counters = Counters::after(&analyze, &inside);
        match &self.guard {
            Some(guard) => {
                // A login that is refused now was not before the load.
                let refused = |error| if error::is_lasting(&error) { guard.unanswered(error) } else { error };
                guard.check(record, counters.map_err(refused))
            }
            None => counters,
        }
    }

    /// It bears the live name now, or nobody knows: it is not dropped.
    pub(super) fn leave(mut self) {
        self.staging.left = true;
    }

    /// Drops it on the server: it was only to be checked.
    ///
    /// # Errors
    /// As for [`Staging::discard`].
    pub fn discard(self) -> Result<()> {
        self.staging.discard()
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
