//! A session that stays open: its locks hold, and others can see by its name that a run is alive.

use super::session;
use crate::process::{Dialog, signals};
use crate::target::Target;
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::time::Duration;

/// CREATE DATABASE copies files and waits for a checkpoint.
const DEADLINE: Duration = Duration::from_secs(600);

/// One psql on one database of the target's server. Ends when it is dropped, or when we die: its stdin closes.
#[derive(Debug)]
pub struct OpenSession<'a> {
    target: &'a Target,
    psql: Option<Dialog>,
}

impl<'a> OpenSession<'a> {
    /// Connects; `name` becomes its `application_name`.
    pub fn start(target: &'a Target, database: &str, name: &str) -> Result<Self> {
        let psql = session::dialog(target, name, &[("PGDATABASE", database)])?;
        Ok(Self { target, psql: Some(psql) })
    }

    /// Runs SQL and gives the rows that it prints. After an error the session is over.
    pub fn run(&mut self, sql: &str) -> Result<Vec<String>> {
        let nonce = session::fresh_name()?;
        let psql = self.psql.as_mut().context("the session is over")?;
        // A psql that has ended says why below.
        let _ = writeln!(psql, "{sql}\n;SELECT '{nonce}';").and_then(|()| psql.flush());
        let mut rows = Vec::new();
        while let Some(line) = psql.line(DEADLINE) {
            if line == nonce {
                return Ok(rows);
            }
            rows.push(line);
        }
        signals::check()?;
        match self.psql.take().map(Dialog::finish) {
            Some(Ok(said)) => Err(session::failure(self.target, "psql", &said.stderr, said.ending)),
            Some(Err(error)) => Err(error),
            None => Ok(rows),
        }
    }
}
