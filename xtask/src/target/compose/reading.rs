//! The stack is read: which service is PostgreSQL, and how to log in there. A running container of the usual name is
//! enough; Compose is asked only where there is none, because that takes three times as long.

use super::Compose;
use super::containers::{self, Container, Of};
use super::data_place;
use super::direct;
use super::engine::DEADLINE;
use super::found::Found;
use super::inspection::Inspection;
use super::openfga_database;
use super::selection::{self, ServiceFound};
use super::server_names::ServerNames;
use super::stack_login::{self, Declared, Part, StackLogin};
use crate::error::Fault;
use crate::platform;
use crate::process::Program;
use crate::target::backend::Identified;
use crate::target::database_name::SETTING;
use anyhow::Result;
use std::path::Path;
use std::time::Duration;

/// No secret is longer, in bytes.
const LONGEST_SECRET: u64 = 1 << 16;

impl Compose {
    /// What the stack says; where it cannot be read, what the shipped stack would be. Programs are not started then.
    pub(super) fn found(&self) -> &Found {
        let first = || self.found.get_or_init(|| self.read(DEADLINE).unwrap_or_else(|error| self.assumed(&error)));
        self.renewed.get().unwrap_or_else(first)
    }

    /// What the stack says; an error where it cannot be read.
    ///
    /// # Errors
    /// Why Docker and Compose could not say it.
    pub(super) fn readable(&self) -> Result<&Found> {
        let found = self.found();
        let Some(why) = &found.unread else { return Ok(found) };
        let cause = self.cause_of("", crate::target::client_error::Connection::Unknown);
        Err(cause.unwrap_or_else(|| {
            let fault = Fault::unreachable("The stack cannot be read");
            anyhow::Error::msg(why.clone()).context(fault.hint("see what Compose says: docker compose config --quiet"))
        }))
    }

    /// The database's service.
    pub(super) fn service(&self) -> &str {
        &self.found().service.name
    }

    /// Reads the stack, and says what a person should know of it.
    ///
    /// # Errors
    /// Exit 2: the setting names no service, or several services are PostgreSQL, or none is.
    pub(super) fn identified(&self, deadline: Duration) -> Result<Identified> {
        if self.found.get().is_none() {
            let found = match self.read(deadline) {
                Ok(found) => found,
                Err(error) if is_about_the_stack(&error) => return Err(error),
                Err(error) => self.assumed(&error),
            };
            let _ = self.found.set(found);
        }
        let found = self.found();
        let origins = if found.unread.is_none() { found.login.origins() } else { Vec::new() };
        let setting_to_write =
            found.service.needs_its_setting().then(|| (selection::POSTGRES.setting, found.service.name.clone()));
        Ok(Identified {
            notes: found.notes.clone(),
            warnings: found.warnings.clone(),
            origins,
            setting_to_write,
            unread: found.unread.clone(),
        })
    }

    /// Reads it again, after its containers were recreated.
    pub(super) fn read_again(&self) -> Result<()> {
        let found = self.read(DEADLINE)?;
        let _ = self.renewed.set(found);
        self.readable().map(drop)
    }

    /// An error in one line for a warning: Compose's own words without the values of the files that it read.
    fn shown(&self, error: &anyhow::Error) -> String {
        let (headline, words) = (error.to_string(), error.root_cause().to_string());
        let words = if words == headline { None } else { self.settings.without_values(&words) };
        match (crate::error::fault(error), words) {
            (Some(_), Some(words)) => format!("{headline}: {words}"),
            (Some(_), None) => headline,
            (None, words) => words
                .or_else(|| self.settings.without_values(&headline))
                .unwrap_or_else(|| "its words may hold a value".to_owned()),
        }
    }

