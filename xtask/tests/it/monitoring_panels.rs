//! Every panel of every dashboard: its query is asked of a real Prometheus that watches the real PostgreSQL, OpenFGA and
//! backups, the event that it is there for is caused, and its value moves.

mod watched;

use crate::harness::sandbox::checkout;
use crate::harness::{Test, wait_until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use watched::{Series, Watched, sum};

pub fn tests() -> Vec<Test> {
    tests![
        [] a_dashboard_is_one_that_grafana_takes,
        [Postgres, OpenfgaBin, Monitoring] every_panel_moves_when_what_it_shows_happens,
    ]
}

/// A panel's query: dashboard, title, number of the query.
type Query = (String, String, usize);

/// What a panel must show once the events have happened. `before` and `now` are its series: labels and value.
type Shows = fn(before: &Series, now: &Series) -> bool;

fn any(series: &Series, label: &str, value: &str, so: impl Fn(f64) -> bool) -> bool {
    series.iter().any(|(labels, number)| {
        let text = labels[label].as_str().unwrap_or_default();
        text.contains(value) && so(*number)
    })
}

fn of(series: &Series, label: &str, value: &str) -> f64 {
    let found = series.iter().find(|(labels, _)| labels[label] == value);
    found.map_or(0.0, |(_, number)| *number)
}

/// Each panel's query, and its movement. The test holds that the list is complete.
#[rustfmt::skip]
const PANELS: &[(&str, &str, usize, Shows)] = &[
    ("openfga", "Requests", 0, |_, now| any(now, "grpc_method", "Check", |rate| rate > 1.0)),
    ("openfga", "Refused and failed requests", 0, |_, now| any(now, "grpc_method", "Check", |rate| rate > 0.0)),
    ("openfga", "Query time", 0, |_, now| any(now, "grpc_method", "check", |ms| ms > 0.0)),
    ("openfga", "Query time", 1, |_, now| any(now, "grpc_method", "check", |ms| ms > 0.0)),
    ("openfga", "Query time", 2, |_, now| any(now, "grpc_method", "check", |ms| ms > 100.0)),
    ("openfga", "Datastore queries per request", 0, |_, now| any(now, "grpc_method", "check", |queries| queries >= 1.0)),
    ("openfga", "Connection pool", 0, |before, now| sum(now) >= 1.0 && sum(before) < 1.0),
    ("openfga", "Connection pool", 1, |before, now| sum(now) > sum(before)),
    ("openfga", "Connection pool", 2, |_, now| sum(now) == 30.0),
    ("openfga", "Time to get a connection", 0, |_, now| sum(now) > 0.0),
    ("openfga", "Table sizes", 0, |before, now| of(now, "relname", "tuple") > of(before, "relname", "tuple")),
    ("openfga", "Tuples", 0, |before, now| sum(now) >= sum(before) + 200.0),
    ("openfga", "Slow queries", 0, |before, now| !any(before, "query", "pg_sleep", |_| true) && any(now, "query", "pg_sleep", |ms| ms > 80.0)),
    ("postgres", "Server", 0, |_, now| sum(now) == 1.0),
    ("postgres", "Running for", 0, |before, now| sum(now) > sum(before)),
    ("postgres", "Connections in use", 0, |before, now| sum(now) >= sum(before) + 0.05),
    ("postgres", "Blocked sessions", 0, |before, now| sum(before) == 0.0 && sum(now) >= 1.0),
    ("postgres", "Connections", 0, |_, now| of(now, "state", "idle in transaction") >= 1.0),
    ("postgres", "Connections", 1, |_, now| sum(now) == 100.0),
    ("postgres", "Transactions", 0, |_, now| of(now, "datname", "openfga") > 1.0),
    ("postgres", "Transactions", 1, |_, now| of(now, "datname", "openfga") > 0.0),
    ("postgres", "Oldest transaction and statement", 0, |_, now| sum(now) > 1.0),
    ("postgres", "Oldest transaction and statement", 1, |_, now| sum(now) > 0.5),
    ("postgres", "Deadlocks", 0, |before, now| sum(before) == 0.0 && of(now, "datname", "openfga") >= 1.0),
    ("postgres", "Cache hit rate", 0, |_, now| any(now, "datname", "openfga", |rate| rate > 0.0 && rate <= 1.0)),
    ("postgres", "Temporary files", 0, |before, now| sum(before) == 0.0 && of(now, "datname", "openfga") > 0.0),
    ("postgres", "Database sizes", 0, |before, now| of(now, "datname", "openfga") >= of(before, "datname", "openfga") + 500_000.0),
    ("postgres", "Age of transaction ids", 0, |before, now| of(now, "datname", "openfga") > of(before, "datname", "openfga")),
    ("postgres", "Age of transaction ids", 1, |_, now| sum(now) == 200_000_000.0),
    ("postgres", "Table sizes", 0, |before, now| of(before, "relname", "big") == 0.0 && of(now, "relname", "big") > 500_000.0),
    ("postgres", "Dead rows", 0, |before, now| of(before, "relname", "big") == 0.0 && of(now, "relname", "big") > 0.0),
    ("postgres", "Statements that take most time", 0, |_, now| any(now, "query", "pg_sleep", |share| share > 0.0)),
    ("backups", "Age of the last backup", 0, |before, now| before.is_empty() && any(now, "database", "openfga", |age| (0.0..120.0).contains(&age))),
    ("backups", "Last run", 0, |_, now| any(now, "database", "openfga", |success| success == 0.0)),
    ("backups", "Last verified", 0, |before, now| before.is_empty() && any(now, "how", "read", |age| age < 120.0)),
    ("backups", "Size of the last backup", 0, |before, now| before.is_empty() && sum(now) > 1000.0),
    ("backups", "Time that the last backup took", 0, |before, now| before.is_empty() && sum(now) > 0.0),
    ("backups", "Disk that is left", 0, |_, now| any(now, "mountpoint", "/", |share| share > 0.0 && share < 1.0)),
    ("backups", "Alerts", 0, |before, now| before.is_empty() && of(now, "alertname", "BackupFailed") == 1.0),
];

/// Each dashboard's text by its file's name.
fn dashboards() -> BTreeMap<String, Value> {
    let folder = checkout().join("xtask/monitoring/grafana/dashboards");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path));
    named.map(|(name, path)| (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())).collect()
}

