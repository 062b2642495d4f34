//! What the panels show: PostgreSQL, OpenFGA and backups, the exporters that the shipped stack has, and Prometheus.

use crate::harness::openfga::Api;
use crate::harness::sandbox::{checkout, free_port};
use crate::harness::{Local, needs, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What Prometheus answers: the labels and the value of each series.
pub type Series = Vec<(Value, f64)>;

pub fn sum(series: &Series) -> f64 {
    series.iter().map(|(_, number)| number).sum()
}

/// Programs of this test, ended when it is over.
struct Programs {
    logs: PathBuf,
    children: Vec<Child>,
}

impl Programs {
    /// Starts it with a log of this name.
    fn start(&mut self, command: &mut Command, name: &str) {
        let file = fs::File::create(self.logs.join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        self.children.push(command.spawn().unwrap());
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What is watched, and Prometheus.
pub struct Watched {
    pub local: Local,
    pub openfga: Api,
    prometheus: Api,
    _programs: Programs,
}

impl Watched {
    pub fn start() -> Self {
        let local = Local::new();
        local.up();
        local.sql("postgres", "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
        local.xtask(["down"]).run().ok();
        local.up();
        local.sql("postgres", "CREATE EXTENSION pg_stat_statements; CREATE ROLE xtask_monitor LOGIN PASSWORD 'monitor' IN ROLE pg_monitor");
        let logs = local.sandbox.beside("logs");
        fs::create_dir_all(&logs).unwrap();
        let mut programs = Programs { logs, children: Vec::new() };
        let ports: [u16; 6] = std::array::from_fn(|_| free_port());
        let [http, grpc, metrics, exporter, node, prometheus] = ports;
        start_openfga(&local, &mut programs, [http, grpc, metrics]);
        start_postgres_exporter(&local, &mut programs, exporter);
        start_node_exporter(&local, &mut programs, node);
        start_prometheus(&local, &mut programs, prometheus, [metrics, exporter, node]);
        let api = |port: u16| Api::at(&format!("http://127.0.0.1:{port}"));
        let watched = Self { local, openfga: api(http), prometheus: api(prometheus), _programs: programs };
        wait_until("Prometheus answers", || std::net::TcpStream::connect(("127.0.0.1", prometheus)).is_ok());
        wait_until("every target answers", || sum(&watched.asked("up").unwrap_or_default()) == 3.0);
        watched
    }

    /// The series that Prometheus gives for a query; `NaN` is left out, as Grafana does. None while it starts.
    pub fn asked(&self, query: &str) -> Option<Series> {
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

fn start_openfga(local: &Local, programs: &mut Programs, ports: [u16; 3]) {
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
    programs.start(run.env("OPENFGA_DATASTORE_METRICS_ENABLED", "true"), "openfga");
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

/// What docs/monitoring.md says of a postgres_exporter of one's own: its two logins, and its flags for this version (0.11).
fn documented_exporter() -> (String, Vec<String>) {
    let page = fs::read_to_string(checkout().join("docs/monitoring.md")).unwrap();
    let after = |start: &str| page.lines().find_map(|line| line.strip_prefix(start)).unwrap().to_owned();
    let flags = after("postgres_exporter --extend.query-path=DIR/postgres/queries.yaml ");
    let flags = flags.split(' ').filter(|flag| !flag.starts_with("--no-collector.")).map(str::to_owned);
    let of_version = page.split_once("0.11 needs `").unwrap().1.split('`').next().unwrap();
    (
        after("export DATA_SOURCE_NAME='").trim_end_matches('\'').to_owned(),
        flags.chain(of_version.split(' ').map(str::to_owned)).collect(),
    )
}

fn start_postgres_exporter(local: &Local, programs: &mut Programs, port: u16) {
    let queries = checkout().join("xtask/monitoring/postgres/queries.yaml");
    let (logins, flags) = documented_exporter();
    let logins = logins.replace(":PASSWORD@HOST/", &format!(":monitor@127.0.0.1:{}/", local.port()));
    programs.start(
        Command::new("prometheus-postgres-exporter")
            .args(flags)
            .arg(format!("--extend.query-path={}", queries.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .env("DATA_SOURCE_NAME", logins.replace("=MODE&", "=disable&")),
        "exporter",
    );
}

fn start_node_exporter(local: &Local, programs: &mut Programs, port: u16) {
    let metrics = local.sandbox.path("backups/metrics");
    fs::create_dir_all(&metrics).unwrap();
    let mut words = node_exporter_flags();
    words.push(format!("--collector.textfile.directory={}", metrics.display()));
    words.push(format!("--web.listen-address=127.0.0.1:{port}"));
    programs.start(Command::new("prometheus-node-exporter").args(words), "node");
}

fn start_prometheus(local: &Local, programs: &mut Programs, port: u16, targets: [u16; 3]) {
    let config = prometheus_folder(local, targets);
    programs.start(
        Command::new("prometheus")
            .arg(format!("--config.file={}", config.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", local.sandbox.beside("tsdb").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}")),
        "prometheus",
    );
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
