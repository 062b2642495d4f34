//! One run of migrations on one database: files and ledger looked at, files checked, both locks taken.

use super::limits::Limits;
use crate::backup::name::Purpose;
use crate::backup::take;
use crate::commands::full_backup;
use crate::commands::other_run::Wait;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::migration::cautions::{self, Caution, Checked, Weight};
use crate::migration::checks::Direction;
use crate::migration::checksum;
use crate::migration::config::{Config, SETTING};
use crate::migration::files::Folder;
use crate::migration::ledger::{Ledger, Writer};
use crate::migration::migrated::Migrated;
use crate::migration::plan::{self, Entry, Rules, State, Wanted};
use crate::migration::run::Step;
use crate::migration::running;
use crate::migration::session::Session;
use crate::postgres::change_lock::{self, Lock, Mode};
use crate::postgres::rows;
use crate::postgres::server::Server;
use crate::settings::fault_point;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

/// At most this many cautions are shown before files run.
const CAUTIONS: usize = 10;

/// One run on one database.
pub struct Work<'a> {
    /// Its database is the target's own, or one that is being made.
    pub server: Server<'a>,
    pub context: &'a Context,
    pub config: Config,
    pub folder: Folder,
    /// Versions without a file here belong to another program.
    pub ignore_missing: bool,
}

/// Files and ledger as they are.
pub struct Compared {
    pub ledger: Ledger,
    pub entries: Vec<Entry>,
}

impl Compared {
    /// Whether every version is as its file says.
    pub fn is_in_order(&self) -> bool {
        self.entries.iter().all(Entry::is_in_order)
    }

    /// The newest version that is applied.
    pub fn newest(&self) -> Option<i64> {
        self.ledger.rows.iter().map(|row| row.version).max()
    }
}

/// Both locks, and the session that runs the migrations.
pub struct Locked<'a> {
    _lock: Lock<'a>,
    pub session: Session<'a>,
}

impl<'a> Work<'a> {
    /// On the server's database, without a word.
    pub fn on(server: &Server<'a>, context: &'a Context) -> Result<Self> {
        let config = Config::load(&context.root, &context.settings)?;
        config.check_database(server.target(), &context.settings, &context.root)?;
        let folder = config.files_for(server.target())?;
        Ok(Self { server: server.clone(), context, config, folder, ignore_missing: false })
    }

    /// On the target's own database; says what a person should know of the folder.
    pub fn opened(target: &'a Target, context: &'a Context, ignore_missing: bool) -> Result<Self> {
        let work = Self { ignore_missing, ..Self::on(&Server::new(target)?, context)? };
        if work.config.folder.is_none() {
            context.terminal.note(&format!("No files of migrations are read: {SETTING} is none"));
        }
        for remark in &work.folder.remarks {
            context.terminal.warn(remark);
        }
        Ok(work)
    }

    /// Its database, as the migrations act on it.
    pub fn migrated(&self) -> Migrated<'_, 'a> {
        Migrated { server: &self.server, config: &self.config }
    }

    /// The ledger as it is now; an empty one where there is none.
    pub fn ledger(&self) -> Result<Ledger> {
        self.migrated().ledger()
    }

    /// Files and ledger beside each other. Nothing is locked.
    pub fn compare(&self) -> Result<Compared> {
        let ledger = self.ledger()?;
        let rules = Rules { ignored: &self.config.ignored, ignore_missing: self.ignore_missing };
        let mut entries = plan::compare(&self.folder, &ledger, rules)?;
        running::mark(&mut entries, &self.server)?;
        Ok(Compared { ledger, entries })
    }

    /// The same; where a run is at work outside of a transaction, after it has ended.
    pub fn settled(&self, limits: Limits) -> Result<Compared> {
        let compared = self.compare()?;
        if !compared.entries.iter().any(|entry| entry.state == State::Running) {
            return Ok(compared);
        }
        drop(self.lock(limits)?);
        self.compare()
    }

    /// The ledger as this session writes it; says where sqlx would make another one.
    pub fn writer(&self, session: &mut Session<'_>, ledger: &Ledger, lock_timeout: Duration) -> Result<Writer> {
        if let Some(other) = &ledger.shadowed_by {
            let table = ledger.name()?;
            let line = format!(
                "The ledger is {table}; sqlx would make another one in schema {other}, which search_path names first"
            );
            self.context.terminal.warn(&terminal::clean_line(&line));
        }
        self.migrated().writer(session, ledger, lock_timeout)
    }

    pub fn session(&self) -> Result<Session<'a>> {
        self.migrated().session()
    }

    /// The lock that restores take, then sqlx's, in the session that will run the migrations. Says for whom it waits.
    pub fn lock(&self, limits: Limits) -> Result<Locked<'a>> {
        let wait = Wait::begin(limits.run, Some("--wait-for-run"));
        let lock = wait.take(self.context, &mut |timeout| Lock::take(&self.server, timeout)).map_err(longer)?;
        let mut session = self.session()?;
        let database = self.server.database();
        let number = checksum::lock_number(database);
        wait.take(self.context, &mut |timeout| {
            change_lock::acquire(database, number, Mode::Exclusive, timeout, &mut |query| session.ask(query))
        })
        .map_err(longer)?;
        fault_point("locked");
        Ok(Locked { _lock: lock, session })
    }

    /// Checks the files that are to be run, and says what a person should know of them; everything, for `all`.
    pub fn steps(
        &self,
        wanted: &[Wanted<'_>],
        direction: Direction,
        compared: &Compared,
        all: bool,
    ) -> Result<Vec<Step>> {
        let Checked { steps, cautions } = cautions::check(wanted, direction, &self.config.ignored)?;
        let empty = !all
            && cautions.iter().any(|caution| caution.weight != Weight::Always)
            && compared.ledger.rows.is_empty()
            && !rows::may_be_there(&self.live());
        let told: Vec<&Caution> =
            cautions.iter().filter(|caution| !empty || caution.weight == Weight::Always).collect();
        let lines = if all { cautions::every_line(&told) } else { cautions::lines(&told) };
        let shown = if all { lines.len() } else { CAUTIONS };
        for line in lines.iter().take(shown) {
            self.context.terminal.warn(line);
        }
        if let Some(more) = lines.len().checked_sub(shown).filter(|more| *more > 0) {
            let more = terminal::counted(more as u64, "more warning", "more warnings");
            let all = self.context.terminal.to_type("cargo xtask db-migrate up --dry-run");
            self.context.terminal.warn(&format!("{more}; see all with: {all}"));
        }
        Ok(steps)
    }

    /// The target's own database.
    pub fn live(&self) -> Server<'a> {
        self.server.in_database(self.server.target().database())
    }

    /// A proven backup, where there is anything to lose.
    pub fn back_up(&self) -> Result<Option<PathBuf>> {
        if !rows::may_be_there(&self.live()) {
            return Ok(None);
        }
        let taken = full_backup::take_full(self.server.target(), Purpose::PreMigration, None, self.context).map_err(
            |error| {
                let message = "The backup before the migration failed; nothing was changed";
                take::explain_missing(error, message, "go on without one: --no-backup")
            },
        )?;
        self.context.terminal.done(&format!("Backup: {}", self.context.shown(&taken.path)));
        fault_point("backup");
        Ok(Some(taken.path))
    }
}

/// The lock stayed taken for as long as the run waited.
fn longer(error: anyhow::Error) -> anyhow::Error {
    if error::exit(&error) != Exit::Locked {
        return error;
    }
    let fault = Fault::new(Exit::Locked, error.to_string());
    fault.hint("wait until it has ended, then try again; or wait longer: --wait-for-run SECONDS").into()
}