/// What Grafana's own schema asks of a dashboard, as far as these use it: its importer is not to be had here.
fn a_dashboard_is_one_that_grafana_takes() {
    for (name, dashboard) in dashboards() {
        assert_eq!(dashboard["uid"], format!("xtask-{name}"), "{name}");
        assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 36), "{name}");
        assert!(dashboard.get("id").is_none(), "{name}: an id belongs to one Grafana");
        let variable = &dashboard["templating"]["list"][0];
        assert_eq!((&variable["name"], &variable["type"]), (&json!("datasource"), &json!("datasource")), "{name}");
        let source = json!({ "type": "prometheus", "uid": "${datasource}" });
        let mut places = Vec::new();
        for (at, panel) in dashboard["panels"].as_array().unwrap().iter().enumerate() {
            let title = panel["title"].as_str().unwrap();
            assert_eq!(panel["id"], at + 1, "{title}");
            assert!(["timeseries", "stat"].contains(&panel["type"].as_str().unwrap()), "{title}");
            assert_eq!(panel["datasource"], source, "{title}");
            let place = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            assert!(place[0] + place[2] <= 24, "{title} is too wide");
            let overlaps = |other: &[u64; 4]| {
                let apart = |start: usize, size: usize| {
                    place[start] >= other[start] + other[size] || other[start] >= place[start] + place[size]
                };
                !apart(0, 2) && !apart(1, 3)
            };
            assert!(!places.iter().any(overlaps), "{title} lies over another panel");
            places.push(place);
            for (letter, target) in ('A'..).zip(panel["targets"].as_array().unwrap()) {
                assert_eq!((&target["refId"], &target["datasource"]), (&json!(letter.to_string()), &source), "{title}");
                let expression = target["expr"].as_str().unwrap();
                assert!(!expression.contains("vector("), "{title} would hide that it has no data");
                let counts_requests = expression.contains("grpc_server_handled_total");
                let of_openfga = expression.contains("grpc_service=~\"openfga[.].*\"");
                assert!(!counts_requests || of_openfga, "{title} would count health probes");
            }
        }
    }
}

/// The queries of all panels, as Grafana would ask them.
fn queries() -> BTreeMap<Query, String> {
    let mut queries = BTreeMap::new();
    for (name, dashboard) in dashboards() {
        for panel in dashboard["panels"].as_array().unwrap() {
            for (number, target) in panel["targets"].as_array().unwrap().iter().enumerate() {
                let expression = target["expr"].as_str().unwrap().replace("$__rate_interval", "5s");
                queries.insert((name.clone(), panel["title"].as_str().unwrap().to_owned(), number), expression);
            }
        }
    }
    queries
}

