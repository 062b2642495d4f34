//! One container, as `docker inspect` tells it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What is looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub restart_count: u64,
    pub state: State,
    pub config: Config,
    host_config: HostConfig,
    network_settings: NetworkSettings,
}

/// Whether it runs, and how it ended: `running`, `exited`, …; times as Docker writes them (RFC 3339).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct State {
    pub status: String,
    #[serde(default)]
    pub exit_code: i64,
    #[serde(rename = "OOMKilled", default)]
    pub out_of_memory: bool,
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    started_at: String,
    #[serde(default)]
    finished_at: String,
    pub health: Option<Health>,
}

/// Its health check: `starting`, `healthy`, `unhealthy`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Health {
    pub status: String,
    log: Option<Vec<HealthRun>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HealthRun {
    #[serde(default)]
    exit_code: i64,
    #[serde(default)]
    output: String,
}

/// What it was made of. Variables are `NAME=value`; there are secrets among them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    #[serde(default)]
    pub image: String,
    env: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    restart_policy: Option<RestartPolicy>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicy {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    #[serde(default)]
    host_ip: String,
    #[serde(default)]
    host_port: String,
}

impl Binding {
    /// How it is reached from this host.
    fn address(&self) -> Option<SocketAddr> {
        let address: IpAddr = self.host_ip.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let address = if address.is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address };
        Some(SocketAddr::new(address, self.host_port.parse().ok()?))
    }
}

impl Container {
    pub fn label(&self, name: &str) -> Option<&str> {
        self.config.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// The name that Docker's commands take.
    pub fn shown(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    pub fn is_running(&self) -> bool {
        self.state.status == "running"
    }

    /// What makes it run: starting the stack does not wake a paused one.
    pub fn wake(&self) -> String {
        match self.state.status.as_str() {
            "paused" => format!("docker unpause {}", self.shown()),
            _ => "cargo xtask up".to_owned(),
        }
    }

    /// A variable of its environment, as it was made.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let pairs = self.config.env.iter().flatten().filter_map(|pair| pair.split_once('='));
        pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).next()
    }

    /// All its variables.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.config.env.iter().flatten().filter_map(|pair| pair.split_once('='))
    }

    /// Whether Docker starts it again however it ends. Under `on-failure` one that has ended did its work, or was given
    /// up.
    pub fn comes_back(&self) -> bool {
        let policy = self.host_config.restart_policy.as_ref();
        policy.is_some_and(|policy| matches!(policy.name.as_str(), "always" | "unless-stopped"))
    }

    /// TCP ports inside, and where on this host each is really mapped to.
    pub fn mapped(&self) -> Vec<(u16, SocketAddr)> {
        let ports = self.network_settings.ports.iter().flatten();
        let bound = ports.flat_map(|(port, bindings)| {
            let inside = port.strip_suffix("/tcp").and_then(|port| port.parse().ok());
            inside.into_iter().flat_map(|inside: u16| {
                bindings.iter().flatten().filter_map(move |binding| Some((inside, binding.address()?)))
            })
        });
        // A port that is bound for IPv4 and IPv6 is one.
        bound.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Where a port inside is mapped to.
    pub fn mapped_port(&self, inside: u16) -> Option<SocketAddr> {
        self.mapped().into_iter().find(|(port, _)| *port == inside).map(|(_, address)| address)
    }

    /// Seconds since it was last started.
    pub fn running_for(&self) -> i64 {
        seconds_since(&self.state.started_at)
    }

    /// Seconds since it ended.
    pub fn ended_for(&self) -> i64 {
        seconds_since(&self.state.finished_at)
    }

    /// What its own health check says; none where it has no such check. Docker calls a container unhealthy from its
    /// pause to its next check: until then its health is not known.
    pub fn health(&self) -> Option<&str> {
        let health = self.state.health.as_ref().filter(|health| health.status != "none")?;
        let was_well = health.log.as_ref().and_then(|log| log.last()).is_none_or(|run| run.exit_code == 0);
        Some(if health.status == "unhealthy" && was_well { "starting" } else { &health.status })
    }

    /// The last words of its own health check.
    pub fn health_words(&self) -> Option<&str> {
        let log = self.state.health.as_ref()?.log.as_ref()?;
        log.last()?.output.lines().map(str::trim).find(|line| !line.is_empty())
    }
}

/// A clock that was set back makes no negative time.
fn seconds_since(time: &str) -> i64 {
    let time = DateTime::parse_from_rfc3339(time).map(|time| time.with_timezone(&Utc));
    time.map_or(0, |time| (Utc::now() - time).num_seconds().max(0))
}
