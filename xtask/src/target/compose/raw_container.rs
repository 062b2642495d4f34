//! The form in which `docker inspect` describes a container.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One container. Its environment holds secrets: it is never shown.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawContainer {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) args: Option<Vec<String>>,
    #[serde(default)]
    pub(super) restart_count: u64,
    pub(super) config: RawConfig,
    #[serde(default)]
    pub(super) host_config: RawHost,
    #[serde(default)]
    pub(super) network_settings: RawNetworks,
    #[serde(default)]
    pub(super) state: RawState,
    #[serde(default)]
    pub(super) mounts: Vec<RawMount>,
}

/// Whether it runs, and how it ended; times as Docker writes them (RFC 3339).
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawState {
    pub(super) status: String,
    pub(super) running: bool,
    pub(super) paused: bool,
    pub(super) restarting: bool,
    pub(super) exit_code: i64,
    #[serde(rename = "OOMKilled")]
    pub(super) out_of_memory: bool,
    pub(super) error: String,
    pub(super) started_at: String,
    pub(super) finished_at: String,
    pub(super) health: Option<RawHealth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawHealth {
    pub(super) status: String,
    pub(super) log: Option<Vec<RawHealthRun>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawHealthRun {
    pub(super) exit_code: i64,
    pub(super) output: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawMount {
    pub(super) r#type: String,
    pub(super) source: PathBuf,
    pub(super) destination: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawConfig {
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    pub(super) hostname: String,
    pub(super) env: Option<Vec<String>>,
    pub(super) labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawHost {
    pub(super) network_mode: String,
    pub(super) links: Option<Vec<String>>,
    pub(super) restart_policy: Option<RawRestartPolicy>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawRestartPolicy {
    pub(super) name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawNetworks {
    pub(super) networks: Option<BTreeMap<String, RawNetwork>>,
    /// `5432/tcp` and where this host publishes it.
    pub(super) ports: Option<BTreeMap<String, Option<Vec<RawPort>>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RawPort {
    pub(super) host_ip: String,
    pub(super) host_port: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawNetwork {
    #[serde(rename = "IPAddress", default)]
    pub(super) address: String,
    #[serde(rename = "GlobalIPv6Address", default)]
    pub(super) address_6: String,
    pub(super) aliases: Option<Vec<String>>,
    #[serde(rename = "DNSNames")]
    pub(super) dns_names: Option<Vec<String>>,
    pub(super) links: Option<Vec<String>>,
}

impl RawContainer {
    /// Reads what `docker inspect ID…` printed.
    ///
    /// # Errors
    /// It is not the description of containers.
    pub(super) fn all(json: &str) -> Result<Vec<Self>> {
        serde_json::from_str(json).context("the containers that Docker lists")
    }

    /// Its variables that have a value.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let pairs = self.config.env.iter().flatten().filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.config.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// TCP ports inside, each with what it is bound to.
    pub(super) fn tcp_ports(&self) -> impl Iterator<Item = (u16, &[RawPort])> {
        let ports = self.network_settings.ports.iter().flatten();
        ports.filter_map(|(inside, bound)| {
            Some((inside.strip_suffix("/tcp")?.parse().ok()?, bound.as_deref().unwrap_or_default()))
        })
    }
}
