//! OpenFGA beside the local server: a program of this host, on ports of its own, its data in our database.

use super::folder::{Folder, OpenfgaPorts, Record};
use super::ports;
use crate::error::Fault;
use crate::platform::{self, User};
use crate::process::{self, Detached, Program, identity};
use crate::settings::Settings;
use crate::target::openfga_exposure::PinnedPath;
use crate::target::{openfga_migration, percent};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What docker-compose.yml and the tests use as well.
const VERSION: &str = "v1.18.1";
/// Its dependencies are downloaded, and all of it is compiled.
const INSTALL_DEADLINE: Duration = Duration::from_secs(1_800);
const MIGRATE_DEADLINE: Duration = Duration::from_secs(180);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(25);
const STARTED: &str = "openfga.json";

/// The name of OpenFGA's log in the folder.
pub const LOG: &str = "openfga";

/// What the settings say about OpenFGA.
#[derive(Debug)]
pub struct Options {
    program: Option<PathBuf>,
    go_folders: Vec<PathBuf>,
    method: String,
    keys: Option<String>,
}

/// The database that OpenFGA keeps its data in.
#[derive(Debug, Clone, Copy)]
pub struct Datastore<'a> {
    pub port: u16,
    pub database: &'a str,
    pub role: &'a str,
    pub password: &'a str,
    /// The only schemas that it sees; `None`: those that role and database name.
    pub path: Option<&'a PinnedPath>,
}

impl Datastore<'_> {
    fn uri(&self) -> String {
        let uri = uri(self.port, self.database);
        self.path.map_or_else(|| uri.clone(), |path| format!("{uri}&{}", path.parameter()))
    }
}

/// The process that the last start made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub pid: u32,
    pub http: u16,
    // Another version of this tool may not have written these; its process must be found all the same.
    #[serde(default)]
    postgres: u16,
    #[serde(default)]
    database: String,
}

impl Started {
    fn is_running(&self) -> bool {
        identity::is(self.pid, "openfga", &http_word(self.http))
    }

    /// Whether its data is in this database of the server on this port.
    pub fn serves(&self, port: u16, database: &str) -> bool {
        self.postgres == port && self.database == database
    }

    /// Where its HTTP API is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }
}

impl Options {
    pub fn of(settings: &Settings, root: &Path) -> Self {
        let go_paths = settings.get("GOPATH").map(|paths| std::env::split_paths(paths).collect::<Vec<_>>());
        let home =
            ["HOME", "USERPROFILE"].iter().find_map(|name| settings.get(name)).map(|home| Path::new(home).join("go"));
        let go_paths = go_paths.unwrap_or_default().into_iter().chain(home).map(|path| path.join("bin"));
        Self {
            program: settings.get("XTASK_OPENFGA_BIN").map(|path| root.join(path)),
            go_folders: settings.get("GOBIN").map(PathBuf::from).into_iter().chain(go_paths).collect(),
            method: settings.get_or("OPENFGA_AUTHN_METHOD", "none").to_owned(),
            keys: settings.get("OPENFGA_AUTHN_PRESHARED_KEYS").map(str::to_owned),
        }
    }

    /// The program: the one named, else PATH's, else Go's. `None` where there is none.
    ///
    /// # Errors
    /// The one named is not there.
    pub fn program(&self) -> Result<Option<PathBuf>, Fault> {
        if let Some(named) = &self.program {
            if named.is_file() {
                return Ok(Some(named.clone()));
            }
            let fault = Fault::usage(format!("XTASK_OPENFGA_BIN={} is not a program", named.display()));
            return Err(fault.hint("name the openfga program, or unset it"));
        }
        let name = format!("openfga{}", std::env::consts::EXE_SUFFIX);
        let in_go = || self.go_folders.iter().map(|folder| folder.join(&name)).find(|path| path.is_file());
        Ok(process::find("openfga").or_else(in_go))
    }

    /// What is asked before OpenFGA's program is installed; `None` where there is no Go to build it with.
    pub fn install_question(&self) -> Option<String> {
        process::find("go")?;
        let folder = self.go_folders.first()?.display();
        Some(format!("There is no openfga program here. Build OpenFGA {VERSION} with Go into {folder} (some minutes)?"))
    }