    fn read(&self, deadline: Duration) -> Result<Found> {
        let mut listed = match self.project() {
            Some(project) => containers::listed(Of::Project(project), true, deadline)?,
            None => None,
        };
        let mut warnings = Vec::new();
        let service = match listed.as_deref().and_then(|listed| self.by_name(&selection::POSTGRES, listed)) {
            Some(service) => service,
            None => self.by_compose(&mut listed, &mut warnings, deadline)?,
        };
        let containers = listed.as_deref().unwrap_or_default();
        let server = of_service(containers, &service.name);
        let openfga = if self.is_database_given() { Vec::new() } else { self.may_be_openfga(containers) };
        let inspected = inspect(server.into_iter().chain(openfga.iter().copied()).map(Container::key), deadline)?;
        let inspection = server.and_then(|server| inspected.iter().find(|inspection| inspection.id == server.id));
        let names = self.names_of(&service.name, inspection, deadline);
        let mut stores = Self::datastores_of(&openfga, &inspected);
        if stores.is_empty() && !self.is_database_given() {
            match self.datastores_of_files(containers, deadline) {
                Ok(found) => stores = found,
                Err(error) if is_about_the_stack(&error) || inspection.is_none() => return Err(error),
                Err(error) => warnings.push(format!(
                    "Docker Compose cannot read this project, and OpenFGA has no container: the database is the one of \
                     the service {}: {}",
                    service.name,
                    self.shown(&error)
                )),
            }
        }
        let of_openfga = openfga_database::chosen(&stores, &names)?;
        let (login, unread) = match self.login_of(&service.name, inspection, of_openfga, deadline) {
            Ok(login) => (login, None),
            Err(error) if is_about_the_stack(&error) => return Err(error),
            // Without its login, the service that was found is the service all the same.
            Err(error) => (StackLogin::assumed(&self.settings), Some(format!("{error:#}"))),
        };
        warnings.extend(login.warnings.iter().cloned());
        let notes = service.note().into_iter().collect();
        let address = inspection.and_then(Inspection::address_inside);
        let published = direct::published(inspection, &login);
        let data_folder = data_place::folder(inspection.map(|inspection| &inspection.environment));
        Ok(Found { service, login, address, published, data_folder, names, listed, unread, notes, warnings })
    }

    /// The service by what Compose reads, else by what runs.
    fn by_compose(
        &self,
        listed: &mut Option<Vec<Container>>,
        warnings: &mut Vec<String>,
        deadline: Duration,
    ) -> Result<ServiceFound> {
        match self.config_within(deadline) {
            Ok(config) => {
                if listed.is_none() && self.by_docker {
                    let project = self.project.get_or_init(|| config.name.clone());
                    *listed = containers::listed(Of::Project(project), true, deadline).ok().flatten();
                }
                self.by_files(config, listed.as_deref().unwrap_or_default())
            }
            Err(error) => {
                let containers = listed.take().or_else(|| self.listed_by_folder(deadline)).unwrap_or_default();
                let service = self.by_containers(&containers, &error)?;
                warnings.push(format!(
                    "Docker Compose cannot read this project; the running service {} is taken for its database: {}",
                    service.name,
                    self.shown(&error)
                ));
                *listed = Some(containers);
                Ok(service)
            }
        }
    }

    /// Whether command line or environment say the database.
    pub(super) fn is_database_given(&self) -> bool {
        stack_login::given(&self.settings, SETTING).is_some()
    }

    /// The names of the server: of its container, else of the files, as far as they can be read.
    fn names_of(&self, service: &str, inspection: Option<&Inspection>, deadline: Duration) -> ServerNames {
        if let Some(inspection) = inspection {
            return ServerNames::of_container(service, inspection);
        }
        let config = self.config_within(deadline).ok();
        let of_files = config.and_then(|config| config.service(service)).map(|service| service.names());
        ServerNames::named(of_files.into_iter().flatten().chain([service.to_owned()]))
    }

    fn listed_by_folder(&self, deadline: Duration) -> Option<Vec<Container>> {
        let root = self.folder.canonicalize().ok().filter(|_| self.by_docker)?;
        let listed = containers::listed(Of::Folder(&root), true, deadline).ok().flatten()?;
        let project = listed.first()?.project.clone();
        // One folder, two projects: which one is meant is not known.
        if listed.iter().any(|container| container.project != project) {
            return None;
        }
        self.project.get_or_init(|| project);
        Some(listed)
    }

