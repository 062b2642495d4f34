//! What the actions of `db-migrate` share: files and ledger looked at, files checked, both locks taken.

use crate::backup::name::Purpose;
use crate::commands::db_backup;
use crate::context::Context;
use crate::error::Fault;
use crate::migration::checks::{self, Direction, Flaw};
use crate::migration::checksum;
use crate::migration::data;
use crate::migration::files::{self, Migration, shown};
use crate::migration::ledger::{Ledger, Name, Writer};
use crate::migration::plan::{self, Entry};
use crate::migration::run::Step;
use crate::migration::session::Session;
use crate::postgres::change_lock::{self, Lock};
use crate::postgres::{locks, session};
use crate::settings::fault_point;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// How long a run waits for another one, and a statement for a lock, where nothing else was said.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Waiting {
    /// Seconds to wait for another run, and for a table that someone holds [setting: XTASK_LOCK_TIMEOUT, default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = locks::parse_timeout, allow_negative_numbers = true)]
    lock_timeout: Option<Duration>,
}

impl Waiting {
    pub(super) fn patience(&self, context: &Context) -> Result<Duration, Fault> {
        locks::timeout(self.lock_timeout, &context.settings, LOCK_TIMEOUT)
    }
}

/// One run on one database.
pub(super) struct Work<'a> {
    pub(super) target: &'a Target,
    pub(super) context: &'a Context,
    /// The target's own, or one that is being made.
    pub(super) database: &'a str,
    /// What our server sessions are named by.
    pub(super) run: String,
    pub(super) files: Vec<Migration>,
}

/// Files and ledger as they are.
pub(super) struct Look {
    pub(super) ledger: Ledger,
    pub(super) entries: Vec<Entry>,
}

/// Both locks, and the session that runs the migrations.
pub(super) struct Locked<'a> {
    _lock: Lock<'a>,
    pub(super) session: Session<'a>,
}

/// Where migrations are kept.
pub(super) fn folder(context: &Context) -> PathBuf {
    context.root.join("migrations")
}

/// The migrations, as `version words`, that a database with these versions lacks.
pub fn pending_beyond(applied: Option<&BTreeSet<i64>>, context: &Context) -> Result<Vec<String>> {
    let files = files::read(&folder(context))?;
    let lacks = |migration: &&Migration| applied.is_none_or(|applied| !applied.contains(&migration.version));
    let names = files.iter().filter(lacks).map(|migration| format!("{} {}", migration.version, migration.description));
    Ok(names.collect())
}

impl<'a> Work<'a> {
    pub(super) fn on(target: &'a Target, database: &'a str, context: &'a Context) -> Result<Self> {
        Ok(Self { target, context, database, run: session::fresh_name()?, files: files::read(&folder(context))? })
    }

    pub(super) fn look(&self) -> Result<Look> {
        let ledger = self.ledger()?;
        let entries = plan::compare(&self.files, &ledger)?;
        Ok(Look { ledger, entries })
    }

    /// The ledger as a fresh session finds it.
    pub(super) fn ledger(&self) -> Result<Ledger> {
        Ledger::read(self.target, self.database, &self.run, &Name::default())
    }

    /// The ledger as this session writes it: made where it is missing.
    pub(super) fn writer(&self, session: &mut Session<'_>, ledger: &Ledger, lock_timeout: Duration) -> Result<Writer> {
        let table = ledger.name()?;
        let writer = Writer::open(session, table, lock_timeout)?;
        fault_point("ledger");
        Ok(writer)
    }

    /// The name of the session that runs the migrations.
    pub(super) fn session_name(&self) -> String {
        format!("{}-migrate", self.run)
    }

    pub(super) fn session(&self) -> Result<Session<'a>> {
        Session::start(self.target, self.database, &self.session_name())
    }

    /// The lock that restores take, then sqlx's, in the session that will run the migrations.
    pub(super) fn lock(&self, patience: Duration) -> Result<Locked<'a>> {
        let lock = Lock::take(self.target, &self.run, patience)?;
        let mut session = self.session()?;
        let number = checksum::lock_number(self.database);
        change_lock::acquire(self.database, number, patience, &mut |query| session.ask(query))?;
        fault_point("locked");
        Ok(Locked { _lock: lock, session })
    }

    /// Checks the files that are to be run, and says what a person should know of them.
    pub(super) fn steps(&self, migrations: &[&Migration], direction: Direction) -> Result<Vec<Step>> {
        let (steps, warnings) = checked(migrations, direction)?;
        warnings.iter().for_each(|warning| self.context.terminal.warn(&terminal::clean(warning)));
        Ok(steps)
    }

    /// A proven backup, where there is anything to lose.
    pub(super) fn back_up(&self) -> Result<Option<PathBuf>> {
        if !data::is_there(self.target, &self.run) {
            return Ok(None);
        }
        let taken = db_backup::take_full(self.target, Purpose::PreMigration, None, self.context).map_err(|error| {
            let message = "The backup before the migration failed; nothing was changed";
            db_backup::explain_missing(error, message, "go on without one: --no-backup")
        })?;
        self.context.terminal.done(&format!("Backup: {}", self.context.shown(&taken.path)));
        fault_point("backup");
        Ok(Some(taken.path))
    }
}

/// The files that are to be run, and what a person should know of them.
///
/// # Errors
/// Every file that is refused, with its line.
pub(super) fn checked(migrations: &[&Migration], direction: Direction) -> Result<(Vec<Step>, Vec<String>)> {
    let mut steps = Vec::new();
    let mut warnings = Vec::new();
    let mut refused = Vec::new();
    for migration in migrations {
        let path = match (&migration.down, direction) {
            (Some(down), Direction::Down) => down,
            _ => &migration.up,
        };
        match checks::check(path, direction) {
            Ok(found) => {
                let of_file = found.warnings.into_iter().map(|(line, what)| format!("{}:{line}: {what}", shown(path)));
                warnings.extend(of_file);
                let (checksum, transactional) = (found.checksum, found.transactional);
                steps.push(Step { migration: (*migration).clone(), direction, checksum, transactional });
            }
            Err(error) => match error.downcast_ref::<Flaw>() {
                Some(flaw) => refused.push(format!("{}:{flaw}", shown(path))),
                None => return Err(error),
            },
        }
        if direction == Direction::Up {
            warnings.extend(way_back(migration)?);
        }
    }
    if !refused.is_empty() {
        let files = terminal::counted(refused.len() as u64, "file is", "files are");
        return Err(anyhow::Error::msg(refused.join("\n"))
            .context(Fault::failed(format!("{files} refused; nothing was sent")).hint("mend it, then try again")));
    }
    Ok((steps, warnings))
}

/// What is amiss with a migration's way back. A plain `.sql` file says of itself that there is none.
fn way_back(migration: &Migration) -> Result<Option<String>> {
    let up = shown(&migration.up);
    let Some(down) = &migration.down else {
        return Ok(up
            .ends_with(".up.sql")
            .then(|| format!("{up}: it has no .down.sql file, so it cannot be taken back")));
    };
    match checks::check(down, Direction::Down) {
        Ok(found) if found.statements == 0 => Ok(Some(format!("{}: it holds no statement", shown(down)))),
        Ok(_) => Ok(None),
        Err(error) => match error.downcast_ref::<Flaw>() {
            Some(flaw) => Ok(Some(format!("{}:{flaw}; it would be refused", shown(down)))),
            None => Err(error),
        },
    }
}
