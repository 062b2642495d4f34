//! The container of the database: whose it is, that there is one, and programs inside it.

use super::containers::{self, Container};
use super::{Compose, config};
use crate::error::Fault;
use crate::process::Program;
use crate::target::backend::StdioMode;
use crate::target::client_error::Connection;
use anyhow::Result;

impl Compose {
    /// A program inside the database's container, with the login that the stack has. Where the project's name is known,
    /// `docker exec` saves the 0.1 s that Compose needs to read its files.
    pub(super) fn exec(&self, name: &str, environment: &[(&str, &str)], talk: StdioMode) -> Result<Program> {
        let terminal = talk == StdioMode::Terminal;
        let found = self.readable()?;
        let container = self.container()?;
        if container.is_none() {
            // An old Compose would fail in words of its own.
            self.check_version()?;
        }
        let (mut program, place) = match container {
            Some(id) if terminal => (Program::new("docker").args(["exec", "-it"]), id),
            Some(id) => (Program::new("docker").args(["exec", "-i"]), id),
            None if terminal => (self.program(["exec"])?, self.service()),
            None => (self.program(["exec", "-T"])?, self.service()),
        };
        for (name, value) in found.login.inside_variables(environment).chain(environment.iter().copied()) {
            program = match name {
                // By name only: Docker takes the value from its own environment, which no other user can read.
                "PGPASSWORD" => program.arg("-e").arg(name).secret(name, value),
                _ => program.arg("-e").arg(format!("{name}={value}")),
            };
        }
        Ok(program.arg(place).arg(name).starts(name))
    }

    /// The running container of the database, by the labels that Compose gives; `None` where only Compose
    /// itself can tell which project this is.
    pub(super) fn container(&self) -> Result<Option<&str>> {
        if let Some(id) = self.container.get() {
            return Ok(Some(id));
        }
        let service = self.service();
        let Some(project) = self.project() else {
            self.check_made_here()?;
            return Ok(None);
        };
        let asked = self.listed_database(project);
        let listed = asked.as_ref().ok().and_then(Option::as_ref).into_iter().flatten();
        let mut ours = listed.filter(|container| container.service == service && container.is_up());
        match (ours.next(), ours.next()) {
            (Some(container), None) => {
                if !self.is_named {
                    container.check_made_from(&self.folder, project)?;
                }
                container.check_awake()?;
                Ok(Some(self.container.get_or_init(|| container.id.clone())))
            }
            (Some(_), Some(_)) => Err(several(service).into()),
            (None, _) => match (self.cause_of("", Connection::Unknown), asked) {
                (Some(cause), _) | (None, Err(cause)) => Err(cause),
                (None, Ok(_)) => Ok(None),
            },
        }
    }

    /// The project's containers, as they were listed when the stack was read; listed again where the database did not run.
    pub(super) fn listed_database(&self, project: &str) -> Result<Option<Vec<Container>>> {
        let is_it = |container: &Container| container.service == self.service() && container.is_up();
        match self.found().listed.clone() {
            Some(listed) if listed.iter().any(is_it) => Ok(Some(listed)),
            _ => containers::of_project(project, false),
        }
    }

    /// Refuses containers that another checkout made under the same project name, unless that name was chosen; and a
    /// database that is paused. Where Docker or Compose do not answer, the caller that needs them says so.
    pub(super) fn check_made_here(&self) -> Result<()> {
        if self.checked.get().is_some() {
            return Ok(());
        }
        let Some(project) = self.project().or_else(|| self.asked_name()) else { return Ok(()) };
        self.check_all_made_here(project, &containers::of_project(project, true).ok().flatten().unwrap_or_default())
    }

    /// The project's containers as they are now, where Docker can list them without Compose; refused as
    /// [`Self::check_made_here`] refuses them.
    pub(super) fn listed_and_made_here(&self) -> Result<Option<Vec<Container>>> {
        let Some(project) = self.project() else { return self.check_made_here().map(|()| None) };
        let listed = containers::of_project(project, true).ok().flatten();
        self.check_all_made_here(project, listed.as_deref().unwrap_or_default())?;
        Ok(listed)
    }

    fn check_all_made_here(&self, project: &str, listed: &[Container]) -> Result<()> {
        for container in listed {
            if !self.is_named {
                container.check_made_from(&self.folder, project)?;
            }
            if container.service == self.service() {
                container.check_awake()?;
            }
        }
        self.checked.get_or_init(|| ());
        Ok(())
    }

    /// Refuses a database that runs, or would be started, in more than one container: each has other data, or they
    /// destroy it for each other.
    pub(super) fn check_single(&self, listed: &[Container]) -> Result<()> {
        let service = self.service();
        let running = listed.iter().filter(|container| container.service == service && container.is_up());
        if running.count() > 1 {
            return Err(several(service).into());
        }
        let replicas = self.config()?.service(service).map_or(1, config::Service::replicas);
        if replicas > 1 {
            let fault = Fault::failed(format!("The {service} service would run in {replicas} containers"));
            return Err(fault
                .hint("a database runs in one: set scale or deploy.replicas to 1 in its Compose file")
                .into());
        }
        Ok(())
    }
}

/// The database's service runs in several containers: which one is meant is not known.
fn several(service: &str) -> Fault {
    let fault = Fault::failed(format!("The {service} service runs in more than one container"));
    fault.hint("see them with: docker compose ps")
}
