//! What a database and its server are doing now: sizes, connections, waits, rates.

mod activity;
mod database;
mod metrics;
mod sample;
mod statements;
mod stores;
mod tables;
mod waiting;

pub use activity::{Activity, Blocked, Running, Session, Statement as RunStatement};
pub use database::Database;
pub use metrics::{Method, Openfga, Quantile, Requests};
pub use sample::{Rates, Sample};
pub use statements::{LIBRARY, Preload, State, Statement, Statements};
pub use stores::Store;
pub use tables::{Table, Tables, Wanted};

use crate::postgres::openfga_tables::Known;
use crate::postgres::quote::literal;
use crate::postgres::reader::Reader;
use crate::postgres::server::Server;
use crate::postgres::session::OWN;
use crate::settings::Settings;
use crate::target::client_error;
use anyhow::Result;
use metrics::Scraper;
use statements::Extension;
use std::thread;
use std::time::{Duration, Instant};
use tables::Sizes;
use waiting::pause;

/// Between the two samples that rates are made of. Sessions tell the server's counters once a second.
const SAMPLED: Duration = Duration::from_secs(1);
/// How long sessions of this command may take to end.
const SETTLED: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long an answer is waited for in a session that stays open.
const ANSWERED: Duration = Duration::from_secs(10);

/// What one look found.
#[derive(Debug)]
pub struct Stats {
    pub database: Database,
    pub counters: Sample,
    /// `None`: the counters were reset between the two samples.
    pub rates: Option<Rates>,
    pub activity: Activity,
    pub tables: Tables,
    pub stores: Known<Vec<Store>>,
    pub statements: Statements,
    pub openfga: Openfga,
}

/// Looks at a server, once or again and again: its sessions stay open, and rates are those since the look before.
#[derive(Debug)]
pub struct Observer<'a> {
    server: &'a Server<'a>,
    settings: &'a Settings,
    wanted: Wanted<'a>,
    sessions: Sessions<'a>,
    last: Option<Sample>,
    metrics: Scraper,
}

/// Sessions of the last look; one that failed is gone.
#[derive(Debug, Default)]
struct Sessions<'a> {
    database: Option<Reader<'a>>,
    stores: Option<Reader<'a>>,
    counting: Option<Reader<'a>>,
}

impl<'a> Observer<'a> {
    pub fn new(server: &'a Server<'a>, settings: &'a Settings, wanted: Wanted<'a>) -> Self {
        Self { server, settings, wanted, sessions: Sessions::default(), last: None, metrics: Scraper::default() }
    }

    /// One look. The first takes a second: what happens in it is counted. `again`: the sessions stay for the next one.
    ///
    /// # Errors
    /// Exit 4 where the server cannot be reached.
    pub fn observe(&mut self, again: bool) -> Result<Stats> {
        let (server, settings, wanted) = (self.server, self.settings, self.wanted);
        let target = server.target();
        let Sessions { database, stores, counting } = std::mem::take(&mut self.sessions);
        let metrics = &mut self.metrics;
        thread::scope(|scope| {
            let openfga = scope.spawn(|| metrics.scrape(target, settings, SAMPLED));
            let stores = scope.spawn(move || stores_of(stores, server));
            let counting = scope.spawn(move || opened(counting, || counting_session(server)));
            let (answers, database) = of_database(database, server, wanted)?;
            let (stores, stores_session) = joined(stores)?;
            let mut counting = joined(counting)?;
            self.sessions = if again {
                Sessions { database, stores: stores_session, counting: None }
            } else {
                // Closed by now, so that their own transactions are not counted.
                drop((database, stores_session));
                Sessions::default()
            };
            let statements = match statements(&mut counting, &answers.extension, server, wanted.most) {
                Ok(statements) => statements,
                // After an error the session is over.
                Err(_) => {
                    counting = counting_session(server)?;
                    Statements { state: State::NotReadable, slowest: Vec::new(), preload: Preload::Unknown }
                }
            };
            if !again {
                settle(&mut counting, server.session())?;
            }
            let (counters, rates) = sampled(&mut counting, self.last.take(), target.database())?;
            self.last = again.then(|| counters.clone());
            self.sessions.counting = again.then_some(counting);
            let openfga = openfga.join().map_err(|_| anyhow::anyhow!("a thread ended without an answer"))?;
            let Answers { database, activity, tables, .. } = answers;
            Ok(Stats { database, counters, rates, activity, tables, stores, statements, openfga })
        })
    }
}

/// The session of the look before, else a new one.
fn opened<'a>(session: Option<Reader<'a>>, open: impl FnOnce() -> Result<Reader<'a>>) -> Result<Reader<'a>> {
    let Some(mut session) = session else { return open() };
    session.wait_for(ANSWERED);
    // The server may have been started again meanwhile.
    if session.run("SELECT").is_ok() { Ok(session) } else { open() }
}

