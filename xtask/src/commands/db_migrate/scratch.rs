//! A scratch database in which files are tried; it is dropped when the task is over.

use super::cautions;
use super::work::Work;
use crate::commands::leftovers;
use crate::context::Context;
use crate::error;
use crate::migration::catalog::Catalog;
use crate::migration::checks::{self, Direction};
use crate::migration::files::{self, Migration};
use crate::migration::ledger::Writer;
use crate::migration::plan::Wanted;
use crate::migration::run::{Runner, Step};
use crate::migration::session::Session;
use crate::postgres::open_session::OpenSession;
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use crate::restore::record::{Purpose, Record};
use crate::restore::staging::Staging;
use crate::target::Target;
use anyhow::Result;
use std::time::Duration;

/// Enough: no other session is in the scratch database.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Does something in a fresh database that is made like the target's own.
pub(super) fn with<T>(
    target: &Target,
    context: &Context,
    task: impl FnOnce(&mut Scratch<'_>) -> Result<T>,
) -> Result<T> {
    let server = &Server::new(target)?;
    let record = Record::new(server, OpenSession::start(&server.in_maintenance())?);
    leftovers::clear_scratch_databases(&record, context)?;
    let like = Properties::named(server, target.database())?;
    let database = Staging::create(&record, Purpose::Verify, like.as_ref(), None)?;
    let done = Scratch::begin(Work::on(&Server::new(target)?.in_database(database.name()), context)?)
        .and_then(|mut scratch| task(&mut scratch))?;
    database.discard()?;
    Ok(done)
}

/// The database, and the session that runs the files in it.
pub(super) struct Scratch<'a> {
    work: Work<'a>,
    session: Session<'a>,
    ledger: Writer,
}

/// How a file went.
#[derive(Debug)]
pub(super) enum Ran {
    Well,
    /// It failed and is rolled back: the database is as before.
    RolledBack(String),
    /// It failed outside of a transaction: what is there is not known.
    HalfWay(String),
}

impl<'a> Scratch<'a> {
    fn begin(work: Work<'a>) -> Result<Self> {
        let mut session = work.session()?;
        let ledger = work.writer(&mut session, &work.ledger()?, LOCK_TIMEOUT)?;
        Ok(Self { work, session, ledger })
    }

    /// Runs one file of a migration.
    ///
    /// # Errors
    /// The server, not the file, is to blame; or a signal came.
    pub(super) fn run(&mut self, migration: &Migration, direction: Direction) -> Result<Ran> {
        let wanted = match (&migration.down, direction) {
            (Some(down), Direction::Down) => Wanted::down(migration.version, &migration.description, down),
            _ => Wanted::up(migration),
        };
        match cautions::check(&[wanted], direction, &self.work.config.ignored) {
            Ok(checked) => self.run_steps(&checked.steps),
            Err(error) => Ok(Ran::RolledBack(told(&error))),
        }
    }

    /// Runs the up file of a migration that was applied, as it was applied.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(super) fn rerun(&mut self, migration: &Migration) -> Result<Ran> {
        let found = match checks::check_applied(&migration.up, &self.work.config.ignored) {
            Ok(found) => found,
            // What is refused is said as of any other.
            Err(_) => return self.run(migration, Direction::Up),
        };
        if let Some(flaw) = &found.split {
            let file = files::shown(&migration.up);
            self.work
                .context
                .warn_once(&format!("{file}:{flaw}; it is tried as sqlx ran it, without that transaction"));
        }
        self.run_steps(&[Step::of(Wanted::up(migration), Direction::Up, &found)])
    }

    fn run_steps(&mut self, steps: &[Step]) -> Result<Ran> {
        let ledger = self.ledger.clone();
        let mut runner = Runner { session: &mut self.session, ledger, lock_timeout: LOCK_TIMEOUT };
        let Err(error) = self.work.run_each(&mut runner, steps, &|_| {}) else { return Ok(Ran::Well) };
        if !matches!(error::exit(&error), error::Exit::Failed | error::Exit::Partial | error::Exit::Locked) {
            return Err(error);
        }
        // psql ended with the error.
        self.session = self.work.session()?;
        let transactional = steps.iter().all(|step| step.transactional);
        Ok(if transactional { Ran::RolledBack(told(&error)) } else { Ran::HalfWay(told(&error)) })
    }

    /// Applies migrations that are known to work: they were applied, or tried.
    pub(super) fn replay<'m>(&mut self, migrations: impl IntoIterator<Item = &'m Migration>) -> Result<()> {
        for migration in migrations {
            if let Ran::RolledBack(why) | Ran::HalfWay(why) = self.rerun(migration)? {
                let fault =
                    format!("{} {} cannot be applied to an empty database", migration.version, migration.description);
                let fault = error::Fault::failed(fault).hint("fix the error above; the live database was not touched");
                return Err(anyhow::Error::msg(why).context(fault));
            }
        }
        Ok(())
    }

    /// The whole schema as it is now.
    pub(super) fn catalog(&self) -> Result<Catalog> {
        Catalog::of(&self.work.server)
    }

    /// What the files decide of it.
    pub(super) fn made_by_files(&self) -> Result<Catalog> {
        Catalog::made_by_files(&self.work.server, &self.ledger.table)
    }
}

/// An error with its causes, in one text.
fn told(error: &anyhow::Error) -> String {
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if !lines.iter().any(|line| line.contains(&cause)) {
            lines.push(cause);
        }
    }
    lines.join("\n")
}
