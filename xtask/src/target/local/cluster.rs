//! The cluster's life: made, started, stopped, and what state it is in.

use super::folder::Folder;
use super::programs::Programs;
use crate::error::Fault;
use crate::platform::{self, User};
use crate::process::{Detached, Program, identity};
use crate::target::client;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

const INIT_DEADLINE: Duration = Duration::from_secs(180);
const STOP_DEADLINE: Duration = Duration::from_secs(90);
const PG_CTL_TIMEOUT: &str = "75";

/// PostgreSQL writes eight short lines, in bytes.
const LONGEST_PID_FILE: u64 = 1 << 16;
/// `PG_VERSION` is one number, in bytes.
const LONGEST_VERSION: u64 = 64;
/// The end of a log that is looked at, in bytes.
const LONGEST_WORDS: u64 = 1 << 16;

/// The name of the server's log in the folder.
pub const LOG: &str = "postgres";

/// What there is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No cluster, or one that was never finished.
    Unmade,
    Stopped,
    /// Not running, but a `postmaster.pid` is left, whose number may be another process's by now.
    Stale,
    Running(Running),
}

/// A server that runs: the process of its postmaster, and the port of 127.0.0.1 at which it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    pub pid: u32,
    pub port: u16,
}

/// The state of the cluster in this folder. A process counts as its server only if it was started with this
/// data folder, so that a number used again or another server is never taken for it.
pub fn state(folder: &Folder) -> Result<State> {
    let data = folder.data();
    let path = data.join("postmaster.pid");
    match platform::open_of_folder(&path).and_then(|file| platform::read_bounded(file, LONGEST_PID_FILE)) {
        Ok(text) => Ok(match parsed(&String::from_utf8_lossy(&text)) {
            Some(running) if identity::is(running.pid, "postgres", data.as_os_str()) => State::Running(running),
            _ => State::Stale,
        }),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => match data.try_exists()
        {
            Ok(false) => Ok(State::Unmade),
            Ok(true) => Ok(State::Stopped),
            Err(error) => Err(anyhow::Error::new(error).context(folder.not_ours())),
        },
        Err(error) => Err(folder.not_read(&path, error)),
    }
}

/// The major version of the programs that made the data; `None` where there is none.
pub fn major(folder: &Folder) -> Result<Option<u32>> {
    let data = folder.data();
    if !data.exists() {
        return Ok(None);
    }
    let refused = || {
        // Never deleted here: another program may need it.
        let fault = Fault::failed(format!("{} is not a PostgreSQL data folder", data.display()));
        fault.hint("check it and move it away, then: cargo xtask up --target local")
    };
    let file = platform::open_of_folder(&data.join("PG_VERSION"));
    let bytes = file.and_then(|file| platform::read_bounded(file, LONGEST_VERSION)).with_context(refused)?;
    let text = String::from_utf8_lossy(&bytes);
    let number = text.trim().split('.').next().unwrap_or_default().parse();
    // Its text is not shown: whose it is, is not known.
    number.map(Some).with_context(|| format!("{}/PG_VERSION holds no version", data.display())).with_context(refused)
}

