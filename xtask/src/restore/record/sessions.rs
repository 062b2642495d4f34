//! The sessions of a run that changes the record: one in the record database, one in the maintenance database.

use super::place::{self, Place, RecordState};
use super::view;
use crate::error::{self, Fault};
use crate::postgres::change_lock::{self, Mode};
use crate::postgres::open_session::{DEADLINE, OpenSession};
use crate::postgres::server::Server;
use crate::process::signals;
use crate::target::Target;
use anyhow::{Context as _, Error, Result};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Making and removing the record database takes a moment; a longer wait means that a run hangs.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A person who holds the record database's name keeps its removal waiting no longer than this.
const LOCK_TIMEOUT: &str = "10s";
/// Held shared by every run that uses the record database, alone by the one that removes it.
const IN_USE: &str = "in use";
const BEING_MADE: &str = "being made";

/// Closed when they are dropped: with its last entry the record database goes.
#[derive(Debug)]
pub(super) struct Sessions<'a> {
    server: Server<'a>,
    /// A session in the maintenance database, which may hold the locks on the databases that are changed. By its name
    /// others can tell that the run is alive.
    maintenance: RefCell<OpenSession<'a>>,
    inside: RefCell<Option<Inside<'a>>>,
    /// Whether this run keeps others from removing the record database.
    uses: Cell<bool>,
}

#[derive(Debug)]
struct Inside<'a> {
    place: Place,
    session: OpenSession<'a>,
}

impl<'a> Sessions<'a> {
    /// Opens nothing yet: the record database is looked for, or made, when it is needed.
    pub(super) fn new(server: &Server<'a>, maintenance: OpenSession<'a>) -> Self {
        Self {
            server: server.clone(),
            maintenance: RefCell::new(maintenance),
            inside: RefCell::new(None),
            uses: Cell::new(false),
        }
    }

    /// The record database's name.
    pub(super) fn database(&self) -> Result<String> {
        let inside = self.inside.borrow();
        Ok(inside.as_ref().context("the record is closed")?.place.name.clone())
    }

    /// What a failure to read the record means.
    pub(super) fn unreadable(&self, error: Error) -> Error {
        match &*self.inside.borrow() {
            Some(inside) => inside.place.unreadable(error),
            None => error,
        }
    }

    /// Takes the lock on a database.
    ///
    /// # Errors
    /// Exit 5 names the run that holds it.
    pub(super) fn lock(&self, database: &str, timeout: Duration) -> Result<()> {
        change_lock::of_database(&mut self.maintenance.borrow_mut(), database, timeout)
    }

    /// Runs SQL in the record database; what it prints.
    pub(super) fn sql(&self, sql: &str) -> Result<String> {
        let mut inside = self.inside.borrow_mut();
        let session = &mut inside.as_mut().context("the record is closed")?.session;
        let answer = session.run(sql);
        if answer.is_err() {
            // After an error the session is over: the next statement gets another one.
            *inside = None;
        }
        Ok(answer?.join("\n"))
    }

    /// See [`super::Record::ask`].
    pub(super) fn ask(&self, question: &str, timeout: Duration) -> Result<String> {
        let mut maintenance = self.maintenance.borrow_mut();
        maintenance.wait_for(timeout);
        let answer = maintenance.run(question);
        maintenance.wait_for(DEADLINE);
        if let Ok(answer) = answer {
            return Ok(answer.join("\n"));
        }
        self.server.in_maintenance().within(timeout).ask(question)
    }

    /// Runs SQL in the maintenance database; what it prints.
    pub(super) fn outside(&self, sql: &str) -> Result<String> {
        Ok(self.maintenance.borrow_mut().run(sql)?.join("\n"))
    }

    /// Opens the session in the record database; whether there is one. `make`: it is made where there is none.
    ///
    /// # Errors
    /// The target's database is the record itself.
    pub(super) fn connect(&self, target: &Target, make: bool) -> Result<bool> {
        if let Some(inside) = &*self.inside.borrow() {
            return inside.place.check_other(target.database()).map(|()| true).map_err(Error::from);
        }
        let mut place = self.place()?;
        place.check_other(target.database())?;
        if !self.uses.replace(true) {
            self.acquire(&place, IN_USE, Mode::Shared)?;
            // From here on no other run removes it.
            place = self.place()?;
        }
        let session = match place.state(self.server.maintenance_database())? {
            RecordState::Absent if !make => {
                self.release(&place, IN_USE, Mode::Shared)?;
                self.uses.set(false);
                return Ok(false);
            }
            RecordState::Complete => {
                super::open(&self.server, &place.name).map(|(session, table)| table.then_some(session))?
            }
            RecordState::Absent | RecordState::Unfinished => None,
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
        for statement in now.making(now.state(self.server.maintenance_database())?)? {
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

    /// Removes the record database where it is empty and no other run uses it.
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

impl Drop for Sessions<'_> {
    fn drop(&mut self) {
        // If that fails, the next run removes it.
        let _ = signals::shielded(|| self.close());
    }
}

fn lock_key(place: &Place, what: &str) -> i64 {
    change_lock::key(&format!("xtask record {} {what}", place.name))
}
