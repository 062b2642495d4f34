//! What Prometheus learns of the backups: a small text file beside them, which `db-backup` and `db-verify` keep.
//!
//! It lies in a folder of its own, so that a program that reads it needs to see no backup. It holds no secret, and is
//! readable for every user: the one who reads it is another one.

use crate::error::Fault;
use crate::platform;
use crate::target::file_lock::FileLock;
use crate::target::state_folder::{self, Whose};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const FOLDER: &str = "metrics";
const FILE: &str = "xtask_backup.prom";
const LOCK: &str = "xtask_backup.lock";
/// A longer file is not ours, in bytes.
const LONGEST: u64 = 1 << 20;
/// So many series at most: a folder of backups of more databases is not worth the memory of Prometheus.
const MOST: usize = 10_000;
const READABLE: u32 = 0o644;

/// Names and explanations, in the order of the file.
const METRICS: [(&str, &str); 7] = [
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
type Series = BTreeMap<String, f64>;

/// What the file holds.
#[derive(Debug, Default, PartialEq)]
struct Records {
    series: Series,
    /// On which server a database is, by its label. Prometheus takes these lines for comments.
    servers: BTreeMap<String, String>,
}

const SERVER: &str = "# server ";

/// Makes the folder, which every user may enter, and gives it.
pub fn make_folder(backups: &Path) -> Result<PathBuf> {
    state_folder::make_below(backups, Path::new(FOLDER), 0o755, Whose::Own)
}

/// Writes down what happened just now. Other databases keep what is known of them.
///
/// # Errors
/// The file cannot be written: a backup is no worse for that.
pub fn record(backups: &Path, database: &str, event: Event) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64().floor());
    change(backups, &|records| note(&mut records.series, database, event, now))
}

/// Forgets databases of this server that it no longer has: no backup of them can be made, and an alert would never end.
/// Another server's stay. `made`: those that were backed up from it just now.
///
/// # Errors
/// The file cannot be written.
pub fn forget_gone(backups: &Path, there: &OnServer<'_>, made: &[&str]) -> Result<()> {
    change(backups, &|records| forget(records, there, made))
}

/// Writes down that the database is not on the server: a run of a database that was backed up before has failed. A name
/// that was never backed up, such as a mistyped one, is not written down.
///
/// # Errors
/// The file cannot be written.
pub fn record_missing(backups: &Path, database: &str) -> Result<()> {
    let is_known = read(&backups.join(FOLDER).join(FILE)).series.keys().any(|series| is_of(series, &label(database)));
    if is_known { record(backups, database, Event::Failed) } else { Ok(()) }
}

fn change(backups: &Path, change: &dyn Fn(&mut Records)) -> Result<()> {
    let folder = make_folder(backups)?;
    let _lock = FileLock::take(&folder.join(LOCK), &|_| ())?;
    let path = folder.join(FILE);
    let mut records = read(&path);
    change(&mut records);
    write(&path, &written(&records)).with_context(|| Fault::failed(format!("{} cannot be written", path.display())))
}

fn read(path: &Path) -> Records {
    platform::read_regular(path, LONGEST).map(|bytes| parsed(&bytes)).unwrap_or_default()
}

fn forget(records: &mut Records, there: &OnServer<'_>, made: &[&str]) {
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
fn label(database: &str) -> String {
    format!("database=\"{}\"", escaped(database))
}

/// Whether a metric with its labels is one of the database with this label, which stands first.
fn is_of(series: &str, label: &str) -> bool {
    series.split_once('{').is_some_and(|(_, labels)| labels.starts_with(label))
}

fn note(series: &mut Series, database: &str, event: Event, now: f64) {
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

/// What of the text is ours; whatever else stands there is left out.
fn parsed(bytes: &[u8]) -> Records {
    let text = String::from_utf8_lossy(bytes);
    let ours = |series: &str| {
        let (name, labels) = series.split_once('{')?;
        let known = METRICS.iter().any(|(metric, _)| *metric == name);
        (known && are_labels(labels)).then(|| series.to_owned())
    };
    let pair = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        Some((ours(series)?, value.parse().ok().filter(|value: &f64| value.is_finite())?))
    };
    let server = |line: &str| {
        let (server, label) = line.strip_prefix(SERVER)?.split_once(' ')?;
        let is_number = !server.is_empty() && server.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && are_labels(&format!("{label}}}"))).then(|| (label.to_owned(), server.to_owned()))
    };
    Records {
        series: text.lines().filter_map(pair).take(MOST).collect(),
        servers: text.lines().filter_map(server).take(MOST).collect(),
    }
}

