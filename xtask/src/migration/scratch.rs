//! A scratch database in which files are tried.

use super::catalog::Catalog;
use super::cautions;
use super::checks::{self, Direction};
use super::existing::Existing;
use super::files::{self, Migration};
use super::ledger::Writer;
use super::left_out::LeftOutStatement;
use super::migrated::Migrated;
use super::plan::Wanted;
use super::rights;
use super::run::{Runner, Step};
use super::session::Session;
use crate::error;
use anyhow::Result;
use std::time::Duration;

/// Enough: no other session is in the scratch database.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// What to do about a file of this version that makes a role: on the same server it cannot be run a second time.
pub fn makes_role(version: i64) -> String {
    format!(
        "if it makes a role: roles belong to the whole server, so the role is there already; let the file make it only \
         where it is missing, then accept the changed file: cargo xtask db-migrate repair {version}"
    )
}

/// The database, and the session that runs the files in it.
pub struct Scratch<'a, 't> {
    on: Migrated<'a, 't>,
    session: Session<'t>,
    ledger: Writer,
    hearer: Hearer<'a>,
    /// What files that are only tried must not change.
    existing: Existing,
    /// What of the files was left out since it was asked for last.
    left_out: Vec<LeftOutStatement>,
}

/// Who hears what happens in a scratch database.
#[derive(Clone, Copy)]
pub struct Hearer<'a> {
    /// What a person should know of a file that was applied.
    pub warn: &'a dyn Fn(&str),
    /// A file that is run.
    pub runs: &'a dyn Fn(&Step),
}

/// How a file went.
#[derive(Debug)]
pub enum Ran {
    Well,
    /// It failed and is rolled back: the database is as before.
    RolledBack(Why),
    /// It failed outside of a transaction: what is there is not known.
    HalfWay(Why),
}

/// Why a file failed.
#[derive(Debug)]
pub struct Why {
    /// An error with its causes, in one text.
    pub messages: String,
    /// What it makes is there already, on the server or in the database.
    pub exists: bool,
}

impl Why {
    fn of(error: &anyhow::Error) -> Self {
        let exists = error::cause(error) == Some(error::Cause::ObjectExists);
        Self { messages: error::messages(error).join("\n"), exists }
    }
}

impl<'a, 't> Scratch<'a, 't> {
    /// Begins to try files in this empty database.
    pub fn begin(on: Migrated<'a, 't>, hearer: Hearer<'a>) -> Result<Self> {
        let mut session = on.session()?;
        let ledger = on.writer(&mut session, &on.ledger()?, LOCK_TIMEOUT)?;
        let existing = Existing::of(on.server)?;
        Ok(Self { on, session, ledger, hearer, existing, left_out: Vec::new() })
    }

    /// Runs one file of a migration.
    ///
    /// # Errors
    /// The server, not the file, is to blame; or a signal came.
    pub fn run(&mut self, migration: &Migration, direction: Direction) -> Result<Ran> {
        let wanted = match (&migration.down, direction) {
            (Some(down), Direction::Down) => Wanted::down(migration.version, &migration.description, down),
            _ => Wanted::up(migration),
        };
        match cautions::check(&[wanted], direction, &self.on.config.ignored) {
            Ok(checked) => self.run_steps(checked.steps),
            Err(error) => Ok(Ran::RolledBack(Why::of(&error))),
        }
    }

    /// Runs the up file of a migration that was applied, as it was applied.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn rerun(&mut self, migration: &Migration) -> Result<Ran> {
        let found = match checks::check_applied(&migration.up, &self.on.config.ignored) {
            Ok(found) => found,
            // What is refused is said as of any other.
            Err(_) => return self.run(migration, Direction::Up),
        };
        if let Some(flaw) = &found.split {
            let file = files::shown(&migration.up);
            (self.hearer.warn)(&format!("{file}:{flaw}; it is tried as sqlx ran it, without that transaction"));
        }
        self.run_steps(vec![Step::of(Wanted::up(migration), Direction::Up, &found)])
    }

    /// The statements that were left out since this was asked last, each once, with their places.
    pub fn left_out(&mut self) -> Vec<LeftOutStatement> {
        std::mem::take(&mut self.left_out)
    }

    /// Leaves out what would change something of the whole server that was there before the files were tried.
    fn bound(&mut self, step: &mut Step) {
        for statement in step.leave_out(&self.existing) {
            statement.lines().iter().for_each(|line| (self.hearer.warn)(line));
            if !self.left_out.contains(&statement) {
                self.left_out.push(statement);
            }
        }
    }

    fn run_steps(&mut self, mut steps: Vec<Step>) -> Result<Ran> {
        steps.iter_mut().for_each(|step| self.bound(step));
        let steps = steps.as_slice();
        steps.iter().for_each(self.hearer.runs);
        let ledger = self.ledger.clone();
        let mut runner = Runner { session: &mut self.session, ledger, lock_timeout: LOCK_TIMEOUT };
        let Err(error) = self.on.run_each(&mut runner, steps, &|_| {}) else { return Ok(Ran::Well) };
        if !matches!(error::exit(&error), error::Exit::Failed | error::Exit::Partial | error::Exit::Locked) {
            return Err(error);
        }
        // psql ended with the error.
        self.session = self.on.session()?;
        let transactional = steps.iter().all(|step| step.transactional && !step.ambiguous);
        Ok(if transactional { Ran::RolledBack(Why::of(&error)) } else { Ran::HalfWay(Why::of(&error)) })
    }

    /// Applies migrations that are known to work: they were applied, or tried.
    pub fn replay<'m>(&mut self, migrations: impl IntoIterator<Item = &'m Migration>) -> Result<()> {
        for migration in migrations {
            if let Ran::RolledBack(why) | Ran::HalfWay(why) = self.rerun(migration)? {
                let fault =
                    format!("{} {} cannot be applied to an empty database", migration.version, migration.description);
                let mut hint = "fix the error above; the files were tried in a scratch database".to_owned();
                if why.exists {
                    hint.extend(["\n", &makes_role(migration.version)]);
                }
                let fault = error::Fault::failed(fault).hint(hint);
                return Err(anyhow::Error::msg(why.messages).context(fault));
            }
        }
        Ok(())
    }

    /// The whole schema as it is now.
    pub fn catalog(&self) -> Result<Catalog> {
        Catalog::of(self.on.server)
    }

    /// What the files decide of it, without these tables, and the role that ran them.
    pub fn made_by_files(&self, mut left_out: Vec<String>) -> Result<(Catalog, Option<String>)> {
        left_out.push(self.ledger.table.clone());
        let schema = Catalog::without(self.on.server, &left_out)?;
        Ok((schema, rights::runner(self.on.server, &self.on.ledger_again()?)?))
    }
}
