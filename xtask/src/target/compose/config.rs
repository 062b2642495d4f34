//! The project as Compose reads it: overrides and all profiles included.

use super::image::{self, ImageKind};
use super::server_options;
use crate::settings::Settings;
use crate::target::{dependencies, profiles};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where PostgreSQL's images look for files to run when they make a new cluster.
const INITDB: &str = "/docker-entrypoint-initdb.d";

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

/// One service. Its environment holds secrets: it is read, never shown.
#[derive(Debug, Deserialize)]
pub(super) struct Service {
    /// Empty where the service is built and has no image's name.
    #[serde(default, deserialize_with = "text")]
    pub(super) image: String,
    #[serde(default)]
    pub(super) profiles: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    pub(super) entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    pub(super) command: Vec<String>,
    #[serde(default, deserialize_with = "text")]
    container_name: String,
    #[serde(default, deserialize_with = "text")]
    hostname: String,
    /// By their names, with the names that each gives to the service.
    #[serde(default, deserialize_with = "attachments")]
    networks: BTreeMap<String, Attachment>,
    #[serde(default)]
    depends_on: BTreeMap<String, Value>,
    /// Folders and files of this host, volumes, Compose's `configs`: where each is inside.
    #[serde(default)]
    volumes: Vec<Mount>,
    #[serde(default)]
    configs: Vec<Mount>,
    #[serde(default, deserialize_with = "variables")]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    secrets: Vec<Mounted>,
    ports: Option<Vec<Value>>,
    scale: Option<u64>,
    deploy: Option<Deploy>,
    /// What Compose itself runs in a container that has started, and in one that is to be stopped.
    post_start: Option<Vec<Value>>,
    pre_stop: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
struct Deploy {
    replicas: Option<u64>,
}

/// How a service is in a network.
#[derive(Debug, Default, Deserialize)]
struct Attachment {
    aliases: Option<Vec<String>>,
}

/// What a service gets from outside of its image.
#[derive(Debug, Deserialize)]
struct Mount {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    target: String,
}

#[derive(Debug, Deserialize)]
struct Mounted {
    source: String,
    /// Where it is inside: a path, or a name in `/run/secrets`; empty: its own name.
    #[serde(default)]
    target: String,
}

/// A secret or a config that is a file of this host; others have their text elsewhere.
#[derive(Debug, Deserialize)]
struct HostFile {
    file: Option<PathBuf>,
}

/// `config` doubles the dollars that Compose would otherwise replace.
fn undoubled(text: &str) -> String {
    text.replace("$$", "$")
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|text| undoubled(&text)).unwrap_or_default())
}

/// A command's words; `null` and anything else that is no list is no command.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(list.iter().filter_map(Value::as_str).map(undoubled).collect())
}

/// Networks; one without anything of its own is `null`.
fn attachments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Attachment>, D::Error> {
    let value = Option::<BTreeMap<String, Option<Attachment>>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(value.into_iter().map(|(name, attachment)| (name, attachment.unwrap_or_default())).collect())
}

/// Variables that have a value.
fn variables<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let value = Option::<BTreeMap<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
    let set = value.into_iter().filter_map(|(name, value)| Some((name, undoubled(value.as_str()?))));
    Ok(set.collect())
}

impl Service {
    /// Whether the files give this port of its container this port of the host.
    pub(super) fn publishes(&self, inside: u16, port: u16) -> bool {
        let is = |value: &Value, number: u16| match value {
            Value::String(text) => text.parse() == Ok(number),
            value => value.as_u64() == Some(number.into()),
        };
        self.ports.iter().flatten().any(|one| is(&one["target"], inside) && is(&one["published"], port))
    }

    /// What its image is.
    pub(super) fn product(&self) -> ImageKind {
        image::product(&self.image)
    }

    /// The words that start it, as far as the files say them.
    pub(super) fn words(&self) -> Vec<String> {
        [self.entrypoint.as_slice(), &self.command].concat()
    }

    /// The names by which other services reach it, beside its own.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let aliases = self.networks.values().filter_map(|attachment| attachment.aliases.as_ref()).flatten();
        [&self.container_name, &self.hostname].into_iter().chain(aliases).filter(|name| !name.is_empty()).cloned()
    }

    /// Whether it runs another program of its image than the server.
    pub(super) fn runs_other_program(&self) -> bool {
        match self.product() {
            ImageKind::Postgres => !server_options::start_server(&self.entrypoint, &self.command),
            ImageKind::Openfga | ImageKind::Unknown | ImageKind::Other => self.only_migrates_openfga(),
        }
    }

    /// Whether it gets something at a path that fits.
    pub(super) fn mounts(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.volumes.iter().chain(&self.configs).any(|mount| fits(&mount.target))
    }

    /// Whether its image runs the files of this folder of the host when it makes a new cluster: the folder, or one of its
    /// files, is mounted where the image looks for them.
    pub(super) fn runs_at_first_start(&self, folder: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = real(folder);
        let is_it = |mount: &Mount| {
            let source = real(Path::new(&mount.source));
            mount.kind == "bind"
                && Path::new(&mount.target).starts_with(INITDB)
                && (source == folder || (source.is_file() && source.parent() == Some(&folder)))
        };
        self.volumes.iter().any(is_it)
    }

    /// Whether Compose does more than to start and stop its container.
    pub(super) fn has_hooks(&self) -> bool {
        [&self.post_start, &self.pre_stop].into_iter().flatten().any(|hooks| !hooks.is_empty())
    }

    /// In how many containers Compose runs it.
    pub(super) fn replicas(&self) -> u64 {
        self.scale.or_else(|| self.deploy.as_ref().and_then(|deploy| deploy.replicas)).unwrap_or(1)
    }

    /// Whether Compose starts it without being asked for it by name.
    pub(super) fn is_active(&self, settings: &Settings) -> bool {
        profiles::are_active(&self.profiles, settings)
    }
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