/// Whether this is `name="value",…}`, each name of lower-case letters.
fn are_labels(text: &str) -> bool {
    let mut rest = text;
    loop {
        let Some((name, after)) = rest.split_once("=\"") else { return false };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return false;
        }
        let mut is_escape = false;
        let end = after.bytes().position(|byte| {
            let ends = byte == b'"' && !is_escape;
            is_escape = byte == b'\\' && !is_escape;
            ends
        });
        let Some(end) = end else { return false };
        let behind = after.get(end..).and_then(|behind| behind.strip_prefix('"'));
        match behind.map(|behind| (behind, behind.strip_prefix(','))) {
            Some(("}", _)) => return true,
            Some((_, Some(more))) => rest = more,
            _ => return false,
        }
    }
}

fn written(Records { series, servers }: &Records) -> String {
    let mut text: String = servers.iter().map(|(label, server)| format!("{SERVER}{server} {label}\n")).collect();
    for (name, help) in METRICS {
        let start = format!("{name}{{");
        let mut of_metric = series.iter().filter(|(series, _)| series.starts_with(&start)).peekable();
        if of_metric.peek().is_some() {
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        }
        of_metric.for_each(|(series, value)| text.push_str(&format!("{series} {value}\n")));
    }
    text
}

/// A label's value as the text format has it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', " ")
}

/// Replaces the file in one step: a reader sees the old text or the new one.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    platform::replace_file(path, text.as_bytes(), &|fresh| platform::set_mode_of(fresh, READABLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_happens_to_one_database_leaves_the_others() {
        let mut records = Records::default();
        let series = &mut records.series;
        note(series, "a", Event::Made { bytes: 12, seconds: 1.5 }, 100.0);
        note(series, "we\"ird\\\n", Event::Failed, 200.0);
        note(series, "a", Event::Failed, 300.0);
        note(series, "a", Event::Verified { restored: true }, 400.0);
        note(series, "a", Event::Unfit, 500.0);
        let text = written(&records);
        for line in [
            "xtask_backup_last_success_timestamp_seconds{database=\"a\"} 100",
            "xtask_backup_last_duration_seconds{database=\"a\"} 1.5",
            "xtask_backup_last_run_success{database=\"a\"} 0",
            "xtask_backup_last_run_timestamp_seconds{database=\"we\\\"ird\\\\\\n\"} 200",
            "xtask_backup_last_verified_timestamp_seconds{database=\"a\",how=\"restored\"} 400",
            "xtask_backup_last_verification_success{database=\"a\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(parsed(text.as_bytes()), records, "it is read as it was written");
    }

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

    #[test]
    fn lines_of_others_are_left_out() {
        for line in [
            "up 1",
            "xtask_backup_last_size_bytes 1",
            "xtask_backup_last_size_bytes{database=\"a\"} NaN",
            "xtask_backup_last_size_bytes{database=\"a\"}",
            "xtask_backup_last_size_bytes{database=\"a} 1",
            "xtask_backup_last_size_bytes{database=\"a\"}} 1",
            "xtask_backup_last_size_bytes{database=\"a\" 1",
            "xtask_backup_last_size_bytes{Database=\"a\"} 1",
            "xtask_backup_last_size_bytes{} 1",
            "other{database=\"a\"} 1",
            "# server x database=\"a\"",
            "# server 7 database=\"a\"} 1",
            "# server 7",
        ] {
            assert_eq!(parsed(line.as_bytes()), Records::default(), "{line}");
        }
        assert_eq!(parsed(b"\xff\nxtask_backup_last_size_bytes{database=\"\\\\\"} 1e3\n").series.len(), 1);
    }

    #[test]
    fn nothing_is_written_behind_a_link_or_into_another_users_folder() {
        let backups = std::env::temp_dir().join(format!("xtask-metrics-link-{}", std::process::id()));
        let (folder, victim) = (backups.join("metrics"), backups.join("victim"));
        fs::create_dir_all(&victim).unwrap();
        #[expect(deprecated, reason = "it makes a link on every system")]
        if fs::soft_link(&victim, &folder).is_ok() && folder.is_symlink() {
            let refused = record(&backups, "a", Event::Failed).unwrap_err().to_string();
            assert!(refused.contains("metrics is a symbolic link"), "{refused}");
            assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
        }
        fs::remove_dir_all(&backups).unwrap();
    }

    #[test]
    fn the_file_is_readable_for_everybody_and_written_in_one_step() {
        let backups = std::env::temp_dir().join(format!("xtask-metrics-{}", std::process::id()));
        let _ = fs::remove_dir_all(&backups);
        fs::create_dir_all(&backups).unwrap();
        record(&backups, "a", Event::Failed).unwrap();
        record(&backups, "b", Event::Made { bytes: 1, seconds: 0.25 }).unwrap();
        let path = backups.join("metrics/xtask_backup.prom");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("{database=\"a\"} 0\n") && text.contains("{database=\"b\"} 0.25\n"), "{text}");
        assert!(platform::mode(&path).unwrap().is_none_or(|mode| mode == READABLE));
        let mut names: Vec<_> =
            fs::read_dir(backups.join("metrics")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["xtask_backup.lock", "xtask_backup.prom"]);
        fs::remove_dir_all(&backups).unwrap();
    }
}
