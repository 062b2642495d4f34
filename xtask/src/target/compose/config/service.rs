//! One service of the project, as the Compose files have it.

use crate::settings::Settings;
use crate::target::compose::image::{self, ImageKind};
use crate::target::compose::server_options;
use crate::target::profiles;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Where PostgreSQL's images look for files to run when they make a new cluster.
const INITDB: &str = "/docker-entrypoint-initdb.d";

/// One service. Its environment holds secrets: it is read, never shown.
#[derive(Debug, Deserialize)]
pub(in crate::target::compose) struct Service {
    /// Empty where the service is built and has no image's name.
    #[serde(default, deserialize_with = "text")]
    pub(in crate::target::compose) image: String,
    #[serde(default)]
    pub(in crate::target::compose) profiles: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    pub(in crate::target::compose) entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    pub(in crate::target::compose) command: Vec<String>,
    #[serde(default, deserialize_with = "text")]
    container_name: String,
    #[serde(default, deserialize_with = "text")]
    hostname: String,
    /// By their names, with the names that each gives to the service.
    #[serde(default, deserialize_with = "attachments")]
    networks: BTreeMap<String, Attachment>,
    #[serde(default)]
    pub(in crate::target::compose) depends_on: BTreeMap<String, Value>,
    /// Folders and files of this host, volumes, Compose's `configs`: where each is inside.
    #[serde(default)]
    pub(super) volumes: Vec<Mount>,
    #[serde(default)]
    pub(super) configs: Vec<Mount>,
    #[serde(default, deserialize_with = "variables")]
    pub(in crate::target::compose) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) secrets: Vec<Mounted>,
    #[serde(default, deserialize_with = "ports")]
    pub(in crate::target::compose) ports: Vec<Port>,
    pub(in crate::target::compose) healthcheck: Option<Value>,
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

/// A port that is to be published.
#[derive(Debug, Deserialize)]
pub(in crate::target::compose) struct Port {
    #[serde(deserialize_with = "number")]
    pub(in crate::target::compose) target: Option<u16>,
    /// `None` where Docker chooses.
    #[serde(default, deserialize_with = "number")]
    pub(in crate::target::compose) published: Option<u16>,
    /// Empty where Compose leaves it out: TCP.
    #[serde(default)]
    pub(in crate::target::compose) protocol: String,
    pub(in crate::target::compose) app_protocol: Option<String>,
}

/// How a service is in a network.
#[derive(Debug, Default, Deserialize)]
struct Attachment {
    aliases: Option<Vec<String>>,
}

/// What a service gets from outside of its image.
#[derive(Debug, Deserialize)]
pub(super) struct Mount {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) target: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mounted {
    pub(super) source: String,
    /// Where it is inside: a path, or a name in `/run/secrets`; empty: its own name.
    #[serde(default)]
    pub(super) target: String,
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

/// Ports; what is not understood is left out.
fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Port>, D::Error> {
    let values = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

/// A port's number, which some versions of Compose write as a text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|number| number.try_into().ok()),
    })
}

impl Service {
    /// Whether the files give this port of its container this port of the host.
    pub(in crate::target::compose) fn publishes(&self, inside: u16, port: u16) -> bool {
        self.ports.iter().any(|one| one.target == Some(inside) && one.published == Some(port))
    }

    /// What its image is.
    pub(in crate::target::compose) fn product(&self) -> ImageKind {
        image::product(&self.image)
    }

    /// The words that start it, as far as the files say them.
    pub(in crate::target::compose) fn words(&self) -> Vec<String> {
        [self.entrypoint.as_slice(), &self.command].concat()
    }

    /// The names by which other services reach it, beside its own.
    pub(in crate::target::compose) fn names(&self) -> impl Iterator<Item = String> {
        let aliases = self.networks.values().filter_map(|attachment| attachment.aliases.as_ref()).flatten();
        [&self.container_name, &self.hostname].into_iter().chain(aliases).filter(|name| !name.is_empty()).cloned()
    }

    /// Whether it runs another program of its image than the server.
    pub(in crate::target::compose) fn runs_other_program(&self) -> bool {
        match self.product() {
            ImageKind::Postgres => !server_options::start_server(&self.entrypoint, &self.command),
            ImageKind::Openfga | ImageKind::Unknown | ImageKind::Other => self.only_migrates_openfga(),
        }
    }

    /// Whether it gets something at a path that fits.
    pub(in crate::target::compose) fn mounts(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.volumes.iter().chain(&self.configs).any(|mount| fits(&mount.target))
    }

    /// Whether its image runs the files of this folder of the host when it makes a new cluster: the folder, or one of its
    /// files, is mounted where the image looks for them.
    pub(in crate::target::compose) fn runs_at_first_start(&self, folder: &Path) -> bool {
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
    pub(in crate::target::compose) fn has_hooks(&self) -> bool {
        [&self.post_start, &self.pre_stop].into_iter().flatten().any(|hooks| !hooks.is_empty())
    }

    /// In how many containers Compose runs it.
    pub(in crate::target::compose) fn replicas(&self) -> u64 {
        self.scale.or_else(|| self.deploy.as_ref().and_then(|deploy| deploy.replicas)).unwrap_or(1)
    }

    /// Whether Compose starts it without being asked for it by name.
    pub(in crate::target::compose) fn is_active(&self, settings: &Settings) -> bool {
        profiles::are_active(&self.profiles, settings)
    }
}
