//! The stack of the `compose` target.

use super::containers::{self, Container};
use super::life::Life;
use super::{Compose, engine, failure_text, ports};
use crate::error::{self, Cause, Fault};
use crate::process::signals;
use crate::settings::Settings;
use crate::target::backend::{Access as _, ComposeProject, Extent, OwnOpenfga as _, Stack};
use crate::target::openfga;
use crate::target::ports::{Taken, holder};
use crate::target::startup::{Answering, Queries, Startup};
use crate::target::wait::wait_for;
use anyhow::Result;
use std::cell::OnceCell;
use std::path::Path;

/// A container that was restarted so often will not stay.
const CRASHES: u64 = 3;

impl Stack for Compose {
    fn starts_server(&self) -> bool {
        true
    }

    /// Starts the containers; PostgreSQL then answers a query, OpenFGA its health and a request on the mapped port.
    fn up(&self, startup: &Startup, extent: Extent) -> Result<Answering> {
        let (queries, callbacks) = (startup.queries, startup.callbacks);
        (callbacks.stage)("starting the containers");
        self.starts.get_or_init(|| ());
        self.check_version()?;
        let listed = self.listed_and_made_here()?.unwrap_or_default();
        self.check_single(&listed)?;
        let services = self.services_of(extent)?;
        let mut ours = listed.iter().filter(|container| services.contains(&container.service));
        ours.try_for_each(Container::check_awake)?;
        self.name_renewed(&services, &listed, callbacks.note)?;
        let openfga = self.openfga()?;
        self.start(&[self.service()], startup)?;
        // A container that was recreated has the login that the files have now.
        self.read_again()?;
        (callbacks.stage)("waiting for PostgreSQL");
        let postgres = self.wait_for_postgres(openfga, startup)?;
        // It has just been asked over TCP from within.
        if let Some(refusal) = refusal(self.version_over_network(queries)) {
            return Err(refusal);
        }
        let openfga = openfga.map(|service| self.start_openfga(service, startup)).transpose()?;
        if openfga.is_none() && extent == Extent::Needed {
            (callbacks.note)("No service of this project is OpenFGA: only the database is started");
        }
        let failed = if extent == Extent::All {
            (callbacks.stage)("starting the other services");
            self.start_rest(&self.services_of(Extent::Needed)?)?
        } else {
            Vec::new()
        };
        Ok(Answering { postgres, openfga, started: true, failed })
    }

    /// Containers stay where only those that `up` starts are stopped; volumes always do.
    fn down(&self, extent: Extent, warn: &dyn Fn(&Fault)) -> Result<bool> {
        self.check_version()?;
        let listed = self.listed_and_made_here()?;
        self.stop_stack(extent, listed, warn)
    }

    fn running(&self) -> Option<Vec<String>> {
        let listed = self.listed(true)?;
        Some(listed.into_iter().filter(|container| container.is_up()).map(|container| container.service).collect())
    }

    fn check_ours(&self) -> Result<()> {
        self.check_made_here()
    }

    /// Compose reads `.env`, too.
    fn check_env_file(&self, settings: &Settings) -> Result<()> {
        let Some(problem) = settings.refused_by_compose() else { return Ok(()) };
        let fault = Fault::failed("Docker Compose cannot read this project");
        Err(anyhow::Error::msg(problem).context(fault.hint("fix that line, then try again")))
    }

    fn taken_ports(&self, settings: &Settings) -> Result<Vec<Taken>> {
        // Which ports are our own is known from the engine only.
        engine::cause().map_or(Ok(()), Err)?;
        Ok(ports::taken(self, settings))
    }

    fn runs_at_first_start(&self, folder: &Path) -> Option<String> {
        let config = self.config().ok()?;
        config.services().find(|(_, service)| service.runs_at_first_start(folder)).map(|(name, _)| name.to_owned())
    }

    fn has_containers(&self) -> bool {
        let project = self.project().or_else(|| self.asked_name());
        let listed = project.and_then(|project| containers::of_project(project, true).ok().flatten());
        listed.is_some_and(|listed| !listed.is_empty())
    }

    fn compose_project(&self) -> Option<&dyn ComposeProject> {
        Some(self)
    }
}

/// The version of a server that stays. Asked over TCP: while the image makes a new cluster, a passing server answers on
/// the socket alone.
fn lasting_version(queries: &dyn Queries) -> Result<String> {
    queries.version(&[("PGHOST", "127.0.0.1")])
}

impl Compose {
    /// Starts these services; a port that another program holds, and a login that the server refuses, explain a failure.
    fn start(&self, services: &[&str], startup: &Startup) -> Result<()> {
        let Err(error) = self.start_services(services) else { return Ok(()) };
        // A run that was cut short may hold its own ports half-way: they explain nothing.
        signals::check()?;
        if failure_text::is_port_conflict(&error) {
            return Err(
                port_fault(self, startup.settings, failure_text::port(&error)).unwrap_or_else(|| with_holder(error))
            );
        }
        let refusal = self.read_again().is_ok().then(|| self.login_refusal(startup.queries)).flatten();
        Err(refusal.unwrap_or(error))
    }

