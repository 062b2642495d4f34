//! What a container was made of, and where it is reached.

use super::raw_container::{RawContainer, RawMount, RawPort};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
    /// Its addresses in all its networks.
    pub(super) addresses: Vec<IpAddr>,
    /// Its own names, and those that its networks give it.
    pub(super) names: Vec<String>,
    /// `container:name` of the containers that it is linked to: `/app-db-1:/app-web-1/database`.
    pub(super) links: Vec<String>,
    /// Its network: `host`, `container:ID`, or a network's name.
    pub(super) network: String,
    /// Its networks, each with the names that it has there.
    pub(super) networks: BTreeMap<String, Vec<String>>,
    /// Ports of this host that lead to it.
    pub(super) published: Vec<u16>,
    /// Per port inside the container: the addresses and ports of this host that it is bound to.
    pub(super) bindings: BTreeMap<u16, Vec<SocketAddr>>,
    pub(super) runs: bool,
    /// It runs, is not paused, and does not wait for a restart.
    pub(super) is_awake: bool,
    /// Files and folders of this host by their paths inside.
    pub(super) mounted: BTreeMap<String, PathBuf>,
}

impl Inspection {
    /// Where programs inside reach it over TCP: in a network of the host's, of another container's or of none it is
    /// this host alone. `None` while it does not run.
    pub(super) fn address_inside(&self) -> Option<String> {
        self.address.clone().or_else(|| self.runs.then(|| "127.0.0.1".to_owned()))
    }

    /// Reads what `docker inspect ID…` printed; what is not understood is left out.
    pub(super) fn all(json: &str) -> Vec<Self> {
        let raw: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
        raw.into_iter().filter_map(|value| serde_json::from_value(value).ok()).map(Self::of).collect()
    }

    fn of(raw: RawContainer) -> Self {
        let (environment, published, bindings) = (raw.environment(), published(&raw), bindings(&raw));
        let mut names = vec![raw.name.trim_start_matches('/').to_owned(), raw.config.hostname];
        let (mut addresses, mut links) = (Vec::new(), raw.host_config.links.unwrap_or_default());
        let mut names_in = BTreeMap::new();
        for (name, network) in raw.network_settings.networks.unwrap_or_default() {
            let valid = |text: String| text.parse::<IpAddr>().ok();
            addresses.extend([network.address, network.address_6].into_iter().filter_map(valid));
            let there: Vec<String> = [network.aliases, network.dns_names].into_iter().flatten().flatten().collect();
            names.extend(there.iter().cloned());
            names_in.insert(name, there);
            links.extend(network.links.into_iter().flatten());
        }
        names.retain(|name| !name.is_empty());
        Self {
            id: raw.id,
            image: raw.config.image,
            environment,
            command: raw.args.unwrap_or_default(),
            address: addresses.first().map(IpAddr::to_string),
            addresses,
            names,
            links,
            network: raw.host_config.network_mode,
            networks: names_in,
            published,
            bindings,
            runs: raw.state.running,
            is_awake: raw.state.running && !raw.state.paused && !raw.state.restarting,
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

fn published(raw: &RawContainer) -> Vec<u16> {
    let ports = raw.network_settings.ports.iter().flat_map(BTreeMap::values).flatten().flatten();
    ports.filter_map(|port| port.host_port.parse::<u16>().ok()).collect()
}

/// Bindings of TCP ports. For a port that is bound to every address of this host, the loopback address.
fn bindings(raw: &RawContainer) -> BTreeMap<u16, Vec<SocketAddr>> {
    let address = |port: &RawPort| {
        let ip = match port.host_ip.parse().ok()? {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        port.host_port.parse().ok().filter(|port| *port > 0).map(|port| SocketAddr::new(ip, port))
    };
    raw.tcp_ports().map(|(inside, bound)| (inside, bound.iter().filter_map(address).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inspection_is_read_and_nonsense_left_out() {
        let text = serde_json::json!([
            { "Id": "4f", "Name": "/app-db-1", "Args": ["postgres"],
              "Config": { "Image": "postgres:16", "Hostname": "pg", "Env": ["A=b=c", "EMPTY=", "NONE"] },
              "HostConfig": { "NetworkMode": "app_default", "Links": ["/x:/app-db-1/y"] },
              "NetworkSettings": {
                "Ports": { "5432/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "5433" }], "1/tcp": null, "2/tcp": [{}] },
                "Networks": { "a": { "IPAddress": "", "Aliases": null, "DNSNames": ["dns"] },
                  "b": { "IPAddress": "172.18.0.2", "GlobalIPv6Address": "fd00::2", "Aliases": ["db", ""] } } },
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
            addresses: vec!["172.18.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
            names: ["app-db-1", "pg", "dns", "db"].map(str::to_owned).to_vec(),
            links: vec!["/x:/app-db-1/y".to_owned()],
            network: "app_default".to_owned(),
            networks: [("a", vec!["dns"]), ("b", vec!["db", ""])]
                .map(|(name, names)| (name.to_owned(), names.into_iter().map(str::to_owned).collect()))
                .into(),
            published: vec![5433],
            bindings: [(5432, vec!["127.0.0.1:5433".parse().unwrap()]), (1, vec![]), (2, vec![])].into(),
            runs: true,
            is_awake: true,
            mounted: [("/run/secrets/pw".to_owned(), PathBuf::from("/host/pw.txt"))].into(),
        };
        assert_eq!(first.mounted_at("/run/secrets/pw"), Some(Path::new("/host/pw.txt")));
        let networks = [("host".to_owned(), Vec::new())].into();
        assert_eq!(read, [first, Inspection { id: "5e".to_owned(), networks, ..Inspection::default() }]);
        assert_eq!(Inspection::all("no JSON"), []);
    }
}
