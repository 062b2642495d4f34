//! Whether a part answers: each is asked in its own protocol.

use super::NAME;
use super::dashboard;
use super::part::{Check, Part};
use super::role::ROLE;
use crate::error::Fault;
use crate::process::signals;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::companion::{CompanionContainer, CompanionEnd};
use crate::target::endpoint::Endpoint;
use crate::words::{masked, shortened};
use anyhow::Result;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Grafana makes its database at its first start.
const TIMEOUT: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How often the container is looked at meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// At most this much of a log's line is shown.
const LONGEST: usize = 300;
/// Digits of a container's id, as `docker ps` shows it.
const SHORT_ID: usize = 12;
/// Other versions of postgres_exporter have other names for what it must not collect twice.
const OTHER_FLAGS: &str =
    "\nwhere it does not know a flag, name those of its version in .env: POSTGRES_EXPORTER_FLAGS=FLAGS";
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Waits until a part of this target's dashboards answers on this port, with data. `secrets` are not shown.
///
/// # Errors
/// Exit 4: it ends, or does not answer within two minutes.
pub fn wait(part: &Part, port: u16, target: &Target, settings: &Settings, secrets: &[&str]) -> Result<()> {
    let end = Instant::now() + TIMEOUT;
    let failed = |what: String| {
        let containers = target.companions().companion_containers(NAME, super::TIMEOUT);
        let flags = if part.check == Check::Exporter { OTHER_FLAGS } else { "" };
        Err(Fault::unreachable(what).hint(format!("{}{flags}", log_hint(part, &containers))).into())
    };
    let mut looked = Instant::now();
    loop {
        let Err(why) = check(part, port, settings, ANSWER_TIMEOUT) else { return Ok(()) };
        signals::check()?;
        if looked.elapsed() >= LOOK_INTERVAL {
            if let Some(end) = target.companions().companion_end(NAME, part.service, super::TIMEOUT) {
                return failed(ended(part, &end, secrets));
            }
            looked = Instant::now();
        }
        if Instant::now() >= end {
            return failed(format!("{} is started, but {why}", part.name));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// That a part does not keep running, with what it said last.
fn ended(part: &Part, end: &CompanionEnd, secrets: &[&str]) -> String {
    let said = end.last_line.as_deref().unwrap_or("nothing");
    let said = masked(said, secrets);
    format!("{} does not keep running: {}; its last line: {}", part.name, end.how, shortened(&said, LONGEST))
}

/// Where a part says more: the log of its container among these.
pub fn log_hint(part: &Part, containers: &[CompanionContainer]) -> String {
    let container = containers.iter().find(|container| container.service == part.service);
    match container.and_then(|container| container.id.get(..SHORT_ID)) {
        Some(id) => format!("see its log: docker logs --tail 20 {id}"),
        None => "see what runs: docker ps --all".to_owned(),
    }
}

/// Asks a part on this port; why it does not do its work.
pub fn check(part: &Part, port: u16, settings: &Settings, deadline: Duration) -> Result<(), String> {
    let endpoint =
        Endpoint::new(&format!("http://127.0.0.1:{port}"), None, settings).map_err(|error| error.to_string())?;
    let get = |path: &str| {
        let answer =
            endpoint.get_openly(path, deadline).map_err(|silence| format!("it does not answer: {}", silence.why))?;
        if answer.status == 200 { Ok(answer.body) } else { Err(format!("it answers HTTP {} to {path}", answer.status)) }
    };
    match part.check {
        Check::Exporter => exporter(&get("/metrics")?),
        Check::Disks => disks(&get("/metrics")?),
        Check::Collection => get("/-/ready").and_then(|_| scraped(&get("/api/v1/targets?state=active")?)),
        Check::Dashboards => {
            healthy(&get("/api/health")?)?;
            let shows = |uid: &str| get(&format!("/api/dashboards/uid/{uid}")).map(drop);
            dashboard::all().iter().try_for_each(|dashboard| {
                shows(&dashboard.uid)
                    .map_err(|why| format!("it does not show the dashboard {}: {why}", dashboard.title))
            })
        }
    }
}

/// The value of a metric without labels, or with any.
fn value_of(metrics: &str, name: &str) -> Option<f64> {
    let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(name));
    lines.find(|rest| rest.starts_with([' ', '{']))?.rsplit_once(' ')?.1.parse().ok()
}

fn exporter(metrics: &str) -> Result<(), String> {
    match (value_of(metrics, "pg_up"), value_of(metrics, "pg_exporter_last_scrape_error")) {
        (None, _) => Err("it is not postgres_exporter".to_owned()),
        (Some(up), _) if up != 1.0 => Err(format!("it cannot log in to PostgreSQL as {ROLE}")),
        (_, Some(error)) if error != 0.0 => Err("a query of queries.yaml fails".to_owned()),
        _ if value_of(metrics, "xtask_pg_server_max_connections").is_none() => {
            Err("it does not run the queries of queries.yaml".to_owned())
        }
        _ => Ok(()),
    }
}

fn disks(metrics: &str) -> Result<(), String> {
    if value_of(metrics, "node_textfile_scrape_error").is_none() {
        return Err("it is not node_exporter".to_owned());
    }
    if value_of(metrics, "node_textfile_scrape_error") != Some(0.0) {
        return Err("it cannot read backups/metrics/".to_owned());
    }
    if value_of(metrics, "node_filesystem_size_bytes").is_none() { Err("it sees no disk".to_owned()) } else { Ok(()) }
}

fn scraped(answer: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        active_targets: Vec<Target>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Target {
        scrape_pool: String,
        health: String,
        last_error: String,
    }
    let answer: Answer = serde_json::from_str(answer).map_err(|_| "it is not Prometheus".to_owned())?;
    let targets = answer.data.active_targets;
    if targets.is_empty() {
        return Err("it has nothing to ask yet".to_owned());
    }
    match targets.iter().find(|target| target.health != "up") {
        None => Ok(()),
        Some(Target { scrape_pool, health, .. }) if health == "unknown" => {
            Err(format!("it has not asked {scrape_pool} yet"))
        }
        Some(Target { scrape_pool, last_error, .. }) => {
            Err(format!("it gets no metrics of {scrape_pool}: {last_error}"))
        }
    }
}

fn healthy(answer: &str) -> Result<(), String> {
    let answer: serde_json::Value = serde_json::from_str(answer).map_err(|_| "it is not Grafana".to_owned())?;
    if answer["database"] == "ok" { Ok(()) } else { Err("its own database is not ready".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitoring::part::GRAFANA;

    #[test]
    fn a_part_that_ends_is_named_with_its_last_line_and_without_its_secrets() {
        let end = CompanionEnd { how: "it has ended (exit code 1)".to_owned(), last_line: Some("no p@ss".to_owned()) };
        let said = ended(&GRAFANA, &end, &["p@ss"]);
        assert_eq!(said, "Grafana does not keep running: it has ended (exit code 1); its last line: no ***");
    }

    #[test]
    fn an_exporter_that_cannot_log_in_is_not_ready() {
        let good = "pg_up 1\npg_exporter_last_scrape_error 0\nxtask_pg_server_max_connections{server=\"a b\"} 100\n";
        assert_eq!(exporter(good), Ok(()));
        for (bad, why) in [
            ("go_threads 1\n", "not postgres_exporter"),
            ("pg_up 0\npg_exporter_last_scrape_error 1\n", "cannot log in"),
            ("pg_up 1\npg_exporter_last_scrape_error 1\n", "fails"),
            ("pg_up 1\npg_exporter_last_scrape_error 0\npg_upper 3\n", "does not run"),
        ] {
            assert!(exporter(bad).unwrap_err().contains(why), "{bad}");
        }
    }

    #[test]
    fn a_textfile_that_cannot_be_read_is_reported() {
        let disk = "node_filesystem_size_bytes{mountpoint=\"/\"} 1e+09\n";
        assert_eq!(disks(&format!("node_textfile_scrape_error 0\n{disk}")), Ok(()));
        assert!(disks(&format!("node_textfile_scrape_error 1\n{disk}")).unwrap_err().contains("backups/metrics"));
        assert!(disks("node_textfile_scrape_error 0\n").unwrap_err().contains("no disk"));
        assert!(disks("pg_up 1\n").is_err());
    }

    #[test]
    fn prometheus_is_ready_when_every_target_answers() {
        let answer = |targets: serde_json::Value| {
            scraped(&serde_json::json!({ "status": "success", "data": { "activeTargets": targets } }).to_string())
        };
        let target =
            |health: &str| serde_json::json!({ "scrapePool": "openfga", "health": health, "lastError": "refused" });
        assert_eq!(answer(serde_json::json!([target("up")])), Ok(()));
        assert!(answer(serde_json::json!([])).is_err());
        assert!(answer(serde_json::json!([target("up"), target("down")])).unwrap_err().contains("openfga: refused"));
        assert!(answer(serde_json::json!([target("unknown")])).unwrap_err().contains("not asked openfga yet"));
        assert!(scraped("<html>").is_err() && healthy("<html>").is_err());
        assert_eq!(healthy("{\"database\":\"ok\"}"), Ok(()));
        assert!(healthy("{\"database\":\"failing\"}").is_err());
    }
}
