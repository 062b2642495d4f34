//! Containers are stopped and started by `docker`, where Compose would do nothing else. Compose takes 0.2 s to find them.
//! To start a service it starts its dependencies, too, and looks every half second whether they are healthy.

use super::Compose;
use super::config::Config;
use super::containers::Container;
use super::migrate::Migration;
use crate::process::Program;
use std::time::Duration;

/// How long a container may take to end by itself, in seconds.
pub(super) const GRACE: &str = "10";

impl Compose {
    /// Stops the containers of these services; false where that is left to Compose, which then says what is wrong, too.
    pub(super) fn stop_containers(&self, services: &[String], deadline: Duration) -> bool {
        let (Ok(config), Some(listed)) = (self.config(), self.listed(false)) else { return false };
        let has_hooks = |name: &String| config.service(name).is_none_or(|service| service.has_hooks());
        if services.iter().any(|name| has_hooks(name) || needs_one_of(config, name, services)) {
            return false;
        }
        let ours = listed.iter().filter(|container| services.contains(&container.service));
        let ids: Vec<&str> = ours.map(|container| container.id.as_str()).collect();
        !ids.is_empty() && works(&Program::new("docker").args(["stop", "-t", GRACE]).args(ids), deadline)
    }

    /// Starts the containers of these services; false where that is left to Compose, which then says what is wrong, too.
    pub(super) fn start_containers(&self, config: &Config, services: &[String], deadline: Duration) -> bool {
        let Some(listed) = self.listed(true) else { return false };
        let ids = |service: &String| {
            let ids = listed.iter().filter(|container| container.service == *service).map(|container| &*container.id);
            Some(ids.collect::<Vec<&str>>()).filter(|ids| !ids.is_empty())
        };
        let Some(ids) = services.iter().map(ids).collect::<Option<Vec<_>>>() else { return false };
        if services.is_empty() || !services.iter().all(|service| self.needs_no_other(config, service, &listed)) {
            return false;
        }
        works(&Program::new("docker").arg("start").args(ids.concat()), deadline)
    }

    /// Whether everything that the service depends on runs already. OpenFGA's one-shot service counts once this run has
    /// done its work; any other has to run again: its work may be missing in the database that was swapped in.
    fn needs_no_other(&self, config: &Config, service: &str, listed: &[Container]) -> bool {
        let one_shot = self.migrated.get().and_then(|()| match self.migration() {
            Ok(Some(Migration::OneShot(name))) => Some(name),
            _ => None,
        });
        let runs = |name: &str| listed.iter().any(|container| container.service == name && container.runs());
        let needed = config.needed_by(&[service]);
        let mut others = needed.iter().filter(|name| *name != service);
        let has_hooks = config.service(service).is_none_or(|service| service.has_hooks());
        !has_hooks && others.all(|name| one_shot == Some(name) || runs(name))
    }
}

/// Whether the order counts.
fn needs_one_of(config: &Config, service: &str, services: &[String]) -> bool {
    config.needed_by(&[service]).iter().any(|name| name != service && services.contains(name))
}

fn works(program: &Program, deadline: Duration) -> bool {
    program.capture(deadline).is_ok_and(|said| said.ending.success())
}
