//! OpenFGA as a service of the project.

use super::Compose;
use super::datastore::{Datastore, Kept};
use super::engine::DEADLINE;
use super::inspection::Inspection;
use super::reading::inspect;
use crate::error::Fault;
use crate::process::{Captured, Ending, Program};
use crate::settings::Settings;
use crate::target::backend::{Access as _, Build, MadeOf, OwnOpenfga};
use crate::target::openfga::{HTTP_PORT, KEYS};
use crate::target::{openfga_migration, percent};
use anyhow::Result;
use std::time::Duration;

/// The one-shot service that brings OpenFGA's tables up to date.
const MIGRATE: &str = "openfga-migrate";
const MIGRATE_DEADLINE: Duration = Duration::from_secs(120);
const DATASTORE: &str = "OPENFGA_DATASTORE_URI";
/// What the names of the variables begin with that say where the data is, and whose login.
const DATASTORE_VARIABLES: &str = "OPENFGA_DATASTORE_";
const ROLE: &str = "OPENFGA_DATASTORE_USERNAME";
const LOG_DEADLINE: Duration = Duration::from_secs(10);

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
        match self.kept_by_openfga().ok()? {
            Kept::Here(named) if named != self.login().database => Some(format!("its datastore names {named}")),
            Kept::Elsewhere => Some("its datastore names another server".to_owned()),
            Kept::Here(_) | Kept::Unknown => None,
        }
    }

    /// Only where OpenFGA keeps its data there.
    fn migrate_openfga(&self) -> Result<()> {
        if self.config()?.service(MIGRATE).is_none_or(|service| !service.is_active(&self.settings)) {
            return Ok(());
        }
        let database = self.login().database.clone();
        if self.kept_by_openfga()? != Kept::Here(database.clone()) {
            return Ok(());
        }
        let run = self.program(["run", "--rm", "--no-deps", "-T"])?;
        let given = self.datastore_for_one_shot(&database)?;
        let run = given.iter().fold(run, |run, (name, value)| run.arg("-e").arg(name).secret(name, value));
        let failed = |captured: &Captured| openfga_migration::failed(captured, &self.openfga_role());
        self.run_program(&run.arg(MIGRATE), MIGRATE_DEADLINE, failed).map(drop)
    }

    fn openfga_container(&self) -> Option<MadeOf> {
        self.made_of(self.openfga_or_usual())
    }

    fn openfga_to_build(&self) -> Result<Option<Build<'_>>, Fault> {
        Ok(None)
    }
}

impl Compose {
    /// Where OpenFGA keeps its data: as its container says, else as the files do.
    fn kept_by_openfga(&self) -> Result<Kept> {
        let Some(service) = self.openfga()? else { return Ok(Kept::Unknown) };
        let names = &self.found().names;
        if let Some(Inspection { environment, command, .. }) = self.inspected_openfga(service)? {
            return Ok(Datastore::read(service, &environment, &command).kept(names));
        }
        let Some(found) = self.config()?.service(service) else { return Ok(Kept::Unknown) };
        Ok(Datastore::read(service, &found.environment, &found.words()).kept(names))
    }

    fn inspected_openfga(&self, service: &str) -> Result<Option<Inspection>> {
        let id = self.container_of(service);
        Ok(inspect(id.as_deref().map(|id| (id, service)), DEADLINE)?.into_iter().next())
    }

    /// The variables that lead the one-shot service to this database, where the files name another one now than when
    /// OpenFGA's container was made of them.
    ///
    /// # Errors
    /// It would migrate another database, and OpenFGA's container has no variables to give it.
    fn datastore_for_one_shot(&self, database: &str) -> Result<Vec<(String, String)>> {
        let Some(service) = self.config()?.service(MIGRATE) else { return Ok(Vec::new()) };
        let kept = Datastore::read(MIGRATE, &service.environment, &service.words()).kept(&self.found().names);
        if kept == Kept::Here(database.to_owned()) {
            return Ok(Vec::new());
        }
        let of_openfga = self.openfga()?.map(|service| self.inspected_openfga(service)).transpose()?.flatten();
        let environment = of_openfga.map(|inspection| inspection.environment).unwrap_or_default();
        let told = Datastore::read(MIGRATE, &environment, &service.words()).kept(&self.found().names);
        if told != Kept::Here(database.to_owned()) {
            let fault = Fault::failed(format!("The service {MIGRATE} would migrate another database than {database}"));
            let hint = format!("let {DATASTORE} of {MIGRATE} name the database of OpenFGA, in the Compose files");
            return Err(fault.hint(hint).into());
        }
        let variables = environment.into_iter().filter(|(name, _)| name.starts_with(DATASTORE_VARIABLES));
        Ok(variables.collect())
    }

    /// The role that the one-shot service logs in as.
    fn openfga_role(&self) -> String {
        let variable = |name: &str| self.config().ok()?.service(MIGRATE)?.environment.get(name).cloned();
        let of_address = || {
            let address = variable(DATASTORE)?;
            let (login, _) = address.split_once("://")?.1.split_once('@')?;
            percent::decoded(login.split(':').next()?).ok()
        };
        variable(ROLE).or_else(of_address).unwrap_or_else(|| self.login().user.clone())
    }

    /// The failure of the one-shot service, with its own words, where Compose says only that it failed.
    pub(super) fn failed_migration(&self, said: &anyhow::Error) -> Option<anyhow::Error> {
        let ended = self.life_of(MIGRATE).filter(|life| life.ended && life.exit_code != 0)?;
        if !format!("{said:#}").contains(MIGRATE) {
            return None;
        }
        let log = Program::new("docker").args(["logs", "--tail", "50", &self.container_of(MIGRATE)?]);
        let log = log.capture(LOG_DEADLINE).ok()?;
        let output = format!("{}\n{}", log.text(), log.stderr);
        let ending = Ending::Code(i32::try_from(ended.exit_code).ok()?);
        let fault = Fault::failed(format!("The {MIGRATE} service failed ({ending})"))
            .hint(format!("fix the error above; its log: docker compose logs {MIGRATE}"));
        Some(openfga_migration::failed_saying(&output, &self.openfga_role(), fault))
    }

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
