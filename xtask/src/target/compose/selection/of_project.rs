//! Which service of the project is the database: by the files and by what runs.

use super::candidate::{Candidate, is_name};
use super::role::{POSTGRES, Role};
use super::service_found::ServiceFound;
use super::{answering, choose, recognised, refusal, supposed};
use crate::error::Fault;
use crate::process::Program;
use crate::target::compose::Compose;
use crate::target::compose::config::{Config, Service};
use crate::target::compose::containers::Container;
use crate::target::compose::image::{self, ImageKind};
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// A container without `pg_isready` says so at once.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

impl Compose {
    /// The service by setting or usual name, where a container of it is there and nothing speaks against it.
    pub(in crate::target::compose) fn by_name(&self, role: &Role, listed: &[Container]) -> Option<ServiceFound> {
        let named = self.settings.get(role.setting);
        let name = named.unwrap_or(role.usual);
        let mut containers = listed.iter().filter(|container| container.service == name);
        let fits = |container: &Container| {
            (named.is_some() || container.runs()) && role.may_be(image::product(&container.image))
        };
        (is_name(name) && containers.any(fits)).then(|| ServiceFound::named(name))
    }

    pub(in crate::target::compose) fn by_files(&self, config: &Config, listed: &[Container]) -> Result<ServiceFound> {
        let role = &POSTGRES;
        let candidates = self.candidates(config, listed);
        if let Some(found) = recognised(role, self.settings.get(role.setting), &candidates)? {
            return Ok(found);
        }
        // A team's own build that answers is the server rather than a job of PostgreSQL's image beside it.
        for product in [ImageKind::Unknown, ImageKind::Postgres] {
            if let Some(found) = by_answer(listed, &candidates, product)? {
                return Ok(found);
            }
        }
        Ok(supposed(role, &candidates)?.ok_or_else(|| refusal::none(role, &candidates))?)
    }

    /// The services of the files. One of an inactive profile that runs all the same is active.
    pub(in crate::target::compose) fn candidates(&self, config: &Config, listed: &[Container]) -> Vec<Candidate> {
        let candidate = |(name, service): (&str, &Service)| {
            let runs = || listed.iter().any(|container| container.service == name && container.is_up());
            let is_active = service.is_active(&self.settings) || runs();
            Candidate {
                name: name.to_owned(),
                image: service.image.clone(),
                product: service.product(),
                inactive: if is_active { Vec::new() } else { service.profiles.clone() },
                runs_other_program: service.runs_other_program(),
            }
        };
        config.services().filter(|(name, _)| is_name(name)).map(candidate).collect()
    }

    /// What runs, where Compose cannot read its files.
    pub(in crate::target::compose) fn by_containers(
        &self,
        listed: &[Container],
        error: &anyhow::Error,
    ) -> Result<ServiceFound> {
        let mut candidates: BTreeMap<&str, Candidate> = BTreeMap::new();
        for container in listed.iter().filter(|container| container.is_up() && is_name(&container.service)) {
            let Container { service, image, .. } = container;
            let product = image::product(image);
            let found = Candidate {
                name: service.clone(),
                image: image.clone(),
                product,
                inactive: Vec::new(),
                runs_other_program: false,
            };
            candidates.insert(service, found);
        }
        if candidates.is_empty() {
            return Err(anyhow::Error::msg(format!("{error:#}")));
        }
        let candidates: Vec<Candidate> = candidates.into_values().collect();
        let role = &POSTGRES;
        let named = self.settings.get(role.setting);
        // What these containers run is not known: those that answer come first.
        let is_told = named.is_some() || candidates.len() == 1;
        for product in [ImageKind::Postgres, ImageKind::Unknown].into_iter().filter(|_| !is_told) {
            if let Some(found) = by_answer(listed, &candidates, product)? {
                return Ok(found);
            }
        }
        let chosen = choose(role, named, &candidates)?;
        chosen.ok_or_else(|| anyhow::Error::msg(format!("{error:#}")))
    }
}

/// The only service whose image is of this kind and whose server answers as PostgreSQL.
fn by_answer(
    listed: &[Container],
    candidates: &[Candidate],
    product: ImageKind,
) -> Result<Option<ServiceFound>, Fault> {
    let is_it = |name: &str| candidates.iter().any(|candidate| candidate.name == name && candidate.product == product);
    let answers = |container: &&Container| {
        let asked = Program::new("docker").args(["exec", &container.id, "pg_isready", "-q", "-h", "127.0.0.1"]);
        asked.capture(ANSWER_DEADLINE).is_ok_and(|captured| captured.ending.success())
    };
    let running = listed.iter().filter(|container| container.runs() && is_it(&container.service));
    let mut names: Vec<&str> = running.filter(answers).map(|container| container.service.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let found: Vec<&Candidate> =
        candidates.iter().filter(|candidate| names.contains(&candidate.name.as_str())).collect();
    answering(&POSTGRES, &found)
}
