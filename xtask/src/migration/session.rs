//! The one psql that runs the migrations: its lock holds, files go to its stdin as they are, and of what they print
//! nothing is kept.

use super::failure::{self, Failure};
use super::messages::{self, Message, Severity};
use crate::postgres::preamble::EMPTY_PATH;
use crate::postgres::quote::sendable;
use crate::postgres::restrict;
use crate::postgres::server::{self, Server};
use crate::postgres::session as postgres;
use crate::process::{Captured, Dialog, signals};
use crate::target::StdioMode;
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What our own rows begin with; the names of runs begin so, too.
const OURS: &str = "xtask-";
/// A migration may take its time; Ctrl-C ends the wait.
const DEADLINE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Ends when it is dropped, or when we die: its stdin closes.
#[derive(Debug)]
pub struct Session<'a> {
    server: Server<'a>,
    psql: Option<Dialog>,
    /// Lines that psql was sent: by them it names the place of an error.
    lines: u64,
    /// The lines that each file had.
    files: Vec<(Range<u64>, PathBuf)>,
    /// What psql had said at its end.
    said: Option<String>,
    /// It said more than is kept of it.
    is_cut: Arc<AtomicBool>,
}

/// The notices and warnings of all files.
#[derive(Debug)]
pub struct Heard {
    pub notices: Vec<Notice>,
    /// There were more of them, which were not kept.
    pub is_cut: bool,
}

/// What the server said while a file ran, without ending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub file: PathBuf,
    pub line: u64,
    pub severity: Severity,
    pub text: String,
}

impl<'a> Session<'a> {
    /// Connects to the server's database.
    pub fn start(server: &Server<'a>) -> Result<Self> {
        let psql = server
            .in_utf8()
            .program("psql", StdioMode::Piped)?
            .args(["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--set=ECHO=errors", "--set=VERBOSITY=verbose", "-f", "-"])
            .dialog(|line| line.starts_with(OURS.as_bytes()))?;
        let (server, is_cut) = (server.clone(), psql.stderr_is_cut());
        let mut session = Self { server, psql: Some(psql), lines: 0, files: Vec::new(), said: None, is_cut };
        session.begin()?;
        Ok(session)
    }

    /// What a person types to see the settings of databases and roles.
    pub fn see_settings(&self) -> String {
        server::see_settings(self.server.target())
    }

    /// Its server and database.
    pub fn server(&self) -> &Server<'a> {
        &self.server
    }

    /// The role that it logged in as.
    pub fn user(&self) -> &str {
        self.server.target().user()
    }

    /// Settings of these names that stand for this session's role and database, and how they are taken away.
    pub fn configured(&self, names: &[&str]) -> Option<String> {
        postgres::configured_settings(self.server.target(), names)
    }

    /// From here on psql refuses every meta-command, where it knows how to: a file may hide one from `checks`. Until a
    /// file comes no name is looked up outside of pg_catalog.
    fn begin(&mut self) -> Result<()> {
        let mut psql = self.psql.take().context("the session is over")?;
        let first = format!("{EMPTY_PATH}SET standard_conforming_strings TO on;\n");
        if let Some(begun) = restrict::begin(&mut psql, &first, DEADLINE)? {
            self.lines = begun.lines;
            self.psql = Some(psql);
            return Ok(());
        }
        signals::check()?;
        Err(failure::error(&psql.finish()?, self.server.target()))
    }

    /// Runs SQL of ours.
    pub fn run(&mut self, sql: &str) -> Result<()> {
        self.ask_rows(sql).map(drop)
    }

    /// The one value that this query gives, as text; `None` where it gives nothing.
    pub fn ask(&mut self, query: &str) -> Result<Option<String>> {
        let rows = self.ask_rows(&format!("SELECT '{OURS}=' OPERATOR(pg_catalog.||) ({query})::pg_catalog.text;"))?;
        Ok(rows.into_iter().next().and_then(|row| row.strip_prefix("xtask-=").map(str::to_owned)))
    }

    fn ask_rows(&mut self, sql: &str) -> Result<Vec<String>> {
        let asked = self.exchange(|session| session.send(sendable(sql)?.as_bytes()))?;
        asked.map_err(|said| failure::error(&said, self.server.target()))
    }

    /// A file's row in the ledger, and the COMMIT of its transaction.
    pub fn commit(&mut self, sql: &str) -> Result<(), Failure> {
        match self.exchange(|session| session.send(sendable(sql)?.as_bytes())) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(said)) => Err(Failure::of_commit(&said, self.server.target())),
            Err(error) => Err(Failure { committing: true, ..error.into() }),
        }
    }

    /// Ends it; gives the notices and warnings of all its files.
    pub fn end(&mut self) -> Heard {
        if let Some(psql) = self.psql.take() {
            self.said = psql.finish().ok().map(|said| said.stderr);
        }
        let told = self.said.as_deref().map(messages::read).unwrap_or_default();
        let notice = |message: Message| {
            let (lines, file) = self.files.iter().find(|(lines, _)| lines.contains(&message.line))?;
            let Message { severity, text, .. } = message;
            (severity < Severity::Error).then(|| Notice {
                file: file.clone(),
                line: message.line - lines.start + 1,
                severity,
                text,
            })
        };
        let notices = told.into_iter().filter_map(notice).collect();
        Heard { notices, is_cut: self.is_cut.load(Ordering::Relaxed) }
    }

    /// Streams a file: `write` hands out its pieces. Before it stands `before`, both in one transaction or none.
    ///
    /// # Errors
    /// What stopped it, with the line of the file where the server says so.
    pub fn feed(
        &mut self,
        file: &Path,
        before: &str,
        write: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<(), Failure> {
        let mut begun = 0;
        let fed = self.exchange(|session| {
            session.send(before.as_bytes())?;
            session.send(b"\n")?;
            begun = session.lines;
            let written = write(&mut |piece| session.send(piece));
            // A last statement without semicolon ends on the line that we add.
            session.files.push((begun + 1..session.lines + 3, file.to_owned()));
            written
        });
        match fed {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(said)) => Err(Failure::of(&said, begun, self.server.target())),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends something, then a word that must come back; the rows of ours before it, or what psql said at its end.
    fn exchange(&mut self, send: impl FnOnce(&mut Self) -> Result<()>) -> Result<Result<Vec<String>, Captured>> {
        let nonce = postgres::fresh_name()?;
        let ending = format!("\n;\nSELECT '{nonce}';\n");
        let sent = send(self).and_then(|()| self.send(ending.as_bytes()));
        let mut rows = Vec::new();
        if sent.is_ok() {
            let psql = self.psql.as_ref().context("the session is over")?;
            while let Some(line) = psql.line(DEADLINE) {
                if line == nonce {
                    return Ok(Ok(rows));
                }
                rows.push(line);
            }
        }
        let said = self.psql.take().context("the session is over")?.finish()?;
        self.said = Some(said.stderr.clone());
        signals::check()?;
        match sent {
            // It is the file that could not be read: psql saw no fault.
            Err(error) if said.ending.success() => Err(error),
            _ => Ok(Err(said)),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let psql = self.psql.as_mut().context("the session is over")?;
        psql.write_all(bytes)?;
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        Ok(())
    }
}