    /// PostgreSQL's version, once it answers. Where it has no such database, a service that OpenFGA depends on may make
    /// it.
    fn wait_for_postgres(&self, openfga: Option<&str>, startup: &Startup) -> Result<String> {
        let ask = || lasting_version(startup.queries);
        let is_missing = |error: &anyhow::Error| error::cause(error) == Some(Cause::DatabaseMissing);
        let answer = wait_for_service(self, self.service(), "PostgreSQL", ask);
        let (Err(error), Some(openfga)) = (&answer, openfga) else { return answer };
        if !is_missing(error) {
            return answer;
        }
        let mut makers = self.config()?.needed_by(&[openfga]);
        makers.retain(|service| service != openfga && service != self.service());
        if makers.is_empty() {
            return answer;
        }
        (startup.callbacks.stage)("starting what OpenFGA depends on");
        self.start(&makers.iter().map(String::as_str).collect::<Vec<_>>(), startup)?;
        let hint = format!("see its log: docker compose logs --tail 20 {}", makers.join(" "));
        wait_for("The database", &hint, |error| error::is_lasting(error) && !is_missing(error), ask)
    }

    /// Migrates OpenFGA, starts it, and waits for its answer; gives where it answers.
    fn start_openfga(&self, service: &str, startup: &Startup) -> Result<String> {
        let stage = startup.callbacks.stage;
        self.migrate_before_start(service, stage)?;
        stage("starting OpenFGA");
        self.start(&[service], startup)?;
        stage("waiting for OpenFGA");
        openfga_url(self, service, startup.settings)
    }

    /// PostgreSQL's version, asked over the services' network: there the server asks for a password, as it asks services.
    fn version_over_network(&self, queries: &dyn Queries) -> Result<String> {
        let variables = self.as_services_connect(&self.settings);
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        queries.version(&variables)
    }

    /// Why the services cannot log in, if the server refuses them: a volume keeps the user, password and database that
    /// it was made with, whatever the settings say now.
    fn login_refusal(&self, queries: &dyn Queries) -> Option<anyhow::Error> {
        // A login over the network with a wrong name only hears that the password is wrong.
        refusal(lasting_version(queries)).or_else(|| refusal(self.version_over_network(queries)))
    }
}

fn refusal(asked: Result<String>) -> Option<anyhow::Error> {
    asked.err().filter(error::is_lasting)
}

/// Where OpenFGA answers, once it does.
fn openfga_url(compose: &Compose, service: &str, settings: &Settings) -> Result<String> {
    let mapped = OnceCell::new();
    wait_for_service(compose, service, "OpenFGA", || {
        let url = match mapped.get() {
            Some(url) => url,
            None => {
                let port = compose.mapped_port(service, openfga::HTTP_PORT)?;
                mapped.get_or_init(|| format!("http://{port}"))
            }
        };
        let mut endpoint = openfga::own(url, settings)?;
        openfga::own_answers(&mut endpoint, &|| compose.openfga_keys()).map(|()| url.clone())
    })
}

/// Waits for OpenFGA, if it is one of these services.
pub(super) fn wait_for_openfga(compose: &Compose, settings: &Settings, services: &[String]) -> Result<()> {
    match compose.openfga()?.filter(|openfga| services.iter().any(|service| service == openfga)) {
        Some(service) => openfga_url(compose, service, settings).map(drop),
        None => Ok(()),
    }
}

/// Waits for a service's answer, but not for one that crashes again and again.
fn wait_for_service<T>(compose: &Compose, service: &str, what: &str, ask: impl Fn() -> Result<T>) -> Result<T> {
    let hint = format!("see its log: docker compose logs --tail 20 {service}");
    let ask_and_check = || {
        ask().map_err(|refusal| {
            if error::is_lasting(&refusal) {
                return refusal;
            }
            let crashed = compose.life_of(service).filter(|life| life.ended || life.restarts >= CRASHES);
            let fault = match crashed {
                Some(Life { exit_code, .. }) => {
                    Fault::unreachable(format!("{what} was started and ended (exit code {exit_code})"))
                        .hint(&hint)
                        .lasting()
                }
                None => Fault::unreachable(format!("{what} does not answer yet")),
            };
            refusal.context(fault)
        })
    };
    wait_for(what, &hint, error::is_lasting, ask_and_check)
}

/// Where the error names a port: the error, and the program that holds the port.
fn with_holder(error: anyhow::Error) -> anyhow::Error {
    let Some(port) = failure_text::port(&error) else { return error };
    let fault = Fault::failed(format!("Port {port} is taken by {}", holder(port)));
    error.context(fault.hint("stop it, or publish another port in the Compose files; then: cargo xtask up"))
}

/// The fault of a taken port that a setting names, which explains why a container was not started. Where Docker names the
/// port, it is that one alone: a setting of a port that the stack does not publish explains nothing.
fn port_fault(compose: &Compose, settings: &Settings, named: Option<u16>) -> Option<anyhow::Error> {
    let mut taken = ports::taken(compose, settings).into_iter();
    let taken = taken.find(|taken| named.is_none_or(|port| port == taken.port))?;
    let setting = taken.setting;
    let free = taken.free.map_or_else(|| "another port".to_owned(), |free| format!("{setting}={free}"));
    let fault = Fault::failed(format!("Port {} ({setting}) is taken by {}", taken.port, taken.by));
    Some(fault.hint(format!("set {free} in .env, or let cargo xtask setup-env do it")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_named_with_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for words in [
            format!("Error starting userland proxy: listen tcp4 127.0.0.1:{port}: bind: address already in use"),
            format!("Bind for 0.0.0.0:{port} failed: port is already allocated"),
        ] {
            let said = with_holder(anyhow::Error::msg(words)).to_string();
            assert!(said.starts_with(&format!("Port {port} is taken by ")), "{said}");
        }
        assert_eq!(with_holder(anyhow::Error::msg("ports are not available")).to_string(), "ports are not available");
    }
}
