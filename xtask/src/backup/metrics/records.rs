//! What is known of the backups of each database.

use std::collections::BTreeMap;

/// Names and explanations, in the order of the file.
pub(super) const METRICS: [(&str, &str); 7] = [
    ("xtask_backup_last_success_timestamp_seconds", "When the last backup was complete, in seconds since 1970"),
    ("xtask_backup_last_size_bytes", "Size of the last backup"),
    ("xtask_backup_last_duration_seconds", "How long the last backup took"),
    ("xtask_backup_last_run_timestamp_seconds", "When db-backup last ended, in seconds since 1970"),
    ("xtask_backup_last_run_success", "Whether it made a backup: 1 or 0"),
    ("xtask_backup_last_verified_timestamp_seconds", "When db-verify last found a backup good, in seconds since 1970"),
    ("xtask_backup_last_verification_success", "Whether the last db-verify found every backup good: 1 or 0"),
];

/// What happened to the backups of a database.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A backup of all of it was made.
    Made {
        bytes: u64,
        seconds: f64,
    },
    Failed,
    /// Backups were found good; loaded and compared, or only read.
    Verified {
        restored: bool,
    },
    /// One was found unfit.
    Unfit,
}

/// A server and all its databases.
#[derive(Debug)]
pub struct OnServer<'a> {
    /// Its system identifier; `None`: this role may not know it.
    pub server: Option<&'a str>,
    pub databases: &'a [&'a str],
}

/// A metric's name with its labels, as they stand in the file.
pub(super) type Series = BTreeMap<String, f64>;

/// What the file holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Records {
    pub(super) series: Series,
    /// On which server a database is, by its label. Prometheus takes these lines for comments.
    pub(super) servers: BTreeMap<String, String>,
}

pub(super) fn note(series: &mut Series, database: &str, event: Event, now: f64) {
    let label = label(database);
    let mut set = |metric: usize, value: f64, more: &str| {
        series.insert(format!("{}{{{label}{more}}}", METRICS[metric].0), value);
    };
    match event {
        Event::Made { bytes, seconds } => {
            set(0, now, "");
            #[expect(clippy::cast_precision_loss, reason = "metrics are floating point numbers")]
            set(1, bytes as f64, "");
            set(2, seconds, "");
            set(3, now, "");
            set(4, 1.0, "");
        }
        Event::Failed => {
            set(3, now, "");
            set(4, 0.0, "");
        }
        Event::Verified { restored } => {
            set(5, now, if restored { ",how=\"restored\"" } else { ",how=\"read\"" });
            set(6, 1.0, "");
        }
        Event::Unfit => set(6, 0.0, ""),
    }
}

pub(super) fn forget(records: &mut Records, there: &OnServer<'_>, made: &[&str]) {
    if let Some(server) = there.server {
        records.servers.extend(made.iter().map(|database| (label(database), server.to_owned())));
    }
    let present: Vec<String> = there.databases.iter().map(|database| label(database)).collect();
    let Records { series, servers } = records;
    let is_elsewhere = |series: &str| {
        let server = servers.iter().find(|(label, _)| is_of(series, label)).map(|(_, server)| server.as_str());
        server.is_some() && server != there.server
    };
    series.retain(|series, _| present.iter().any(|label| is_of(series, label)) || is_elsewhere(series));
    servers.retain(|label, _| series.keys().any(|series| is_of(series, label)));
}

/// The label of a database, as it stands in the file.
pub(super) fn label(database: &str) -> String {
    format!("database=\"{}\"", escaped(database))
}

/// Whether a metric with its labels is one of the database with this label, which stands first.
pub(super) fn is_of(series: &str, label: &str) -> bool {
    series.split_once('{').is_some_and(|(_, labels)| labels.starts_with(label))
}

/// A label's value as the text format has it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::metrics::text::{parsed, written};

    #[test]
    fn what_a_server_no_longer_has_is_forgotten_and_another_servers_databases_stay() {
        let mut records = Records::default();
        let back_up = |records: &mut Records, server, database: &str, databases: &[&str]| {
            note(&mut records.series, database, Event::Made { bytes: 1, seconds: 1.0 }, 100.0);
            forget(records, &OnServer { server, databases }, &[database]);
        };
        let names = |records: &Records| {
            let sizes = records.series.keys().filter_map(|series| series.strip_prefix("xtask_backup_last_size_bytes"));
            sizes.map(str::to_owned).collect::<Vec<_>>()
        };
        back_up(&mut records, Some("7"), "app \"x\"", &["app \"x\"", "app"]);
        back_up(&mut records, Some("8"), "app", &["app"]);
        assert_eq!(names(&records), ["{database=\"app \\\"x\\\"\"}", "{database=\"app\"}"]);
        let text = written(&records);
        assert!(text.starts_with("# server 7 database=\"app \\\"x\\\"\"\n# server 8 database=\"app\"\n"), "{text}");
        assert_eq!(parsed(text.as_bytes()), records);
        // One that no server is known of was never backed up.
        note(&mut records.series, "nope", Event::Failed, 200.0);
        back_up(&mut records, None, "b", &["b"]);
        assert_eq!(names(&records).len(), 3);
        assert!(!written(&records).contains("nope"));
        back_up(&mut records, Some("7"), "c", &["c"]);
        assert_eq!(names(&records), ["{database=\"app\"}", "{database=\"c\"}"]);
        assert_eq!(records.servers.len(), 2);
    }
}
