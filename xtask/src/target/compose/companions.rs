//! Containers of ours beside the project, joined to its networks.

use super::engine::DEADLINE;
use super::inspection::Inspection;
use super::reading::inspect;
use super::{Compose, companion_docker, containers, failure_text, generation, server_options};
use crate::error::Fault;
use crate::process::Program;
use crate::settings;
use crate::target::backend::Companions;
use crate::target::companion::{
    Companion, CompanionContainer, CompanionEnd, CompanionImage, Metrics, Place, Surroundings,
};
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// Images are pulled in it.
const START_DEADLINE: Duration = Duration::from_secs(1200);
const STOP_DEADLINE: Duration = Duration::from_secs(60);
const POSTGRES_PORT: u16 = 5432;
const METRICS_PORT: u16 = 2112;
/// Networks in which containers do not find one another by name.
const WITHOUT_NAMES: [&str; 3] = ["host", "none", "bridge"];
/// The first words of a failure to publish a port, of several versions of the engine.
const PORT_WORDS: [&str; 3] = ["port is already allocated", "address already in use", "ports are not available"];

impl Companions for Compose {
    fn surroundings(&self) -> Result<Option<Surroundings>> {
        let project = self.project_or_asked()?;
        let listed = containers::of_project(&project, false);
        let listed = listed.map_err(|error| self.outer_cause().unwrap_or(error))?;
        let listed = listed.ok_or_else(|| self.outer_cause().unwrap_or_else(|| not_running(self.service())))?;
        let running = |service: &str| listed.iter().find(|one| one.service == service && one.runs());
        let database = running(self.service()).ok_or_else(|| not_running(self.service()))?;
        let openfga = match self.openfga()? {
            Some(service) => Some(running(service).ok_or_else(|| not_running(service))?),
            None => None,
        };
        let keys = [Some(database), openfga].into_iter().flatten().map(|one| (one.id.as_str(), one.service.as_str()));
        let inspected = inspect(keys, DEADLINE)?;
        let of = |id: &str| inspected.iter().find(|inspection| inspection.id == id);
        let Some(server) = of(&database.id) else { return Err(not_running(self.service())) };
        let other = openfga.and_then(|one| of(&one.id));
        let port = server_options::inside(&server.environment, &server.command).into_iter();
        let port = port.filter(|(name, _)| *name == "PGPORT").find_map(|(_, port)| port.parse().ok());
        let database = place(server, &database.service, port.unwrap_or(POSTGRES_PORT), other)?;
        let openfga = openfga.zip(other).map(|(one, inspection)| metrics(inspection, &one.service, server));
        Ok(Some(Surroundings { database, openfga: openfga.transpose()?.flatten() }))
    }

