//! Services are started: those that are needed, or all of the project. What Compose recreates is named first.

use super::Compose;
use super::containers::{self, Container};
use super::data_place::End;
use super::engine::DEADLINE;
use super::failure_text;
use super::migrate::{Dependencies, Migration};
use crate::error::Fault;
use crate::process::{Ending, Program, signals};
use crate::target::backend::Extent;
use crate::target::startup::FailedService;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The hash of each service's settings.
const HASHES: [&str; 3] = ["config", "--hash", "*"];
const START_DEADLINE: Duration = Duration::from_secs(300);
/// Other services may have to be built.
const REST_DEADLINE: Duration = Duration::from_secs(1800);
/// A service that cannot work mostly ends at once; a busy engine tells it a moment later.
const SETTLE: Duration = Duration::from_secs(2);

/// What Docker did about a container that ended.
struct Restarts {
    service: String,
    count: i32,
    /// It has ended, and Docker waits before it restarts it.
    waits: bool,
}

impl Compose {
    /// The services of this extent: what `up` starts and `down` stops.
    pub(super) fn services_of(&self, extent: Extent) -> Result<Vec<String>> {
        let config = self.config()?;
        if extent == Extent::All {
            let active = config.services().filter(|(_, service)| service.is_active(&self.settings));
            return Ok(active.map(|(name, _)| name.to_owned()).collect());
        }
        let migration = self.migration()?.map(Migration::service);
        let roots: Vec<&str> = std::iter::once(self.service()).chain(self.openfga()?).chain(migration).collect();
        Ok(config.needed_by(&roots))
    }

    /// Says which of the project's containers Compose recreates when it starts these services.
    ///
    /// # Errors
    /// Exit 1: the database's data is in such a container alone.
    pub(super) fn name_renewed(&self, services: &[String], listed: &[Container], note: &dyn Fn(&str)) -> Result<()> {
        let renewed = self.renewed(services, listed)?;
        if renewed.is_empty() {
            return Ok(());
        }
        // One that was never started has no data.
        let has_data = |one: &Container| one.state != "created" && one.service == self.service();
        if renewed.contains(self.service()) && listed.iter().any(has_data) {
            self.check_data_outlives(End::Renewed)?;
        }
        let names: Vec<&str> = renewed.iter().map(String::as_str).collect();
        note(&format!("Compose recreates containers, because their settings or images changed: {}", names.join(", ")));
        Ok(())
    }

    /// The services whose containers were made of other settings, or of another image, than they would be now.
    fn renewed(&self, services: &[String], listed: &[Container]) -> Result<BTreeSet<String>> {
        let ours: Vec<&Container> = listed.iter().filter(|container| services.contains(&container.service)).collect();
        if ours.is_empty() {
            return Ok(BTreeSet::new());
        }
        let told = match self.told(HASHES, DEADLINE).ok().flatten() {
            Some(told) => told,
            None => self.run(HASHES, DEADLINE)?.text(),
        };
        let hashes: BTreeMap<&str, &str> = told.lines().filter_map(|line| line.trim().split_once(' ')).collect();
        let config = self.config()?;
        let images = ours.iter().filter_map(|one| config.service(&one.service)).map(|service| service.image.as_str());
        let images = image_ids(images.collect());
        let differs = |container: &&&Container| {
            let hash = hashes.get(container.service.as_str()).map(|hash| hash.trim());
            let is_of_hash = hash.is_none_or(|hash| hash == container.config_hash);
            let image = || images.get(config.service(&container.service)?.image.as_str());
            let is_of_image = || container.image_id.is_empty() || image().is_none_or(|id| *id == container.image_id);
            (!is_of_hash && !self.would_stay(&container.service)) || !is_of_image()
        };
        Ok(ours.iter().filter(differs).map(|container| container.service.clone()).collect())
    }

