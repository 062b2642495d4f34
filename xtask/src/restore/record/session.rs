//! The record while a run changes something: the entries of one database, and the coming and going of what stands
//! beside it.

use super::entry::{Details, SwapSet, at};
use super::evidence::{OwnedDatabase, Verdict};
use super::names::Purpose;
use super::sessions::Sessions;
use super::view::View;
use crate::error::{self, Exit, Fault};
use crate::postgres::open_session::OpenSession;
use crate::postgres::quote::{identifier, literal};
use crate::postgres::server::{Server, maintenance_database};
use crate::process::signals;
use crate::restore::{closed, subscriptions};
use crate::settings::fault_point;
use crate::target::Target;
use anyhow::{Context as _, Result};
use chrono::{DateTime, Local, TimeDelta};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// A person who holds a database's name keeps `DROP DATABASE` waiting no longer than this.
const LOCK_TIMEOUT: &str = "10s";

/// The record of this role, open for changes of one live database and of those beside it.
#[derive(Debug)]
pub struct Record<'a> {
    server: Server<'a>,
    sessions: Rc<Sessions<'a>>,
    /// The set that the new databases belong to.
    set: Option<SwapSet>,
    /// Whether there was a live database when this run made one beside it.
    live_was_there: Cell<bool>,
}

impl<'a> Record<'a> {
    /// Opens nothing yet: the record database is looked for, or made, when it is needed.
    pub fn new(server: &Server<'a>, maintenance: OpenSession<'a>) -> Self {
        let sessions = Rc::new(Sessions::new(server, maintenance));
        Self { server: server.clone(), sessions, set: None, live_was_there: Cell::new(false) }
    }

    /// The same record, by the same sessions, for another database of the server. `server` has this run's session name.
    #[must_use]
    pub fn of_another(&self, server: &Server<'a>) -> Self {
        let (server, sessions) = (server.clone(), Rc::clone(&self.sessions));
        Self { server, sessions, set: self.set.clone(), live_was_there: Cell::new(false) }
    }

    /// The same record; the databases that it makes belong to this set.
    #[must_use]
    pub fn in_set(self, set: SwapSet) -> Self {
        Self { set: Some(set), ..self }
    }

    /// The set that is swapped as one.
    pub fn set(&self) -> Option<&SwapSet> {
        self.set.as_ref()
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
        if !self.sessions.connect(self.target(), false)? {
            let answer = self.sessions.outside(&View::question_without_record(live)?)?;
            return View::read(&answer);
        }
        let view = self.sql(&View::question(live, false)?).and_then(|answer| View::read(&answer));
        view.map_err(|error| self.sessions.unreadable(error))
    }

    /// The record database's name.
    ///
    /// # Errors
    /// There is none yet and it cannot be made.
    pub fn database(&self) -> Result<String> {
        self.sessions.connect(self.target(), true)?;
        self.sessions.database()
    }

    /// Makes an empty database of this purpose beside the target's, by `CREATE DATABASE` with these options. Only this
    /// role may connect to it; where it is no superuser, `owner` may too, and owns it. Its name is recorded before it is made, its OID and owner afterwards.
    pub fn create(&self, purpose: Purpose, options: &str, owner: Option<&str>) -> Result<OwnedDatabase> {
        self.sessions.connect(self.target(), true)?;
        let (name, now) = self.free_name(purpose, Local::now(), &[])?;
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
        let details = Details { set: self.set.clone(), ..Details::default() };
        let (live, details) = (literal(self.target().database())?, details.sql()?);
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

    /// The name of this purpose at this time, or soon after, that no database has and that is none of these; and that
    /// time.
    pub fn free_name(
        &self,
        purpose: Purpose,
        mut time: DateTime<Local>,
        but: &[String],
    ) -> Result<(String, DateTime<Local>)> {
        loop {
            let name = purpose.name(self.target().database(), self.server.session(), &time);
            let sql = format!("SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = {}", literal(&name)?);
            if !but.contains(&name) && self.sessions.outside(&format!("SELECT EXISTS ({sql})"))?.trim() == "f" {
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
            return Err(gone(self.target(), &format!("before {} was dropped", database.name())).into());
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
            "" => Err(gone(self.target(), "since it was swapped in").into()),
            found if found == oid.to_string() => Ok(()),
            _ => Err(Fault::new(Exit::Partial, format!("{live} is another database than the one that was swapped in"))
                .hint(list_databases(self.target()))
                .into()),
        }
    }

    /// Runs SQL in the record database; what it prints.
    fn sql(&self, sql: &str) -> Result<String> {
        self.sessions.connect(self.target(), true)?;
        self.sessions.sql(sql)
    }

    /// What the server answers in the maintenance database to a question that changes nothing, within this time. The
    /// session that this run has had from its beginning is asked: what is changed of the role meanwhile does not reach
    /// it. Where it has ended another one is asked.
    pub(in crate::restore) fn ask(&self, question: &str, timeout: Duration) -> Result<String> {
        self.sessions.ask(question, timeout)
    }

    /// Takes the locks on these databases of the server, too, until the run ends.
    ///
    /// # Errors
    /// Exit 5 names the run that holds one.
    pub(in crate::restore) fn lock<'n>(
        &self,
        databases: impl IntoIterator<Item = &'n str>,
        timeout: Duration,
    ) -> Result<()> {
        databases.into_iter().try_for_each(|database| self.sessions.lock(database, timeout))
    }
}

fn gone(target: &Target, when: &str) -> Fault {
    let live = target.database();
    Fault::new(Exit::Partial, format!("There is no database {live} any more: it was dropped or renamed {when}"))
        .hint(list_databases(target))
}

fn list_databases(target: &Target) -> String {
    format!("list the databases: cargo xtask db-shell -- -d {} -l", maintenance_database(target))
}
