//! The project as Compose reads it: overrides and active profiles included.

use super::engine::DEADLINE;
use super::{Compose, SERVICE};
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) name: String,
    services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
struct Service {
    #[serde(default)]
    depends_on: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    environment: BTreeMap<String, serde_json::Value>,
}

impl Compose {
    /// Asked once.
    fn config(&self) -> Result<&Config> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        // Holds secrets: it is read, never shown.
        let text = self.run(["config", "--format", "json"], DEADLINE)?.text();
        let config = serde_json::from_str(&text).context("the project as Compose reads it")?;
        Ok(self.config.get_or_init(|| config))
    }

    /// The services that depend on the database's, directly or through others.
    pub(super) fn users_of_database(&self) -> Result<Vec<String>> {
        let services = &self.config()?.services;
        let mut users = vec![SERVICE.to_owned()];
        loop {
            let depends = |service: &Service| service.depends_on.keys().any(|name| users.contains(name));
            let next = services.iter().find(|(name, service)| !users.contains(name) && depends(service));
            match next.map(|(name, _)| name.clone()) {
                Some(name) => users.push(name),
                None => break,
            }
        }
        Ok(users.split_off(1))
    }

    /// A variable of a service's environment, as Compose resolves it.
    pub(super) fn variable_of(&self, service: &str, name: &str) -> Result<Option<String>> {
        let service = self.config()?.services.get(service);
        let value = service.and_then(|service| service.environment.get(name)?.as_str());
        // `config` doubles the dollars that Compose would otherwise replace.
        Ok(value.map(|value| value.replace("$$", "$")).filter(|value| !value.is_empty()))
    }

    /// Whether the project has this service.
    pub(super) fn has_service(&self, service: &str) -> Result<bool> {
        Ok(self.config()?.services.contains_key(service))
    }
}
