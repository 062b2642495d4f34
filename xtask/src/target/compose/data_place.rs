//! Whether the database's data outlives its container.

use super::Compose;
use super::engine::DEADLINE;
use crate::error::Fault;
use crate::process::Program;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Variables by which images name the folder of their data.
const VARIABLES: [&str; 2] = ["PGDATA", "POSTGRESQL_DATA_DIR"];
/// The folders of the official image and of Bitnami's, where no variable names one.
const USUAL: [&str; 2] = ["/var/lib/postgresql/data", "/bitnami/postgresql/data"];

/// What becomes of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Compose recreates it, and keeps its volumes.
    Renewed,
    /// Compose removes it; a volume without a name is not found again.
    Removed,
}

/// Where the data is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// In a volume with a name, or in a folder of the host.
    Kept,
    /// In a volume that only this container knows.
    Nameless(String),
    /// In the container itself.
    Container,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    destination: String,
}

/// The folder of the data, by the variables of a container.
pub(super) fn folder(environment: Option<&BTreeMap<String, String>>) -> String {
    let value = |name: &&str| environment?.get(*name).filter(|value| !value.is_empty());
    VARIABLES.iter().find_map(value).cloned().unwrap_or_else(|| USUAL[0].to_owned())
}

impl Compose {
    /// Refuses an end of the database's container that takes its data along.
    ///
    /// # Errors
    /// Exit 1, with what to do instead; exit 4 where Docker does not say where the data is.
    pub(super) fn check_data_outlives(&self, end: End) -> Result<(), Fault> {
        let service = self.service();
        let Some(id) = self.container_of(service) else { return Ok(()) };
        let format = "[{{json .Mounts}},{{json .Config.Env}}]";
        let asked = Program::new("docker").args(["inspect", "--format", format, &id]).capture(DEADLINE);
        let told = asked.map(|captured| captured.text()).unwrap_or_default();
        let Ok((mounts, variables)) = serde_json::from_str::<(Vec<Mount>, Vec<String>)>(told.trim()) else {
            let fault = Fault::unreachable(format!("Docker does not say where the data of {service} is"));
            return Err(fault.hint(format!("see what it says: docker inspect {id}")));
        };
        let place = match (place_of(&mounts, &variables), end) {
            (Place::Kept, _) | (Place::Nameless(_), End::Renewed) => return Ok(()),
            (Place::Nameless(volume), End::Removed) => {
                format!("in the volume {volume}, which no other container finds")
            }
            (Place::Container, _) => "inside of its container, in no volume".to_owned(),
        };
        let hint = match end {
            End::Renewed => {
                "take a backup: cargo xtask db-backup; give the service a volume for its data; remove the container: docker compose rm --stop"
            }
            End::Removed => {
                "stop without removing anything: cargo xtask down; or take a backup, then: docker compose down"
            }
        };
        let ends = if end == End::Renewed { "recreated" } else { "removed" };
        let message = format!("The container of {service} would be {ends}, and its data is lost then: it is {place}");
        Err(Fault::failed(message).hint(hint))
    }
}

fn place_of(mounts: &[Mount], variables: &[String]) -> Place {
    let value = |name: &str| {
        let pairs = variables.iter().filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value).next()
    };
    let named: Vec<&str> = VARIABLES.iter().filter_map(|name| value(name)).collect();
    let folders: &[&str] = if named.is_empty() { &USUAL } else { &named };
    let holds = |mount: &&Mount| {
        let is_in = |folder: &&str| std::path::Path::new(folder).starts_with(&mount.destination);
        mount.kind != "tmpfs" && !mount.destination.is_empty() && folders.iter().any(is_in)
    };
    // The innermost mount is the one that is written to.
    match mounts.iter().filter(holds).max_by_key(|mount| mount.destination.len()) {
        None => Place::Container,
        Some(mount) if mount.kind == "volume" && is_nameless(&mount.name) => Place::Nameless(mount.name.clone()),
        Some(_) => Place::Kept,
    }
}

/// As Docker names a volume that has no name.
fn is_nameless(volume: &str) -> bool {
    volume.len() == 64 && volume.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_volume_or_a_folder_of_the_host_keeps_the_data() {
        let nameless = "0".repeat(64);
        let place = |kind: &str, name: &str, destination: &str, variables: &[&str]| {
            let mount = Mount { kind: kind.into(), name: name.into(), destination: destination.into() };
            let variables: Vec<String> = variables.iter().map(|pair| (*pair).to_owned()).collect();
            place_of(&[mount], &variables)
        };
        assert_eq!(place("volume", "app_data", "/var/lib/postgresql/data", &[]), Place::Kept);
        assert_eq!(place("bind", "", "/var/lib/postgresql", &["PGDATA=/var/lib/postgresql/18/docker"]), Place::Kept);
        assert_eq!(place("volume", "app_data", "/bitnami/postgresql", &[]), Place::Kept);
        let lost = place("volume", &nameless, "/var/lib/postgresql/data", &[]);
        assert_eq!(lost, Place::Nameless(nameless));
        assert_eq!(place("volume", "app_data", "/var/lib/postgresql/data", &["PGDATA=/data"]), Place::Container);
        assert_eq!(place("tmpfs", "", "/var/lib/postgresql/data", &[]), Place::Container);
        assert_eq!(place("bind", "", "/docker-entrypoint-initdb.d", &[]), Place::Container);
    }
}
