//! Which services use the database: by their settings, by their sessions, or, where neither says it, by what they
//! depend on.

use super::Compose;
use super::claims;
use super::claims_in_text::Meaning;
use super::config::Config;
use super::containers::Container;
use super::engine::DEADLINE;
use super::inspection::Inspection;
use super::reading::inspect;
use super::server_names::ServerNames;
use crate::target::backend::ServiceUser;
use anyhow::Result;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What is known of a service's use of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Use {
    /// It uses it, or may; why.
    Uses(String),
    /// It uses another database of the server.
    Another,
    /// It is not known.
    Unknown,
}

/// What the containers of one service say together.
#[derive(Debug, Default)]
struct Seen {
    meaning: Option<(Meaning, String)>,
    has_session: bool,
}

impl Compose {
    /// The running services that use the target's database, each with the reason; `clients`: where its sessions come
    /// from.
    pub(super) fn users(&self, clients: &[IpAddr]) -> Result<Vec<ServiceUser>> {
        self.users_among(self.listed(false), clients)
    }

    /// The same, of these containers of the project; `None` where Docker cannot list them without Compose.
    pub(super) fn users_among(&self, listed: Option<Vec<Container>>, clients: &[IpAddr]) -> Result<Vec<ServiceUser>> {
        let server = self.service();
        let (running, inspected) = match listed {
            Some(listed) => {
                let running: Vec<Container> = listed.into_iter().filter(Container::runs).collect();
                let inspected = inspect(running.iter().map(Container::key), DEADLINE)?;
                (running.into_iter().map(|container| (container.service, container.id)).collect(), inspected)
            }
            None => {
                (self.running_services()?.into_iter().map(|service| (service, String::new())).collect(), Vec::new())
            }
        };
        let running: Vec<(String, String)> = running;
        let seen = self.seen(&running, &inspected, clients);
        let is_running = |name: &str| running.iter().any(|(service, _)| service == name);
        let config = self.config()?;
        let used = |name: &str| match seen.get(name) {
            Some(seen) => self.judged(seen),
            None => self.judged(&self.told_by_files(config, name)),
        };
        let dependents = config.users_of(server, |name| used(name) != Use::Another);
        let mut users: Vec<ServiceUser> = dependents
            .iter()
            .filter(|(name, _)| is_running(name))
            .map(|(name, through)| {
                let why = match used(name) {
                    Use::Uses(why) => why,
                    _ => format!("it depends on {through}; which database it uses is not known"),
                };
                ServiceUser { name: name.clone(), why }
            })
            .collect();
        for name in seen.keys().filter(|name| *name != server) {
            if let Use::Uses(why) = used(name)
                && users.iter().all(|user| user.name != *name)
            {
                users.push(ServiceUser { name: name.clone(), why });
            }
        }
        users.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(users)
    }

    fn judged(&self, seen: &Seen) -> Use {
        let database = &self.found().login.login.database;
        let (server, has_session) = (self.service(), seen.has_session);
        match &seen.meaning {
            Some((Meaning::This, source)) => Use::Uses(format!("{source} names {database}")),
            _ if has_session => Use::Uses(format!("it has a session in {database}")),
            Some((Meaning::Unclear | Meaning::HostAlone, source)) => {
                Use::Uses(format!("{source} names {server}; which of its databases is not known"))
            }
            Some((Meaning::Another, _)) => Use::Another,
            None => Use::Unknown,
        }
    }

    /// The running services, as their containers show them.
    fn seen(
        &self,
        running: &[(String, String)],
        inspected: &[Inspection],
        clients: &[IpAddr],
    ) -> BTreeMap<String, Seen> {
        let found = self.found();
        let server =
            inspected.iter().find(|one| running.iter().any(|(name, id)| name == self.service() && *id == one.id));
        let mut services: BTreeMap<String, Seen> = BTreeMap::new();
        for (service, id) in running.iter().filter(|(service, _)| service != self.service()) {
            let seen = services.entry(service.clone()).or_default();
            let Some(inspection) = inspected.iter().find(|inspection| inspection.id == *id) else { continue };
            let names = server.map_or_else(
                || found.names.clone(),
                |server| ServerNames::of_container(self.service(), server).seen_by(server, inspection),
            );
            seen.has_session |= inspection.addresses.iter().any(|address| clients.contains(address));
            let told = strongest(&inspection.environment, &inspection.command, &names, &found.login.login.database);
            seen.meaning = seen.meaning.take().max(told);
        }
        services
    }

    /// What the Compose files tell a service that does not run.
    fn told_by_files(&self, config: &Config, name: &str) -> Seen {
        let found = self.found();
        let told = config.service(name).and_then(|service| {
            strongest(&service.environment, &service.words(), &found.names, &found.login.login.database)
        });
        Seen { meaning: told, has_session: false }
    }
}

/// The strongest claim of a service, and where it stands.
fn strongest(
    environment: &BTreeMap<String, String>,
    command: &[String],
    server: &ServerNames,
    database: &str,
) -> Option<(Meaning, String)> {
    let claims = claims::of(environment, command);
    claims.iter().filter_map(|claim| Some((claim.meaning(server, database)?, claim.source.clone()))).max()
}
