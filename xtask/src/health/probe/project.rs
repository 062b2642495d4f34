//! The Compose project: the services of its files, and the containers that there are of them.

use super::container::Container;
use crate::health::report::Finding;
use crate::settings::Settings;
use crate::target::{dependencies, profiles};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the names of Compose's labels begin with.
pub const LABEL: &str = "com.docker.compose";

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

/// The files, as Compose reads them.
#[derive(Deserialize)]
pub struct Config {
    pub name: String,
    #[serde(default)]
    services: BTreeMap<String, Service>,
}

impl Port {
    /// The TCP port of this host, where the files name one. A UDP port does not say whether it is open.
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

    /// Why the service should not run.
    pub fn unwanted(&self, settings: &Settings) -> Option<Finding> {
        if !profiles::are_active(&self.profiles, settings) {
            return Some(Finding::skipped(format!("profile {} is not active", self.profiles.join(", "))));
        }
        (self.wanted() == 0).then(|| Finding::skipped("scaled to 0"))
    }
}

impl Project {
    /// The containers of a service.
    pub fn containers_of(&self, service: &str) -> &[Container] {
        self.containers.get(service).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether one of these services depends on this one, directly or through others, or is it.
    pub fn is_needed_by(&self, services: &[&str], name: &str) -> bool {
        let depends_on = |name: &str| {
            let dependencies = self.services.get(name).into_iter().flat_map(|service| service.depends_on.keys());
            dependencies.map(String::as_str).collect()
        };
        dependencies::needed_by(services, depends_on).contains(&name)
    }

    /// Whether a service does its work and ends: other services wait for its end, or it has no port and no health check.
    pub fn is_one_shot(&self, name: &str) -> bool {
        let is_silent = |service: &Service| service.ports.is_empty() && service.healthcheck.is_none();
        let is =
            |name: &str| self.services.get(name).is_some_and(is_silent) && !self.used.iter().any(|used| used == name);
        self.ended.iter().any(|ended| ended == name) || is(name)
    }
}

/// The containers, by the services of the files.
pub fn put_together(config: Config, found: Vec<Container>) -> Project {
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
        assert!(project.is_needed_by(&["api"], "postgres") && project.is_needed_by(&["api"], "api"));
        assert!(!project.is_needed_by(&["worker", "migrate"], "api"));
        assert_eq!(project.services["none"].wanted(), 0);
        assert_eq!(project.services["postgres"].ports[0].published(), Some(5432));
        assert_eq!(project.services["api"].ports.iter().filter_map(Port::published).count(), 0);
    }
}
