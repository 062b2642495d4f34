//! Where the project's OpenFGA keeps its data, and what leads its migration there.

use super::Compose;
use super::config::Service;
use super::engine::DEADLINE;
use super::inspection::Inspection;
use super::openfga_database::{Datastore, Kept};
use super::reading::inspect;
use anyhow::Result;

impl Compose {
    /// Where OpenFGA keeps its data: as its container says, else as the files do.
    pub(super) fn kept_by_openfga(&self) -> Result<Kept> {
        self.kept_by(self.inspected_openfga()?.as_ref())
    }

    /// The same, by this container of OpenFGA.
    pub(super) fn kept_by(&self, container: Option<&Inspection>) -> Result<Kept> {
        let Some(service) = self.openfga()? else { return Ok(Kept::Unknown) };
        if let Some(container) = container {
            return Ok(self.kept_by_container(service, container));
        }
        Ok(self.config()?.service(service).map_or(Kept::Unknown, |found| self.kept_by_files(service, found)))
    }

    /// The variables that lead a migration by this service to OpenFGA's data, where the files name another place now than
    /// when OpenFGA's container was made of them.
    pub(super) fn variables_to_migrate(
        &self,
        service: &str,
        container: Option<&Inspection>,
    ) -> Result<Vec<(&'static str, String)>> {
        let (Some(openfga), Some(container)) = (self.openfga()?, container) else { return Ok(Vec::new()) };
        let of_files = self.config()?.service(service).map(|found| self.kept_by_files(service, found));
        let is_same = of_files.is_none_or(|kept| kept == self.kept_by_container(openfga, container));
        Ok(if is_same { Vec::new() } else { Datastore::variables(&container.environment, &container.command) })
    }

    fn kept_by_container(&self, service: &str, container: &Inspection) -> Kept {
        Datastore::read(service, &container.environment, &container.command).kept(&self.found().names)
    }

    fn kept_by_files(&self, service: &str, found: &Service) -> Kept {
        Datastore::read(service, &found.environment, &found.words()).kept(&self.found().names)
    }

    /// What OpenFGA's container is made of, where it has one.
    pub(super) fn inspected_openfga(&self) -> Result<Option<Inspection>> {
        let Some(service) = self.openfga()? else { return Ok(None) };
        if let Some(container) = self.inspected_again(service) {
            return Ok(Some(container));
        }
        let id = self.container_of(service);
        Ok(inspect(id.as_deref().map(|id| (id, service)), DEADLINE)?.into_iter().next())
    }
}
