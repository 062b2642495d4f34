//! The programs that the dashboards consist of.

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Its usual name, for messages.
    pub name: &'static str,
    /// Its service in `compose.yml`.
    pub service: &'static str,
    /// The setting of the port of 127.0.0.1 that leads to it.
    pub port_setting: &'static str,
    pub default_port: u16,
    /// The setting of its image; the default is in `compose.yml`.
    pub image_setting: &'static str,
    pub check: Check,
    /// What a person opens.
    pub page: &'static str,
    /// Its usual programs on a host without Docker.
    pub programs: &'static [&'static str],
}

/// How a part is asked whether it does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// PostgreSQL's metrics, by the exporter's own flags and queries.
    Exporter,
    /// The disks, and the file of the backups' metrics.
    Disks,
    /// That metrics of every target are collected.
    Collection,
    /// That each dashboard is shown.
    Dashboards,
}

/// What PostgreSQL says, as metrics.
pub const POSTGRES_EXPORTER: Part = Part {
    name: "postgres_exporter",
    service: "xtask-postgres-exporter",
    port_setting: "POSTGRES_EXPORTER_PORT",
    default_port: 9187,
    image_setting: "POSTGRES_EXPORTER_IMAGE",
    check: Check::Exporter,
    page: "/metrics",
    programs: &["postgres_exporter", "prometheus-postgres-exporter"],
};
/// What the backups' file says, and the disks.
pub const NODE_EXPORTER: Part = Part {
    name: "node_exporter",
    service: "xtask-node-exporter",
    port_setting: "NODE_EXPORTER_PORT",
    default_port: 9100,
    image_setting: "NODE_EXPORTER_IMAGE",
    check: Check::Disks,
    page: "/metrics",
    programs: &["node_exporter", "prometheus-node-exporter"],
};
/// It collects the metrics, and watches the alert rules.
pub const PROMETHEUS: Part = Part {
    name: "Prometheus",
    service: "xtask-prometheus",
    port_setting: "PROMETHEUS_PORT",
    default_port: 9090,
    image_setting: "PROMETHEUS_IMAGE",
    check: Check::Collection,
    page: "",
    programs: &["prometheus"],
};
/// It shows them.
pub const GRAFANA: Part = Part {
    name: "Grafana",
    service: "xtask-grafana",
    port_setting: "GRAFANA_PORT",
    default_port: 3000,
    image_setting: "GRAFANA_IMAGE",
    check: Check::Dashboards,
    page: "",
    programs: &["grafana-server", "grafana"],
};

/// All of them, each after those that it needs.
pub const PARTS: [&Part; 4] = [&POSTGRES_EXPORTER, &NODE_EXPORTER, &PROMETHEUS, &GRAFANA];

impl Part {
    /// The part that runs in a container of this service.
    pub fn of_service(service: &str) -> Option<&'static Self> {
        PARTS.into_iter().find(|part| part.service == service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn the_defaults_are_those_of_the_settings() {
        for part in PARTS {
            assert_eq!(settings::default_of(part.port_setting), part.default_port.to_string());
        }
    }
}
