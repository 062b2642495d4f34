//! OpenFGA's tables are brought up to date by the project's one-shot service, else by OpenFGA's own service, run once
//! with the command `migrate`.

use super::Compose;
use super::config::{Config, Service};
use super::datastore::MIGRATE;
use super::failure_text;
use super::image::ImageKind;
use super::inspection::Inspection;
use crate::error::Fault;
use crate::process::{Captured, Ending, Program};
use crate::target::backend::Access as _;
use crate::target::openfga_migration;
use anyhow::Result;
use std::time::Duration;

/// The one-shot service of the shipped Compose file, whatever its image and command are.
const USUAL: &str = "openfga-migrate";
const DEADLINE: Duration = Duration::from_secs(120);
const LOG_DEADLINE: Duration = Duration::from_secs(10);

/// The service that migrates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Migration<'a> {
    /// It does nothing else.
    OneShot(&'a str),
    /// It is OpenFGA's own.
    Own(&'a str),
}

/// Whether Compose first starts what the service depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dependencies<'a> {
    Started,
    /// No other container changes. With OpenFGA's container, where it has one.
    Left(Option<&'a Inspection>),
}

impl<'a> Migration<'a> {
    pub(super) fn service(self) -> &'a str {
        match self {
            Self::OneShot(service) | Self::Own(service) => service,
        }
    }
}

impl Compose {
    /// How OpenFGA's tables are migrated; `None`: the project has no OpenFGA, or it keeps its data elsewhere than in
    /// PostgreSQL.
    ///
    /// # Errors
    /// Compose cannot read the project, or it is doubtful which service is OpenFGA.
    pub(super) fn migration(&self) -> Result<Option<Migration<'_>>> {
        let (config, openfga) = (self.config()?, self.openfga()?);
        if let Some(one_shot) = self.one_shot(config, openfga) {
            return Ok(Some(Migration::OneShot(one_shot)));
        }
        let service = openfga.and_then(|name| Some((name, config.service(name)?)));
        Ok(service.filter(|(_, service)| service.may_use_postgres()).map(|(name, _)| Migration::Own(name)))
    }

    /// The one that OpenFGA waits for, else the only one.
    fn one_shot<'a>(&self, config: &'a Config, openfga: Option<&str>) -> Option<&'a str> {
        let is_one_shot = |(name, service): &(&str, &Service)| {
            let is_usual = *name == USUAL && matches!(service.product(), ImageKind::Openfga | ImageKind::Unknown);
            (is_usual || service.only_migrates_openfga()) && service.is_active(&self.settings)
        };
        let all: Vec<&str> = config.services().filter(is_one_shot).map(|(name, _)| name).collect();
        let needed = openfga.map(|openfga| config.needed_by(&[openfga])).unwrap_or_default();
        let awaited = all.iter().find(|name| needed.iter().any(|needed| needed == *name));
        awaited.or(if all.len() == 1 { all.first() } else { None }).copied()
    }

    /// Migrates OpenFGA's tables.
    ///
    /// # Errors
    /// Exit 1, naming the service, with the program's words.
    pub(super) fn migrate(&self, migration: Migration<'_>, dependencies: Dependencies<'_>) -> Result<()> {
        let name = migration.service();
        let mut words = vec!["run", "--rm", "-T"];
        let (mut variables, mut moved) = (Vec::new(), Vec::new());
        if let Dependencies::Left(openfga) = dependencies {
            words.push("--no-deps");
            moved = self.variables_to_migrate(name, openfga)?;
        }
        if let (Migration::Own(_), Some(service)) = (migration, self.config()?.service(name)) {
            words.extend(service.entrypoint_to_migrate().into_iter().flat_map(|program| ["--entrypoint", program]));
            // By name only: Compose takes the values from its own environment, not from a command line that others can read.
            variables = service.datastore_flags();
        }
        variables.extend(moved);
        words.extend(variables.iter().flat_map(|(variable, _)| ["-e", *variable]));
        words.push(name);
        words.extend((migration == Migration::Own(name)).then_some(MIGRATE));
        let program =
            variables.iter().fold(self.program(words)?, |program, (variable, value)| program.secret(variable, value));
        self.captured(&program, DEADLINE, |captured| self.failed(migration, captured))?;
        self.migrated.get_or_init(|| ());
        Ok(())
    }

    fn failed(&self, migration: Migration<'_>, captured: &Captured) -> anyhow::Error {
        let role = self.migration_role(migration);
        let Migration::Own(service) = migration else { return openfga_migration::failed(captured, &role) };
        let output = format!("{}\n{}", captured.text(), captured.stderr);
        let fault = Fault::failed(format!("The {service} service cannot migrate its tables ({})", captured.ending));
        let by_hand = format!("docker compose run --rm {service} {MIGRATE}");
        let hint = format!("fix the error above; by hand: {by_hand}; its log: docker compose logs {service}");
        openfga_migration::failed_saying(&output, &role, fault.hint(hint))
    }

    /// The role that the migration logs in as.
    fn migration_role(&self, migration: Migration<'_>) -> String {
        let named = self.config().ok().and_then(|config| config.service(migration.service())?.datastore_role());
        named.unwrap_or_else(|| self.login().user.clone())
    }

    /// The failure of the one-shot service, with its own words, where Compose says only that it failed.
    pub(super) fn failed_one_shot(&self, error: &anyhow::Error) -> Option<anyhow::Error> {
        let migration = self.migration().ok().flatten()?;
        let Migration::OneShot(name) = migration else { return None };
        let ended = self.life_of(name).filter(|life| life.ended && life.exit_code != 0)?;
        if !failure_text::names(error, name) {
            return None;
        }
        let log = Program::new("docker").args(["logs", "--tail", "50", &self.container_of(name)?]);
        let log = log.capture(LOG_DEADLINE).ok()?;
        let output = format!("{}\n{}", log.text(), log.stderr);
        let ending = Ending::Code(i32::try_from(ended.exit_code).ok()?);
        let fault = Fault::failed(format!("The {name} service failed ({ending})"))
            .hint(format!("fix the error above; its log: docker compose logs {name}"));
        Some(openfga_migration::failed_saying(&output, &self.migration_role(migration), fault))
    }
}