fn every_panel_moves_when_what_it_shows_happens() {
    let queries = queries();
    let key = |(dashboard, title, number, _): &(&str, &str, usize, Shows)| {
        ((*dashboard).to_owned(), (*title).to_owned(), *number)
    };
    let mut listed: Vec<Query> = PANELS.iter().map(key).collect();
    listed.sort();
    assert_eq!(listed, queries.keys().cloned().collect::<Vec<_>>(), "left: PANELS, right: the dashboards");
    let watched = Watched::start();
    watched.local.sql("openfga", "CREATE TABLE rows_of (i int PRIMARY KEY); INSERT INTO rows_of VALUES (1), (2)");
    let store = watched.openfga.seed("acme");
    // What the preparation did has left the rates.
    std::thread::sleep(Duration::from_secs(7));
    let ask = |query: &Query| watched.asked(&queries[query]).unwrap();
    let before: BTreeMap<Query, Series> = queries.keys().map(|query| (query.clone(), ask(query))).collect();

    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&over);
        scope.spawn(|| cause(&watched, &store, &over));
        scope.spawn(|| back_up(&watched, &over));
        let mut open: Vec<_> = PANELS.iter().collect();
        let end = Instant::now() + Duration::from_secs(60);
        while !open.is_empty() {
            open.retain(|panel| {
                let query = key(panel);
                !(panel.3)(&before[&query], &ask(&query))
            });
            let still =
                || open.iter().map(|panel| (key(panel), &before[&key(panel)], ask(&key(panel)))).collect::<Vec<_>>();
            assert!(Instant::now() < end, "panels that did not move: {:#?}", still());
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    // A server that is gone is seen as well.
    watched.local.xtask(["down"]).run().ok();
    let server = ("postgres".to_owned(), "Server".to_owned(), 0);
    wait_until("the panel says that the server is gone", || sum(&ask(&server)) == 0.0);
}

/// Ends what goes on beside, also when the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Causes what the panels are there for, again and again.
fn cause(watched: &Watched, store: &str, over: &AtomicBool) {
    let sql = |sql: &str| watched.local.client("openfga", &["psql", "-X", "-q"], sql.as_bytes());
    let check = |relation: &str| {
        let key = json!({ "tuple_key": { "user": "user:alice", "relation": relation, "object": "tool:chat" } });
        watched.openfga.request(&format!("/stores/{store}/check"), Some(&key))
    };
    sql("CREATE TABLE big AS SELECT i, repeat('x', 50) AS text FROM generate_series(1, 20000) AS i");
    let tuples: Vec<(String, String, String)> =
        (0..300).map(|i| (format!("user:u{i}"), "executor".to_owned(), "tool:chat".to_owned())).collect();
    watched.openfga.write_tuples(store, &tuples);
    while !over.load(Ordering::Relaxed) {
        for _ in 0..10 {
            check("executor");
            check("no-such-relation");
        }
        sql("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT text FROM big ORDER BY text || i DESC) AS sorted; \
             SELECT pg_sleep(0.1); UPDATE big SET i = i WHERE i < 100; BEGIN; SELECT 1; ROLLBACK; SELECT count(*) FROM big");
        let crossing = |first: u32, second: u32| {
            sql(&format!(
                "SET deadlock_timeout = '100ms'; BEGIN; UPDATE rows_of SET i = i WHERE i = {first}; SELECT pg_sleep(0.4); \
                 UPDATE rows_of SET i = i WHERE i = {second}; COMMIT"
            ));
        };
        std::thread::scope(|scope| {
            scope.spawn(|| crossing(1, 2));
            crossing(2, 1);
        });
        // Many sessions, one of which keeps OpenFGA waiting for its table, and so a connection of the pool in use.
        std::thread::scope(|scope| {
            scope.spawn(|| sql("BEGIN; LOCK TABLE tuple IN ACCESS EXCLUSIVE MODE;\n\\! sleep 2.5\nROLLBACK"));
            (0..8).for_each(|_| drop(scope.spawn(|| sql("SELECT pg_sleep(2)"))));
            std::thread::sleep(Duration::from_millis(200));
            (0..6).for_each(|_| drop(scope.spawn(|| check("executor"))));
        });
    }
}

/// A backup that works, its proof, and then backups that fail.
fn back_up(watched: &Watched, over: &AtomicBool) {
    let run = |words: &[&str]| watched.local.xtask(words.iter().copied()).run();
    run(&["db-backup", "--lock-timeout", "20"]).ok();
    run(&["db-verify"]).ok();
    // The panels of what worked are looked at first.
    std::thread::sleep(Duration::from_secs(3));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let held = "BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE;\n\\! sleep 4\nROLLBACK";
            watched.local.client("openfga", &["psql", "-X", "-q"], held.as_bytes());
        });
        while !over.load(Ordering::Relaxed) && run(&["db-backup", "--lock-timeout", "1"]).code == Some(0) {}
    });
}