    /// Whether Compose would leave the container of this service as it is: asked where the hashes differ, because
    /// `config --hash` leaves out what a service gets by `env_file`, and the container's label counts it.
    fn would_stay(&self, service: &str) -> bool {
        let words = ["--dry-run", "up", "--detach", "--no-deps", "--", service];
        let Ok(told) = self.run(words, DEADLINE) else { return false };
        stays(&format!("{}\n{}", told.text(), told.stderr))
    }

    /// Starts these services with what they depend on; where Compose fails, the service that ended is named.
    pub(super) fn start_services(&self, services: &[&str]) -> Result<()> {
        // A service may be called `--dry-run`.
        let words = ["up", "--detach", "--"].into_iter().chain(services.iter().copied());
        self.run(words, START_DEADLINE)
            .map(drop)
            .map_err(|error| self.made_meanwhile(error))
            .map_err(|error| self.failed_one_shot(&error).unwrap_or_else(|| self.naming_what_ended(services, error)))
    }

    /// The failure where another run makes the project's containers now: Docker names one of ours that has the name.
    fn made_meanwhile(&self, error: anyhow::Error) -> anyhow::Error {
        if !failure_text::is_name_conflict(&error) {
            return error;
        }
        let (said, listed) = (error.root_cause().to_string(), self.every_container().unwrap_or_default());
        if !listed.iter().any(|container| !container.id.is_empty() && said.contains(&container.id)) {
            return error;
        }
        let fault = Fault::failed("Another run makes this project's containers at the same time");
        error.context(fault.hint("wait until it has ended, then run it again"))
    }

    /// Brings OpenFGA's tables up to date, unless Compose does it when it starts OpenFGA.
    pub(super) fn migrate_before_start(&self, openfga: &str, stage: &dyn Fn(&str)) -> Result<()> {
        let Some(migration) = self.migration()? else { return Ok(()) };
        if let Migration::OneShot(service) = migration
            && self.config()?.needed_by(&[openfga]).iter().any(|needed| needed == service)
        {
            return Ok(());
        }
        stage("migrating OpenFGA's tables");
        self.migrate(migration, Dependencies::Started)
    }

    fn naming_what_ended(&self, services: &[&str], error: anyhow::Error) -> anyhow::Error {
        let Ok(config) = self.config() else { return error };
        let needed = config.needed_by(services);
        let ended = self
            .ended()
            .unwrap_or_default()
            .into_iter()
            .find(|(service, _)| needed.contains(service) && failure_text::names(&error, service));
        let Some((service, ending)) = ended else { return error };
        let fault = Fault::failed(format!("The {service} service failed ({ending})"));
        error.context(fault.hint(format!("see its log: docker compose logs --tail 20 {service}")))
    }

    /// Starts every other service; gives those that did not start, or ended at once.
    pub(super) fn start_rest(&self, started: &[String]) -> Result<Vec<FailedService>> {
        let rest: Vec<String> =
            self.services_of(Extent::All)?.into_iter().filter(|service| !started.contains(service)).collect();
        let mut failed = Vec::new();
        let words = ["up", "--detach", "--"].into_iter().chain(rest.iter().map(String::as_str));
        if !rest.is_empty() && self.run(words, REST_DEADLINE).is_err() {
            signals::check()?;
            // One failure keeps Compose from starting the others.
            for service in &rest {
                if let Err(error) = self.run(["up", "--detach", "--", service], REST_DEADLINE) {
                    signals::check()?;
                    failed.push(FailedService { service: service.clone(), why: first_line(&error) });
                }
            }
        }
        let before = self.restarts(&rest)?;
        if !rest.is_empty() {
            std::thread::sleep(SETTLE);
        }
        for (service, ending) in self.ended()? {
            if rest.contains(&service) && failed.iter().all(|failed| failed.service != service) {
                failed.push(FailedService { service, why: format!("it ended ({ending})") });
            }
        }
        for (id, now) in self.restarts(&rest)? {
            let is_restarted = now.count > 0 && before.get(&id).map_or(0, |before| before.count) != now.count;
            if (now.waits || is_restarted) && failed.iter().all(|failed| failed.service != now.service) {
                let why = "it ends, and Docker restarts it".to_owned();
                failed.push(FailedService { service: now.service, why });
            }
        }
        failed.sort_by(|one, other| one.service.cmp(&other.service));
        Ok(failed)
    }

