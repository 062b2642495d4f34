//! The text format of Prometheus, as far as the file has it.

use super::records::{METRICS, Records};

/// At most this many series: a folder of backups of more databases is not worth the memory of Prometheus.
const MOST: usize = 10_000;

const SERVER: &str = "# server ";

/// What of the text is ours; whatever else stands there is left out.
pub(super) fn parsed(bytes: &[u8]) -> Records {
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

pub(super) fn written(Records { series, servers }: &Records) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::metrics::records::{Event, note};

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
}
