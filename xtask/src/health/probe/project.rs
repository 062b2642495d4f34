//! The Compose project: the services of its files, and the containers that there are of them.

use super::container::Container;
use crate::health::Scene;
use crate::health::report::Finding;
use crate::process::Program;
use crate::target::backend::ComposeProject;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

const LABEL: &str = "com.docker.compose";

/// What is there, and what should be.
#[derive(Debug)]
pub struct Project {
    pub services: BTreeMap<String, Service>,
    pub containers: BTreeMap<String, Vec<Container>>,
    /// Services that others wait for to end, and those that others wait for to run.
    ended: Vec<String>,
    used: Vec<String>,
}

/// A service as Compose reads it. Its environment holds secrets: it is not even kept.
#[derive(Debug, Deserialize)]
pub struct Service {
    #[serde(default)]
    pub profiles: Vec<String>,
    #[serde(default)]
    pub ports: Vec<Port>,
    pub healthcheck: Option<serde_json::Value>,
    #[serde(default)]
    depends_on: BTreeMap<String, Dependency>,
    scale: Option<u64>,
    deploy: Option<Deploy>,
}

/// A port that is to be published.
#[derive(Debug, Deserialize)]
pub struct Port {
    pub target: u16,
    /// Empty where Docker chooses.
    #[serde(default)]
    published: String,
    /// Empty where Compose leaves it out: TCP.
    #[serde(default)]
    protocol: String,
    pub app_protocol: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    #[serde(default)]
    condition: String,
}

#[derive(Debug, Deserialize)]
struct Deploy {
    replicas: Option<u64>,
}

#[derive(Deserialize)]
struct Config {
    name: String,
    #[serde(default)]
    services: BTreeMap<String, Service>,
}

impl Port {
    /// The TCP port of this host, where the files name one. Nobody can ask a UDP port whether it is there.
    pub fn published(&self) -> Option<u16> {
        let is_tcp = matches!(self.protocol.as_str(), "" | "tcp");
        self.published.parse().ok().filter(|port| is_tcp && *port != 0)
    }
}

impl Service {
    /// How many containers there should be.
    pub fn wanted(&self) -> u64 {
        self.scale.or_else(|| self.deploy.as_ref().and_then(|deploy| deploy.replicas)).unwrap_or(1)
    }
}

impl Project {
    /// The containers of a service.
    pub fn containers_of(&self, service: &str) -> &[Container] {
        self.containers.get(service).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a service does its work and ends: others wait for that, or nobody can ask it anything.
    pub fn is_one_shot(&self, name: &str) -> bool {
        let is_silent = |service: &Service| service.ports.is_empty() && service.healthcheck.is_none();
        let is =
            |name: &str| self.services.get(name).is_some_and(is_silent) && !self.used.iter().any(|used| used == name);
        self.ended.iter().any(|ended| ended == name) || is(name)
    }
}

/// Reads files and containers at the same time, where the project's name is plain to see.
pub fn read(compose: &dyn ComposeProject, scene: &Scene) -> Result<Project, Finding> {
    let read = || -> Result<Project> {
        std::thread::scope(|scope| {
            let early = compose.name().map(|name| scope.spawn(move || containers(name, scene)));
            let config = config(compose, scene)?;
            let found = match early.and_then(|thread| thread.join().ok()) {
                Some(found) => found?,
                None => containers(&config.name, scene)?,
            };
            let is_elsewhere = |container: &Container| {
                let folder = container.label(&format!("{LABEL}.project.working_dir"));
                folder.is_some_and(|folder| Path::new(folder) != scene.root)
            };
            if found.iter().any(is_elsewhere) {
                // Another checkout's under the same name, unless the name was chosen.
                scene.target.stack().check_ours()?;
            }
            Ok(put_together(config, found))
        })
    };
    read().map_err(|error| {
        let cause = || compose.engine_cause().or_else(|| compose.version().err());
        let error = if scene.is_over() { error } else { cause().unwrap_or(error) };
        Finding::of_error(&error, "see what Compose says: docker compose config --quiet")
    })
}

fn config(compose: &dyn ComposeProject, scene: &Scene) -> Result<Config> {
    // All profiles: what is left out is shown as such. The text holds secrets: it is read, never shown.
    let captured = compose.command(&["--profile", "*", "config", "--format", "json"])?.capture(scene.left())?;
    if !captured.ending.success() {
        return Err(compose.check_readable(scene.left()).err().unwrap_or_else(|| anyhow::anyhow!("no words")));
    }
    serde_json::from_slice(&captured.stdout).context("the project as Compose reads it")
}

fn containers(project: &str, scene: &Scene) -> Result<Vec<Container>> {
    let filter = format!("label={LABEL}.project={project}");
    let asked = |program: Program| -> Result<String> {
        let captured = program.capture(scene.left())?;
        // A container that went away meanwhile is missed, but the others are told all the same.
        anyhow::ensure!(captured.ending.success() || !captured.stdout.is_empty(), "{}", captured.stderr.trim());
        Ok(captured.text())
    };
    let ids = asked(Program::new("docker").args(["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]))?;
    let ids: Vec<&str> = ids.lines().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let told = asked(Program::new("docker").arg("inspect").args(ids))?;
    let containers: Vec<Container> = serde_json::from_str(&told).context("the containers that Docker lists")?;
    Ok(containers.into_iter().filter(|container| container.label(&format!("{LABEL}.oneoff")) != Some("True")).collect())
}

fn put_together(config: Config, found: Vec<Container>) -> Project {
    let mut containers: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    for container in found {
        let service = container.label(&format!("{LABEL}.service")).unwrap_or_default().to_owned();
        containers.entry(service).or_default().push(container);
    }
    let dependencies = || config.services.values().flat_map(|service| &service.depends_on);
    let named = |ends: bool| {
        let fits = |dependency: &Dependency| (dependency.condition == "service_completed_successfully") == ends;
        dependencies().filter(|(_, dependency)| fits(dependency)).map(|(name, _)| name.clone()).collect()
    };
    let (ended, used) = (named(true), named(false));
    Project { services: config.services, containers, ended, used }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_shot_is_told_from_a_service_that_was_stopped() {
        let text = r#"{"name": "p", "services": {
            "postgres": {"image": "postgres", "ports": [{"target": 5432, "published": "5432"}]},
            "migrate": {"depends_on": {"postgres": {"condition": "service_healthy"}}},
            "api": {"ports": [{"target": 80}, {"target": 53, "published": "53", "protocol": "udp"}], "depends_on": {"migrate": {"condition": "service_completed_successfully"},
                                                              "worker": {"condition": "service_started"}}},
            "worker": {}, "seed": {}, "none": {"deploy": {"replicas": 0}}}}"#;
        let project = put_together(serde_json::from_str(text).unwrap(), Vec::new());
        let shots: Vec<&str> =
            project.services.keys().map(String::as_str).filter(|name| project.is_one_shot(name)).collect();
        assert_eq!(shots, ["migrate", "none", "seed"]);
        assert_eq!(project.services["none"].wanted(), 0);
        assert_eq!(project.services["postgres"].ports[0].published(), Some(5432));
        assert_eq!(project.services["api"].ports.iter().filter_map(Port::published).count(), 0);
    }
}