/// Makes the cluster: passwords (SCRAM) for every way in, UTF-8, and nothing under the final name before it is whole.
pub fn make(folder: &Folder, programs: &Programs, user: Option<&User>, role: &str, password: &str) -> Result<()> {
    let unfinished = folder.unfinished_data();
    std::fs::create_dir(&unfinished).with_context(|| format!("making {}", unfinished.display()))?;
    platform::set_mode(&unfinished, 0o700)?;
    folder.write_for(user, "initdb-password", password.as_bytes())?;
    let password_file = folder.path().join("initdb-password");
    user.map_or(Ok(()), |user| platform::give_folder(&unfinished, user))?;
    let program = server_program(folder, programs, user, "initdb")
        .arg("--pgdata")
        .arg(&unfinished)
        .arg(format!("--username={role}"))
        .arg("--pwfile")
        .arg(&password_file)
        .args(["--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
    let captured = program.capture(INIT_DEADLINE);
    let _ = std::fs::remove_file(&password_file);
    if !captured.as_ref().is_ok_and(|captured| captured.ending.success()) {
        folder.clear_unfinished();
    }
    let captured = captured?;
    if !captured.ending.success() {
        let fault = Fault::failed(format!("initdb failed ({})", captured.ending));
        return Err(anyhow::Error::msg(captured.stderr.trim().to_owned()).context(fault));
    }
    std::fs::rename(&unfinished, folder.data()).context("giving the new cluster its name")?;
    Ok(platform::sync_folder(folder.path())?)
}

/// Starts the server in the background. It may still fail: its log says why.
pub fn start(folder: &Folder, programs: &Programs, user: Option<&User>, port: u16) -> Result<Detached> {
    let log = folder.open_log(LOG)?;
    server_program(folder, programs, user, "postgres")
        .arg("-D")
        .arg(folder.data())
        .args(["-p", &port.to_string()])
        // No socket: its path could be too long, and everything here goes to 127.0.0.1.
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        .args(["-c", "logging_collector=off", "-c", "log_destination=stderr", "-c", "ssl=off"])
        // Why it refuses a login is read from its words.
        .args(["-c", "lc_messages=C"])
        .detach(log)
}

/// Stops the server: sessions are ended, what was committed is on disk.
pub fn stop(folder: &Folder, programs: &Programs, user: Option<&User>) -> Result<()> {
    let program = server_program(folder, programs, user, "pg_ctl")
        .args(["stop", "--silent", "--mode=fast", "--wait", "--timeout", PG_CTL_TIMEOUT, "--pgdata"])
        .arg(folder.data());
    let captured = program.capture(STOP_DEADLINE)?;
    if captured.ending.success() || !matches!(state(folder)?, State::Running(_)) {
        return Ok(());
    }
    let fault = Fault::failed("The local server did not stop");
    let fault = fault.hint(format!("see its log: {}", shell_word(&folder.log(LOG).to_string_lossy())));
    Err(anyhow::Error::msg(captured.stderr.trim().to_owned()).context(fault))
}

/// Makes a `postmaster.pid` whose number is now another process's say that its server is gone. PostgreSQL takes
/// its parent's number (ours) for stale, and then still looks whether anyone uses the data's shared memory,
/// which removing the file would prevent.
pub fn disown_stale(folder: &Folder, user: Option<&User>) -> Result<()> {
    let path = folder.data().join("postmaster.pid");
    let file = platform::open_of_folder(&path).and_then(|file| platform::read_bounded(file, LONGEST_PID_FILE));
    let text = file.map_err(|error| folder.not_read(&path, error))?;
    let Some(fresh) = disowned(&String::from_utf8_lossy(&text), std::process::id(), &folder.data()) else {
        return Err(anyhow::Error::msg("it is not what PostgreSQL writes").context(folder.unreadable(&path)));
    };
    // Written in our folder and moved: in the data folder a link could lead root's hand elsewhere.
    folder.write_for(user, "postmaster.pid", fresh.as_bytes())?;
    std::fs::rename(folder.path().join("postmaster.pid"), &path)
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// The text of a stale `postmaster.pid` with another process's number. Of the old text only numbers and an address are
/// kept; `None` where it holds anything else. PostgreSQL looks at the last line kept: number and key of shared memory.
fn disowned(text: &str, pid: u32, data: &Path) -> Option<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let number = |line: &str| line.parse::<u64>().ok().map(|number| number.to_string());
    let line = |index: usize| lines.get(index).copied().unwrap_or_default();
    let kept = |index: usize| if line(index).is_empty() { Some(String::new()) } else { number(line(index)) };
    let address = match line(5) {
        "" | "*" | "localhost" => line(5).to_owned(),
        address => address.parse::<IpAddr>().ok()?.to_string(),
    };
    let memory: Vec<String> = line(6).split_whitespace().map(number).collect::<Option<_>>()?;
    // The fifth line is a folder of sockets, and our servers have none.
    let is_ours = lines.len() <= 8 && line(4).is_empty() && matches!(memory.len(), 0 | 2);
    is_ours.then_some(())?;
    let (begun, port) = (kept(2)?, kept(3)?);
    Some(format!("{pid}\n{}\n{begun}\n{port}\n\n{address}\n{}\n", data.display(), memory.join(" ")))
}

fn server_program(folder: &Folder, programs: &Programs, user: Option<&User>, name: &str) -> Program {
    let program = Program::new(programs.path(name)).folder(folder.path()).env("LC_ALL", "C");
    let program = client::without_environment(program);
    match user {
        Some(user) => program.user(user),
        None => program,
    }
}

/// How long a log is now, to tell later what is new in it.
pub fn log_length(log: &Path) -> u64 {
    log.symlink_metadata().map_or(0, |facts| facts.len())
}

/// The end of a log from this byte on, for a message.
pub fn log_since(log: &Path, start: u64) -> String {
    let read = |mut file: File| {
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(end.saturating_sub(LONGEST_WORDS))))?;
        let mut bytes = Vec::new();
        file.take(LONGEST_WORDS).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = platform::open_of_folder(log).and_then(read).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

/// Process number and port, the first and fourth line of a `postmaster.pid`.
fn parsed(text: &str) -> Option<Running> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let port = lines.nth(2)?.trim().parse().ok()?;
    Some(Running { pid, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_gives_process_and_port_once_it_is_whole() {
        let whole = "8150\n/x/data\n1795358000\n24017\n\n127.0.0.1\n  1234 5\nready   \n";
        assert_eq!(parsed(whole), Some(Running { pid: 8150, port: 24017 }));
        assert_eq!(parsed("8150\n/x/data\n"), None);
        assert_eq!(parsed(""), None);
    }

    #[test]
    fn of_a_stale_pid_file_only_numbers_are_kept() {
        let data = Path::new("/x/data");
        let of = |text: &str| disowned(text, 7, data);
        let whole = "8150\n/y/data\n1795358000\n24017\n\n127.0.0.1\n  1234 5\nready   \n";
        assert_eq!(of(whole).unwrap(), "7\n/x/data\n1795358000\n24017\n\n127.0.0.1\n1234 5\n");
        assert_eq!(of("8150\n").unwrap(), "7\n/x/data\n\n\n\n\n\n");
        for secret in
            ["8\n/x\nSECRET\n", "8\n/x\n1\n2\nSECRET\n", "8\n/x\n1\n2\n\nSECRET\n", "8\n/x\n1\n2\n\n\n1 SECRET\n"]
        {
            assert_eq!(of(secret), None, "{secret:?}");
        }
        assert!(!of("8\nSECRET\n1\n2\n\n\n\nSECRET\n").unwrap().contains("SECRET"));
        assert_eq!(of(&"1\n".repeat(9)), None);
    }
}
