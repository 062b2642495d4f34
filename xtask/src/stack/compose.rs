//! The stack of the `compose` target.

use super::{Answering, openfga};
use crate::error::Fault;
use crate::postgres::session;
use crate::process::signals;
use crate::target::Target;
use crate::target::compose::Compose;
use anyhow::{Context as _, Result};
use std::time::{Duration, Instant};

const START_DEADLINE: Duration = Duration::from_secs(300);
const ANSWER_DEADLINE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(200);
const STOP_DEADLINE: Duration = Duration::from_secs(120);

/// Starts the containers; PostgreSQL then answers a query, OpenFGA its health and a request on the mapped port.
pub(super) fn up(target: &Target, compose: &Compose, token: Option<&str>, stage: &dyn Fn(&str)) -> Result<Answering> {
    stage("starting the containers");
    compose.check_version()?;
    compose.run(["up", "--detach"], START_DEADLINE)?;
    stage("waiting for PostgreSQL");
    let postgres = wait_for("PostgreSQL", || session::server_version(target))?;
    let openfga = if compose.has_service(openfga::SERVICE)? {
        stage("waiting for OpenFGA");
        let address = compose.mapped_port(openfga::SERVICE, openfga::HTTP_PORT)?;
        let url = format!("http://{address}");
        wait_for("OpenFGA", || openfga::answers(&url, token))?;
        Some(url)
    } else {
        None
    };
    Ok(Answering { postgres, openfga, started: true })
}

/// Stops and removes the containers; volumes stay.
pub(super) fn down(compose: &Compose) -> Result<()> {
    compose.run(["down"], STOP_DEADLINE).map(drop)
}

/// Asks again until the answer comes, a person interrupts or the deadline passes; then the last refusal is the cause.
fn wait_for<T>(what: &str, ask: impl Fn() -> Result<T>) -> Result<T> {
    let end = Instant::now() + ANSWER_DEADLINE;
    loop {
        let refusal = match ask() {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        signals::check()?;
        if Instant::now() >= end || openfga::is_final(&refusal) {
            let fault = Fault::unreachable(format!("{what} does not answer"));
            return Err(refusal).context(fault.hint("see what it says: docker compose logs postgres openfga"));
        }
        std::thread::sleep(PAUSE);
    }
}
