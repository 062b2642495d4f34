//! OpenFGA beside the local server: a program of this host, on ports of its own, its data in our database.

use super::folder::{Folder, OpenfgaPorts, Record};
use crate::error::Fault;
use crate::platform::{self, User};
use crate::process::{Detached, Program, identity};
use crate::target::openfga_exposure::PinnedPath;
use crate::target::openfga_program::{self, OpenfgaProgram, http_word};
use crate::target::{free_port, openfga_migration, percent};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, Instant};

const MIGRATE_DEADLINE: Duration = Duration::from_secs(180);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(25);
const STARTED: &str = "openfga.json";

/// The name of OpenFGA's log in the folder.
pub const LOG: &str = "openfga";

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

impl OpenfgaProgram {
    /// The program at this path, to be run in this folder as this user of the host.
    pub fn runner<'a>(&'a self, folder: &'a Folder, program: &'a Path, user: Option<&'a User>) -> Runner<'a> {
        Runner { options: self, folder, program, user }
    }
}

/// OpenFGA's program, and how it is run.
#[derive(Debug)]
pub struct Runner<'a> {
    options: &'a OpenfgaProgram,
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

/// The OpenFGA that runs for this folder.
pub fn running(folder: &Folder) -> Result<Option<Started>> {
    let started = folder.read(STARTED)?.and_then(|text| serde_json::from_str::<Started>(&text).ok());
    Ok(started.filter(Started::is_running))
}

/// Stops OpenFGA, if it runs; whether it did.
pub fn stop(folder: &Folder) -> Result<bool> {
    let Some(started) = running(folder)? else { return Ok(false) };
    let refused = || Fault::failed(format!("OpenFGA (process {}) could not be stopped", started.pid));
    openfga_program::end(started.pid).with_context(refused)?;
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
    let http = free_port::keep_or_choose(kept.map(|ports| ports.http), &[postgres])?;
    let grpc = free_port::keep_or_choose(kept.map(|ports| ports.grpc), &[postgres, http])?;
    let metrics = free_port::keep_or_choose(kept.map(|ports| ports.metrics), &[postgres, http, grpc])?;
    Ok(OpenfgaPorts { http, grpc, metrics })
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
