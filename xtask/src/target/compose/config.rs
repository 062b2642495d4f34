//! The project as Compose reads it: overrides and active profiles included.

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

impl Config {
    /// The services that depend on this one, directly or through others.
    pub(super) fn users_of(&self, service: &str) -> Vec<String> {
        let mut users = vec![service.to_owned()];
        loop {
            let depends = |service: &Service| service.depends_on.keys().any(|name| users.contains(name));
            let next = self.services.iter().find(|(name, service)| !users.contains(name) && depends(service));
            match next.map(|(name, _)| name.clone()) {
                Some(name) => users.push(name),
                None => break,
            }
        }
        users.split_off(1)
    }

    /// A variable of a service's environment, as Compose resolves it.
    pub(super) fn variable_of(&self, service: &str, name: &str) -> Option<String> {
        let service = self.services.get(service);
        let value = service.and_then(|service| service.environment.get(name)?.as_str());
        // `config` doubles the dollars that Compose would otherwise replace.
        value.map(|value| value.replace("$$", "$")).filter(|value| !value.is_empty())
    }

    /// Whether the project has this service.
    pub(super) fn has_service(&self, service: &str) -> bool {
        self.services.contains_key(service)
    }
}
