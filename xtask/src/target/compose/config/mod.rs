//! The project as Compose reads it: overrides and all profiles included.

mod service;

pub(super) use service::{Port, Service};

use crate::target::dependencies;
use serde::Deserialize;
use service::{Mount, Mounted};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Read from `docker compose --profile '*' config --format json`.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) name: String,
    #[serde(default)]
    services: BTreeMap<String, Service>,
    #[serde(default)]
    secrets: BTreeMap<String, HostFile>,
    #[serde(default)]
    configs: BTreeMap<String, HostFile>,
}

/// A secret or a config that is a file of this host; others have their text elsewhere.
#[derive(Debug, Deserialize)]
struct HostFile {
    file: Option<PathBuf>,
}

impl Config {
    /// The services that depend on this one, directly or through others that pass, each with the one that it depends on.
    pub(super) fn users_of(&self, service: &str, passes: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut users: Vec<(String, String)> = vec![(service.to_owned(), String::new())];
        loop {
            let is_new = |name: &str| users.iter().all(|(known, _)| known != name);
            let through = |service: &Service| {
                users.iter().map(|(known, _)| known).find(|known| service.depends_on.contains_key(*known)).cloned()
            };
            let mut services = self.services.iter().filter(|(name, _)| is_new(name) && passes(name));
            match services.find_map(|(name, service)| Some((name.clone(), through(service)?))) {
                Some(found) => users.push(found),
                None => break,
            }
        }
        users.split_off(1)
    }

    /// These services and all that they depend on, directly or through others.
    pub(super) fn needed_by(&self, services: &[&str]) -> Vec<String> {
        let depends_on = |name: &str| {
            let dependencies = self.services.get(name).into_iter().flat_map(|service| service.depends_on.keys());
            dependencies.map(String::as_str).collect()
        };
        dependencies::needed_by(services, depends_on).into_iter().map(str::to_owned).collect()
    }

    /// The service of this name.
    pub(super) fn service(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    /// All services by their names.
    pub(super) fn services(&self) -> impl Iterator<Item = (&str, &Service)> {
        self.services.iter().map(|(name, service)| (name.as_str(), service))
    }

    /// The file of this host that a service gets at this path: as a secret, a config, or mounted.
    pub(super) fn file_at(&self, service: &str, path: &str) -> Option<PathBuf> {
        self.secret_at(service, path)
            .or_else(|| self.config_at(service, path))
            .or_else(|| self.mounted_at(service, path))
    }

    fn config_at(&self, service: &str, path: &str) -> Option<PathBuf> {
        let mounted = &self.services.get(service)?.configs;
        let inside = |mount: &Mount| match mount.target.as_str() {
            "" => format!("/{}", mount.source),
            target => target.to_owned(),
        };
        let found = mounted.iter().find(|mount| inside(mount) == path)?;
        self.configs.get(&found.source)?.file.clone()
    }

    /// By the innermost folder or file of the host that is mounted there.
    fn mounted_at(&self, service: &str, path: &str) -> Option<PathBuf> {
        let mounts = self.services.get(service)?.volumes.iter();
        let inside = mounts.filter_map(|mount| Some((mount, Path::new(path).strip_prefix(&mount.target).ok()?)));
        let (mount, rest) = inside.min_by_key(|(_, rest)| rest.components().count())?;
        let source = Path::new(&mount.source);
        let whole = if rest.as_os_str().is_empty() { source.to_owned() } else { source.join(rest) };
        (mount.kind == "bind").then_some(whole)
    }

    fn secret_at(&self, service: &str, path: &str) -> Option<PathBuf> {
        let mounted = &self.services.get(service)?.secrets;
        let inside = |secret: &Mounted| match secret.target.as_str() {
            "" => format!("/run/secrets/{}", secret.source),
            absolute if absolute.starts_with('/') => absolute.to_owned(),
            name => format!("/run/secrets/{name}"),
        };
        let found = mounted.iter().find(|secret| inside(secret) == path)?;
        self.secrets.get(&found.source)?.file.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        serde_json::from_value(serde_json::json!({
            "name": "app",
            "secrets": { "pw": { "name": "app_pw", "file": "/host/pw.txt" }, "there": { "external": true } },
            "configs": { "user": { "name": "app_user", "file": "/host/user.txt" }, "text": { "content": "app" } },
            "services": {
                "db": {
                    "image": "postgres:16", "command": null,
                    "environment": { "POSTGRES_PASSWORD": "a$$b", "UNSET": null },
                    "secrets": [{ "source": "pw" }, { "source": "pw", "target": "other" }, { "source": "there" }],
                    "configs": [{ "source": "user" }, { "source": "text", "target": "/text" }],
                    "volumes": [{ "type": "bind", "source": "/host/etc", "target": "/etc/app" },
                        { "type": "volume", "source": "data", "target": "/etc/app/data" }],
                },
                "built": { "build": { "context": "." }, "profiles": ["tools"], "environment": null,
                    "depends_on": { "db": { "condition": "service_started" } }, "command": ["run", "$$x"] },
                "last": { "image": "x", "depends_on": { "built": {} } },
            },
        }))
        .unwrap()
    }

    #[test]
    fn dollars_are_undoubled_and_what_is_missing_is_empty() {
        let config = config();
        assert_eq!(config.service("db").unwrap().environment["POSTGRES_PASSWORD"], "a$b");
        assert_eq!(config.service("db").unwrap().environment.len(), 1);
        let built = config.service("built").unwrap();
        assert_eq!((built.image.as_str(), &built.command), ("", &vec!["run".to_owned(), "$x".to_owned()]));
        let pair = |name: &str, through: &str| (name.to_owned(), through.to_owned());
        assert_eq!(config.users_of("db", |_| true), [pair("built", "db"), pair("last", "built")]);
        assert_eq!(config.users_of("db", |name| name != "built"), []);
        assert_eq!(config.needed_by(&["last", "db"]), ["last", "db", "built"]);
    }

    #[test]
    fn hooks_of_compose_are_seen() {
        let has_hooks = |text: &str| serde_json::from_str::<Service>(text).unwrap().has_hooks();
        let hook = r#"[{"command": ["true"]}]"#;
        assert!(has_hooks(&format!(r#"{{"post_start": {hook}}}"#)) && has_hooks(&format!(r#"{{"pre_stop": {hook}}}"#)));
        assert!(!has_hooks(r#"{"post_start": [], "pre_stop": null}"#) && !has_hooks("{}"));
    }

    #[test]
    fn a_file_of_the_host_is_found_by_its_path_inside() {
        let config = config();
        let file = Some(PathBuf::from("/host/pw.txt"));
        assert_eq!(config.secret_at("db", "/run/secrets/pw"), file);
        assert_eq!(config.secret_at("db", "/run/secrets/other"), file);
        assert_eq!(config.secret_at("db", "/run/secrets/there"), None);
        assert_eq!(config.secret_at("built", "/run/secrets/pw"), None);
        let at = |path: &str| config.file_at("db", path);
        assert_eq!(at("/run/secrets/pw"), file);
        assert_eq!((at("/user"), at("/text")), (Some(PathBuf::from("/host/user.txt")), None));
        assert_eq!((at("/etc/app"), at("/etc/app/a/b")), (Some("/host/etc".into()), Some("/host/etc/a/b".into())));
        assert_eq!((at("/etc/app/data/x"), at("/etc/application")), (None, None));
    }
}
