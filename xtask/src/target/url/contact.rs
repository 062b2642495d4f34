//! The first contact with a server: its version, and whether a session there is really one session.

use super::super::clients::Clients;
use super::super::overriding;
use super::one_server;
use crate::error::Fault;
use crate::process::{Captured, Dialog, Program};
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The major versions that this program is made for.
const KNOWN: RangeInclusive<u32> = 14..=18;
/// A setting of the probe's own, given with the login: only a server that got our login itself shows it.
const PROBE: &str = "xtask.contact";
/// A session of one's own answers by then.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a session is asked for its process.
const LOOKS: usize = 3;

/// Gives a program its environment, and these variables more.
type Prepare<'a> = dyn Fn(Program, &[(&str, &str)]) -> Program + 'a;

/// One look at a server.
pub(super) struct Contact<'a> {
    pub(super) clients: &'a Clients,
    pub(super) prepare: &'a Prepare<'a>,
    /// `options` of the connection string.
    pub(super) options: Option<&'a str>,
    pub(super) deadline: Duration,
    /// What psql says when it fails, explained.
    pub(super) explain: &'a dyn Fn(&Captured) -> anyhow::Error,
    /// The address names several servers.
    pub(super) several: bool,
}

/// The server that answered.
pub(super) struct Met {
    pub(super) major: u32,
    /// Of several: its host and port, in libpq's words.
    pub(super) place: Option<(String, String)>,
}

impl Contact<'_> {
    /// Asks it who it is.
    ///
    /// # Errors
    /// It cannot be reached, is of another version, or is behind a transaction pooler.
    pub(super) fn meet(&self) -> Result<Met> {
        let nonce = format!("x{}", std::process::id());
        let options = [self.options.unwrap_or_default(), &format!("-c {PROBE}={nonce}")].join(" ");
        let sql = self.question();
        let mut said =
            self.psql(&[("PGOPTIONS", options.trim())]).capture_with(sql.clone().into_bytes(), self.deadline)?;
        // The way of some poolers to say that they keep no options of a session.
        let unsupported = !said.ending.success() && said.stderr.contains("startup parameter");
        if unsupported {
            let own = self.options.map(|options| ("PGOPTIONS", options));
            said = self.psql(own.as_slice()).capture_with(sql.clone().into_bytes(), self.deadline)?;
        }
        if overriding::may_help(&said.stderr, said.ending) && !said.ending.success() {
            let under = |more: &&str| {
                let options = [options.as_str(), more].join(" ");
                let said =
                    self.psql(&[("PGOPTIONS", options.trim())]).capture_with(sql.clone().into_bytes(), self.deadline);
                said.ok().filter(|said| said.ending.success())
            };
            said = overriding::OPTIONS.iter().find_map(under).unwrap_or(said);
        }
        if !said.ending.success() {
            return Err((self.explain)(&said));
        }
        let text = said.text();
        let (place, answer) = if self.several { place_and_rest(&text)? } else { (None, text.as_ref()) };
        let (version, seen) = answer.trim().split_once('|').unwrap_or((answer.trim(), ""));
        let number: u32 = version.parse().with_context(|| format!("psql answered {version:?}"))?;
        let major = number / 10_000;
        if !KNOWN.contains(&major) {
            let known = format!("{} to {}", KNOWN.start(), KNOWN.end());
            let message = format!("The server is PostgreSQL {major}; this program knows {known}");
            return Err(Fault::failed(message).hint("use a server of one of these versions").into());
        }
        if seen != nonce && self.is_pooled()? {
            let message = "This address is a pooler that gives no client a session of its own (transaction pooling)";
            let fault = Fault::failed(message);
            return Err(fault.hint("locks and dumps need one session throughout: let DATABASE_URL name the server itself\n(or a pool in session mode); its port is often 5432 where the pooler's is 6432 or 6543").into());
        }
        Ok(Met { major, place })
    }

    fn question(&self) -> String {
        let tell = if self.several { one_server::TELL } else { "" };
        format!(
            "{tell}SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('{PROBE}', true);\n"
        )
    }

    /// Two sessions at once, one of them in a transaction: behind a transaction pooler they meet in one server process,
    /// or one of them is moved to another.
    fn is_pooled(&self) -> Result<bool> {
        let (mut one, mut other) = (self.session()?, self.session()?);
        let first = self.process(&mut one, "")?;
        let Ok(held) = self.process(&mut other, "BEGIN;") else {
            // Statement pooling knows no transactions; another pool may have no process left.
            return Ok(true);
        };
        // The first may have to wait for the second's end, where there is but one process for both.
        let mut is_moved = || self.process(&mut one, "").map_or(true, |process| process != first);
        Ok(held == first || (0..LOOKS).any(|_| is_moved()))
    }

    fn psql(&self, more: &[(&str, &str)]) -> Program {
        let program = Program::new(self.clients.path("psql"))
            .args(["--no-password", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "-f", "-"]);
        (self.prepare)(program, more)
    }

    fn session(&self) -> Result<Dialog> {
        let own = self.options.map(|options| ("PGOPTIONS", options));
        self.psql(own.as_slice()).dialog(|_| true)
    }

    /// The server process that answers this session now.
    fn process(&self, session: &mut Dialog, before: &str) -> Result<String> {
        let asked = writeln!(session, "{before}\nSELECT pg_catalog.pg_backend_pid();").and_then(|()| session.flush());
        asked.context("the session is over")?;
        session.line(TIMEOUT).context("the session is over")
    }
}

/// The two lines of [`one_server::TELL`], and what follows.
fn place_and_rest(text: &str) -> Result<(Option<(String, String)>, &str)> {
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().context("psql does not say where it is connected");
    let (host, port, rest) = (next()?, next()?, next()?);
    Ok((Some((host.trim().to_owned(), port.trim().to_owned())), rest))
}
