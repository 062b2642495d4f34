//! The OpenFGA of a run, whether its tables are up to date, and whether it answers.

use crate::error::{self, Cause, Exit, Fault};
use crate::postgres::openfga_tables::{self, Known, MIGRATE_BY_HAND, NEWEST_REVISION};
use crate::postgres::reader::Reader;
use crate::postgres::server::Server;
use crate::postgres::startup;
use crate::process::signals;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::endpoint::Endpoint;
use crate::target::loopback::is_loopback;
use crate::target::openfga::{self, URL};
use crate::words::{shell_word, shown_address};
use anyhow::Result;
use std::time::{Duration, Instant};

/// For a container that was just started.
const TIMEOUT: Duration = Duration::from_secs(20);
/// For a server that is not ours and fails for a moment.
const FOREIGN_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(150);
/// While it does not answer, its database is asked so often: OpenFGA does not serve without it.
const DATABASE_CHECK: Duration = Duration::from_secs(2);

/// An OpenFGA server, and whether it is the stack's own.
#[derive(Debug)]
pub struct OpenfgaServer {
    pub endpoint: Endpoint,
    /// Its data is in the target's database, and containers of the target's project use it.
    pub is_of_stack: bool,
}

impl OpenfgaServer {
    /// The server of the target's own stack, else the one that `OPENFGA_API_URL` names.
    ///
    /// # Errors
    /// Exit 2 where both are there and differ; exit 4 where neither is.
    pub fn of(target: &Target, settings: &Settings) -> Result<Self> {
        let own = target.own_openfga().openfga_address();
        match own {
            // What answers on the port of a service that does not run is another program.
            Err(why) if names_own_port(target, settings) => Err(why),
            own => Self::at(own, target, settings),
        }
    }

    /// The server, where `own` already has the address of the stack's OpenFGA, or the reason why there is none.
    pub fn at(own: Result<String>, target: &Target, settings: &Settings) -> Result<Self> {
        let named = settings.find(URL);
        let (url, is_of_stack) = match (own, named) {
            (Ok(own), Some((url, origin))) if !is_same_address(url, &own) => {
                let name = target.own_openfga().openfga_name();
                let url = shown_address(url);
                let message = format!("{URL} is {url} ({}), but {name} is at {own}", origin.shown());
                let hint = format!("unset {URL} to use {own}; containers reach it as http://openfga:8080 without it");
                return Err(Fault::usage(message).hint(hint).into());
            }
            (Ok(own), _) => (own, true),
            (Err(_), Some((url, _))) => (url.to_owned(), false),
            (Err(why), None) => return Err(why),
        };
        let endpoint = if is_of_stack { openfga::own(&url, settings)? } else { openfga::foreign(&url, settings)? };
        Ok(Self { endpoint, is_of_stack })
    }

    /// Brings its tables up to date where they are behind; `stage` hears that it takes time. Whether they were.
    ///
    /// # Errors
    /// Where the tables are another's to migrate, what to type.
    pub fn migrate_if_behind(&self, target: &Target, stage: &dyn Fn(&str)) -> Result<bool> {
        if !self.is_of_stack && target.own_openfga().can_have_openfga() {
            return Ok(false);
        }
        let before = revision(target)?;
        // Without any revision the target's database is not the one of this server.
        if before >= NEWEST_REVISION || (before == 0 && !self.is_of_stack) {
            return Ok(false);
        }
        if !self.is_of_stack {
            let message =
                format!("OpenFGA's tables are out of date (revision {before}, {NEWEST_REVISION} is the newest)");
            return Err(Fault::failed(message).hint(MIGRATE_BY_HAND).into());
        }
        stage("migrating OpenFGA's tables");
        startup::migrate_openfga(target)?;
        Ok(revision(target)? > before)
    }

    /// Whether it serves, and accepts a request with the key.
    pub fn answers(&mut self, target: &Target) -> Result<()> {
        if self.is_of_stack {
            openfga::own_answers(&mut self.endpoint, &|| target.own_openfga().openfga_keys())
        } else {
            openfga::answers(&self.endpoint)
        }
    }

