//! The stack of a target: start it, stop it, wait until each part really answers.

pub mod openfga;
pub mod ports;

use crate::error::{self, Fault};
use crate::postgres::session;
use crate::process::signals;
use crate::target::{Target, compose::Compose};
use anyhow::{Context as _, Result};
use std::time::{Duration, Instant};

const START_DEADLINE: Duration = Duration::from_secs(300);
const ANSWER_DEADLINE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(200);
const STOP_DEADLINE: Duration = Duration::from_secs(120);

/// What answers after `up`.
#[derive(Debug)]
pub struct Answering {
    /// The server's version: `15.18`.
    pub postgres: String,
    /// Where OpenFGA listens: `http://127.0.0.1:8080`; `None` where the stack has none.
    pub openfga: Option<String>,
}

/// Starts the stack and waits until PostgreSQL answers a query, and OpenFGA its health and a request.
/// `stage` hears what is waited for.
pub fn up(target: &Target, openfga_token: Option<&str>, stage: &dyn Fn(&str)) -> Result<Answering> {
    match target.compose() {
        Some(compose) => compose_up(target, compose, openfga_token, stage),
        None => Err(Fault::usage("this target has no stack").into()),
    }
}

/// Stops the stack; data stays.
pub fn down(target: &Target) -> Result<()> {
    match target.compose() {
        Some(compose) => compose.run(["down"], STOP_DEADLINE).map(drop),
        None => Err(Fault::usage("this target has no stack").into()),
    }
}

fn compose_up(target: &Target, compose: &Compose, token: Option<&str>, stage: &dyn Fn(&str)) -> Result<Answering> {
    stage("starting the containers");
    compose.check_version()?;
    compose.run(["up", "--detach"], START_DEADLINE)?;
    stage("waiting for PostgreSQL");
    let postgres = wait_for("PostgreSQL", || session::lasting_version(target))?;
    let openfga = if compose.has_service(openfga::SERVICE)? {
        stage("waiting for OpenFGA");
        let address = compose.mapped_port(openfga::SERVICE, openfga::HTTP_PORT)?;
        let url = format!("http://{address}");
        wait_for("OpenFGA", || openfga::answers(&url, token))?;
        Some(url)
    } else {
        None
    };
    Ok(Answering { postgres, openfga })
}

/// Asks again until the answer comes, a person interrupts or the deadline passes; then the last refusal is the cause.
pub fn wait_for<T>(what: &str, ask: impl Fn() -> Result<T>) -> Result<T> {
    let end = Instant::now() + ANSWER_DEADLINE;
    loop {
        let refusal = match ask() {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        signals::check()?;
        if Instant::now() >= end || openfga::is_final(&refusal) {
            let known = error::fault(&refusal).and_then(Fault::hint_text);
            let hint = known.unwrap_or("see what it says: docker compose logs postgres openfga").to_owned();
            return Err(refusal).context(Fault::unreachable(format!("{what} does not answer")).hint(hint));
        }
        std::thread::sleep(PAUSE);
    }
}
