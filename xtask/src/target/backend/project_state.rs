//! A Compose project as its health is judged by: the services of its files, and the containers that there are of them.

use super::container_state::ContainerState;
use crate::target::dependencies;
use std::collections::BTreeMap;

/// What is there, and what should be.
#[derive(Debug)]
pub struct ProjectState {
    pub services: BTreeMap<String, ServiceState>,
    pub containers: BTreeMap<String, Vec<ContainerState>>,
}

/// A service as the files have it.
#[derive(Debug)]
pub struct ServiceState {
    pub profiles: Vec<String>,
    pub ports: Vec<ServicePort>,
    pub has_health_check: bool,
    /// How many containers there should be.
    pub replicas: u64,
    /// The services that it depends on, and whether it waits for their end.
    pub depends_on: BTreeMap<String, bool>,
}

/// A port that is to be published.
#[derive(Debug)]
pub struct ServicePort {
    /// The port inside.
    pub target: u16,
    /// The TCP port of this host, where the files name one. A UDP port does not say whether it is open.
    pub published: Option<u16>,
    pub app_protocol: Option<String>,
}

impl ProjectState {
    /// The containers of a service.
    pub fn containers_of(&self, service: &str) -> &[ContainerState] {
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
        let is_silent = |service: &ServiceState| service.ports.is_empty() && !service.has_health_check;
        let is_awaited = |ends: bool| self.services.values().any(|service| service.depends_on.get(name) == Some(&ends));
        is_awaited(true) || (self.services.get(name).is_some_and(is_silent) && !is_awaited(false))
    }
}
