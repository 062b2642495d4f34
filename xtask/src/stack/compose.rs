//! The stack of the `compose` target.

use super::wait::wait_for;
use super::{Answering, openfga, ports};
use crate::error::{self, Fault};
use crate::postgres::session;
use crate::process::signals;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::compose::{Compose, Life, SERVICE};
use anyhow::Result;
use std::cell::OnceCell;
use std::net::SocketAddr;
use std::time::Duration;

const START_DEADLINE: Duration = Duration::from_secs(300);
const STOP_DEADLINE: Duration = Duration::from_secs(120);
/// A container that was started anew so often will not stay.
const CRASHES: u64 = 3;

/// Starts the containers; PostgreSQL then answers a query, OpenFGA its health and a request on the mapped port.
pub(super) fn up(target: &Target, compose: &Compose, settings: &Settings, stage: &dyn Fn(&str)) -> Result<Answering> {
    stage("starting the containers");
    compose.check_version()?;
    compose.check_ours()?;
    if let Err(error) = compose.run(["up", "--detach"], START_DEADLINE) {
        // A run that was cut short may hold its own ports half-way: they explain nothing.
        signals::check()?;
        if speaks_of_a_port(&error) {
            return Err(port_fault(compose, settings).unwrap_or_else(|| with_holder(error)));
        }
        return Err(login_refusal(target).unwrap_or(error));
    }
    stage("waiting for PostgreSQL");
    let postgres = wait_for_service(compose, SERVICE, "PostgreSQL", || session::lasting_version(target))?;
    // It has just been asked over TCP from within.
    if let Some(refusal) = refusal(session::version_over_network(target)) {
        return Err(refusal);
    }
    let openfga = if compose.has_service(openfga::SERVICE)? {
        stage("waiting for OpenFGA");
        Some(openfga_url(compose, settings)?)
    } else {
        None
    };
    Ok(Answering { postgres, openfga, started: true })
}

/// Why the services cannot log in, if the server refuses them: a volume keeps the user, password and database that
/// it was made with, whatever the settings say now.
fn login_refusal(target: &Target) -> Option<anyhow::Error> {
    // Who comes over the network with a wrong name is only told that the password is wrong.
    refusal(session::lasting_version(target)).or_else(|| refusal(session::version_over_network(target)))
}

fn refusal(asked: Result<String>) -> Option<anyhow::Error> {
    asked.err().filter(error::is_lasting)
}

/// Where OpenFGA answers, once it does.
fn openfga_url(compose: &Compose, settings: &Settings) -> Result<String> {
    let mapped = OnceCell::new();
    wait_for_service(compose, openfga::SERVICE, "OpenFGA", || {
        let url = match mapped.get() {
            Some(url) => url,
            None => {
                let port = compose.mapped_port(openfga::SERVICE, openfga::HTTP_PORT)?;
                mapped.get_or_init(|| format!("http://{port}"))
            }
        };
        let mut endpoint = openfga::own(url, settings)?;
        openfga::own_answers(&mut endpoint, Some(compose)).map(|()| url.clone())
    })
}

/// Waits for OpenFGA, if it is one of these services.
pub(super) fn wait_for_openfga(compose: &Compose, settings: &Settings, services: &[String]) -> Result<()> {
    if services.iter().any(|service| service == openfga::SERVICE) {
        openfga_url(compose, settings).map(drop)
    } else {
        Ok(())
    }
}

/// Stops and removes the containers; volumes stay.
pub(super) fn down(compose: &Compose) -> Result<()> {
    compose.check_ours()?;
    compose.run(["down"], STOP_DEADLINE).map(drop)
}

/// Waits for a service's answer, but not for one that crashes again and again.
fn wait_for_service<T>(compose: &Compose, service: &str, what: &str, ask: impl Fn() -> Result<T>) -> Result<T> {
    let look = format!("see what it says: docker compose logs --tail 20 {service}");
    let ask_and_look = || {
        ask().map_err(|refusal| {
            if error::is_lasting(&refusal) {
                return refusal;
            }
            let crashed = compose.life_of(service).filter(|life| life.ended || life.restarts >= CRASHES);
            let fault = match crashed {
                Some(Life { exit_code, .. }) => {
                    Fault::unreachable(format!("{what} was started and ended (exit code {exit_code})"))
                        .hint(&look)
                        .lasting()
                }
                None => Fault::unreachable(format!("{what} does not answer yet")),
            };
            refusal.context(fault)
        })
    };
    wait_for(what, &look, error::is_lasting, ask_and_look)
}

/// Docker's words for a port that it could not publish, of Linux, Docker Desktop and older engines.
fn speaks_of_a_port(error: &anyhow::Error) -> bool {
    let words = format!("{error:#}");
    let known = ["address already in use", "port is already allocated", "ports are not available"];
    known.iter().any(|part| words.contains(part))
}

/// A port of a team's own service, with whoever holds it.
fn with_holder(error: anyhow::Error) -> anyhow::Error {
    let words = format!("{error:#}");
    let address = |word: &str| word.trim_matches(|letter: char| !letter.is_ascii_digit()).parse::<SocketAddr>().ok();
    let Some(port) = words.split_whitespace().find_map(address).map(|address| address.port()) else { return error };
    let fault = Fault::failed(format!("Port {port} is taken by {}", ports::holder(port)));
    error.context(fault.hint("end it, or publish another port in the compose files; then: cargo xtask up"))
}

/// A port that somebody else holds explains why a container was not started.
fn port_fault(compose: &Compose, settings: &Settings) -> Option<anyhow::Error> {
    let taken = ports::taken(compose, settings).into_iter().next()?;
    let setting = taken.published.setting;
    let free = taken.free.map_or_else(|| "another port".to_owned(), |free| format!("{setting}={free}"));
    let fault = Fault::failed(format!("Port {} ({setting}) is taken by {}", taken.port, taken.by));
    Some(fault.hint(format!("set {free} in .env, or let cargo xtask setup-env do it")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_a_port_is_named_with_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for words in [
            format!("Error starting userland proxy: listen tcp4 127.0.0.1:{port}: bind: address already in use"),
            format!("Bind for 0.0.0.0:{port} failed: port is already allocated"),
        ] {
            let said = with_holder(anyhow::Error::msg(words)).to_string();
            assert!(said.starts_with(&format!("Port {port} is taken by ")), "{said}");
        }
        assert_eq!(with_holder(anyhow::Error::msg("ports are not available")).to_string(), "ports are not available");
    }
}
