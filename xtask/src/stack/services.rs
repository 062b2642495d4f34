//! The services that use the database: stopped for a swap, started again afterwards.

use super::{Callbacks, openfga};
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::compose::Compose;
use anyhow::Result;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(120);
/// The one-shot service that brings OpenFGA's tables up to date.
const MIGRATE: &str = "openfga-migrate";

/// The names of the running services that depend on the database: on `compose` those that depend on its server.
pub fn running_users(target: &Target) -> Result<Vec<String>> {
    match (target.compose(), target.local()) {
        (Some(compose), _) => {
            let running = compose.running_services()?;
            Ok(compose.users_of_database()?.into_iter().filter(|service| running.contains(service)).collect())
        }
        (None, Some(local)) => {
            let uses = super::local::openfga_uses(local, target.database())?;
            Ok(uses.then(|| openfga::SERVICE.to_owned()).into_iter().collect())
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// What a person must know where services are not ours to stop; `openfga`: its tables are about to come in.
pub fn notice(target: &Target, openfga: bool) -> Result<Option<String>, Fault> {
    let Some(url) = target.url() else { return Ok(None) };
    let openfga = if !openfga || url.has_openfga()? {
        ""
    } else {
        "; no openfga program here to migrate OpenFGA's tables: run openfga migrate yourself"
    };
    let place = url.place();
    Ok(Some(format!("No services are stopped: which ones use {place} is not known here{openfga}")))
}

/// Stops these services.
pub fn stop(target: &Target, services: &[String]) -> Result<()> {
    if services.is_empty() {
        return Ok(());
    }
    match (target.compose(), target.local()) {
        (Some(compose), _) => run(compose, &["stop", "--timeout", "10"], services),
        (None, Some(local)) => super::local::stop_openfga(local),
        (None, None) => Ok(()),
    }
}

/// Brings OpenFGA's tables in the live database up to date; nothing where the stack has no OpenFGA.
pub fn migrate(target: &Target) -> Result<()> {
    match (target.compose(), target.local()) {
        (Some(compose), _) if compose.has_service(MIGRATE)? => {
            compose.run(["run", "--rm", "--no-deps", "-T", MIGRATE], DEADLINE).map(drop)
        }
        (_, Some(local)) => super::local::migrate_openfga(target, local),
        (None, None) => target.url().map_or(Ok(()), |url| url.migrate_openfga().map(drop)),
        _ => Ok(()),
    }
}

/// Starts these services and waits until they answer.
pub fn start(target: &Target, settings: &Settings, services: &[String]) -> Result<()> {
    if services.is_empty() {
        return Ok(());
    }
    match (target.compose(), target.local()) {
        (Some(compose), _) => {
            // `start`, unlike `up`, never makes a container anew.
            run(compose, &["start"], services)?;
            super::compose::wait_for_openfga(compose, settings, services)
        }
        (None, Some(_)) => {
            let callbacks = Callbacks {
                stage: &|_| (),
                note: &|_| (),
                consent: &|_| Err(Fault::failed("PostgreSQL's programs are gone").into()),
            };
            super::up(target, settings, &callbacks).map(drop)
        }
        (None, None) => Ok(()),
    }
}

/// The services whose containers get these variables, by name or by what `.env` puts elsewhere.
pub fn using(compose: &Compose, variables: &[&str]) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Config {
        services: BTreeMap<String, serde_json::Value>,
    }
    let mark = |name: &str| format!("xtask-mark-{name}");
    // The process environment wins over .env: every place that a variable reaches shows its mark.
    let asked = compose.program(["config", "--format", "json"])?;
    let asked = variables.iter().fold(asked, |asked, name| asked.env(name, mark(name)));
    // Holds secrets: it is read, never shown.
    let config: Config = serde_json::from_str(&asked.capture(DEADLINE)?.text())?;
    let uses = |service: &serde_json::Value| {
        let text = service.to_string();
        variables.iter().any(|name| text.contains(&mark(name)) || service["environment"].get(name).is_some())
    };
    Ok(config.services.into_iter().filter(|(_, service)| uses(service)).map(|(name, _)| name).collect())
}

fn run(compose: &Compose, command: &[&str], services: &[String]) -> Result<()> {
    compose.run(command.iter().copied().chain(services.iter().map(String::as_str)), DEADLINE).map(drop)
}