    /// What a person does on a host without the program, so that `up` starts OpenFGA.
    pub fn how_to_install(&self) -> String {
        let build = if process::find("go").is_some() { "build it" } else { "install Go (https://go.dev/dl), build it" };
        let releases = "https://github.com/openfga/openfga/releases";
        format!(
            "{build}: cargo xtask setup-env --yes\n\
             or unpack OpenFGA {VERSION} of {releases}, name its program in .env (XTASK_OPENFGA_BIN=PATH), and: \
             cargo xtask up --target local"
        )
    }

    /// Why it does not run: there is no program, or it was not started.
    ///
    /// # Errors
    /// The program that is named is not there (2).
    pub fn not_running(&self) -> Result<Fault, Fault> {
        if self.program()?.is_none() {
            let fault = Fault::unreachable("OpenFGA does not run: there is no openfga program on this host");
            return Ok(fault.hint(self.how_to_install()));
        }
        Ok(Fault::unreachable("The local OpenFGA is not running").hint("start it with: cargo xtask up --target local"))
    }

    /// Builds and installs the pinned version with Go; where it is then.
    pub fn install(&self) -> Result<PathBuf> {
        let module = format!("github.com/openfga/openfga/cmd/openfga@{VERSION}");
        let captured =
            Program::new("go").args(["install", &module]).env("CGO_ENABLED", "0").capture(INSTALL_DEADLINE)?;
        let failed = |why: String| {
            let hint = format!("see why: CGO_ENABLED=0 go install {module}");
            anyhow::Error::msg(why).context(Fault::failed("OpenFGA could not be built").hint(hint))
        };
        if !captured.ending.success() {
            let lines: Vec<&str> = captured.stderr.trim().lines().rev().take(3).collect();
            return Err(failed(lines.into_iter().rev().collect::<Vec<_>>().join("\n")));
        }
        self.program()?
            .ok_or_else(|| failed("go install ended well, but there is no openfga in Go's folders".to_owned()))
    }

    /// This program, to be run in this folder as this user of the host.
    pub fn runner<'a>(&'a self, folder: &'a Folder, program: &'a Path, user: Option<&'a User>) -> Runner<'a> {
        Runner { options: self, folder, program, user }
    }
}

/// OpenFGA's program, and how it is run.
#[derive(Debug)]
pub struct Runner<'a> {
    options: &'a Options,
    folder: &'a Folder,
    program: &'a Path,
    user: Option<&'a User>,
}

impl Runner<'_> {
    /// Brings the database's schema to the program's version.
    pub fn migrate(&self, store: Datastore) -> Result<()> {
        let captured = self.prepared(store).arg("migrate").capture(MIGRATE_DEADLINE)?;
        openfga_migration::check(&captured, store.role)
    }

    /// Starts the server in the background. It may still fail: its log says why.
    pub fn start(&self, store: Datastore, at: OpenfgaPorts) -> Result<(Started, Detached)> {
        let log = self.folder.open_log(LOG)?;
        let prepared = self.prepared(store).arg("run");
        let prepared = prepared
            .arg(http_word(at.http))
            .args([format!("--grpc-addr=127.0.0.1:{}", at.grpc), format!("--metrics-addr=127.0.0.1:{}", at.metrics)])
            .args(["--playground-enabled=false", "--profiler-enabled=false"])
            .env("OPENFGA_AUTHN_METHOD", &self.options.method);
        let prepared = match &self.options.keys {
            Some(keys) => prepared.secret("OPENFGA_AUTHN_PRESHARED_KEYS", keys),
            None => prepared,
        };
        let detached = prepared.detach(log)?;
        let started =
            Started { pid: detached.pid(), http: at.http, postgres: store.port, database: store.database.to_owned() };
        self.folder.write(STARTED, serde_json::to_string(&started)?.as_bytes())?;
        Ok((started, detached))
    }

    fn prepared(&self, store: Datastore) -> Program {
        let Self { folder, program, user, .. } = *self;
        let prepared = Program::new(program)
            // OpenFGA reads config.yaml from its folder and from its home.
            .folder(folder.path())
            .env("HOME", folder.path())
            .env("OPENFGA_DATASTORE_ENGINE", "postgres")
            .env("OPENFGA_DATASTORE_URI", store.uri())
            .env("OPENFGA_DATASTORE_USERNAME", store.role)
            .secret("OPENFGA_DATASTORE_PASSWORD", store.password);
        let prepared = ["HTTP_TLS_ENABLED", "GRPC_TLS_ENABLED", "DATASTORE_SECONDARY_URI"]
            .iter()
            .fold(prepared, |prepared, name| prepared.unset(&format!("OPENFGA_{name}")));
        // Less rights where that user can reach the program at all.
        match user.filter(|user| platform::user_may_enter(program, user)) {
            Some(user) => prepared.user(user),
            None => prepared,
        }
    }
}

