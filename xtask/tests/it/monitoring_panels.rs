//! Every panel of every dashboard: its query is asked of a real Prometheus that watches the real PostgreSQL, OpenFGA and
//! backups, the event that it is there for is caused, and its value moves.

use crate::harness::openfga::Api;
use crate::harness::sandbox::{checkout, free_port};
use crate::harness::{Local, Test, needs, wait_until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
type Series = Vec<(Value, f64)>;

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

fn sum(series: &Series) -> f64 {
    series.iter().map(|(_, number)| number).sum()
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
            }
        }
    }
}

/// Programs of this test, ended when it is over.
struct Programs(Vec<Child>);

impl Programs {
    fn start(&mut self, command: &mut Command, log: &Path) {
        let file = fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        self.0.push(command.spawn().unwrap());
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What is watched, and Prometheus.
struct Watched {
    local: Local,
    openfga: Api,
    prometheus: Api,
    _programs: Programs,
}

impl Watched {
    fn start() -> Self {
        let local = Local::new();
        local.up();
        local.sql("postgres", "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
        local.xtask(["down"]).run().ok();
        local.up();
        local.sql("postgres", "CREATE EXTENSION pg_stat_statements; CREATE ROLE xtask_monitor LOGIN PASSWORD 'monitor' IN ROLE pg_monitor");
        let mut programs = Programs(Vec::new());
        let logs = local.sandbox.beside("logs");
        fs::create_dir_all(&logs).unwrap();
        let ports: [u16; 6] = std::array::from_fn(|_| free_port());
        let [http, grpc, metrics, exporter, node, prometheus] = ports;
        start_openfga(&local, &mut programs, &logs, [http, grpc, metrics]);
        let queries = checkout().join("xtask/monitoring/postgres/queries.yaml");
        let address = |application: &str, database: &str| {
            format!(
                "postgresql://xtask_monitor:monitor@127.0.0.1:{}/{database}?application_name={application}\
                 &sslmode=disable&search_path=pg_catalog&statement_timeout=10000&lock_timeout=1000",
                local.port()
            )
        };
        let addresses = format!("{},{}", address("xtask_server", "postgres"), address("xtask_database", "openfga"));
        programs.start(
            Command::new("prometheus-postgres-exporter")
                .args(["--disable-default-metrics", "--disable-settings-metrics", "--no-collector.database"])
                .arg("--no-collector.bgwriter")
                .arg(format!("--extend.query-path={}", queries.display()))
                .arg(format!("--web.listen-address=127.0.0.1:{exporter}"))
                .env("DATA_SOURCE_NAME", addresses),
            &logs.join("exporter"),
        );
        let mut words = node_exporter_flags();
        words.push(format!("--collector.textfile.directory={}", local.sandbox.path("backups/metrics").display()));
        words.push(format!("--web.listen-address=127.0.0.1:{node}"));
        fs::create_dir_all(local.sandbox.path("backups/metrics")).unwrap();
        programs.start(Command::new("prometheus-node-exporter").args(words), &logs.join("node"));
        let config = prometheus_folder(&local, [metrics, exporter, node]);
        programs.start(
            Command::new("prometheus")
                .arg(format!("--config.file={}", config.join("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", local.sandbox.beside("tsdb").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{prometheus}")),
            &logs.join("prometheus"),
        );
        let api = |port: u16| Api::at(&format!("http://127.0.0.1:{port}"));
        let watched = Self { local, openfga: api(http), prometheus: api(prometheus), _programs: programs };
        wait_until("Prometheus answers", || std::net::TcpStream::connect(("127.0.0.1", prometheus)).is_ok());
        wait_until("every target answers", || sum(&watched.asked("up").unwrap_or_default()) == 3.0);
        watched
    }

    /// The series that Prometheus gives for a query; `NaN` is left out, as Grafana does. None while it starts.
    fn asked(&self, query: &str) -> Option<Series> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, answer) = self.prometheus.request(&format!("/api/v1/query?query={encoded}"), None);
        if status == 503 {
            return None;
        }
        assert_eq!(status, 200, "{query}: {answer}");
        let series = answer["data"]["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|series| (series["metric"].clone(), series["value"][1].as_str().unwrap().parse::<f64>().unwrap()));
        Some(series.filter(|(_, value)| !value.is_nan()).collect())
    }
}

fn start_openfga(local: &Local, programs: &mut Programs, logs: &Path, ports: [u16; 3]) {
    let program: PathBuf = needs::openfga_program().unwrap();
    let command = |word: &str| {
        let mut command = Command::new(&program);
        command
            .arg(word)
            .env("OPENFGA_DATASTORE_ENGINE", "postgres")
            .env("OPENFGA_DATASTORE_URI", format!("postgres://127.0.0.1:{}/openfga?sslmode=disable", local.port()))
            .env("OPENFGA_DATASTORE_USERNAME", "postgres")
            .env("OPENFGA_DATASTORE_PASSWORD", local.password());
        command
    };
    let migrated = command("migrate").stdin(Stdio::null()).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let mut run = command("run");
    for (name, port) in ["OPENFGA_HTTP_ADDR", "OPENFGA_GRPC_ADDR", "OPENFGA_METRICS_ADDR"].iter().zip(ports) {
        run.env(name, format!("127.0.0.1:{port}"));
    }
    // As the shipped Compose file has it.
    let shipped = fs::read_to_string(checkout().join("docker-compose.yml")).unwrap();
    assert!(shipped.contains("OPENFGA_DATASTORE_METRICS_ENABLED: \"true\""));
    programs.start(run.env("OPENFGA_DATASTORE_METRICS_ENABLED", "true"), &logs.join("openfga"));
    wait_until("OpenFGA answers", || std::net::TcpStream::connect(("127.0.0.1", ports[0])).is_ok());
}

/// The flags of node_exporter in compose.yml, without the folder inside its container.
fn node_exporter_flags() -> Vec<String> {
    let compose = fs::read_to_string(checkout().join("xtask/monitoring/compose.yml")).unwrap();
    let flags = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
        .filter(|word| word.starts_with("--collector"));
    let flags: Vec<String> =
        flags.filter(|word| !word.contains("textfile.directory")).map(|word| word.replace("$$", "$")).collect();
    assert!(flags.len() == 5, "{flags:?}");
    flags
}

/// The shipped configuration, but every second, and with these addresses.
fn prometheus_folder(local: &Local, [openfga, exporter, node]: [u16; 3]) -> PathBuf {
    let folder = local.sandbox.beside("prometheus");
    fs::create_dir_all(folder.join("targets")).unwrap();
    let shipped = checkout().join("xtask/monitoring/prometheus");
    let config = fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
    fs::write(folder.join("prometheus.yml"), config.replace("_interval: 5s", "_interval: 1s")).unwrap();
    fs::copy(shipped.join("rules.yml"), folder.join("rules.yml")).unwrap();
    for (name, port) in [("openfga", openfga), ("postgres", exporter), ("backups", node)] {
        let targets = json!([{ "targets": [format!("127.0.0.1:{port}")] }]);
        fs::write(folder.join(format!("targets/{name}.json")), targets.to_string()).unwrap();
    }
    folder
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
