//! A real local server: one that tests of a run share, a database for each of them; or one of a test's own.

use super::openfga::Api;
use super::run::fed;
use super::sandbox::{self, Sandbox};
use super::{Need, Outcome, Xtask, needs, quiet};
use rustix::process::{Pid, Signal};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A checkout whose target is `local`; its servers are ended when it is dropped.
#[derive(Debug)]
pub struct Local {
    pub sandbox: Sandbox,
}

/// The server that tests share, with OpenFGA where this machine has it. It must not be stopped or killed.
#[track_caller]
pub fn shared_local() -> &'static Local {
    static SHARED: OnceLock<Result<Local, String>> = OnceLock::new();
    let local = SHARED.get_or_init(|| {
        let local = Local::new();
        if needs::has(Need::OpenfgaBin) {
            local.sandbox.set_openfga_program();
        }
        let outcome = local.xtask(["up"]).run();
        match outcome.code {
            Some(0) => {
                quiet::is_shared(&local.sandbox.root);
                // Autovacuum would go round hundreds of databases.
                local.sql("postgres", "ALTER SYSTEM SET autovacuum_naptime TO '1d';\nSELECT pg_reload_conf()");
                Ok(local)
            }
            code => Err(format!("the shared local server does not start: {code:?}\n{}", outcome.stderr)),
        }
    });
    local.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

impl Local {
    /// A server that is not made yet.
    pub fn new() -> Self {
        Self::of(Sandbox::new())
    }

    /// The server of this checkout.
    pub fn of(sandbox: Sandbox) -> Self {
        sandbox.set("XTASK_TARGET", "local");
        if let Some(programs) = std::env::var_os("XTASK_PG_BIN") {
            sandbox.set("XTASK_PG_BIN", programs.to_str().unwrap());
        }
        Self { sandbox }
    }

    /// The binary in this checkout.
    pub fn xtask<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        Xtask::new(&self.sandbox).args(args)
    }

    /// The binary on another database of this server.
    pub fn on<'a>(&self, database: &str, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        self.xtask(args).env("POSTGRES_DB", database)
    }

    /// Starts it with our own `up`, which must work.
    #[track_caller]
    pub fn up(&self) -> Outcome {
        let outcome = self.xtask(["up"]).run();
        outcome.ok();
        outcome
    }

    /// That so many backups are there, every byte of them as it was written.
    #[track_caller]
    pub fn proven(&self, count: usize) {
        let list = self.xtask(["db-list", "--check"]).run();
        let whole = list.text().lines().filter(|line| line.ends_with("  whole")).count();
        list.ok().holds(whole == count, &format!("{count} whole backups were expected"));
        assert_eq!(self.sandbox.backups().len(), count, "{:?}", self.sandbox.backups());
    }

    /// Where data, logs and password are.
    pub fn folder(&self) -> PathBuf {
        let own = self.sandbox.path(".xtask/local");
        if own.join("data").exists() || own.join("state.json").exists() {
            return own;
        }
        // A checkout that the server's user cannot enter: the record is found by the checkout's name.
        let elsewhere = fs::read_dir("/var/lib/xtask").into_iter().flatten().flatten().map(|entry| entry.path());
        let name = self.sandbox.root.file_name().unwrap().to_string_lossy().into_owned();
        let is_ours = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(&name);
        elsewhere.filter(is_ours).find(|path| path.join("state.json").exists()).unwrap_or(own)
    }

    /// PostgreSQL's process, as its own file says.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        pid_and_port(&self.folder()).expect("the server has written no postmaster.pid").0
    }

    /// PostgreSQL's port.
    #[track_caller]
    pub fn port(&self) -> u16 {
        pid_and_port(&self.folder()).expect("the server has written no postmaster.pid").1
    }

    /// The password that the tool made.
    pub fn password(&self) -> String {
        fs::read_to_string(self.folder().join("password")).unwrap().trim().to_owned()
    }

    /// OpenFGA's API.
    #[track_caller]
    pub fn openfga(&self) -> Api {
        let text = fs::read_to_string(self.folder().join("openfga.json")).unwrap();
        let started: serde_json::Value = serde_json::from_str(&text).unwrap();
        Api::at(&format!("http://127.0.0.1:{}", started["http"]))
    }

    /// Runs a PostgreSQL program against the server, not through our binary; stdout if it worked, and stderr.
    pub fn client(&self, database: &str, words: &[&str], input: &[u8]) -> (Option<Vec<u8>>, String) {
        let mut command = Command::new(needs::server_programs().unwrap().join(words[0]));
        command.args(&words[1..]).env("PGHOST", "127.0.0.1").env("PGPORT", self.port().to_string());
        command.env("PGUSER", "postgres").env("PGDATABASE", database).env("PGPASSWORD", self.password());
        command.env("PGCLIENTENCODING", "UTF8");
        fed(command, input.to_owned())
    }

    /// Runs SQL, not through our binary; what it prints, unaligned.
    #[track_caller]
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let words = ["psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1"];
        let (output, errors) =
            quiet::changing(&quiet::local(&self.sandbox.root), sql, || self.client(database, &words, sql.as_bytes()));
        let output = output.unwrap_or_else(|| panic!("{sql}\n{errors}"));
        String::from_utf8_lossy(&output).trim_end().to_owned()
    }

    /// A new database for one test; its name.
    #[track_caller]
    pub fn database(&self) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("t_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        name
    }

    /// A folder of the host's PostgreSQL programs, one of which is this `sh` text; in it `real` is its path.
    pub fn programs_but(&self, name: &str, body: &str) -> PathBuf {
        let real = needs::server_programs().unwrap().canonicalize().unwrap();
        let folder = self.sandbox.beside("programs");
        fs::create_dir_all(&folder).unwrap();
        for program in ["initdb", "pg_ctl", "postgres", "psql", "pg_dump", "pg_dumpall"] {
            let path = folder.join(program);
            let _ = fs::remove_file(&path);
            symlink(real.join(program), path).unwrap();
        }
        let path = folder.join(name);
        fs::remove_file(&path).unwrap();
        let text = format!("#!/bin/sh\nreal='{}'\n{body}\n", real.join(name).display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        folder
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if std::env::var_os("XTASK_TEST_KEEP").is_none() {
            end_servers_below(self.sandbox.root.parent().unwrap());
            let folder = self.folder();
            end_servers_below(&folder);
            if folder.starts_with("/var/lib/xtask") {
                let _ = fs::remove_dir_all(folder);
            }
        }
    }
}

