//! A database of our own beside the live one, into which a proven backup is loaded and checked.

use super::carried;
use super::maintenance_database;
use super::mark::{self, Mark, Use};
use super::preflight::{self, Watch};
use crate::backup::proof::Proven;
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::Counters;
use crate::postgres::open_session::OpenSession;
use crate::postgres::preamble::{EMPTY_PATH, PREAMBLE};
use crate::postgres::properties::Properties;
use crate::postgres::{questions, quote, restrict, session};
use crate::process::signals;
use crate::settings::fault_point;
use crate::target::client_error;
use crate::target::{Talk, Target};
use anyhow::Result;
use chrono::{DateTime, Local, TimeDelta};
use std::io::Write as _;
use std::time::Duration;

/// A name is cut silently by the server beyond so many bytes.
const LONGEST_NAME: usize = 63;
/// psql has said everything by then; what it still does is the server's own work.
const LAST_WORDS: Duration = Duration::from_secs(24 * 3600);

/// The system's words for ENOSPC, which PostgreSQL hands on.
const DISK_FULL: &str = "No space left on device";

/// A database that is being filled. Dropped without a swap, it is dropped on the server too.
#[derive(Debug)]
pub struct Staging<'a> {
    target: &'a Target,
    run: &'a str,
    name: String,
    /// It may have become the live one: it must not be dropped.
    left: bool,
}

/// A staging database that holds what its backup holds: the only one that may be swapped in.
#[derive(Debug)]
pub struct Checked<'a>(Staging<'a>);

/// The name of a database of ours for this purpose: `openfga_verify_20251021_143022`, never longer than a name may be.
pub fn name_for(database: &str, purpose: &str, time: &DateTime<Local>) -> String {
    let ending = format!("_{purpose}_{}", time.format("%Y%m%d_%H%M%S"));
    let mut kept = database.len().min(LONGEST_NAME - ending.len());
    while !database.is_char_boundary(kept) {
        kept -= 1;
    }
    format!("{}{ending}", &database[..kept])
}

/// This time or one soon after, whose name for this purpose is free.
pub(super) fn free_time(
    target: &Target,
    run: &str,
    purpose: &str,
    mut time: DateTime<Local>,
) -> Result<DateTime<Local>> {
    loop {
        let name = quote::literal(&name_for(target.database(), purpose, &time))?;
        let sql = format!("SELECT datname FROM pg_catalog.pg_database WHERE datname = {name}");
        if questions::ask(target, run, &sql)?.trim().is_empty() {
            return Ok(time);
        }
        time += TimeDelta::seconds(1);
    }
}

impl<'a> Staging<'a> {
    /// Makes an empty, marked database; from template0, because nothing that was put into template1 belongs into
    /// it. `session` must stay open: by it others can tell that the run is alive.
    pub fn create(
        target: &'a Target,
        run: &'a str,
        session: &mut OpenSession<'_>,
        name: String,
        like: Option<&Properties>,
        mark: &Mark,
    ) -> Result<Self> {
        let cannot = format!("The database {name} cannot be made");
        let (quoted, mut options) =
            (quote::identifier(&name)?, like.map(carried::creation).transpose()?.unwrap_or_default());
        // While it is loaded, too: the owner of a table must be allowed to make one there.
        let owner = like.map(|like| &like.owner).filter(|_| mark.r#use == Use::Staging);
        if let Some(owner) = owner {
            options.push_str(&format!(" OWNER {}", quote::identifier(owner)?));
        }
        let marked = mark.sql(&name)?;
        signals::check()?;
        // The server makes it even when we no longer listen: a signal waits until it is marked.
        signals::shielded(|| {
            let made = session.run(&format!("CREATE DATABASE {quoted} TEMPLATE template0{options}"));
            made.map_err(|error| error::explain(error, || Fault::failed(cannot)))?;
            let staging = Self { target, run, name, left: false };
            fault_point("unmarked");
            session.run(&marked)?;
            Ok(staging)
        })
    }

    /// Feeds the backup to one psql, and compares what the server counted with what the backup holds. It stops before
    /// the server's disk is full.
    pub fn load(self, backup: &Proven, progress: &dyn Fn(u64)) -> Result<Checked<'a>> {
        // Only the keeper bears the run's name: what is still being loaded after a kill is not alive.
        let loader = format!("{}-load", self.run);
        Watch::during(self.target, self.run, &loader, || self.fill(&loader, backup, progress))?;
        Ok(Checked(self))
    }

