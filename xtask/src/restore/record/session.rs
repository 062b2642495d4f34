//! The record while a run changes something: its session in the record database, and the database's own coming and
//! going.

use super::entry::{Details, at};
use super::evidence::{OwnedDatabase, Verdict};
use super::names::Purpose;
use super::place::{self, Place, Stage};
use super::view::{self, View};
use crate::error::{self, Exit, Fault};
use crate::postgres::change_lock::{self, Mode};
use crate::postgres::open_session::{DEADLINE, OpenSession};
use crate::postgres::quote::{identifier, literal};
use crate::postgres::server::Server;
use crate::process::signals;
use crate::restore::{closed, subscriptions};
use crate::settings::fault_point;
use crate::target::Target;
use anyhow::{Context as _, Result};
use chrono::{DateTime, Local, TimeDelta};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Making and removing the record database takes a moment; a longer wait means that a run hangs.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A person who holds a database's name keeps `DROP DATABASE` waiting no longer than this.
const LOCK_TIMEOUT: &str = "10s";
/// Held shared by every run that uses the record database, alone by the one that removes it.
const IN_USE: &str = "in use";
const BEING_MADE: &str = "being made";

/// The record of this role, open for changes. Closed when it is dropped: with its last entry the record database goes.
#[derive(Debug)]
pub struct Record<'a> {
    server: Server<'a>,
    /// A session in the maintenance database, which may hold the lock on the target's database. By its name others can
    /// tell that the run is alive.
    maintenance: RefCell<OpenSession<'a>>,
    inside: RefCell<Option<Inside<'a>>>,
    /// Whether this run keeps others from removing the record database.
    uses: Cell<bool>,
    /// Whether there was a live database when this run made one beside it.
    live_was_there: Cell<bool>,
}

#[derive(Debug)]
struct Inside<'a> {
    place: Place,
    session: OpenSession<'a>,
}

impl<'a> Record<'a> {
    /// Opens nothing yet: the record database is looked for, or made, when it is needed.
    pub fn new(server: &Server<'a>, maintenance: OpenSession<'a>) -> Self {
        Self {
            server: server.clone(),
            maintenance: RefCell::new(maintenance),
            inside: RefCell::new(None),
            uses: Cell::new(false),
            live_was_there: Cell::new(false),
        }
    }

