//! The files that the programs read: embedded here, written into a folder that containers see, or for a person.

use crate::error::Fault;
use crate::platform;
use crate::target::companion::Surroundings;
use crate::target::state_folder::{self, Whose};
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// The Compose file of our own containers: its variables are given by the command alone.
const COMPOSE_FILE: &str = "compose.yml";

/// Paths in the folder, and texts. None of them holds a secret: the programs run as other users, who must read them.
pub const FILES: &[(&str, &str)] = &[
    (COMPOSE_FILE, include_str!("../../monitoring/compose.yml")),
    ("postgres/queries.yaml", include_str!("../../monitoring/postgres/queries.yaml")),
    ("postgres/role.sql", include_str!("../../monitoring/postgres/role.sql")),
    ("prometheus/prometheus.yml", include_str!("../../monitoring/prometheus/prometheus.yml")),
    ("prometheus/rules.yml", include_str!("../../monitoring/prometheus/rules.yml")),
    (
        "grafana/provisioning/datasources/xtask.yml",
        include_str!("../../monitoring/grafana/provisioning/datasources/xtask.yml"),
    ),
    (
        "grafana/provisioning/dashboards/xtask.yml",
        include_str!("../../monitoring/grafana/provisioning/dashboards/xtask.yml"),
    ),
    ("grafana/dashboards/openfga.json", include_str!("../../monitoring/grafana/dashboards/openfga.json")),
    ("grafana/dashboards/postgres.json", include_str!("../../monitoring/grafana/dashboards/postgres.json")),
    ("grafana/dashboards/backups.json", include_str!("../../monitoring/grafana/dashboards/backups.json")),
];

/// A longer file of a person is not ours, in bytes.
const LONGEST: u64 = 1 << 20;
const READABLE_FILE: u32 = 0o644;
const READABLE_FOLDER: u32 = 0o755;

/// The folder in a checkout that the containers see.
const FOLDER: &str = ".xtask/monitoring";

/// The folder of this checkout that the containers see.
pub fn folder(root: &Path) -> PathBuf {
    root.join(FOLDER)
}

/// Whom Prometheus asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    pub openfga: Option<String>,
    pub postgres_exporter: String,
    pub node_exporter: String,
}

impl Targets {
    /// Containers beside the stack.
    pub fn beside(surroundings: &Surroundings) -> Self {
        let openfga = surroundings.openfga.as_ref().map(|found| format!("{}:{}", found.place.host, found.place.port));
        Self {
            openfga,
            postgres_exporter: "xtask-postgres-exporter:9187".to_owned(),
            node_exporter: "xtask-node-exporter:9100".to_owned(),
        }
    }

    /// Programs of one host, on their usual ports.
    pub fn usual() -> Self {
        let local = |port: u16| format!("127.0.0.1:{port}");
        Self { openfga: Some(local(2112)), postgres_exporter: local(9187), node_exporter: local(9100) }
    }

    fn files(&self) -> [(&'static str, String); 3] {
        let file = |address: Option<&str>| {
            let lists: Vec<_> = address.into_iter().map(|address| json!({ "targets": [address] })).collect();
            format!("{}\n", json!(lists))
        };
        [
            ("prometheus/targets/openfga.json", file(self.openfga.as_deref())),
            ("prometheus/targets/postgres.json", file(Some(&self.postgres_exporter))),
            ("prometheus/targets/backups.json", file(Some(&self.node_exporter))),
        ]
    }
}

/// Every file with its text.
fn all(targets: &Targets) -> Vec<(&'static str, String)> {
    FILES.iter().map(|(path, text)| (*path, (*text).to_owned())).chain(targets.files()).collect()
}

/// Writes the files of this checkout that differ, so that every user can read them; whether there were any.
///
/// # Errors
/// Exit 1: the folder cannot be written, or a part of the way there is no folder of this user's own.
pub fn write(root: &Path, targets: &Targets) -> Result<bool> {
    let make = |below: &Path| {
        state_folder::make_below(root, &Path::new(FOLDER).join(below), READABLE_FOLDER, Whose::Own).map(drop)
    };
    put_changed(&folder(root), all(targets), &make, Passage::Opened)
}

/// Whether every user may pass through folders that were there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    /// They are this program's own.
    Opened,
    /// They are a person's.
    Left,
}

/// `make` makes a folder on the way.
fn put_changed(
    folder: &Path,
    files: Vec<(&str, String)>,
    make: &dyn Fn(&Path) -> Result<()>,
    passage: Passage,
) -> Result<bool> {
    let mut changed = false;
    for (below, text) in files {
        make(Path::new(below).parent().unwrap_or(Path::new("")))?;
        let path = folder.join(below);
        if platform::read_regular(&path, LONGEST).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        changed = true;
        let opened = if passage == Passage::Opened { open_up(folder, &path) } else { Ok(()) };
        opened
            .and_then(|()| {
                platform::replace_file(&path, text.as_bytes(), &|fresh| platform::set_mode_of(fresh, READABLE_FILE))
            })
            .with_context(|| unwritable(&path, folder))?;
    }
    Ok(changed)
}

