//! The `compose` target: PostgreSQL is a service of docker-compose.yml, programs run inside its container.

use super::{Talk, generation, project};
use crate::error::Fault;
use crate::process::{self, Captured, Program};
use crate::settings::Settings;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// The database's service in docker-compose.yml.
pub const SERVICE: &str = "postgres";
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Config {
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    depends_on: BTreeMap<String, serde_json::Value>,
}

/// How a container fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// It does not run, and nothing will start it again.
    pub ended: bool,
    /// How often Docker started it anew.
    pub restarts: u64,
    pub exit_code: i64,
}

const NEXT_LOOK: &str =
    "see the services with: docker compose ps --all, and what they say with: docker compose logs --tail 20
where an image cannot be pulled, name one that is at hand in POSTGRES_IMAGE and OPENFGA_IMAGE";

/// One Compose project: this checkout's.
#[derive(Debug)]
pub struct Compose {
    root: PathBuf,
    /// `docker compose` or what stands for it, once it was looked for.
    command: OnceLock<Vec<String>>,
    /// Whether Docker's plugin lies where Docker looks for it.
    plugin: bool,
    /// The project's name, where it can be known without asking Compose.
    project: Option<String>,
    container: OnceLock<String>,
}

impl Compose {
    /// The project of this folder. Nothing is asked yet: most commands need only its name.
    pub fn new(settings: &Settings, root: &Path) -> Self {
        let words = |named: &str| named.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let named = settings.get("XTASK_COMPOSE").map(words);
        let project = if named.is_none() { project::declared(settings, root) } else { None };
        let command = named.map_or_else(OnceLock::new, OnceLock::from);
        let plugin = generation::plugin_is_installed(settings);
        Self { root: root.to_owned(), command, plugin, project, container: OnceLock::new() }
    }

    /// The words that start Compose: `XTASK_COMPOSE`, else Docker's plugin, else the first that is new enough.
    fn command(&self) -> Result<&[String]> {
        if let Some(command) = self.command.get() {
            return Ok(command);
        }
        let found = if self.plugin { generation::plugin() } else { generation::detected()? };
        Ok(self.command.get_or_init(|| found))
    }

    /// `docker compose …` for this project. No `-f`: a team's docker-compose.override.yml keeps its effect.
    pub fn program<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Program> {
        let program = generation::started(self.command()?);
        Ok(program.arg("--project-directory").arg(&self.root).args(args).folder(&self.root))
    }

