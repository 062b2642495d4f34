//! A second OpenFGA with its data in memory, for questions that the live store must not or cannot answer: a one-off
//! container of the stack's own service, else a program of this host. It has a key and a port of its own on 127.0.0.1,
//! and ends with the run that started it; what a killed run left is ended by the next.

use super::endpoint::Endpoint;
use super::state_folder::StateFolder;
use super::{free_port, openfga};
use crate::error::{self, Fault};
use crate::platform::{self, random};
use crate::process::{Detached, Program, identity, signals};
use crate::settings::Settings;
use crate::target::Target;
use crate::target::backend::MadeOf;
use crate::target::openfga_program::{self, OpenfgaProgram, http_word};
use crate::words::hex;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const START_DEADLINE: Duration = Duration::from_secs(120);
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// Until it answers.
const TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Another program may take a port that was free a moment ago.
const TRIES: usize = 4;
const START: &str = "second-";
const END: &str = ".json";
const LOG: &str = "second-openfga.log";

/// The server's environment besides its engine and ports. It sets no limit that would cut an answer short, and none of
/// the live server's protections.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("OPENFGA_DATASTORE_ENGINE", "memory"),
    ("OPENFGA_AUTHN_METHOD", "preshared"),
    ("OPENFGA_HTTP_TLS_ENABLED", "false"),
    ("OPENFGA_GRPC_TLS_ENABLED", "false"),
    ("OPENFGA_ACCESS_CONTROL_ENABLED", "false"),
    ("OPENFGA_PLAYGROUND_ENABLED", "false"),
    ("OPENFGA_PROFILER_ENABLED", "false"),
    ("OPENFGA_METRICS_ENABLED", "false"),
    ("OPENFGA_TRACE_ENABLED", "false"),
    ("OPENFGA_LIST_OBJECTS_MAX_RESULTS", "0"),
    ("OPENFGA_LIST_USERS_MAX_RESULTS", "0"),
    ("OPENFGA_LIST_OBJECTS_DEADLINE", "14s"),
    ("OPENFGA_LIST_USERS_DEADLINE", "14s"),
    ("OPENFGA_REQUEST_TIMEOUT", "14s"),
    ("OPENFGA_HTTP_UPSTREAM_TIMEOUT", "14s"),
];

/// Variables of the live server that decide which models it accepts.
const LIMITS: &[&str] = &["OPENFGA_MAX_", "OPENFGA_EXPERIMENTALS=", "OPENFGA_RESOLVE_NODE_"];

/// The server. Dropping it ends it.
#[derive(Debug)]
pub struct MemoryOpenfga {
    pub endpoint: Endpoint,
    /// Held until the end.
    _guard: Guard,
}

/// Ends the server, and removes its record, when it is dropped.
#[derive(Debug)]
struct Guard {
    running: Running,
    /// Locked while this run lives: another run removes only records that are not locked.
    record: File,
    path: PathBuf,
}

/// What runs, as the record has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Running {
    Container { name: String },
    Process { pid: u32, http: u16 },
}

/// Starts one where this target has the means; `None` where it has not.
///
/// # Errors
/// It does not start, with its own words.
pub fn start(target: &Target, settings: &Settings, root: &Path) -> Result<Option<MemoryOpenfga>> {
    let folder = StateFolder::of(root);
    if let Some(made_of) = target.own_openfga().openfga_container() {
        clear_leftovers(&folder);
        return in_container(&made_of, settings, &folder).map(Some);
    }
    let Some(path) = OpenfgaProgram::of(settings, root).program()? else { return Ok(None) };
    clear_leftovers(&folder);
    in_process(&path, settings, &folder).map(Some)
}

/// A container with the live container's image and limits, and nothing else of it: no password, volume or network.
fn in_container(made_of: &MadeOf, settings: &Settings, folder: &StateFolder) -> Result<MemoryOpenfga> {
    let (run, key) = (hex(&random::<6>()?), hex(&random::<24>()?));
    let project = made_of.project.as_deref().unwrap_or("xtask");
    let name = format!("{project}-openfga-memory-{run}");
    let guard = Guard::new(folder, &run, Running::Container { name: name.clone() })?;
    let port = openfga::HTTP_PORT;
    // By these labels `docker compose down` removes it, too, should it be left behind.
    let labels = [
        format!("com.docker.compose.project={project}"),
        format!("com.docker.compose.service={}", openfga::USUAL_SERVICE),
        "com.docker.compose.oneoff=True".to_owned(),
    ];
    let address = format!("OPENFGA_HTTP_ADDR=0.0.0.0:{port}");
    let own = ENVIRONMENT.iter().map(|(name, value)| format!("{name}={value}")).chain([address]);
    let limits = made_of.environment.iter().filter(|variable| LIMITS.iter().any(|start| variable.starts_with(start)));
    let program = Program::new("docker").args(["run", "--detach", "--rm", "--pull", "never", "--name", &name]);
    let program = program.args(["--publish", &format!("127.0.0.1::{port}")]);
    let program = labels.iter().fold(program, |program, label| program.args(["--label", label]));
    let program = limits.cloned().chain(own).fold(program, |program, variable| program.args(["--env", &variable]));
    // By name only: Docker takes the key from its own environment, which no other user can read.
    let program = program.args(["--env", KEYS]).secret(KEYS, &key);
    let started = program.args([&made_of.image, "run", "--datastore-engine", "memory"]).capture(START_DEADLINE)?;
    if !started.ending.success() {
        return Err(cannot_start(started.stderr.trim().to_owned()));
    }
    let mapped = Program::new("docker").args(["port", &name, &format!("{port}/tcp")]).capture(STOP_DEADLINE)?.text();
    let address = mapped.lines().next().unwrap_or_default().trim().to_owned();
    let endpoint = Endpoint::new(&format!("http://{address}"), Some(&key), settings)?;
    let words = || {
        let log = Program::new("docker").args(["logs", "--tail", "5", &name]).capture(STOP_DEADLINE);
        log.map(|log| format!("{}\n{}", log.text().trim(), log.stderr.trim())).unwrap_or_default()
    };
    wait(&endpoint, &mut || false, &words)?;
    Ok(MemoryOpenfga { endpoint, _guard: guard })
}