/// Ends every local server of this run.
pub fn end_ours() {
    end_servers_below(sandbox::base());
}

/// Ends the servers that recorded themselves in folders below this one, and waits until they are gone.
pub fn end_servers_below(folder: &Path) {
    let mut pids = Vec::new();
    find_servers(folder, 7, &mut pids);
    // PostgreSQL's "immediate" shutdown; OpenFGA dies of it, too.
    pids.iter().for_each(|pid| signal(*pid, Signal::QUIT));
    let end = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|pid| is_alive(*pid)) {
        if Instant::now() >= end {
            pids.iter().for_each(|pid| signal(*pid, Signal::KILL));
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn find_servers(folder: &Path, depth: usize, found: &mut Vec<u32>) {
    if let Some((pid, _)) = pid_and_port(folder).filter(|(pid, _)| was_started_with(*pid, folder.to_str())) {
        found.push(pid);
    }
    let openfga = fs::read_to_string(folder.join("openfga.json")).ok();
    if let Some(started) = openfga.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok()) {
        let word = format!("--http-addr=127.0.0.1:{}", started["http"]);
        let pid = started["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        found.extend(pid.filter(|pid| was_started_with(*pid, Some(&word))));
    }
    if depth == 0 || folder.join("PG_VERSION").exists() {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find_servers(&entry.path(), depth - 1, found);
        }
    }
}

fn pid_and_port(folder: &Path) -> Option<(u32, u16)> {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
    let mut lines = text.lines();
    Some((lines.next()?.trim().parse().ok()?, lines.nth(2)?.trim().parse().ok()?))
}

/// A number alone proves nothing: it may be another process's by now.
fn was_started_with(pid: u32, word: Option<&str>) -> bool {
    let output = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output();
    let words = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    word.is_some_and(|word| words.contains(word))
}

/// Sends a process a signal.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(process, signal);
    }
}

/// Whether a process is there and is no zombie.
pub fn is_alive(pid: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output();
    output.is_ok_and(|output| {
        let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        !state.is_empty() && !state.starts_with('Z')
    })
}
