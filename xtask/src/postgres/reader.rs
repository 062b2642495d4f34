//! Reads tables that another role may own, by one psql, in such a way that no code of theirs runs (see `relation`).

use super::copy_text;
use super::open_session::OpenSession;
use super::quote::identifier;
use super::relation::{self, Answer, Found, Table, Wanted};
use super::server::Server;
use crate::error::Fault;
use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};

/// Does not wait for a locked table.
const LOCK_TIMEOUT: &str = "SET lock_timeout TO '3s'";
/// A larger table is not read to its end: COPY knows no LIMIT.
const LARGEST: u64 = 64_000_000;
/// At most this many bytes of a field are read; OpenFGA's own fields are shorter.
const LONGEST: usize = 1024;

/// A psql on one database.
#[derive(Debug)]
pub struct Reader<'a> {
    session: OpenSession<'a>,
    /// The instant after which no answer is waited for.
    end: Instant,
}

impl<'a> Reader<'a> {
    /// Connects to the server's database; all answers together are waited for as long as its deadline says.
    /// Ask first what must be known: after an error the session is over.
    pub fn start(server: &Server<'a>) -> Result<Self> {
        let end = Instant::now() + server.deadline();
        let mut session = OpenSession::start_asking(server)?;
        session.run(LOCK_TIMEOUT)?;
        Ok(Self { session, end })
    }

    /// Answers are waited for this long from now on.
    pub fn wait_for(&mut self, deadline: Duration) {
        self.end = Instant::now() + deadline;
    }

    /// Runs SQL that answers nothing.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.each(sql, &mut drop)
    }

    /// The JSON value that this SQL selects.
    pub fn ask<T: DeserializeOwned>(&mut self, sql: &str) -> Result<T> {
        // PostgreSQL writes a line for each element of a list.
        let text = self.lines(sql)?.join("\n");
        serde_json::from_str(text.trim())
            .with_context(|| format!("psql answered {:?}", text.chars().take(200).collect::<String>()))
    }

    /// The JSON values that this SQL selects, one in each row.
    pub fn rows<T: DeserializeOwned>(&mut self, sql: &str) -> Result<Vec<T>> {
        self.lines(sql)?.iter().map(|row| serde_json::from_str(row).context("psql's answer is not JSON")).collect()
    }

    /// What stands under these names, in their order.
    pub fn find(&mut self, wanted: &[Wanted]) -> Result<Vec<Found>> {
        let answer: Answer = self.ask(&relation::question(wanted))?;
        Ok(answer.found(wanted))
    }

    /// Hands out these columns of each row; a row with a longer field than any of OpenFGA's is left out.
    ///
    /// # Errors
    /// The table is larger than 64 MB, our role may not read it, or its owner has put something else in its place.
    pub fn copy(&mut self, table: &Table, columns: &[&str], row: &mut dyn FnMut(&[Option<String>])) -> Result<()> {
        let name = format!("{}.{}", table.schema, table.name);
        if !table.readable {
            return Err(Fault::failed(format!("This user may not read {name}")).into());
        }
        if table.bytes > LARGEST {
            return Err(Fault::failed(format!("{name} is larger than {} MB", LARGEST / 1_000_000)).into());
        }
        let sql = copy(&table.schema, &table.name, columns)?;
        self.each(&sql, &mut |line| {
            let fields = copy_text::fields(&line);
            if fields.len() == columns.len() && fields.iter().flatten().all(|field| field.len() <= LONGEST) {
                row(&fields);
            }
        })
    }

    /// Runs SQL and hands out the lines that it prints.
    pub(super) fn each(&mut self, sql: &str, line: &mut dyn FnMut(String)) -> Result<()> {
        self.session.wait_for(self.end.saturating_duration_since(Instant::now()));
        self.session.each(sql, line)
    }

    /// The same for a caller that keeps none of the lines: the answer may be of any length.
    pub(super) fn each_of_many(&mut self, sql: &str, line: &mut dyn FnMut(String)) -> Result<()> {
        self.session.keep_nothing(true);
        let said = self.each(sql, line);
        self.session.keep_nothing(false);
        said
    }

    fn lines(&mut self, sql: &str) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        self.each(sql, &mut |line| lines.push(line)).map(|()| lines)
    }
}

/// The statement that reads columns of a table of any owner: it refuses what is no table, and plans nothing.
pub(super) fn copy(schema: &str, table: &str, columns: &[&str]) -> Result<String, Fault> {
    let columns: Result<Vec<String>, Fault> = columns.iter().map(|column| identifier(column)).collect();
    Ok(format!("COPY {}.{} ({}) TO STDOUT;", identifier(schema)?, identifier(table)?, columns?.join(", ")))
}
