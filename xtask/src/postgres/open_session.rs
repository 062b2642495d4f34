//! A session that stays open: its locks hold, and others can see by its name that a run is alive.

use super::quote::sendable;
use super::server::Server;
use super::session;
use crate::error::{Cause, Fault};
use crate::process::{Dialog, signals};
use crate::target::Target;
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// For the answer to one statement: CREATE DATABASE copies files and waits for a checkpoint.
pub const DEADLINE: Duration = Duration::from_secs(600);

/// One psql on one database of the target's server. Ends when it is dropped, or when we die: its stdin closes. A signal
/// ends the waiting for an answer, and leaves the session as it is.
#[derive(Debug)]
pub struct OpenSession<'a> {
    target: &'a Target,
    psql: Option<Dialog>,
    /// For the answer to one statement.
    deadline: Duration,
    /// The caller keeps no row of an answer: the answer may be of any length.
    keeps_nothing: bool,
}

impl<'a> OpenSession<'a> {
    /// Connects to the server's database, for statements that take their time.
    pub fn start(server: &Server<'a>) -> Result<Self> {
        Ok(Self { deadline: DEADLINE, ..Self::start_asking(server)? })
    }

    /// Connects to the server's database, for questions. Each answer has the server's deadline.
    pub fn start_asking(server: &Server<'a>) -> Result<Self> {
        let deadline = server.deadline();
        Ok(Self { target: server.target(), psql: Some(session::dialog(server)?), deadline, keeps_nothing: false })
    }

    /// How long the next answers are waited for.
    pub fn wait_for(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Whether the caller keeps no row of the next answers, as one that counts them: they may then be of any length.
    pub fn keep_nothing(&mut self, keeps_nothing: bool) {
        self.keeps_nothing = keeps_nothing;
    }

    /// Runs SQL and gives the rows that it prints. After an error the session is over.
    pub fn run(&mut self, sql: &str) -> Result<Vec<String>> {
        let mut rows = Vec::new();
        self.each(sql, &mut |row| rows.push(row)).map(|()| rows)
    }

    /// Runs SQL and hands out the rows that it prints, one after the other.
    ///
    /// # Errors
    /// Exit 4 where no answer comes in time; else what psql says.
    pub fn each(&mut self, sql: &str, row: &mut dyn FnMut(String)) -> Result<()> {
        let (nonce, sql) = (session::fresh_name()?, sendable(sql)?);
        let begin = format!("{nonce} begins");
        let end = Instant::now() + self.deadline;
        let psql = self.psql.as_mut().context("the session is over")?;
        psql.asks_again();
        // A psql that has ended says why below.
        let _ = writeln!(psql, "SELECT '{begin}';\n{sql}\n;SELECT '{nonce}';").and_then(|()| psql.flush());
        // What comes before answers a question that a signal cut short.
        let mut begun = false;
        while let Some(line) = psql.line(end.saturating_duration_since(Instant::now())) {
            if line == nonce {
                return Ok(());
            }
            if self.keeps_nothing {
                psql.asks_again();
            }
            if begun {
                row(line);
            } else {
                begun = line == begin;
            }
        }
        signals::check()?;
        let psql = self.psql.take().context("the session is over")?;
        if Instant::now() >= end {
            // Dropped, it ends: its own end would be waited for in vain.
            let message = format!("psql did not answer within {} s", self.deadline.as_secs());
            return Err(Fault::unreachable(message).because(Cause::NoAnswer).into());
        }
        let said = psql.finish()?;
        Err(session::failure(self.target, "psql", &said.stderr, said.ending))
    }
}