/// The address of a database of the server on this port, without a login.
pub fn uri(port: u16, database: &str) -> String {
    format!("postgres://127.0.0.1:{port}/{}?sslmode=disable", percent::encoded(database))
}

/// Starts a server with its data in memory, on free ports of this host; its process and its HTTP port.
pub fn start_in_memory(
    program: &Path,
    folder: &Path,
    log: &Path,
    environment: &[(&str, &str)],
    key: &str,
) -> Result<(Detached, u16)> {
    let http = ports::choose(&[])?;
    let grpc = ports::choose(&[http])?;
    let _ = std::fs::remove_file(log);
    let cannot = || Fault::failed(format!("{} cannot be written", log.display()));
    let file = platform::create_private(log).with_context(cannot)?;
    // OpenFGA reads config.yaml from its folder and from its home.
    let prepared = Program::new(program).folder(folder).env("HOME", folder);
    let prepared = environment.iter().fold(prepared, |prepared, (name, value)| prepared.env(name, value));
    let prepared = prepared
        .secret("OPENFGA_AUTHN_PRESHARED_KEYS", key)
        .args(["run", "--datastore-engine", "memory"])
        .arg(http_word(http))
        .arg(format!("--grpc-addr=127.0.0.1:{grpc}"));
    Ok((prepared.detach(file)?, http))
}

/// Whether this process is the server that was started on this port.
pub fn is_in_memory(pid: u32, http: u16) -> bool {
    identity::is(pid, "openfga", &http_word(http))
}

/// Ends a server whose data is in memory: there is nothing that it would have to save.
pub fn end_in_memory(pid: u32) {
    if platform::WINDOWS {
        let _ = end(pid);
    } else {
        let _ = platform::end_group(pid, true);
    }
}

/// The OpenFGA that runs for this folder.
pub fn running(folder: &Folder) -> Result<Option<Started>> {
    let started = folder.read(STARTED)?.and_then(|text| serde_json::from_str::<Started>(&text).ok());
    Ok(started.filter(Started::is_running))
}

/// Stops OpenFGA, if it runs; whether it did.
pub fn stop(folder: &Folder) -> Result<bool> {
    let Some(started) = running(folder)? else { return Ok(false) };
    let refused = || Fault::failed(format!("OpenFGA (process {}) could not be stopped", started.pid));
    end(started.pid).with_context(refused)?;
    let end = Instant::now() + STOP_DEADLINE;
    while started.is_running() {
        if Instant::now() >= end {
            platform::end_group(started.pid, true).with_context(refused)?;
            std::thread::sleep(POLL_INTERVAL * 4);
            break;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(true)
}

/// Ports as kept where they are still free, else others.
pub fn choose_ports(record: &Record, postgres: u16) -> Result<OpenfgaPorts> {
    let kept = record.openfga;
    let http = ports::keep_or_choose(kept.map(|ports| ports.http), &[postgres])?;
    let grpc = ports::keep_or_choose(kept.map(|ports| ports.grpc), &[postgres, http])?;
    let metrics = ports::keep_or_choose(kept.map(|ports| ports.metrics), &[postgres, http, grpc])?;
    Ok(OpenfgaPorts { http, grpc, metrics })
}

fn end(pid: u32) -> Result<()> {
    if platform::WINDOWS {
        Program::new("taskkill").args(["/F", "/T", "/PID", &pid.to_string()]).capture(STOP_DEADLINE)?;
        return Ok(());
    }
    Ok(platform::end_process(pid)?)
}

/// The argument that tells our process from every other: its own port.
fn http_word(port: u16) -> OsString {
    format!("--http-addr=127.0.0.1:{port}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_another_version_started_is_still_known() {
        let started: Started = serde_json::from_str(r#"{"pid":7,"http":28764,"later":true}"#).unwrap();
        assert!(started.pid == 7 && !started.serves(5432, "openfga"));
    }
}
