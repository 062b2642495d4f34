//! What a database and its server are doing now: sizes, connections, waits, rates.

mod activity;
mod database;
mod metrics;
mod sample;
mod statements;
mod stores;
mod tables;

pub use activity::{Activity, Blocked, Running, Session};
pub use database::Database;
pub use metrics::{Method, Openfga, Quantile, Requests};
pub use sample::{Rates, Sample};
pub use statements::{State, Statement, Statements};
pub use stores::Store;
pub use tables::{Table, Tables, Wanted};

use crate::postgres::openfga_tables::Known;
use crate::postgres::reader::Reader;
use crate::postgres::server::Server;
use crate::process::signals;
use crate::settings::Settings;
use anyhow::Result;
use statements::Extension;
use std::thread;
use std::time::{Duration, Instant};
use tables::Sizes;

/// Between the two samples that rates are made of. Sessions tell the server's counters once a second.
const SAMPLED: Duration = Duration::from_secs(1);
/// How often signals are looked for in between.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

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

/// One look. It takes a second: what happens in it is counted.
///
/// # Errors
/// Exit 4 where the server cannot be reached.
pub fn look(server: &Server<'_>, settings: &Settings, wanted: Wanted<'_>) -> Result<Stats> {
    let target = server.target();
    thread::scope(|scope| {
        let openfga = scope.spawn(|| metrics::look(target, settings, SAMPLED));
        let stores = scope.spawn(|| stores::read(server));
        let counting = scope.spawn(|| counting_session(server));
        let Answers { database, activity, tables, extension } = of_database(server, wanted)?;
        let stores = joined(stores).unwrap_or_else(|error| Known::Unread(reason(&error)));
        // Our sessions in the database are over by now: their own transactions are not counted.
        let mut counting = joined(counting)?;
        let statements = match statements(&mut counting, &extension, server, wanted.most) {
            Ok(statements) => statements,
            // After an error the session is over.
            Err(_) => {
                counting = counting_session(server)?;
                Statements { state: State::NotReadable, slowest: Vec::new() }
            }
        };
        let (counters, rates) = sampled(&mut counting, target.database())?;
        let openfga = openfga.join().map_err(|_| anyhow::anyhow!("a thread ended without an answer"))?;
        Ok(Stats { database, counters, rates, activity, tables, stores, statements, openfga })
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

/// The server's own words on why a question failed.
fn reason(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let told = text.split_once("ERROR:").map_or(text.as_str(), |(_, told)| told);
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

fn of_database(server: &Server<'_>, wanted: Wanted<'_>) -> Result<Answers> {
    let mut reader = Reader::start(server)?;
    let database = Database::read(&mut reader, server.session())?;
    let activity = Activity::read(&mut reader, server.session())?;
    let extension = Extension::read(&mut reader)?;
    let tables = Tables::read(&mut reader, wanted, Sizes::Measured).or_else(|_| {
        // A lock that was taken meanwhile: after an error the session is over.
        Tables::read(&mut Reader::start(server)?, wanted, Sizes::Estimated)
    })?;
    Ok(Answers { database, activity, tables, extension })
}

/// A session in the maintenance database, where our questions are not counted for the database; where this role may not
/// connect to it, in the database.
fn counting_session<'a>(server: &Server<'a>) -> Result<Reader<'a>> {
    Reader::start(&server.in_maintenance()).or_else(|_| Reader::start(server))
}

/// Two samples, a second apart.
fn sampled(reader: &mut Reader<'_>, database: &str) -> Result<(Sample, Option<Rates>)> {
    let before = Sample::read(reader, database)?;
    let end = Instant::now() + SAMPLED;
    while Instant::now() < end {
        signals::check()?;
        thread::sleep(POLL_INTERVAL);
    }
    let now = Sample::read(reader, database)?;
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
