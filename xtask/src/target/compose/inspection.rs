//! One container as `docker inspect` tells it: what it was made of.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was read. Its environment holds secrets: it is never shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inspection {
    pub(super) id: String,
    /// The image's name as it was asked for.
    pub(super) image: String,
    pub(super) environment: BTreeMap<String, String>,
    /// The words that the image's entry point gets: `postgres -c port=5433`.
    pub(super) command: Vec<String>,
    /// Its address in a network of containers; `None` in the host's network, and while it does not run.
    pub(super) address: Option<String>,
    pub(super) runs: bool,
    /// Files and folders of this host by their paths inside.
    mounted: BTreeMap<String, PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    id: String,
    args: Option<Vec<String>>,
    config: RawConfig,
    network_settings: Option<RawNetworks>,
    #[serde(default)]
    state: RawState,
    #[serde(default)]
    mounts: Vec<RawMount>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawState {
    running: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawMount {
    r#type: String,
    source: PathBuf,
    destination: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    #[serde(default)]
    image: String,
    env: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawNetworks {
    networks: Option<BTreeMap<String, RawNetwork>>,
}

#[derive(Deserialize)]
struct RawNetwork {
    #[serde(rename = "IPAddress", default)]
    address: String,
    #[serde(rename = "GlobalIPv6Address", default)]
    address_6: String,
}

impl Inspection {
    /// Reads what `docker inspect ID…` printed; what is not understood is left out.
    pub(super) fn all(json: &str) -> Vec<Self> {
        let raw: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
        raw.into_iter().filter_map(|value| serde_json::from_value(value).ok()).map(Self::of).collect()
    }

    fn of(raw: Raw) -> Self {
        let pairs = raw.config.env.unwrap_or_default();
        let pair = |pair: &String| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let networks = raw.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let addresses = |network: RawNetwork| [network.address, network.address_6];
        let mut addresses = networks.into_values().flat_map(addresses);
        Self {
            id: raw.id,
            image: raw.config.image,
            environment: pairs.iter().filter_map(pair).collect(),
            command: raw.args.unwrap_or_default(),
            address: addresses.find(|address| address.parse::<std::net::IpAddr>().is_ok()),
            runs: raw.state.running,
            mounted: raw.mounts.into_iter().filter(|mount| mount.r#type == "bind").map(of_host).collect(),
        }
    }

    /// The file of this host that is at this path inside, where it is one.
    pub(super) fn mounted_at(&self, path: &str) -> Option<&Path> {
        self.mounted.get(path).map(PathBuf::as_path)
    }
}

fn of_host(mount: RawMount) -> (String, PathBuf) {
    (mount.destination, mount.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inspection_is_read_and_nonsense_left_out() {
        let text = serde_json::json!([
            { "Id": "4f", "Args": ["postgres"], "Config": { "Image": "postgres:16", "Env": ["A=b=c", "EMPTY=", "NONE"] },
              "NetworkSettings": { "Networks": { "a": { "IPAddress": "" }, "b": { "IPAddress": "172.18.0.2" } } },
              "State": { "Running": true },
              "Mounts": [{ "Type": "bind", "Source": "/host/pw.txt", "Destination": "/run/secrets/pw" },
                         { "Type": "volume", "Name": "data", "Source": "/v", "Destination": "/data" }] },
            { "Id": "5e", "Args": null, "Config": { "Env": null }, "NetworkSettings": { "Networks": { "host": {} } } },
            { "Id": 6 },
        ]);
        let read = Inspection::all(&text.to_string());
        let environment = [("A".to_owned(), "b=c".to_owned()), ("EMPTY".to_owned(), String::new())].into();
        let first = Inspection {
            id: "4f".to_owned(),
            image: "postgres:16".to_owned(),
            environment,
            command: vec!["postgres".to_owned()],
            address: Some("172.18.0.2".to_owned()),
            runs: true,
            mounted: [("/run/secrets/pw".to_owned(), PathBuf::from("/host/pw.txt"))].into(),
        };
        assert_eq!(first.mounted_at("/run/secrets/pw"), Some(Path::new("/host/pw.txt")));
        assert_eq!(read, [first, Inspection { id: "5e".to_owned(), ..Inspection::default() }]);
        assert_eq!(Inspection::all("no JSON"), []);
    }
}
