//! OpenFGA as a service of the project.

use super::Compose;
use super::migrate::Dependencies;
use super::openfga_database::Kept;
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::backend::{Access as _, Build, MadeOf, OwnMigration, OwnOpenfga};
use crate::target::openfga::{HTTP_PORT, KEYS, METRICS_PORT};
use crate::target::openfga_exposure::PinnedPath;
use anyhow::Result;

impl OwnOpenfga for Compose {
    fn can_have_openfga(&self) -> bool {
        true
    }

    fn has_openfga(&self) -> bool {
        self.openfga().is_ok_and(|service| service.is_some())
    }

    fn openfga_service(&self) -> &str {
        self.openfga_or_usual()
    }

    fn openfga_name(&self) -> &'static str {
        "this project's openfga container"
    }

    fn openfga_address(&self) -> Result<String> {
        let service = self.openfga()?.unwrap_or_else(|| self.openfga_or_usual());
        if let Some(address) = self.port_of_same_container(service, HTTP_PORT) {
            return Ok(format!("http://{address}"));
        }
        self.check_awake(service)?;
        let mapped = self.listed_port(service, HTTP_PORT);
        mapped.map(|address| format!("http://{address}")).map_err(|error| self.why_openfga_has_no_port(error))
    }

    fn openfga_metrics_address(&self) -> Result<String> {
        let service = self.openfga()?.unwrap_or_else(|| self.openfga_or_usual());
        if let Some(address) = self.port_of_same_container(service, METRICS_PORT) {
            return Ok(format!("http://{address}"));
        }
        self.check_awake(service)?;
        self.listed_port(service, METRICS_PORT).map(|address| format!("http://{address}")).map_err(|_| {
            if self.running_services().is_ok_and(|running| !running.iter().any(|name| name == service)) {
                return self.openfga_is_down().into();
            }
            Fault::unreachable(format!("The {service} service publishes no port {METRICS_PORT} for its metrics"))
                .hint(format!("publish it in the Compose file: 127.0.0.1:{METRICS_PORT}:{METRICS_PORT}"))
                .into()
        })
    }

    fn openfga_address_of_settings(&self, settings: &Settings) -> Option<String> {
        let url = format!("http://127.0.0.1:{}", settings.or_default("OPENFGA_HTTP_PORT"));
        self.has_openfga().then_some(url)
    }

    fn openfga_keys(&self) -> Option<String> {
        let service = self.config().ok()?.service(self.openfga().ok()??)?;
        service.environment.get(KEYS).filter(|keys| !keys.is_empty()).cloned()
    }

    fn other_database_of_openfga(&self) -> Option<String> {
        match self.kept_by_openfga().ok()? {
            Kept::Here(named) if named != self.login().database => Some(format!("its datastore names {named}")),
            Kept::Elsewhere => Some("its datastore names another server".to_owned()),
            Kept::Here(_) | Kept::Unknown => None,
        }
    }

    /// The stack's service has a login of its own.
    fn own_migration(&self) -> Result<Option<OwnMigration>> {
        Ok(None)
    }

    /// Runs it only where OpenFGA keeps its data there; where it does not say, its own settings name the stack's own database.
    /// The path is not ours to choose: its service has an address of its own.
    fn migrate_openfga(&self, _: Option<&PinnedPath>) -> Result<()> {
        let Some(migration) = self.migration()? else { return Ok(()) };
        let container = self.inspected_openfga()?;
        let is_here = match self.kept_by(container.as_ref())? {
            Kept::Here(database) => database == self.login().database,
            Kept::Elsewhere => false,
            Kept::Unknown => !self.is_database_given(),
        };
        if is_here { self.migrate(migration, Dependencies::Left(container.as_ref())) } else { Ok(()) }
    }

    fn openfga_container(&self) -> Option<MadeOf> {
        self.made_of(self.openfga_or_usual())
    }

    fn openfga_to_build(&self) -> Result<Option<Build<'_>>, Fault> {
        Ok(None)
    }
}

impl Compose {
    /// The service does not run, or something that Compose says itself.
    fn why_openfga_has_no_port(&self, error: anyhow::Error) -> anyhow::Error {
        let name = self.openfga_or_usual();
        match self.running_services() {
            Ok(running) if !running.iter().any(|service| service == name) => self.openfga_is_down().into(),
            _ => error,
        }
    }

    fn openfga_is_down(&self) -> Fault {
        let name = self.openfga_or_usual();
        Fault::unreachable(format!("The {name} service is not running")).hint("start it with: cargo xtask up")
    }
}
