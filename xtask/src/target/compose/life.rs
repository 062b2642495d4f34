//! How the project's services fare: by Docker alone where the project's name is known, in a quarter of Compose's time.

use super::Compose;
use super::containers::{self, Container};
use super::engine::DEADLINE;
use super::inspection::Inspection;
use super::reading;
use crate::error::Fault;
use crate::process::Program;
use crate::target::backend::MadeOf;
use anyhow::Result;
use std::net::SocketAddr;
use std::time::Duration;

/// How a container fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    /// It does not run, and nothing will start it again.
    pub ended: bool,
    /// It has ended, and Docker is about to start it again.
    pub restarting: bool,
    /// How often Docker restarted it.
    pub restarts: u64,
    pub exit_code: i64,
}

/// How the container of this id fares; `None` where Docker does not say.
pub(super) fn of(id: &str, deadline: Duration) -> Option<Life> {
    let format = "[{{json .State.Status}},{{.RestartCount}},{{.State.ExitCode}}]";
    let asked = Program::new("docker").args(["inspect", "--format", format, id]).capture(deadline).ok()?;
    let (status, restarts, exit_code): (String, u64, i64) = serde_json::from_str(asked.text().trim()).ok()?;
    let (ended, restarting) = (matches!(status.as_str(), "exited" | "dead"), status == "restarting");
    Some(Life { ended, restarting, restarts, exit_code })
}

impl Compose {
    /// The services that run now.
    pub(super) fn running_services(&self) -> Result<Vec<String>> {
        if let Some(listed) = self.listed(false) {
            return Ok(listed.into_iter().filter(Container::runs).map(|container| container.service).collect());
        }
        let captured = self.run(["ps", "--services", "--status", "running"], DEADLINE)?;
        Ok(captured.text().lines().map(str::to_owned).collect())
    }

    /// A service's container, where there is one.
    pub(super) fn container_of(&self, service: &str) -> Option<String> {
        match self.listed(true) {
            Some(listed) => Some(listed.into_iter().find(|container| container.service == service)?.id),
            None => {
                let listed = self.program(["ps", "--all", "--quiet", service]).ok()?.capture(DEADLINE).ok()?.text();
                listed.lines().next().map(str::to_owned)
            }
        }
    }

    /// What a service's container was made of, where there is one.
    pub(super) fn made_of(&self, service: &str) -> Option<MadeOf> {
        let format = "[{{json .Image}},{{json .Config.Env}}]";
        let inspect = Program::new("docker").args(["inspect", "--format", format, &self.container_of(service)?]);
        let told = inspect.capture(DEADLINE).ok()?.text();
        let (image, environment): (String, Option<Vec<String>>) = serde_json::from_str(told.trim()).ok()?;
        let environment = environment.unwrap_or_default();
        Some(MadeOf { project: self.project().map(str::to_owned), image, environment })
    }

    /// How a service's container fares, where there is one.
    pub(super) fn life_of(&self, service: &str) -> Option<Life> {
        let same = self.listed_before(service).and_then(|container| of(&container.id, DEADLINE));
        same.or_else(|| of(&self.container_of(service)?, DEADLINE))
    }

    /// The service's one container that was there when the stack was read.
    fn listed_before(&self, service: &str) -> Option<&Container> {
        let mut ours = self.found().listed.iter().flatten().filter(|container| container.service == service);
        ours.next().filter(|_| ours.next().is_none())
    }

    /// The service's container that was there when the stack was read, as Docker describes it now; `None` where it is gone.
    pub(super) fn inspected_again(&self, service: &str) -> Option<Inspection> {
        reading::inspect([self.listed_before(service)?.key()], DEADLINE).ok()?.pop()
    }

    /// The port of this host that a service's port is really mapped to, as `127.0.0.1:8080`.
    pub(super) fn mapped_port(&self, service: &str, port: u16) -> Result<String> {
        self.port_of_same_container(service, port).map_or_else(|| self.listed_port(service, port), Ok)
    }

    /// The same, of the container that was there when the stack was read: one program of Docker's. `None` where that is gone,
    /// or does not run.
    pub(super) fn port_of_same_container(&self, service: &str, port: u16) -> Option<String> {
        let container = self.inspected_again(service).filter(|container| container.is_awake)?;
        container.bindings.get(&port)?.iter().find(|address| address.is_ipv4()).map(SocketAddr::to_string)
    }

    /// The same, of the container that Docker lists now.
    pub(super) fn listed_port(&self, service: &str, port: u16) -> Result<String> {
        let address = match self.listed(false) {
            Some(listed) => match listed.iter().find(|container| container.service == service) {
                Some(Container { id, .. }) => {
                    Program::new("docker").args(["port", id, &format!("{port}/tcp")]).capture(DEADLINE)?.text()
                }
                None => String::new(),
            },
            None => self.run(["port", service, &port.to_string()], DEADLINE)?.text(),
        };
        let address = address.lines().next().unwrap_or_default().trim();
        if address.is_empty() || address.ends_with(":0") {
            return Err(Fault::unreachable(format!("service {service} has no published port {port}"))
                .hint("see the services with: docker compose ps")
                .into());
        }
        Ok(address.replacen("0.0.0.0:", "127.0.0.1:", 1))
    }

    /// Refuses a service whose container is paused.
    pub(super) fn check_awake(&self, service: &str) -> Result<()> {
        let listed = self.listed(false).unwrap_or_default();
        listed.iter().filter(|container| container.service == service).try_for_each(Container::check_awake)
    }

    /// The project's containers, where Docker can list them without Compose.
    pub(super) fn listed(&self, all: bool) -> Option<Vec<Container>> {
        containers::of_project(self.project()?, all).ok().flatten()
    }
}