    fn fetch_images(&self, images: &[CompanionImage<'_>], say: &dyn Fn(&str)) -> Result<()> {
        companion_docker::fetch(images, say, DEADLINE).map_err(|error| self.outer_cause().unwrap_or(error))
    }

    fn companion_end(&self, name: &str, service: &str, deadline: Duration) -> Option<CompanionEnd> {
        let listed = listed(&self.companion_project(name)?, deadline);
        let container = listed.into_iter().find(|container| container.service == service)?;
        companion_docker::end_of(&container.id, deadline)
    }

    fn start_companion(&self, companion: &Companion<'_>, renew: bool) -> Result<()> {
        let project = format!("{}-{}", self.project_or_asked()?, companion.name);
        let program = generation::started(self.command()?)
            .arg("--project-directory")
            .arg(companion.folder)
            .args(["--project-name", &project, "--file"])
            .arg(companion.folder.join("compose.yml"))
            .args(["up", "--detach", "--remove-orphans"])
            .args(renew.then_some("--force-recreate"))
            .folder(companion.folder)
            .unset("COMPOSE_FILE")
            .unset("COMPOSE_PROFILES");
        let variables = companion.variables.iter().fold(program, |program, (name, value)| {
            if settings::is_secret(name) { program.secret(name, value) } else { program.env(name, value) }
        });
        let captured = variables.capture(START_DEADLINE)?;
        if captured.ending.success() {
            return Ok(());
        }
        let lower = captured.stderr.to_ascii_lowercase();
        let hint = if PORT_WORDS.iter().any(|words| lower.contains(words)) {
            "name a free port in .env: PROMETHEUS_PORT, GRAFANA_PORT, POSTGRES_EXPORTER_PORT, NODE_EXPORTER_PORT"
                .to_owned()
        } else {
            format!(
                "see its containers and their logs: docker compose --project-name {} logs --tail 20",
                crate::words::shell_word(&project)
            )
        };
        let images = "name images that exist here or can be pulled: PROMETHEUS_IMAGE, GRAFANA_IMAGE, \
                      POSTGRES_EXPORTER_IMAGE, NODE_EXPORTER_IMAGE";
        Err(self.outer_cause().unwrap_or_else(|| failure_text::explained_with(&captured, images, &hint)))
    }

    fn companion_containers(&self, name: &str, deadline: Duration) -> Vec<CompanionContainer> {
        self.companion_project(name).map(|project| listed(&project, deadline)).unwrap_or_default()
    }

    fn stop_companion(&self, name: &str, remove: bool) -> Result<()> {
        let Some(project) = self.companion_project(name) else { return Ok(()) };
        let containers = listed(&project, DEADLINE);
        let running = containers.iter().filter(|one| one.runs()).map(|one| one.id.as_str());
        docker(&["stop", "--time", "10"], running)?;
        if remove {
            // Only volumes without a name go with them.
            docker(&["rm", "--force", "--volumes"], containers.iter().map(|one| one.id.as_str()))?;
            let network = format!("{project}_default");
            // It may be gone.
            let _ = Program::new("docker").args(["network", "rm", &network]).capture(DEADLINE);
        }
        Ok(())
    }
}

impl Compose {
    fn project_or_asked(&self) -> Result<String> {
        match self.project() {
            Some(project) => Ok(project.to_owned()),
            None => Ok(self.config()?.name.clone()),
        }
    }

    /// The companion's project, where that is known at once.
    fn companion_project(&self, name: &str) -> Option<String> {
        // Compose is not asked for it: that takes time, and the name is known once the stack was read.
        let read = || self.files.known().map(|read| read.config.name.as_str());
        let project = self.project().or_else(read)?;
        Some(format!("{project}-{name}"))
    }
}

fn not_running(service: &str) -> anyhow::Error {
    Fault::unreachable(format!("The {service} service does not run")).hint("start it: cargo xtask up").into()
}

/// Runs a docker command on these containers, unless there are none.
fn docker<'a>(command: &[&str], ids: impl Iterator<Item = &'a str>) -> Result<()> {
    let ids: Vec<&str> = ids.collect();
    if ids.is_empty() {
        return Ok(());
    }
    let captured = Program::new("docker").args(command).args(ids).capture(STOP_DEADLINE)?;
    if captured.ending.success() { Ok(()) } else { Err(failure_text::explained(&captured)) }
}

/// A project's containers; none where Docker does not answer.
fn listed(project: &str, deadline: Duration) -> Vec<CompanionContainer> {
    let format = "[{{json .ID}},{{json (.Label \"com.docker.compose.service\")}},{{json .State}},{{json .Ports}}]";
    let filter = format!("label=com.docker.compose.project={project}");
    let asked = Program::new("docker").args(["ps", "--all", "--no-trunc", "--format", format, "--filter", &filter]);
    let Ok(captured) = asked.capture(deadline) else { return Vec::new() };
    let parsed = |line: &str| {
        let (id, service, state, ports): (String, String, String, String) = serde_json::from_str(line).ok()?;
        Some(CompanionContainer { id, service, state, port: port_of(&ports) })
    };
    captured.text().lines().filter_map(parsed).collect()
}

/// The port of this host in `127.0.0.1:9090->9090/tcp`.
fn port_of(ports: &str) -> Option<u16> {
    let (before, _) = ports.split_once("->")?;
    before.rsplit_once(':')?.1.parse().ok()
}