fn in_process(path: &Path, settings: &Settings, folder: &StateFolder) -> Result<MemoryOpenfga> {
    folder.make()?;
    let mut last = anyhow::anyhow!("no port is free");
    for _ in 0..TRIES {
        let (run, key) = (hex(&random::<6>()?), hex(&random::<24>()?));
        let log = folder.path(LOG);
        let (mut server, http) = start_program(path, &folder.path(""), &log, ENVIRONMENT, &key)?;
        let guard = Guard::new(folder, &run, Running::Process { pid: server.pid(), http });
        let guard = guard.inspect_err(|_| end_process(server.pid()))?;
        let endpoint = Endpoint::new(&format!("http://127.0.0.1:{http}"), Some(&key), settings)?;
        let words = || std::fs::read_to_string(&log).unwrap_or_default();
        match wait(&endpoint, &mut || Detached::has_ended(&mut server), &words) {
            Ok(()) => return Ok(MemoryOpenfga { endpoint, _guard: guard }),
            Err(error) if server.has_ended() => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Starts a server with its data in memory, on free ports of this host; its process and its HTTP port.
fn start_program(
    program: &Path,
    folder: &Path,
    log: &Path,
    environment: &[(&str, &str)],
    key: &str,
) -> Result<(Detached, u16)> {
    let http = free_port::choose(&[])?;
    let grpc = free_port::choose(&[http])?;
    let _ = std::fs::remove_file(log);
    let cannot = || {
        Fault::failed(format!("{} cannot be written", log.display()))
            .hint(format!("make {} writable, and free some space on its disk", shell_word(&folder.to_string_lossy())))
    };
    let file = platform::create_private(log).with_context(cannot)?;
    // OpenFGA reads config.yaml from its folder and from its home.
    let prepared = Program::new(program).folder(folder).env("HOME", folder);
    let prepared = environment.iter().fold(prepared, |prepared, (name, value)| prepared.env(name, value));
    let prepared = prepared
        .secret(KEYS, key)
        .args(["run", "--datastore-engine", "memory"])
        .arg(http_word(http))
        .arg(format!("--grpc-addr=127.0.0.1:{grpc}"));
    Ok((prepared.detach(file)?, http))
}

/// Whether this process is the server that was started on this port.
fn is_our_process(pid: u32, http: u16) -> bool {
    identity::is(pid, "openfga", &http_word(http))
}

/// Ends a server whose data is in memory: there is nothing that it would have to save.
fn end_process(pid: u32) {
    if platform::WINDOWS {
        let _ = openfga_program::end(pid);
    } else {
        let _ = platform::end_group(pid, true);
    }
}

/// The setting that holds the server's keys.
const KEYS: &str = "OPENFGA_AUTHN_PRESHARED_KEYS";

/// Waits until it accepts a request; `words` are its own.
fn wait(endpoint: &Endpoint, ended: &mut dyn FnMut() -> bool, words: &dyn Fn() -> String) -> Result<()> {
    let end = Instant::now() + TIMEOUT;
    loop {
        let refusal = match openfga::answers(endpoint) {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        signals::check()?;
        if ended() || Instant::now() >= end || error::is_lasting(&refusal) {
            let words = words();
            let last: Vec<&str> = words.trim().lines().rev().take(3).collect();
            return Err(cannot_start(last.into_iter().rev().collect::<Vec<_>>().join("\n")));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

fn cannot_start(words: String) -> anyhow::Error {
    anyhow::Error::msg(words).context(Fault::failed("The second OpenFGA, which answers from memory, did not start"))
}

impl Guard {
    fn new(folder: &StateFolder, run: &str, running: Running) -> Result<Self> {
        folder.make()?;
        let path = folder.path(&format!("{START}{run}{END}"));
        let cannot = || Fault::failed(format!("{} cannot be written", path.display()));
        let mut record = platform::create_private(&path).with_context(cannot)?;
        platform::hold(&record).with_context(cannot)?;
        let text = serde_json::to_string(&running)?;
        record.write_all(text.as_bytes()).and_then(|()| record.sync_all()).with_context(cannot)?;
        Ok(Self { running, record, path })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A signal has ended the run; it must not cut this short.
        signals::shielded(|| self.running.end());
        let _ = std::fs::remove_file(&self.path);
        let _ = self.record.flush();
    }
}

impl Running {
    fn end(&self) {
        match self {
            Self::Container { name } => {
                let _ = Program::new("docker").args(["rm", "--force", "--volumes", name]).capture(STOP_DEADLINE);
            }
            Self::Process { pid, http } if is_our_process(*pid, *http) => end_process(*pid),
            Self::Process { .. } => {}
        }
    }
}

/// Ends what killed runs left. A folder behind a link holds none of them.
fn clear_leftovers(folder: &StateFolder) {
    for name in folder.names(START, END).unwrap_or_default() {
        let path = folder.path(&name);
        // It stays held until it is gone.
        let Ok(Some(_held)) = platform::open_unless_held(&path) else { continue };
        let record = folder.read(&name).ok().flatten();
        if let Some(running) = record.and_then(|text| serde_json::from_str::<Running>(&text).ok()) {
            running.end();
        }
        let _ = std::fs::remove_file(&path);
    }
}