fn unwritable(path: &Path, folder: &Path) -> Fault {
    let fault = Fault::failed(format!("{} cannot be written", path.display()));
    fault.hint(format!("make {} writable, and free some space on its disk", shell_word(&folder.to_string_lossy())))
}

/// Writes the files that a Prometheus and a Grafana elsewhere read, and gives their paths. No file of a person is
/// replaced, and no Compose file written: in the folder of a stack it would take the place of the stack's own.
///
/// # Errors
/// Exit 1: a file with other text is there, or one cannot be written.
pub fn print(folder: &Path, targets: &Targets) -> Result<Vec<PathBuf>> {
    let files: Vec<_> = all(targets).into_iter().filter(|(path, _)| *path != COMPOSE_FILE).collect();
    for (path, text) in &files {
        let path = folder.join(path);
        let is_other = path.symlink_metadata().is_ok()
            && !platform::read_regular(&path, LONGEST).is_ok_and(|there| there == text.as_bytes());
        if is_other {
            let fault =
                Fault::failed(format!("{} is there and says something else; nothing was written", path.display()));
            return Err(fault.hint("name a new folder, or remove that file").into());
        }
    }
    let paths = files.iter().map(|(path, _)| folder.join(path)).collect();
    // The folder was named by a person, and may be a link. What stands in it need not be theirs.
    make_named(folder).with_context(|| unwritable(folder, folder))?;
    let make = |below: &Path| state_folder::make_below(folder, below, READABLE_FOLDER, Whose::Any).map(drop);
    for (below, _) in &files {
        // From the top: each of them is for every user, where it is new.
        let parts: Vec<&Path> = Path::new(below).ancestors().skip(1).collect();
        parts.into_iter().rev().try_for_each(make)?;
    }
    put_changed(folder, files, &make, Passage::Left)?;
    Ok(paths)
}

/// The folder that a person named: one that was there keeps its mode.
fn make_named(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    platform::set_mode(folder, READABLE_FOLDER)
}

/// Every user may pass through the folders on the way to this file.
fn open_up(top: &Path, path: &Path) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(top);
    for folder in parent.ancestors().take_while(|folder| folder.starts_with(top)) {
        let mode = platform::mode(folder)?;
        if mode.is_some_and(|mode| mode & READABLE_FOLDER != READABLE_FOLDER) {
            platform::set_mode(folder, mode.unwrap_or_default() | READABLE_FOLDER)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_once_readable_and_never_over_a_persons_own() {
        let root = std::env::temp_dir().join(format!("xtask-monitoring-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir(&root).unwrap();
        let folder = folder(&root);
        let targets = Targets::usual();
        assert!(write(&root, &targets).unwrap());
        assert!(!write(&root, &targets).unwrap(), "nothing differs");
        assert!(root.join(".xtask/.gitignore").is_file(), "git does not see them");
        assert!(platform::mode(&folder.join("compose.yml")).unwrap().is_none_or(|mode| mode == 0o644));
        assert_eq!(print(&folder, &targets).unwrap().len(), FILES.len() + 2);
        // A file in the place of a folder is no way through, as a link is none.
        fs::rename(&folder, root.join("aside")).unwrap();
        fs::write(&folder, "").unwrap();
        assert!(write(&root, &targets).unwrap_err().to_string().contains("monitoring is not a folder"));
        fs::remove_file(&folder).unwrap();
        fs::rename(root.join("aside"), &folder).unwrap();
        fs::write(folder.join("prometheus/rules.yml"), "groups: []\n").unwrap();
        let refused = print(&folder, &targets).unwrap_err();
        assert!(refused.to_string().contains("rules.yml is there and says something else"), "{refused}");
        assert!(write(&root, &targets).unwrap(), "what containers see is ours");
        let none = Targets { openfga: None, ..targets };
        assert!(write(&root, &none).unwrap());
        assert_eq!(fs::read_to_string(folder.join("prometheus/targets/openfga.json")).unwrap(), "[]\n");
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn every_file_of_the_folder_is_embedded_and_none_holds_a_password() {
        let top = crate::settings::package_folder().unwrap().join("monitoring");
        let mut found = Vec::new();
        walk(&top, &top, &mut found);
        let mut embedded: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        embedded.sort_unstable();
        found.sort();
        assert_eq!(found, embedded);
        let compose = FILES[0].1;
        assert!(compose.contains("${GRAFANA_ADMIN_PASSWORD:?}") && !compose.contains("PASSWORD:-"));
        let published = compose.lines().filter(|line| line.contains("ports:"));
        assert!(published.clone().count() == 4 && published.clone().all(|line| line.contains("\"127.0.0.1:")));
    }

    fn walk(top: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(top, &path, found);
            } else {
                let path = path.strip_prefix(top).unwrap();
                found.push(path.display().to_string().replace('\\', "/"));
            }
        }
    }
}