/// Where a container is found by its name; best in a network that it shares with the other one.
fn place(container: &Inspection, service: &str, port: u16, other: Option<&Inspection>) -> Result<Place> {
    let networks = || container.networks.keys().filter(|name| !WITHOUT_NAMES.contains(&name.as_str()));
    let is_shared = |name: &&String| other.is_some_and(|other| other.networks.contains_key(*name));
    let Some(network) = networks().find(is_shared).or_else(|| networks().next()) else {
        let fault = Fault::failed(format!("The {service} service is in no network that other containers could join"));
        let hint = "give it one in the Compose file; or write the files for a Prometheus and Grafana elsewhere: cargo \
                    xtask monitoring-dashboard --print DIR";
        return Err(fault.hint(hint).into());
    };
    let names = container.networks.get(network).map(Vec::as_slice).unwrap_or_default();
    let by_service = names.iter().find(|name| *name == service);
    let host = by_service.or_else(|| container.names.first()).map_or(service, String::as_str);
    Ok(Place { network: network.clone(), host: host.to_owned(), port })
}

/// Where OpenFGA's metrics are; `None` where it gives none.
fn metrics(openfga: &Inspection, service: &str, server: &Inspection) -> Result<Option<Metrics>> {
    if variable(&openfga.environment, "OPENFGA_METRICS_ENABLED").is_some_and(|value| !is_true(value)) {
        return Ok(None);
    }
    let address = variable(&openfga.environment, "OPENFGA_METRICS_ADDR").and_then(|address| address.rsplit_once(':'));
    let port = address.and_then(|(_, port)| port.parse().ok()).unwrap_or(METRICS_PORT);
    let by_flag = openfga.command.iter().any(|word| word.starts_with("--datastore-metrics-enabled"));
    let by_variable = variable(&openfga.environment, "OPENFGA_DATASTORE_METRICS_ENABLED").is_some_and(is_true);
    let place = place(openfga, service, port, Some(server))?;
    Ok(Some(Metrics { place, service: service.to_owned(), has_pool: by_flag || by_variable }))
}

fn variable<'a>(environment: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    environment.get(name).map(String::as_str)
}

fn is_true(value: &str) -> bool {
    ["1", "t", "true"].contains(&value.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(networks: &[(&str, &[&str])], environment: &[(&str, &str)]) -> Inspection {
        let owned = |text: &&str| (*text).to_owned();
        Inspection {
            names: vec!["app-db-1".to_owned()],
            networks: networks.iter().map(|(name, names)| (owned(name), names.iter().map(owned).collect())).collect(),
            environment: environment.iter().map(|(name, value)| (owned(name), owned(value))).collect(),
            ..Inspection::default()
        }
    }

    #[test]
    fn a_container_is_found_in_a_network_that_both_share_and_never_in_one_without_names() {
        let server = container(&[("a", &["db"]), ("b", &["db"]), ("bridge", &[])], &[]);
        let openfga = container(&[("b", &["fga"])], &[]);
        let found = place(&server, "db", 5432, Some(&openfga)).unwrap();
        assert_eq!(found, Place { network: "b".to_owned(), host: "db".to_owned(), port: 5432 });
        assert_eq!(place(&server, "db", 1, None).unwrap().network, "a");
        let unnamed = place(&container(&[("a", &["x"])], &[]), "db", 1, None).unwrap();
        assert_eq!(unnamed.host, "app-db-1");
        let refused = place(&container(&[("host", &[])], &[]), "db", 1, None).unwrap_err();
        assert!(refused.to_string().contains("is in no network"), "{refused}");
    }

    #[test]
    fn openfgas_metrics_are_where_its_variables_say() {
        let server = container(&[("b", &["db"])], &[]);
        let found = |environment: &[(&str, &str)]| {
            metrics(&container(&[("b", &["fga"])], environment), "fga", &server).unwrap()
        };
        assert_eq!(found(&[]).map(|found| (found.place.port, found.has_pool)), Some((2112, false)));
        let pool = [("OPENFGA_METRICS_ADDR", "0.0.0.0:9000"), ("OPENFGA_DATASTORE_METRICS_ENABLED", "TRUE")];
        assert_eq!(found(&pool).map(|found| (found.place.port, found.has_pool)), Some((9000, true)));
        assert_eq!(found(&[("OPENFGA_METRICS_ENABLED", "false")]), None);
    }

    #[test]
    fn a_published_port_is_read_and_nonsense_is_not() {
        assert_eq!(port_of("127.0.0.1:9090->9090/tcp"), Some(9090));
        for nonsense in ["", "9090/tcp", "x->1", "127.0.0.1:99999->1/tcp"] {
            assert_eq!(port_of(nonsense), None, "{nonsense}");
        }
    }
}
