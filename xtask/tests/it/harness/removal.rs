//! Removing the containers, networks and volumes that a run made.

use super::sandbox::{self, PREFIX};
use super::{Need, needs};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// Removes every project of this run.
pub fn remove_ours() {
    let own = format!("{PREFIX}{}-", std::process::id());
    if needs::has(Need::Docker) {
        remove(&|name| name.starts_with(&own));
    }
}

/// Removes the projects of runs that were killed.
pub fn remove_leftovers() {
    remove(&sandbox::is_leftover);
}

/// Removes containers, networks and volumes by the label that Compose gives them: no compose file is needed.
pub fn remove(is_ours: &dyn Fn(&str) -> bool) {
    const LABEL: &str = "com.docker.compose.project";
    let filter = format!("label={LABEL}");
    let of_ours = |kind: &[&str], id: &str| -> BTreeSet<String> {
        let format = format!("{{{{{id}}}}} {{{{.Label {LABEL:?}}}}}");
        let options = ["--filter", &filter, "--format", &format];
        let output = Command::new("docker").args(kind).args(options).stdin(Stdio::null()).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.filter(|(_, project)| is_ours(project)).map(|(id, _)| id.to_owned()).collect()
    };
    for (list, id, end) in [
        (&["ps", "--all"][..], ".ID", &["rm", "--force", "--volumes"][..]),
        (&["network", "ls"], ".ID", &["network", "rm"]),
        (&["volume", "ls"], ".Name", &["volume", "rm", "--force"]),
    ] {
        let ids = of_ours(list, id);
        if !ids.is_empty() {
            let _ = Command::new("docker").args(end).args(ids).stdin(Stdio::null()).output();
        }
    }
}