    /// The login of a container, else of the files.
    fn login_of(
        &self,
        service: &str,
        inspection: Option<&Inspection>,
        of_openfga: Option<Part>,
        deadline: Duration,
    ) -> Result<StackLogin> {
        if let Some(inspection) = inspection {
            let file = |path: &str| match inspection.mounted_at(path) {
                _ if inspection.runs => file_inside(&inspection.id, path, deadline),
                Some(file) => secret_of_host(file),
                None => Err("it is inside the container, which does not run".to_owned()),
            };
            let Inspection { environment, command, .. } = inspection;
            let declared = Declared { service, environment, command, file: &file, of_openfga, runs: inspection.runs };
            return Ok(StackLogin::read(&self.settings, &declared)?);
        }
        let config = self.config_within(deadline)?;
        let Some(found) = config.service(service) else {
            return Err(anyhow::Error::msg(format!("Compose does not know the service {service}")));
        };
        let file = |path: &str| match config.file_at(service, path) {
            Some(file) => secret_of_host(&file),
            None => Err("it is inside the container, which has not been started".to_owned()),
        };
        let (environment, command) = (&found.environment, found.command.as_slice());
        let declared = Declared { service, environment, command, file: &file, of_openfga, runs: false };
        Ok(StackLogin::read(&self.settings, &declared)?)
    }

    fn assumed(&self, error: &anyhow::Error) -> Found {
        let role = &selection::POSTGRES;
        let named = self.settings.get(role.setting).filter(|name| selection::is_name(name));
        Found {
            service: ServiceFound::named(named.unwrap_or(role.usual)),
            login: StackLogin::assumed(&self.settings),
            address: None,
            published: Err("the stack cannot be read".to_owned()),
            data_folder: data_place::folder(None),
            names: ServerNames::default(),
            listed: None,
            unread: Some(format!("{error:#}")),
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// Whether an error tells what is wrong with the stack or its settings, not with what should read it.
fn is_about_the_stack(error: &anyhow::Error) -> bool {
    crate::error::fault(error).is_some_and(|fault| fault.exit == crate::error::Exit::Usage)
}

/// A service's container: the running one, where there are several.
fn of_service<'a>(listed: &'a [Container], service: &str) -> Option<&'a Container> {
    let ours = || listed.iter().filter(|container| container.service == service);
    ours().find(|container| container.is_up()).or_else(|| ours().next())
}

/// What these containers were made of, each named by its id and its service.
///
/// # Errors
/// Docker does not say it. What the files say now may be another login and another database: it does not count then.
pub(super) fn inspect<'a>(
    containers: impl IntoIterator<Item = (&'a str, &'a str)>,
    deadline: Duration,
) -> Result<Vec<Inspection>> {
    let containers: Vec<(&str, &str)> = containers.into_iter().collect();
    if containers.is_empty() {
        return Ok(Vec::new());
    }
    let ids = containers.iter().map(|(id, _)| id);
    let asked = Program::new("docker").arg("inspect").args(ids).capture(deadline)?;
    let inspected = Inspection::all(&asked.text());
    for (id, service) in containers {
        if !inspected.iter().any(|inspection| inspection.id == id) {
            let fault = Fault::unreachable(format!("Docker does not describe the container of the service {service}"));
            let fault = fault.hint(format!("see what it says: docker inspect {id}"));
            return Err(anyhow::Error::msg(asked.stderr.trim().to_owned()).context(fault));
        }
    }
    Ok(inspected)
}

fn secret_of_host(file: &Path) -> Result<String, String> {
    let bytes = platform::read_regular(file, LONGEST_SECRET).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A file of the container, as a program inside reads it.
fn file_inside(container: &str, path: &str, deadline: Duration) -> Result<String, String> {
    if !path.starts_with('/') {
        return Err("it is not a path from /".to_owned());
    }
    let asked = Program::new("docker").args(["exec", container, "head", "-c", "65536", path]).capture(deadline);
    let captured = asked.map_err(|error| error.to_string())?;
    if !captured.ending.success() {
        return Err(captured.stderr.trim().lines().last().unwrap_or_default().to_owned());
    }
    Ok(captured.text())
}
