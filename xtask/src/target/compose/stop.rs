//! The stack is stopped: what `up` starts, or the whole project as Compose does it.

use super::Compose;
use super::containers::Container;
use super::data_place::End;
use crate::error::Fault;
use crate::target::backend::Extent;
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(120);

impl Compose {
    /// Stops the services of this extent; false where nothing was there to stop. Others that need them are named first,
    /// and keep running.
    pub(super) fn stop_stack(
        &self,
        extent: Extent,
        listed: Option<Vec<Container>>,
        warn: &dyn Fn(&Fault),
    ) -> Result<bool> {
        if extent == Extent::All {
            self.check_data_outlives(End::Removed)?;
            return self.remove_all(listed.as_deref());
        }
        let wanted = self.services_of(extent)?;
        let is_up = |service: &String| match &listed {
            Some(listed) => listed.iter().any(|container| container.service == *service && container.is_up()),
            None => true,
        };
        let stopped: Vec<&str> = wanted.iter().filter(|service| is_up(service)).map(String::as_str).collect();
        if stopped.is_empty() {
            return Ok(false);
        }
        let users = self.users_that_stay(&wanted, listed)?;
        if !users.is_empty() {
            let users: Vec<&str> = users.iter().map(String::as_str).collect();
            warn(
                &Fault::failed(format!(
                    "Running services that depend on a stopped service, and keep running: {}",
                    users.join(", ")
                ))
                .hint("stop the whole project with: cargo xtask down --all"),
            );
        }
        self.run(["stop", "--"].into_iter().chain(stopped), DEADLINE).map(|_| true)
    }

    /// `docker compose down`, with all profiles where a container belongs to one that is not active: Compose refuses a
    /// project in which another service depends on that one, else.
    fn remove_all(&self, listed: Option<&[Container]>) -> Result<bool> {
        let config = self.config()?;
        let is_inactive = |container: &Container| {
            config.service(&container.service).is_some_and(|service| !service.is_active(&self.settings))
        };
        let words: &[&str] = match listed {
            Some(listed) if listed.iter().any(is_inactive) => &["--profile", "*", "down"],
            _ => &["down"],
        };
        self.run_with_profiles(words, DEADLINE)?;
        Ok(listed.is_none_or(|listed| !listed.is_empty()))
    }

    /// The running services beyond these that depend on one of them, or use the database.
    fn users_that_stay(&self, stopped: &[String], listed: Option<Vec<Container>>) -> Result<BTreeSet<String>> {
        let config = self.config()?;
        let running: Vec<String> = match &listed {
            Some(listed) => listed.iter().filter(|one| one.is_up()).map(|one| one.service.clone()).collect(),
            None => self.running_services()?,
        };
        let dependent = stopped.iter().flat_map(|service| config.users_of(service, |_| true));
        let dependent = dependent.map(|(service, _)| service).filter(|service| running.contains(service));
        let users =
            self.users_among(listed, &[]).unwrap_or_default().into_iter().map(|user| user.name).chain(dependent);
        Ok(users.filter(|service| !stopped.contains(service)).collect())
    }
}