    /// Runs a Compose command and takes what it says; a failure is explained.
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>, deadline: Duration) -> Result<Captured> {
        let captured = match self.program(args)?.capture(deadline) {
            Ok(captured) if captured.ending.success() => return Ok(captured),
            Ok(captured) => captured,
            Err(error) => return Err(self.outer_cause().unwrap_or(error)),
        };
        let fault = Fault::failed(format!("docker compose could not do it ({})", captured.ending));
        let said = || anyhow::Error::msg(errors_of(&captured.stderr)).context(fault.hint(NEXT_LOOK));
        Err(self.outer_cause().or_else(|| self.project_cause()).unwrap_or_else(said))
    }

    /// A program inside the database's container, whose own environment gives the password. Where the
    /// project's name is known, `docker exec` saves the 0.1 s that Compose needs to read its files.
    pub(super) fn exec(&self, name: &str, environment: &[(&str, &str)], talk: Talk) -> Result<Program> {
        let terminal = talk == Talk::Terminal;
        let container = self.container()?;
        if container.is_none() {
            // An old Compose would fail in words of its own.
            self.check_version()?;
        }
        let (mut program, place) = match container {
            Some(id) if terminal => (Program::new("docker").args(["exec", "-it"]), id),
            Some(id) => (Program::new("docker").args(["exec", "-i"]), id),
            None if terminal => (self.program(["exec"])?, SERVICE),
            None => (self.program(["exec", "-T"])?, SERVICE),
        };
        for (name, value) in environment {
            program = match *name {
                // By name only: Docker takes the value from its own environment, where nobody else sees it.
                "PGPASSWORD" => program.arg("-e").arg(name).secret(name, value),
                _ => program.arg("-e").arg(format!("{name}={value}")),
            };
        }
        Ok(program.arg(place).arg(name))
    }

    /// The project's name, where it is known without asking Compose.
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// Programs run in this container from now on: somebody has just seen that it is the database's.
    pub fn adopt(&self, container: &str) {
        self.container.get_or_init(|| container.to_owned());
    }

    /// Copies a file of this host into the database's container; gives its path there.
    pub fn copy_in(&self, file: &Path, there: &str) -> Result<String> {
        let source = file.to_string_lossy();
        self.run(["cp", &source, &format!("{SERVICE}:{there}")], DEADLINE)?;
        Ok(there.to_owned())
    }

    /// The running container of the database, by the labels that Compose gives; `None` where only Compose
    /// itself can tell which project this is.
    fn container(&self) -> Result<Option<&str>> {
        if let Some(id) = self.container.get() {
            return Ok(Some(id));
        }
        let Some(project) = &self.project else { return Ok(None) };
        let filters = [
            format!("label=com.docker.compose.project={project}"),
            format!("label=com.docker.compose.service={SERVICE}"),
            "label=com.docker.compose.oneoff=False".to_owned(),
        ];
        let mut program = Program::new("docker").args(["ps", "--quiet", "--no-trunc"]);
        for filter in filters {
            program = program.arg("--filter").arg(filter);
        }
        let captured = program.capture(DEADLINE);
        let listed = match &captured {
            Ok(captured) if captured.ending.success() => captured.text(),
            _ => String::new(),
        };
        let mut ids = listed.lines();
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(Some(self.container.get_or_init(|| id.to_owned()))),
            (Some(_), Some(_)) => Err(Fault::failed(format!("The {SERVICE} service runs in more than one container"))
                .hint("see them with: docker compose ps")
                .into()),
            (None, _) => match (self.cause(""), captured) {
                (Some(cause), _) | (None, Err(cause)) => Err(cause),
                (None, Ok(_)) => Ok(None),
            },
        }
    }

    /// The services that run now.
    pub fn running_services(&self) -> Result<Vec<String>> {
        let captured = self.run(["ps", "--services", "--status", "running"], DEADLINE)?;
        Ok(captured.text().lines().map(str::to_owned).collect())
    }

    /// The services that depend on the database's, directly or through others.
    pub fn users_of_database(&self) -> Result<Vec<String>> {
        // Holds secrets: it is read, never shown.
        let text = self.run(["config", "--format", "json"], DEADLINE)?.text();
        let config: Config = serde_json::from_str(&text).context("the project as Compose reads it")?;
        let mut users = vec![SERVICE.to_owned()];
        loop {
            let depends = |service: &Service| service.depends_on.keys().any(|name| users.contains(name));
            let next = config.services.iter().find(|(name, service)| !users.contains(name) && depends(service));
            match next.map(|(name, _)| name.clone()) {
                Some(name) => users.push(name),
                None => break,
            }
        }
        Ok(users.split_off(1))
    }

    /// Whether the project, overrides and profiles included, has this service.
    pub fn has_service(&self, service: &str) -> Result<bool> {
        let captured = self.run(["config", "--services"], DEADLINE)?;
        Ok(captured.text().lines().any(|name| name == service))
    }

    /// How a service's container fares, where there is one.
    pub fn life_of(&self, service: &str) -> Option<Life> {
        let listed = self.program(["ps", "--all", "--quiet", service]).ok()?.capture(DEADLINE).ok()?.text();
        let format = "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}";
        let inspect = Program::new("docker").args(["inspect", "--format", format, listed.lines().next()?]);
        let told = inspect.capture(DEADLINE).ok()?.text();
        let mut words = told.split_whitespace();
        let ended = matches!(words.next()?, "exited" | "dead");
        Some(Life { ended, restarts: words.next()?.parse().ok()?, exit_code: words.next()?.parse().ok()? })
    }

    /// The port of this host that a service's port is really mapped to, as `127.0.0.1:8080`.
    pub fn mapped_port(&self, service: &str, port: u16) -> Result<String> {
        let captured = self.run(["port", service, &port.to_string()], DEADLINE)?;
        let address = captured.text().trim().to_owned();
        if address.is_empty() || address.ends_with(":0") {
            return Err(Fault::unreachable(format!("service {service} has no published port {port}"))
                .hint("look at it with: docker compose ps")
                .into());
        }
        Ok(address.replacen("0.0.0.0:", "127.0.0.1:", 1))
    }

    /// The version of the Compose in use; refused when it is too old.
    pub fn check_version(&self) -> Result<String> {
        generation::checked_version(self.command()?)
    }

    /// Why Compose could not do it, from the outside in: Docker itself, its engine, Compose, the service.
    pub fn cause(&self, stderr: &str) -> Option<anyhow::Error> {
        self.outer_cause().or_else(|| self.project_cause()).or_else(|| self.service_cause(stderr))
    }

    fn outer_cause(&self) -> Option<anyhow::Error> {
        engine_cause().or_else(|| self.check_version().err())
    }

    /// docker-compose.yml, an override or `.env` that Compose cannot read.
    fn project_cause(&self) -> Option<anyhow::Error> {
        let read = self.program(["config", "--quiet"]).ok()?.capture(DEADLINE).ok()?;
        if read.ending.success() {
            return None;
        }
        let fault = Fault::failed("Docker Compose cannot read this project");
        let said = anyhow::Error::msg(errors_of(&read.stderr));
        Some(
            said.context(
                fault.hint("mend docker-compose.yml, its override or .env; then: docker compose config --quiet"),
            ),
        )
    }

    fn service_cause(&self, stderr: &str) -> Option<anyhow::Error> {
        let listed = self.program(["ps", "--all", "--quiet", SERVICE]).ok()?.capture(DEADLINE).ok()?;
        let running = self.program(["ps", "--status", "running", "--quiet", SERVICE]).ok()?.capture(DEADLINE).ok()?;
        if !running.stdout.is_empty() {
            return None;
        }
        let state = if listed.stdout.is_empty() { "has not been started" } else { "is not running" };
        let fault = Fault::unreachable(format!("The {SERVICE} service {state}"))
            .hint("start it with: cargo xtask up\nsee why it stopped with: docker compose logs postgres");
        Some(if stderr.is_empty() { fault.into() } else { anyhow::Error::msg(last_lines(stderr, 1)).context(fault) })
    }
}

