//! The state of the project: its services as the files have them, and its containers as Docker describes them.

use super::Compose;
use super::config::{Config, Port, Service};
use super::raw_container::{RawContainer, RawPort, RawState};
use crate::process::Program;
use crate::target::backend::{ContainerState, OwnCheck, ProjectState, ServicePort, ServiceState};
use anyhow::Result;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

/// What the names of Compose's labels begin with.
const LABEL: &str = "com.docker.compose";
/// Policies under which Docker starts a container again however it ends.
const RESTARTED: [&str; 2] = ["always", "unless-stopped"];
/// Enough to hear that a program is there.
const LEAST: Duration = Duration::from_millis(200);

impl Compose {
    /// Reads files and containers at the same time, where the project's name is plain to see.
    pub(super) fn read_state(&self, deadline: Duration) -> Result<ProjectState> {
        let end = Instant::now() + deadline;
        let left = move || end.saturating_duration_since(Instant::now()).max(LEAST);
        std::thread::scope(|scope| {
            let early = self.project().map(|name| scope.spawn(move || containers(name, &left)));
            let config = &self.read_in_time(left())?.config;
            let found = match early.and_then(|thread| thread.join().ok()) {
                Some(found) => found?,
                None => containers(&config.name, &left)?,
            };
            let is_elsewhere = |container: &RawContainer| {
                let folder = container.label(&format!("{LABEL}.project.working_dir"));
                folder.is_some_and(|folder| Path::new(folder) != self.root)
            };
            if found.iter().any(is_elsewhere) {
                // Another checkout's under the same name, unless the name was chosen.
                self.check_made_here()?;
            }
            Ok(put_together(config, found))
        })
    }
}

