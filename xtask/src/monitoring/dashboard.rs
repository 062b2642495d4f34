//! The dashboards that Grafana gets.

use super::files;
use serde::{Deserialize, Serialize};

/// One dashboard, as its file names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Dashboard {
    /// Its part of the address: `/d/UID`.
    pub uid: String,
    pub title: String,
}

/// All of them, in the order of their files.
pub fn all() -> Vec<Dashboard> {
    let texts = files::FILES.iter().filter(|(path, _)| path.starts_with("grafana/dashboards/"));
    texts.filter_map(|(_, text)| serde_json::from_str(text).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_dashboard_with_an_address_of_its_own() {
        let all = all();
        let uids: Vec<&str> = all.iter().map(|dashboard| dashboard.uid.as_str()).collect();
        assert_eq!(uids, ["xtask-openfga", "xtask-postgres", "xtask-backups"]);
        assert!(all.iter().all(|dashboard| !dashboard.title.is_empty()));
    }
}
