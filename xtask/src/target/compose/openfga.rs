//! OpenFGA as a service of the project.

use super::Compose;
use super::migrate::Dependencies;
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::backend::{Build, MadeOf, OwnOpenfga};
use crate::target::openfga::{HTTP_PORT, KEYS};
use crate::target::percent;
use anyhow::Result;

const DATASTORE: &str = "OPENFGA_DATASTORE_URI";

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
        self.check_awake(service)?;
        let mapped = self.mapped_port(service, HTTP_PORT);
        mapped.map(|address| format!("http://{address}")).map_err(|error| self.why_openfga_has_no_port(error))
    }

    fn openfga_address_of_settings(&self, settings: &Settings) -> Option<String> {
        let url = format!("http://127.0.0.1:{}", settings.get_or("OPENFGA_HTTP_PORT", "8080"));
        self.has_openfga().then_some(url)
    }

    fn openfga_keys(&self) -> Option<String> {
        let service = self.config().ok()?.service(self.openfga().ok()??)?;
        service.environment.get(KEYS).filter(|keys| !keys.is_empty()).cloned()
    }

    fn other_database_of_openfga(&self) -> Option<String> {
        let container = self.made_of(self.openfga_or_usual())?;
        let mut pairs = container.environment.iter().filter_map(|pair| pair.split_once('='));
        let address = pairs.find(|(name, _)| *name == DATASTORE)?.1.split('?').next()?;
        let named = address.rsplit('/').next()?;
        let ours = &self.found().login.login.database;
        (named != percent::encoded(ours) && named != ours).then(|| format!("{DATASTORE} names {named}"))
    }

    fn migrate_openfga(&self) -> Result<()> {
        match self.migration()? {
            Some(migration) => self.migrate(migration, Dependencies::Left),
            None => Ok(()),
        }
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
            Ok(running) if !running.iter().any(|service| service == name) => error.context(
                Fault::unreachable(format!("The {name} service is not running")).hint("start it with: cargo xtask up"),
            ),
            _ => error,
        }
    }
}