/// The project's containers, running or not.
fn containers(project: &str, left: &dyn Fn() -> Duration) -> Result<Vec<RawContainer>> {
    let filter = format!("label={LABEL}.project={project}");
    let asked = |program: Program| -> Result<String> {
        let captured = program.capture(left())?;
        // A container that went away meanwhile is missing; the others are still described.
        anyhow::ensure!(captured.ending.success() || !captured.stdout.is_empty(), "{}", captured.stderr.trim());
        Ok(captured.text())
    };
    let ids = asked(Program::new("docker").args(["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]))?;
    let ids: Vec<&str> = ids.lines().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut containers = RawContainer::all(&asked(Program::new("docker").arg("inspect").args(ids))?)?;
    containers.retain(|container| container.label(&format!("{LABEL}.oneoff")) != Some("True"));
    Ok(containers)
}

/// The containers, by the services of the files.
fn put_together(config: &Config, found: Vec<RawContainer>) -> ProjectState {
    let mut containers: BTreeMap<String, Vec<ContainerState>> = BTreeMap::new();
    for container in found {
        let service = container.label(&format!("{LABEL}.service")).unwrap_or_default().to_owned();
        containers.entry(service).or_default().push(container_state(container));
    }
    let services = config.services().map(|(name, service)| (name.to_owned(), service_state(service)));
    ProjectState { services: services.collect(), containers }
}

fn service_state(service: &Service) -> ServiceState {
    let waits_for_end = |dependency: &serde_json::Value| dependency["condition"] == "service_completed_successfully";
    let depends_on = service.depends_on.iter();
    ServiceState {
        profiles: service.profiles.clone(),
        ports: service.ports.iter().filter_map(service_port).collect(),
        has_health_check: service.healthcheck.is_some(),
        replicas: service.replicas(),
        depends_on: depends_on.map(|(name, dependency)| (name.clone(), waits_for_end(dependency))).collect(),
    }
}

fn service_port(port: &Port) -> Option<ServicePort> {
    let is_tcp = matches!(port.protocol.as_str(), "" | "tcp");
    let published = port.published.filter(|number| is_tcp && *number != 0);
    Some(ServicePort { target: port.target?, published, app_protocol: port.app_protocol.clone() })
}

fn container_state(raw: RawContainer) -> ContainerState {
    let RawState { status, exit_code, out_of_memory, error, started_at, finished_at, health, .. } = &raw.state;
    let check = health.as_ref().filter(|health| health.status != "none").map(|health| OwnCheck {
        status: health.status.clone(),
        last: health.log.iter().flatten().last().map(|run| (run.exit_code, run.output.clone())),
    });
    ContainerState {
        environment: raw.environment(),
        mapped: mapped(&raw),
        name: raw.name.trim_start_matches('/').to_owned(),
        status: status.clone(),
        exit_code: *exit_code,
        is_out_of_memory: *out_of_memory,
        error: error.clone(),
        restarts: raw.restart_count,
        comes_back: raw.host_config.restart_policy.is_some_and(|policy| RESTARTED.contains(&policy.name.as_str())),
        started_at: time(started_at),
        finished_at: time(finished_at),
        check,
        id: raw.id,
        image: raw.config.image,
    }
}

/// A time as Docker writes it.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

/// TCP ports inside, and where on this host each is really mapped to. A port that is bound for IPv4 and IPv6 is one.
fn mapped(raw: &RawContainer) -> Vec<(u16, SocketAddr)> {
    let bound =
        raw.tcp_ports().flat_map(|(inside, ports)| ports.iter().filter_map(move |port| Some((inside, address(port)?))));
    bound.collect::<BTreeSet<_>>().into_iter().collect()
}

/// How a binding is reached from this host.
fn address(port: &RawPort) -> Option<SocketAddr> {
    let address: IpAddr = port.host_ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let address = if address.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address };
    Some(SocketAddr::new(address, port.host_port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_shot_is_distinguished_from_a_service_that_was_stopped() {
        let text = r#"{"name": "p", "services": {
            "postgres": {"image": "postgres", "ports": [{"target": 5432, "published": "5432"}]},
            "migrate": {"depends_on": {"postgres": {"condition": "service_healthy"}}},
            "api": {"ports": [{"target": 80}, {"target": 53, "published": "53", "protocol": "udp"}], "depends_on": {"migrate": {"condition": "service_completed_successfully"},
                                                              "worker": {"condition": "service_started"}}},
            "worker": {}, "seed": {}, "none": {"deploy": {"replicas": 0}}}}"#;
        let project = put_together(&serde_json::from_str(text).unwrap(), Vec::new());
        let shots: Vec<&str> =
            project.services.keys().map(String::as_str).filter(|name| project.is_one_shot(name)).collect();
        assert_eq!(shots, ["migrate", "none", "seed"]);
        assert!(project.is_needed_by(&["api"], "postgres") && project.is_needed_by(&["api"], "api"));
        assert!(!project.is_needed_by(&["worker", "migrate"], "api"));
        assert_eq!(project.services["none"].replicas, 0);
        assert_eq!(project.services["postgres"].ports[0].published, Some(5432));
        assert_eq!(project.services["api"].ports.len(), 2);
        assert_eq!(project.services["api"].ports.iter().filter_map(|port| port.published).count(), 0);
    }

    #[test]
    fn a_container_is_judged_by_what_docker_says_of_it() {
        let text = serde_json::json!([{ "Id": "4f", "Name": "/app-db-1", "RestartCount": 3,
            "Config": { "Image": "postgres:16", "Env": ["A=b"], "Labels": { "com.docker.compose.service": "db" } },
            "HostConfig": { "RestartPolicy": { "Name": "always" } },
            "NetworkSettings": { "Ports": { "5432/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "5433" },
                { "HostIp": "::", "HostPort": "5433" }], "53/udp": [{ "HostIp": "", "HostPort": "53" }], "1/tcp": null } },
            "State": { "Status": "running", "OOMKilled": true, "StartedAt": "2020-01-01T00:00:00.5Z",
                "FinishedAt": "", "Health": { "Status": "unhealthy", "Log": [{ "ExitCode": 0, "Output": "\n fine\n" }] } } }]);
        let config = serde_json::from_str(r#"{"name": "p"}"#).unwrap();
        let project = put_together(&config, RawContainer::all(&text.to_string()).unwrap());
        let [container] = project.containers_of("db") else { panic!("{project:?}") };
        assert_eq!((container.name.as_str(), container.restarts), ("app-db-1", 3));
        assert!(container.is_running() && container.is_out_of_memory && container.comes_back);
        assert_eq!(container.mapped, [(5432, "127.0.0.1:5433".parse().unwrap())]);
        assert!(container.running_for() > 1_000_000 && container.ended_for() == 0);
        assert_eq!((container.health(), container.health_words()), (Some("starting"), Some("fine")));
    }
}