/// Whether a Docker engine answers, or why it does not.
pub fn engine_cause() -> Option<anyhow::Error> {
    if process::find("docker").is_none() {
        let fault = Fault::unreachable("The docker command is not installed")
            .hint("install Docker (https://docs.docker.com/get-docker/), or use a server of this host: --target local");
        return Some(fault.into());
    }
    let asked = Program::new("docker").args(["version", "--format", "{{.Server.Version}}"]).capture(DEADLINE);
    let captured = match asked {
        Ok(captured) if captured.ending.success() => return None,
        Ok(captured) => captured,
        Err(error) => return Some(error),
    };
    let (message, hint) = if captured.stderr.to_ascii_lowercase().contains("permission denied") {
        (
            "No permission to use the Docker engine",
            "add yourself to the docker group and log in again: sudo usermod -aG docker \"$USER\"",
        )
    } else {
        ("The Docker engine does not answer", "start Docker, then try again (docker info shows its state)")
    };
    Some(anyhow::Error::msg(last_lines(&captured.stderr, 1)).context(Fault::unreachable(message).hint(hint)))
}

/// Compose's own words: its progress lines are indented, its errors are not.
fn errors_of(stderr: &str) -> String {
    let errors: Vec<&str> = stderr.lines().filter(|line| !line.starts_with(' ') && !line.is_empty()).collect();
    if errors.is_empty() { last_lines(stderr, 1) } else { errors.join("\n") }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
