//! The names and addresses by which services reach the database's server.

use super::inspection::Inspection;
use crate::target::loopback::is_loopback;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// By which a container reaches the ports that this host publishes.
const HOST_GATEWAYS: [&str; 2] = ["host.docker.internal", "gateway.docker.internal"];

/// A host that a service names, with its port where it names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    pub(super) fn new(name: &str, port: Option<u16>) -> Self {
        Self { name: name.trim().trim_end_matches('.').to_ascii_lowercase(), port }
    }

    /// The hosts of `a:1,[::1]:2,tcp://c:3/`.
    pub(super) fn list(text: &str) -> Vec<Self> {
        text.split(',').filter_map(Self::one).collect()
    }

    fn one(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let text = text.split('/').next().unwrap_or_default();
        let (name, port) = match text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':')),
            None => match text.split_once(':') {
                // An IPv6 address without brackets.
                Some((_, port)) if port.contains(':') => (text, None),
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        (!name.is_empty()).then(|| Self::new(name, port.and_then(|port| port.parse().ok())))
    }

    fn is_loopback(&self) -> bool {
        is_loopback(&self.name)
    }
}

/// The names and addresses of the database's server, as one service knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServerNames {
    names: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
    /// Ports of this host that lead to the server.
    published: BTreeSet<u16>,
    /// Whether `localhost` is the server's own: the service shares its network.
    shares_network: bool,
    /// Whether `localhost` is this host: there the server is by its published ports.
    is_in_hosts_network: bool,
}

impl ServerNames {
    /// A server of which nothing but these names is known.
    pub(super) fn named(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| Host::new(&name, None).name).filter(|name| !name.is_empty());
        Self { names: names.collect(), ..Self::default() }
    }

    /// The names of a server's container, of this service.
    pub(super) fn of_container(service: &str, server: &Inspection) -> Self {
        let names = server.names.iter().cloned().chain([service.to_owned()]);
        let addresses = server.addresses.iter().copied().collect();
        Self { addresses, published: server.published.iter().copied().collect(), ..Self::named(names) }
    }

    /// The names by which this container of another service reaches the server.
    pub(super) fn seen_by(&self, server: &Inspection, other: &Inspection) -> Self {
        let of_server = format!("container:{}", server.id);
        let mut seen = self.clone();
        seen.shares_network = other.network == of_server || (other.network == "host" && server.network == "host");
        seen.is_in_hosts_network = other.network == "host";
        // `links: [db:database]` gives a name of its own: `/project-db-1:/project-app-1/database`.
        let linked = other.links.iter().filter_map(|link| {
            let (to, alias) = link.split_once(':')?;
            let alias = alias.rsplit('/').next()?;
            self.names.contains(&to.trim_start_matches('/').to_ascii_lowercase()).then(|| alias.to_ascii_lowercase())
        });
        seen.names.extend(linked);
        seen
    }

    /// Whether this is the server.
    pub(super) fn has(&self, host: &Host) -> bool {
        let address = || host.name.parse::<IpAddr>().is_ok_and(|address| self.addresses.contains(&address));
        let is_published = || host.port.is_some_and(|port| self.published.contains(&port));
        if host.is_loopback() {
            return self.shares_network || (self.is_in_hosts_network && is_published());
        }
        self.names.contains(&host.name) || address() || (HOST_GATEWAYS.contains(&&*host.name) && is_published())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_names_and_addresses_and_by_a_published_port() {
        let server = Inspection {
            id: "4f".into(),
            names: vec!["app-db-1".into(), "Database".into()],
            addresses: vec!["172.18.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
            published: vec![5433],
            ..Inspection::default()
        };
        let names = ServerNames::of_container("db", &server);
        let knows = |names: &ServerNames, text: &str| Host::list(text).iter().any(|host| names.has(host));
        for text in [
            "db",
            "DB:5432",
            "app-db-1",
            "database.",
            "172.18.0.2:5432",
            "[fd00::2]:5432",
            "fd00::2",
            "x,db",
            "tcp://db:1/",
        ] {
            assert!(knows(&names, text), "{text}");
        }
        for text in ["", ":5432", "db2", "localhost", "127.0.0.1:5433", "db.example.com", "host.docker.internal:5432"] {
            assert!(!knows(&names, text), "{text}");
        }
        assert!(knows(&names, "host.docker.internal:5433"));
        let seen = |network: &str, links: &[&str]| {
            let links = links.iter().map(|link| (*link).to_owned()).collect();
            names.seen_by(&server, &Inspection { network: network.into(), links, ..Inspection::default() })
        };
        assert!(knows(&seen("container:4f", &[]), "localhost:5432") && !knows(&seen("container:5e", &[]), "localhost"));
        assert!(knows(&seen("host", &[]), "127.0.0.1:5433") && !knows(&seen("host", &[]), "localhost:5432"));
        let linked = seen("bridge", &["/app-db-1:/app-web-1/pg", "/other:/app-web-1/other"]);
        assert!(knows(&linked, "pg") && !knows(&linked, "other"));
    }
}