    /// The run's handle for the server.
    pub fn server(&self) -> &Server<'a> {
        &self.server
    }

    pub fn target(&self) -> &'a Target {
        self.server.target()
    }

    /// What it holds, beside what the server has.
    ///
    /// # Errors
    /// The record database is not to be trusted (1), or the server's own.
    pub fn view(&self) -> Result<View> {
        let live = self.target().database();
        if !self.connect(false)? {
            let answer = self.outside(&View::question_without_record(live)?)?;
            return View::read(&answer);
        }
        let view = self.sql(&View::question(live, false)?).and_then(|answer| View::read(&answer));
        view.map_err(|error| match &*self.inside.borrow() {
            Some(inside) => inside.place.unreadable(error),
            None => error,
        })
    }

    /// The record database's name.
    ///
    /// # Errors
    /// There is none yet and it cannot be made.
    pub fn database(&self) -> Result<String> {
        self.connect(true)?;
        let inside = self.inside.borrow();
        Ok(inside.as_ref().context("the record is closed")?.place.name.clone())
    }

    /// Makes an empty database of this purpose beside the target's, by `CREATE DATABASE` with these options. Only this
    /// role may connect to it; where it is no superuser, `owner` may too, and owns it. Its name is recorded before it is made, its OID and owner afterwards.
    pub fn create(&self, purpose: Purpose, options: &str, owner: Option<&str>) -> Result<OwnedDatabase> {
        self.connect(true)?;
        let now = Local::now();
        let (name, now) = self.free_name(purpose, now)?;
        let cannot = || Fault::failed(format!("The database {name} cannot be created"));
        signals::check()?;
        // The server makes it even when we no longer listen: a signal waits until it is recorded.
        signals::shielded(|| {
            let id = self.insert(purpose, &name, &at(&now))?;
            fault_point("named");
            let made = self.make(id, &name, options, owner).map_err(|error| error::explain(error, cannot));
            made.inspect_err(|_| {
                // If that fails too, the entry tells the next run.
                let _ = self.discard(id);
            })
        })
    }

    fn insert(&self, purpose: Purpose, name: &str, at: &str) -> Result<i64> {
        let (live, details) = (literal(self.target().database())?, Details::default().sql()?);
        let sql = format!(
            "INSERT INTO xtask.databases (purpose, live, name, owner, live_oid, run, at, details) \
             SELECT '{}', {live}, {}, r.oid, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = {live}), \
             {}, {}, {details} FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user RETURNING id",
            purpose.word(),
            literal(name)?,
            literal(self.server.session())?,
            literal(at)?
        );
        self.sql(&sql)?.trim().parse().context("the number of the new entry")
    }

    fn make(&self, id: i64, name: &str, options: &str, owner: Option<&str>) -> Result<OwnedDatabase> {
        let quoted = identifier(name)?;
        self.sql(&format!("CREATE DATABASE {quoted} TEMPLATE template0{options} ALLOW_CONNECTIONS false"))?;
        fault_point("unmarked");
        let open = closed::open_for_this_role(name, owner, &super::dollar_quote(self.server.session()))?;
        // An entry that bears the OID already is of another server, or of a database that is no more.
        self.sql(&format!(
            "BEGIN;\n{open}\
             DELETE FROM xtask.databases AS e USING pg_catalog.pg_database AS d \
             WHERE d.datname = {name} AND e.oid = d.oid AND e.id <> {id};\n\
             UPDATE xtask.databases AS e SET oid = d.oid, owner = d.datdba FROM pg_catalog.pg_database AS d \
             WHERE e.id = {id} AND d.datname = e.name;\nCOMMIT",
            name = literal(name)?
        ))?;
        let view = self.view()?;
        let entry = view.entries().iter().find(|entry| entry.id == id).context("the new entry is gone")?;
        self.live_was_there.set(entry.live_oid.is_some());
        view.owned(entry, self.target().database()).context("the new database is not the recorded one")
    }

    /// The name of this purpose at this time, or soon after, that no database has; and that time.
    pub fn free_name(&self, purpose: Purpose, mut time: DateTime<Local>) -> Result<(String, DateTime<Local>)> {
        loop {
            let name = purpose.name(self.target().database(), self.server.session(), &time);
            let sql = format!("SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = {}", literal(&name)?);
            if self.outside(&format!("SELECT EXISTS ({sql})"))?.trim() == "f" {
                return Ok((name, time));
            }
            time += TimeDelta::seconds(1);
        }
    }

    /// Replaces the details of an entry, which belongs to this run from now on.
    pub fn note(&self, id: i64, details: &Details) -> Result<()> {
        let (details, run) = (details.sql()?, literal(self.server.session())?);
        self.sql(&format!("UPDATE xtask.databases SET details = {details}, run = {run} WHERE id = {id}")).map(drop)
    }

    /// Removes an entry; its database is left alone.
    pub fn forget(&self, id: i64) -> Result<()> {
        self.sql(&format!("DELETE FROM xtask.databases WHERE id = {id}")).map(drop)
    }

    /// Drops a database, also with sessions in it, and its entry. Directly before, record and server are asked again
    /// whether it is this role's own. From then on the entry names this run, so that others know who changes the
    /// database.
    ///
    /// # Errors
    /// Exit 6 if there is no live database afterwards, though there was one.
    pub fn drop_database(&self, database: &OwnedDatabase) -> Result<()> {
        let live = self.target().database();
        subscriptions::remove(&self.server, database)?;
        let is_there =
            format!("SELECT EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = {})", literal(live)?);
        let tag = super::dollar_quote(self.server.session());
        let answer = self.sql(&format!(
            "{is_there};\nSET lock_timeout TO '{LOCK_TIMEOUT}';\nDO {tag} BEGIN {assertion} \
             UPDATE xtask.databases SET run = {run} WHERE id = {id}; \
             IF EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.oid = {oid} AND d.datistemplate) THEN \
             ALTER DATABASE {name} IS_TEMPLATE false; END IF; END {tag};\nDROP DATABASE {name} WITH (FORCE);\n\
             SET lock_timeout TO 0;\nDELETE FROM xtask.databases WHERE id = {id};\n{is_there}",
            assertion = database.assertion()?,
            name = database.quoted()?,
            oid = database.oid(),
            id = database.id(),
            run = literal(self.server.session())?
        ))?;
        let [before, after] = answer.lines().map(|line| line == "t").collect::<Vec<_>>()[..] else {
            return Err(anyhow::Error::msg(answer).context("the answer to DROP DATABASE"));
        };
        if !after && (before || self.live_was_there.get()) {
            return Err(gone(live, &format!("before {} was dropped", database.name())).into());
        }
        Ok(())
    }

    /// Drops the database of an entry where it is this role's own; where there is none (any more) the entry goes alone.
    pub fn discard(&self, id: i64) -> Result<()> {
        let view = self.view()?;
        let Some(entry) = view.entries().iter().find(|entry| entry.id == id) else { return Ok(()) };
        match view.judge(entry, self.target().database()) {
            Verdict::Owned(database) => self.drop_database(&database),
            Verdict::Gone => self.forget(id),
            Verdict::Doubtful(_) => Ok(()),
        }
    }

    /// Whether the live name belongs to the database of this OID, as it must after a swap.
    ///
    /// # Errors
    /// Exit 6: it belongs to another one, or to none.
    pub fn check_live(&self, oid: u32) -> Result<()> {
        let live = self.target().database();
        let sql = format!("SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = {}", literal(live)?);
        match self.sql(&sql)?.trim() {
            "" => Err(gone(live, "since it was swapped in").into()),
            found if found == oid.to_string() => Ok(()),
            _ => Err(Fault::new(Exit::Partial, format!("{live} is another database than the one that was swapped in"))
                .hint("list the databases: cargo xtask db-shell -- -d postgres -l")
                .into()),
        }
    }

    /// Runs SQL in the record database; what it prints.
    fn sql(&self, sql: &str) -> Result<String> {
        self.connect(true)?;
        let mut inside = self.inside.borrow_mut();
        let session = &mut inside.as_mut().context("the record is closed")?.session;
        let answer = session.run(sql);
        if answer.is_err() {
            // After an error the session is over: the next statement gets another one.
            *inside = None;
        }
        Ok(answer?.join("\n"))
    }

    /// What the server answers in the maintenance database to a question that changes nothing, within this time. The
    /// session that this run has had from its beginning is asked: what is changed of the role meanwhile does not reach
    /// it. Where it has ended another one is asked.
    pub(in crate::restore) fn ask(&self, question: &str, patience: Duration) -> Result<String> {
        let mut maintenance = self.maintenance.borrow_mut();
        maintenance.wait_for(patience);
        let answer = maintenance.run(question);
        maintenance.wait_for(DEADLINE);
        if let Ok(answer) = answer {
            return Ok(answer.join("\n"));
        }
        self.server.in_maintenance().within(patience).ask(question)
    }

    /// Runs SQL in the maintenance database; what it prints.
    fn outside(&self, sql: &str) -> Result<String> {
        Ok(self.maintenance.borrow_mut().run(sql)?.join("\n"))
    }

    /// Opens the session in the record database; whether there is one. `make`: it is made where there is none.
    fn connect(&self, make: bool) -> Result<bool> {
        if self.inside.borrow().is_some() {
            return Ok(true);
        }
        let mut place = self.place()?;
        if place.name == self.target().database() {
            let message = format!("{} is this program's own record: it cannot be restored or reset", place.name);
            return Err(Fault::failed(message).into());
        }
        if !self.uses.replace(true) {
            self.acquire(&place, IN_USE, Mode::Shared)?;
            // From here on nobody removes it.
            place = self.place()?;
        }
        let session = match place.stage()? {
            Stage::Absent if !make => {
                self.release(&place, IN_USE, Mode::Shared)?;
                self.uses.set(false);
                return Ok(false);
            }
            Stage::Complete => {
                super::open(&self.server, &place.name).map(|(session, table)| table.then_some(session))?
            }
            Stage::Absent | Stage::Unfinished => None,
        };
        let session = session.map_or_else(|| self.make_place(&place), Ok)?;
        *self.inside.borrow_mut() = Some(Inside { place, session });
        Ok(true)
    }

    /// Makes the record database, or what of it is missing. Of several runs that begin together one makes it.
    fn make_place(&self, place: &Place) -> Result<OpenSession<'a>> {
        self.acquire(place, BEING_MADE, Mode::Exclusive)?;
        let cannot = || Fault::failed(format!("The database {} cannot be created", place.name));
        let now = self.place()?;
        for statement in now.making(now.stage()?)? {
            self.outside(&statement).map_err(|error| error::explain(error, cannot))?;
        }
        let (mut session, table) = super::open(&self.server, &place.name)?;
        if !table {
            session.run(view::TABLE).map_err(|error| error::explain(error, cannot))?;
        }
        self.release(place, BEING_MADE, Mode::Exclusive)?;
        Ok(session)
    }

    fn place(&self) -> Result<Place> {
        Place::read(&self.outside(place::QUESTION)?)
    }

    fn acquire(&self, place: &Place, what: &str, mode: Mode) -> Result<()> {
        let mut ask = |sql: &str| Ok(self.maintenance.borrow_mut().run(sql)?.into_iter().next());
        change_lock::acquire(&place.name, lock_key(place, what), mode, TIMEOUT, &mut ask)
    }

    fn release(&self, place: &Place, what: &str, mode: Mode) -> Result<()> {
        let shared = if mode == Mode::Shared { "_shared" } else { "" };
        self.outside(&format!("SELECT pg_catalog.pg_advisory_unlock{shared}({})", lock_key(place, what))).map(drop)
    }

    /// Removes the record database where it holds nothing and nobody else uses it.
    fn close(&self) -> Result<()> {
        let Some(Inside { place, mut session }) = self.inside.borrow_mut().take() else { return Ok(()) };
        self.release(&place, IN_USE, Mode::Shared)?;
        let alone = format!("SELECT pg_catalog.pg_try_advisory_lock({})", lock_key(&place, IN_USE));
        if !self.outside(&alone)?.starts_with('t') {
            return Ok(());
        }
        let is_empty = session.run("SELECT NOT EXISTS (SELECT FROM xtask.databases)")?.concat() == "t";
        drop(session);
        if is_empty {
            self.outside(&format!("SET lock_timeout TO '{LOCK_TIMEOUT}';\n{}", place.removal()?))?;
        }
        Ok(())
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        // If that fails, the next run removes it.
        let _ = signals::shielded(|| self.close());
    }
}

fn lock_key(place: &Place, what: &str) -> i64 {
    change_lock::key(&format!("xtask record {} {what}", place.name))
}

fn gone(live: &str, when: &str) -> Fault {
    Fault::new(Exit::Partial, format!("There is no database {live} any more: it was dropped or renamed {when}"))
        .hint("list the databases: cargo xtask db-shell -- -d postgres -l")
}
