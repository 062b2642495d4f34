//! The database that OpenFGA's datastore names: the run's own where no option or setting names another.

use super::Compose;
use super::claims_in_text::{Claim, of_text};
use super::config::Service;
use super::containers::Container;
use super::datastore::{self, MIGRATE, is_program, option};
use super::image::{self, ImageKind};
use super::inspection::Inspection;
use super::selection::{self, OPENFGA, ServiceFound};
use super::server_names::ServerNames;
use super::stack_login::{Part, PartOrigin};
use crate::error::Fault;
use crate::target::database_name::SETTING;
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

const URI: &str = "OPENFGA_DATASTORE_URI";
const ENGINE: &str = "OPENFGA_DATASTORE_ENGINE";
const OPTION: &str = "--datastore-uri";
const ENGINE_OPTION: &str = "--datastore-engine";

/// What an OpenFGA's settings say of its datastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Datastore {
    pub(super) service: String,
    claims: Vec<Claim>,
}

/// Where OpenFGA keeps its data, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// In this database of the stack's server.
    Here(String),
    /// In another server, or in none.
    Elsewhere,
    /// It does not say.
    Unknown,
}

impl Datastore {
    /// Reads a service's environment and command. As for OpenFGA itself, the option wins over the variable.
    pub(super) fn read(service: &str, environment: &BTreeMap<String, String>, command: &[String]) -> Self {
        let engine = option(command, ENGINE_OPTION, environment).or_else(|| environment.get(ENGINE).cloned());
        if engine.is_some_and(|engine| !engine.is_empty() && !engine.eq_ignore_ascii_case("postgres")) {
            // It keeps its data in no PostgreSQL.
            let elsewhere = Claim {
                source: ENGINE.to_owned(),
                hosts: Vec::new(),
                databases: Vec::new(),
                is_certain: true,
                is_readable: true,
            };
            return Self { service: service.to_owned(), claims: vec![elsewhere] };
        }
        let typed = option(command, OPTION, environment).map(|uri| (OPTION, uri));
        let named = typed.or_else(|| environment.get(URI).map(|uri| (URI, uri.clone())));
        let claims = named.map(|(source, uri)| of_text(source, &uri, environment)).unwrap_or_default();
        Self { service: service.to_owned(), claims }
    }

    /// All that says where the data is and whose login, as variables.
    pub(super) fn variables(environment: &BTreeMap<String, String>, command: &[String]) -> Vec<(&'static str, String)> {
        let value = |(flag, variable)| {
            let value = option(command, flag, environment).or_else(|| environment.get(variable).cloned())?;
            Some((variable, value))
        };
        datastore::SETTINGS.into_iter().filter_map(value).collect()
    }

    /// Where its data is.
    pub(super) fn kept(&self, server: &ServerNames) -> Kept {
        match self.claims.as_slice() {
            [] => Kept::Unknown,
            [claim] if !claim.is_at(server) => Kept::Elsewhere,
            [claim] => claim.only_database(server).map_or(Kept::Unknown, |name| Kept::Here(name.to_owned())),
            _ => Kept::Unknown,
        }
    }

    fn source(&self) -> &str {
        self.claims.first().map_or(URI, |claim| &claim.source)
    }
}

/// Whether these words start OpenFGA's migration, not its server.
fn is_migration(command: &[String]) -> bool {
    command.iter().find(|word| !is_program(word)).is_some_and(|word| word == MIGRATE)
}

/// The one database that they name; `None` where they name none of this server.
///
/// # Errors
/// Exit 2: they name several.
pub(super) fn chosen(stores: &[Datastore], server: &ServerNames) -> Result<Option<Part>, Fault> {
    let mut named: Vec<(&Datastore, String)> = Vec::new();
    for store in stores {
        if let Kept::Here(database) = store.kept(server)
            && named.iter().all(|(_, known)| *known != database)
        {
            named.push((store, database));
        }
    }
    let part = |(store, database): &(&Datastore, String)| {
        let origin = PartOrigin::Variable { service: store.service.clone(), name: store.source().to_owned() };
        Part { value: database.clone(), origin }
    };
    match named.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(part(one))),
        several => {
            let names: Vec<String> =
                several.iter().map(|(store, database)| format!("{} names {database}", store.service)).collect();
            let (_, first) = &several[0];
            let fault =
                Fault::usage(format!("Several OpenFGA services name databases of this server: {}", names.join(", ")));
            Err(fault.hint(format!(
                "name one of them: --database {}, or {SETTING} in the environment\n\
                 or the service: {}=…, in .env or in the environment",
                crate::words::shell_word(first),
                OPENFGA.setting
            )))
        }
    }
}