/// The stores, and the session that read them, if it goes on.
fn stores_of<'a>(session: Option<Reader<'a>>, server: &Server<'a>) -> Result<(Known<Vec<Store>>, Option<Reader<'a>>)> {
    let mut session = opened(session, || Reader::start(server))?;
    Ok(match stores::read(&mut session, server) {
        Ok(stores) => (stores, Some(session)),
        Err(error) => (Known::Unread(reason(&error)), None),
    })
}

/// The slowest statements, by the maintenance database's extension; where it has none, by the database's own.
fn statements(reader: &mut Reader<'_>, here: &Extension, server: &Server<'_>, most: u32) -> Result<Statements> {
    let database = server.target().database();
    let there = Extension::read(reader)?;
    if !there.is_usable() && here.is_usable() {
        return here.statements(&mut Reader::start(server)?, database, most);
    }
    there.statements(reader, database, most)
}

/// The first line of what the server says on why a question failed.
fn reason(error: &anyhow::Error) -> String {
    let told = client_error::server_message(error);
    told.lines().next().unwrap_or_default().trim().to_owned()
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| anyhow::bail!("a thread ended without an answer"))
}

/// What one psql on the database answers.
struct Answers {
    database: Database,
    activity: Activity,
    tables: Tables,
    extension: Extension,
}

fn of_database<'a>(
    session: Option<Reader<'a>>,
    server: &Server<'a>,
    wanted: Wanted<'_>,
) -> Result<(Answers, Option<Reader<'a>>)> {
    let mut reader = opened(session, || Reader::start(server))?;
    let database = Database::read(&mut reader, server.session())?;
    let activity = Activity::read(&mut reader, server.session())?;
    let extension = Extension::read(&mut reader)?;
    let (tables, reader) = match Tables::read(&mut reader, wanted, Sizes::Measured) {
        Ok(tables) => (tables, Some(reader)),
        // A lock that was taken meanwhile: after an error the session is over.
        Err(_) => (Tables::read(&mut Reader::start(server)?, wanted, Sizes::Estimated)?, None),
    };
    Ok((Answers { database, activity, tables, extension }, reader))
}

/// A session in the maintenance database, where our questions are not counted for the database; where this role may not
/// connect to it, in the database.
fn counting_session<'a>(server: &Server<'a>) -> Result<Reader<'a>> {
    Reader::start(&server.in_maintenance()).or_else(|_| Reader::start(server))
}

/// Has the server count our own questions now, before the first sample: a session tells what it counts once a second, and
/// when it ends. Waits until no other session of this command is left.
fn settle(counting: &mut Reader<'_>, session: &str) -> Result<()> {
    let end = Instant::now() + SETTLED;
    let others = format!(
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE application_name = {} AND {OWN} \
         AND pid <> pg_catalog.pg_backend_pid();",
        literal(session)?
    );
    while counting.ask::<u64>(&others)? > 0 && Instant::now() < end {
        pause(POLL_INTERVAL)?;
    }
    // It is there since version 15.
    let forces = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc WHERE proname = 'pg_stat_force_next_flush' \
                  AND pronamespace = 'pg_catalog'::pg_catalog.regnamespace;";
    if counting.ask::<u64>(forces)? > 0 {
        counting.run("SELECT pg_catalog.pg_stat_force_next_flush()")?;
    }
    Ok(())
}

/// The counters now, and what happened since the sample before; without one, two samples are taken. They are a second apart
/// at least.
fn sampled(reader: &mut Reader<'_>, before: Option<Sample>, database: &str) -> Result<(Sample, Option<Rates>)> {
    // The server updates its counters about once a second: over a shorter time rates would be noise.
    let before = match before {
        Some(before) => before,
        None => {
            let first = Sample::read(reader, database)?;
            pause(SAMPLED)?;
            first
        }
    };
    let mut now = Sample::read(reader, database)?;
    let missing = SAMPLED.as_secs_f64() - now.seconds_since(&before);
    if missing > 0.0 {
        pause(Duration::try_from_secs_f64(missing).unwrap_or(SAMPLED).min(SAMPLED))?;
        now = Sample::read(reader, database)?;
    }
    let rates = now.since(&before);
    Ok((now, rates))
}

impl Stats {
    /// What this role may not see.
    pub fn hidden(&self) -> Vec<&'static str> {
        let sessions = (!self.database.sees_all).then_some("what the sessions of other users do");
        let statements = (self.statements.state == State::TextHidden).then_some("the statements of other users");
        sessions.into_iter().chain(statements).collect()
    }
}