    fn fill(&self, loader: &str, backup: &Proven, progress: &dyn Fn(u64)) -> Result<()> {
        let cannot = || Fault::failed(format!("{} cannot be loaded", backup.path.display()));
        let nonce = session::fresh_name()?;
        let environment = [("PGDATABASE", self.name.as_str())];
        let mut psql = self
            .target
            .program_with("psql", loader, Talk::Piped, &environment)?
            .args(["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "-f", "-"])
            // Of a line for every statement only those are kept that are looked at.
            .dialog(|line| line.starts_with(b"COPY ") || line.starts_with(b"xtask-"))?;
        let fed = (|| -> Result<()> {
            // The swap's own commit puts all that was written before it on disk: no statement need wait for that. As a
            // statement, because poolers refuse options of a session.
            // A file that sets no path means the role's own.
            let preamble = format!("{PREAMBLE}SET synchronous_commit TO off; RESET search_path;\n");
            anyhow::ensure!(restrict::begin(&mut psql, &preamble, LAST_WORDS)?, "psql did not begin");
            backup.feed(&mut psql, progress)?;
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
            let fault = Fault::failed(format!("The server's disk is full; {} is as it was", self.target.database()));
            return Err(anyhow::Error::msg(said.stderr.trim().to_owned()).context(fault.hint(preflight::MAKE_ROOM)));
        }
        if !said.ending.success() {
            let failure = session::failure(self.target, "psql", &said.stderr, said.ending);
            return Err(error::headed(failure, cannot().to_string()));
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
    pub fn left_empty(self) -> Checked<'a> {
        Checked(self)
    }
}

/// What psql prints may claim any number of rows.
fn total(rows: &[u64]) -> u64 {
    rows.iter().fold(0, |total, rows| total.saturating_add(*rows))
}

impl Checked<'_> {
    /// The staging database's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Statistics for the planner, which no dump holds; gives the server's counters of what was loaded, where it has
    /// them.
    pub fn analyze(&self) -> Result<Option<Counters>> {
        Counters::after("ANALYZE", self.0.target, self.0.run, &self.0.name, LAST_WORDS)
    }

    /// It bears the live name now, or nobody knows: it is not dropped.
    pub(super) fn leave(mut self) {
        self.0.left = true;
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.left {
            // If that fails too, the mark on the database tells the next run what it is.
            let _ = signals::shielded(|| drop_database(self.target, self.run, &self.name));
        }
    }
}

/// Drops a database of ours, whoever is connected to it.
pub fn drop_database(target: &Target, run: &str, name: &str) -> Result<()> {
    let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote::identifier(name)?);
    session::ask_in(target, maintenance_database(target), run, &sql).map(drop)
}

/// Drops the throwaway databases of `db-verify` runs that were killed; gives their names.
pub fn clear_leftovers(target: &Target, run: &str) -> Result<Vec<String>> {
    let left =
        mark::marked(target, run)?.into_iter().filter(|database| database.mark.r#use == Use::Verify && !database.alive);
    left.map(|database| drop_database(target, run, &database.name).map(|()| database.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn a_name_never_grows_too_long() {
        let time = Local.with_ymd_and_hms(2025, 10, 21, 14, 30, 22).unwrap();
        assert_eq!(name_for("openfga", "verify", &time), "openfga_verify_20251021_143022");
        let long = name_for(&"ü".repeat(31), "verify", &time);
        assert!(long.len() <= LONGEST_NAME && long.ends_with("_verify_20251021_143022"), "{long}");
    }
}