impl Compose {
    /// The containers that may be OpenFGA's server: of the service that the setting names, else of the usual name or by
    /// their image.
    pub(super) fn may_be_openfga<'a>(&self, listed: &'a [Container]) -> Vec<&'a Container> {
        let named = self.settings.get(OPENFGA.setting);
        let is_it = |container: &&Container| match named {
            Some(name) => container.service == name,
            None => {
                let product = image::product(&container.image);
                let has_name = container.service == OPENFGA.usual && product == ImageKind::Unknown;
                product == ImageKind::Openfga || has_name
            }
        };
        let mut containers: Vec<&Container> = listed.iter().filter(is_it).collect();
        // What runs is what is used; an older container of the same service says nothing more.
        containers.sort_by_key(|container| !container.is_up());
        let mut services = Vec::new();
        containers.retain(|container| {
            let is_first = !services.contains(&container.service.as_str());
            services.push(container.service.as_str());
            is_first
        });
        containers
    }

    /// What the settings of these containers say.
    pub(super) fn datastores_of(containers: &[&Container], inspected: &[Inspection]) -> Vec<Datastore> {
        let store = |container: &&Container| {
            let inspection = inspected.iter().find(|inspection| inspection.id == container.id)?;
            (!is_migration(&inspection.command))
                .then(|| Datastore::read(&container.service, &inspection.environment, &inspection.command))
        };
        containers.iter().filter_map(store).collect()
    }

    /// What the Compose files tell OpenFGA, where it has no container.
    ///
    /// # Errors
    /// Exit 2: the setting names no service, or one that is something else. Else: Compose cannot read the project.
    pub(super) fn datastores_of_files(&self, listed: &[Container], deadline: Duration) -> Result<Vec<Datastore>> {
        let config = self.config_within(deadline)?;
        let candidates = self.candidates(config, listed);
        let by_setting = match self.settings.get(OPENFGA.setting) {
            named @ Some(_) => selection::choose(&OPENFGA, named, &candidates)?,
            None => None,
        };
        let is_it = |(name, service): &(&str, &Service)| match &by_setting {
            Some(ServiceFound { name: named, .. }) => named == name,
            None => {
                let candidate = candidates.iter().find(|candidate| candidate.name == *name);
                let has_name = *name == OPENFGA.usual && service.product() == ImageKind::Unknown;
                candidate.is_some_and(|candidate| candidate.inactive.is_empty() && !candidate.runs_other_program)
                    && (service.product() == ImageKind::Openfga || has_name)
            }
        };
        let found = config.services().filter(is_it).filter(|(_, service)| !service.only_migrates_openfga());
        Ok(found.map(|(name, service)| Datastore::read(name, &service.environment, &service.words())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(service: &str, variables: &[(&str, &str)], command: &[&str]) -> Datastore {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        Datastore::read(service, &environment, &command)
    }

    fn kept(variables: &[(&str, &str)], command: &[&str]) -> Kept {
        store("fga", variables, command).kept(&ServerNames::named(["db".to_owned()]))
    }

    fn here(name: &str) -> Kept {
        Kept::Here(name.to_owned())
    }

    const FGA: (&str, &str) = (URI, "postgres://u:p@db:5432/fga?sslmode=disable");

    #[test]
    fn the_variable_and_the_option_name_it() {
        assert_eq!(kept(&[FGA], &["run"]), here("fga"));
        assert_eq!(kept(&[FGA], &["run", OPTION, "postgres://db/other"]), here("other"));
        assert_eq!(kept(&[], &["run", "--datastore-uri=postgres://u:p@db/o%20ther"]), here("o ther"));
        let shell = "exec /openfga run --datastore-engine postgres --datastore-uri \"postgres://u:$PW@db/$NAME\"";
        assert_eq!(kept(&[("NAME", "x"), ("PW", "y")], &["sh", "-c", shell]), here("x"));
        assert_eq!(kept(&[("PW", "y")], &["sh", "-c", shell]), Kept::Unknown);
    }

    #[test]
    fn another_engine_another_server_and_nothing_at_all() {
        assert_eq!(kept(&[FGA, (ENGINE, "memory")], &["run"]), Kept::Elsewhere);
        assert_eq!(kept(&[FGA, (ENGINE, "postgres")], &["run", "--datastore-engine", "mysql"]), Kept::Elsewhere);
        assert_eq!(kept(&[(URI, "postgres://u:p@rds.example.com/fga")], &["run"]), Kept::Elsewhere);
        assert_eq!(kept(&[], &["run"]), Kept::Unknown);
        assert_eq!(kept(&[(URI, "mysql://db/fga")], &["run"]), Kept::Unknown);
        assert_eq!(kept(&[(URI, "postgres://u:p@db")], &["run"]), Kept::Unknown);
    }

    #[test]
    fn two_databases_are_a_doubt_and_one_twice_is_none() {
        let names = ServerNames::named(["db".to_owned()]);
        let one = store("one", &[FGA], &["run"]);
        let same = store("same", &[(URI, "postgres://db/fga")], &["run"]);
        let other = store("other", &[(URI, "postgres://u:hunter2@db/it's")], &["run"]);
        let elsewhere = store("elsewhere", &[(URI, "postgres://x/y")], &["run"]);
        let part = chosen(&[one.clone(), same, elsewhere.clone()], &names).unwrap().unwrap();
        assert_eq!(part.value, "fga");
        assert_eq!(chosen(&[elsewhere], &names).unwrap(), None);
        let fault = chosen(&[one, other], &names).unwrap_err();
        assert_eq!(fault.exit.code(), 2);
        let said = format!("{fault} {}", fault.hint_text().unwrap_or_default());
        assert!(said.contains("one names fga, other names it's") && said.contains("--database fga"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn a_migration_is_no_server() {
        let is_it = |words: &[&str]| is_migration(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert!(is_it(&["migrate"]) && is_it(&["/openfga", "migrate", "--verbose"]));
        assert!(!is_it(&["run", "migrate"]) && !is_it(&[]) && !is_it(&["sh", "-c", "openfga migrate && openfga run"]));
    }
}