    /// How often Docker restarted the containers of these services by itself, by their ids.
    fn restarts(&self, services: &[String]) -> Result<BTreeMap<String, Restarts>> {
        let mut listed = self.every_container()?;
        listed.retain(|container| services.contains(&container.service));
        let ids: Vec<&str> = listed.iter().map(|container| container.id.as_str()).collect();
        let counts = containers::restarts(&ids)?;
        let counted = |container: &Container| {
            let (count, waits) = (*counts.get(&container.id)?, container.state == "restarting");
            Some((container.id.clone(), Restarts { service: container.service.clone(), count, waits }))
        };
        Ok(listed.iter().filter_map(counted).collect())
    }

    /// The project's containers, running or not.
    fn every_container(&self) -> Result<Vec<Container>> {
        match self.project().or_else(|| self.asked_name()) {
            Some(project) => containers::of_project(project, true)?.ok_or_else(unlisted),
            None => Err(unlisted()),
        }
    }

    /// The services whose containers ended with an error.
    fn ended(&self) -> Result<Vec<(String, Ending)>> {
        let listed = self.every_container()?;
        let suspects: Vec<&str> =
            listed.iter().filter(|container| !container.runs()).map(|container| container.id.as_str()).collect();
        let codes = containers::exit_codes(&suspects)?;
        let ended = |container: &Container| {
            let code = codes.get(&container.id).copied().filter(|code| *code != 0)?;
            Some((container.service.clone(), Ending::Code(code)))
        };
        Ok(listed.iter().filter_map(ended).collect())
    }
}

/// Whether a dry run of `up` speaks of a container, and of none that it would recreate:
/// ` DRY-RUN MODE -  Container app-db-1  Recreate`.
fn stays(dry_run: &str) -> bool {
    let lines = || dry_run.lines().filter(|line| line.contains(" Container "));
    let is_renewed = |line: &str| matches!(line.split_whitespace().last(), Some("Recreate" | "Recreated"));
    lines().next().is_some() && !lines().any(is_renewed)
}

/// An empty list is not proof that no service failed.
fn unlisted() -> anyhow::Error {
    let fault = Fault::unreachable("Docker does not list the project's containers");
    fault.hint("see them with: docker compose ps --all").into()
}

/// The ids of the images that have these names now; those that are not here are left out.
fn image_ids(mut names: BTreeSet<&str>) -> BTreeMap<&str, String> {
    names.retain(|name| !name.is_empty() && !name.starts_with('-'));
    let ids = |names: &[&str]| {
        let asked = Program::new("docker").args(["image", "inspect", "--format", "{{.Id}}"]).args(names);
        let told = asked.capture(DEADLINE).ok().filter(|told| told.ending.success())?.text();
        let ids: Vec<String> = told.lines().map(|line| line.trim().to_owned()).collect();
        (ids.len() == names.len()).then_some(ids)
    };
    let all: Vec<&str> = names.into_iter().collect();
    if all.is_empty() {
        return BTreeMap::new();
    }
    match ids(&all) {
        Some(found) => all.into_iter().zip(found).collect(),
        // One is missing: which one, Docker says in words alone.
        None => all.into_iter().filter_map(|name| Some((name, ids(&[name])?.pop()?))).collect(),
    }
}

fn first_line(error: &anyhow::Error) -> String {
    error.root_cause().to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_tells_whether_a_container_stays() {
        let line = |end: &str| format!(" DRY-RUN MODE -  Container app-db-1  {end}\n");
        assert!(stays(&line("Running")));
        assert!(stays(&[line("Created"), line("Starting"), line("Started")].concat()), "it was stopped");
        assert!(!stays(&[line("Recreate"), line("Recreated"), line("Starting")].concat()));
        assert!(!stays("") && !stays("no words of a container\n"), "what is not named does not count");
    }
}
