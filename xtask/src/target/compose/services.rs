//! The services of the project that use the database: stopped for a swap, started again afterwards.

use super::config::{Config, Service};
use super::containers::Container;
use super::files::CONFIG;
use super::inspection::Inspection;
use super::selection::is_name;
use super::without_compose::GRACE;
use super::{Compose, reading, up};
use crate::error::Fault;
use crate::process::{Program, signals};
use crate::target::backend::{Holders, ServiceUser, Services, StartedWith};
use crate::target::startup::Startup;
use anyhow::Result;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(120);

impl Services for Compose {
    fn running_users(&self, clients: &[IpAddr]) -> Result<Vec<ServiceUser>> {
        self.users(clients)
    }

    fn notice(&self, _: bool) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    fn stop(&self, services: &[String]) -> Result<()> {
        if self.stop_containers(services, DEADLINE) {
            return Ok(());
        }
        signals::check()?;
        self.run_for(&["stop", "--timeout", GRACE], services)
    }

    fn start(&self, services: &[String], startup: &Startup) -> Result<()> {
        if services.is_empty() {
            return Ok(());
        }
        // Those of an earlier run may be gone from the project meanwhile.
        let config = self.config()?;
        let there: Vec<String> = services.iter().filter(|name| config.service(name).is_some()).cloned().collect();
        // `start`, unlike `up`, never recreates a container.
        if !self.start_containers(config, &there, DEADLINE) {
            signals::check()?;
            self.run_for(&["start"], &there)?;
        }
        up::wait_for_openfga(self, startup.settings, &there)
    }

    fn holders_of(&self, variables: &[&str]) -> Option<Holders> {
        // What Compose cannot read has no services to name.
        let services = self.using(variables).ok().filter(|services| !services.is_empty())?;
        let renew = self.renew(&services.iter().map(String::as_str).collect::<Vec<_>>());
        Some(Holders { services, renew })
    }

    fn renew(&self, services: &[&str]) -> String {
        // A label of a container may hold any text, and a service may be called as an option is.
        let names: Vec<&str> = services.iter().copied().filter(|name| is_name(name)).collect();
        if names.is_empty() {
            return "docker compose up -d".to_owned();
        }
        format!("docker compose up -d {}", names.join(" "))
    }

    fn started_with(&self, variables: &[&str]) -> Vec<StartedWith> {
        let running = self.listed(false).unwrap_or_default();
        let names = running.iter().filter(|container| container.runs()).map(Container::key);
        // A service of which Docker says nothing is none to warn of.
        let inspected = reading::inspect(names, DEADLINE).unwrap_or_default();
        let of = |inspection: &Inspection| {
            let container = running.iter().find(|container| container.id == inspection.id)?;
            let given = variables.iter().filter_map(|name| inspection.environment.get_key_value(*name));
            let one = |(variable, value): (&String, &String)| StartedWith {
                service: container.service.clone(),
                variable: variable.clone(),
                value: value.clone(),
            };
            Some(given.map(one).collect::<Vec<_>>())
        };
        let all: BTreeSet<StartedWith> = inspected.iter().filter_map(of).flatten().collect();
        all.into_iter().collect()
    }

    fn given_all(&self, variables: &[&str]) -> Vec<String> {
        let Ok(config) = self.config() else { return Vec::new() };
        let has_all = |service: &Service| variables.iter().all(|name| service.environment.contains_key(*name));
        config.services().filter(|(_, service)| has_all(service)).map(|(name, _)| name.to_owned()).collect()
    }
}

impl Compose {
    /// The services whose containers get these variables, by name or by what `.env` puts elsewhere.
    fn using(&self, variables: &[&str]) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Marked {
            services: BTreeMap<String, serde_json::Value>,
        }
        let mark = |name: &str| format!("xtask-mark-{name}");
        // The process environment wins over .env: every place that a variable reaches shows its mark.
        let marked = |asked: Program| variables.iter().fold(asked, |asked, name| asked.env(name, mark(name)));
        let answer = |asked: Program| Some(marked(asked).capture(DEADLINE).ok()?).filter(|said| said.ending.success());
        let told = match self.question(CONFIG).and_then(answer) {
            Some(told) => told,
            None => marked(self.program(CONFIG)?).capture(DEADLINE)?,
        };
        // Holds secrets: it is read, never shown. The profiles are read from it, too: none is made of these variables.
        let (project, config): (Config, Marked) =
            (serde_json::from_str(&told.text())?, serde_json::from_str(&told.text())?);
        let uses = |service: &serde_json::Value| {
            let text = service.to_string();
            variables.iter().any(|name| text.contains(&mark(name)) || service["environment"].get(name).is_some())
        };
        let is_active = |name: &str| project.service(name).is_some_and(|service| service.is_active(&self.settings));
        let names = config.services.into_iter().filter(|(_, service)| uses(service)).map(|(name, _)| name);
        Ok(names.filter(|name| is_active(name) || self.container_of(name).is_some()).collect())
    }

    fn run_for(&self, command: &[&str], services: &[String]) -> Result<()> {
        if services.is_empty() {
            // Compose would take all of them.
            return Ok(());
        }
        // A service may be called `--dry-run`.
        let words = command.iter().copied().chain(["--"]).chain(services.iter().map(String::as_str));
        self.run(words, DEADLINE).map(drop)
    }
}