    /// Waits until it serves, and accepts a request with the key.
    pub fn wait_until_ready(&mut self, target: &Target) -> Result<()> {
        let start = Instant::now();
        let mut last_check = start;
        loop {
            let refusal = match self.answers(target) {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            };
            signals::check()?;
            if last_check.elapsed() >= DATABASE_CHECK {
                self.check_database(target)?;
                last_check = Instant::now();
            }
            let timeout = match refusal.downcast_ref::<openfga::FailsNow>() {
                _ if self.is_of_stack => TIMEOUT,
                Some(_) => FOREIGN_TIMEOUT,
                None => Duration::ZERO,
            };
            if error::is_lasting(&refusal) || start.elapsed() >= timeout {
                let hint = if self.is_of_stack {
                    "see why: cargo xtask health-check --only openfga service".to_owned()
                } else {
                    format!(
                        "check that {URL} names it, and that it answers: curl {}",
                        shell_word(&format!("{}/healthz", self.endpoint.url()))
                    )
                };
                let known = error::fault(&refusal).and_then(Fault::hint_text).map_or(hint, str::to_owned);
                let fault = Fault::unreachable(format!("OpenFGA at {} does not answer", self.endpoint.url()));
                return Err(refusal.context(fault.hint(known)));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Refuses if the stack's own OpenFGA waits for a database that does not answer.
    fn check_database(&self, target: &Target) -> Result<()> {
        if !self.is_of_stack || target.own_openfga().other_database_of_openfga().is_some() {
            return Ok(());
        }
        let Err(why) = revision(target) else { return Ok(()) };
        // One that is starting will answer.
        let is_starting = matches!(error::cause(&why), Some(Cause::Starting | Cause::NotListening));
        let known = error::fault(&why).filter(|fault| fault.exit == Exit::Unreachable && !is_starting);
        let Some(known) = known else { return Ok(()) };
        let message = format!("OpenFGA at {} does not serve: its database does not answer", self.endpoint.url());
        let fault = Fault::unreachable(message);
        let fault = match known.hint_text() {
            Some(hint) => fault.hint(hint),
            None => fault,
        };
        Err(why.context(fault))
    }
}

/// Whether the address that was set is the one at which the stack's own would be.
fn names_own_port(target: &Target, settings: &Settings) -> bool {
    let own =
        |url| target.own_openfga().openfga_address_of_settings(settings).is_some_and(|own| is_same_address(url, &own));
    settings.get(URL).is_some_and(own)
}

/// Whether both address the same port of the same host.
fn is_same_address(one: &str, other: &str) -> bool {
    let parts = |url: &str| {
        let rest = url.trim().trim_end_matches('/').strip_prefix("http://")?.to_ascii_lowercase();
        let (host, port) = rest.rsplit_once(':').filter(|(_, port)| !port.contains(']')).unwrap_or((&rest, "80"));
        Some((if is_loopback(host) { "localhost".to_owned() } else { host.to_owned() }, port.to_owned()))
    };
    parts(one).is_some() && parts(one) == parts(other)
}

/// The newest revision that was applied to the tables; 0 where there are none.
fn revision(target: &Target) -> Result<u64> {
    let mut reader = Reader::start(&Server::under_name(target, "xtask-openfga"))?;
    match openfga_tables::revision(&mut reader)? {
        Known::Is(revision) => Ok(revision),
        Known::Absent => Ok(0),
        Known::Unread(what) => {
            let fault = Fault::failed(format!("{what}, which this program does not read: OpenFGA's own is a table"));
            Err(fault.hint(openfga_tables::SEE_OWNER).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_several_spellings() {
        assert!(is_same_address("http://localhost:8080/", "http://127.0.0.1:8080"));
        assert!(is_same_address("http://[::1]:8080", "http://127.0.0.1:8080"));
        assert!(!is_same_address("http://127.0.0.1:8081", "http://127.0.0.1:8080"));
        assert!(!is_same_address("https://127.0.0.1:8080", "http://127.0.0.1:8080"));
        assert!(!is_same_address("http://openfga:8080", "http://127.0.0.1:8080"));
    }
}
