//! Starts the local PostgreSQL, and makes its cluster before.

use super::Local;
use super::cluster::{self, State};
use super::folder::Record;
use super::programs::Programs;
use crate::error::{self, Cause, Fault};
use crate::platform::User;
use crate::process::{Detached, signals};
use crate::target::free_port;
use crate::target::startup::{Callbacks, Queries};
use crate::target::wait::wait_for;
use crate::words::shell_word;
use anyhow::Result;
use std::time::{Duration, Instant};

const ANSWER_DEADLINE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Another port, or a dying server's last process: worth another try, not many.
const TRIES: usize = 4;

pub(super) fn find_programs(local: &Local, callbacks: &Callbacks) -> Result<Programs> {
    (callbacks.stage)("looking for PostgreSQL's programs");
    local.programs(callbacks.consent, callbacks.stage)
}

pub(super) fn start_postgres(
    local: &Local,
    programs: &Programs,
    callbacks: &Callbacks,
    queries: &dyn Queries,
) -> Result<()> {
    let folder = &local.folder;
    let user = local.server_user()?;
    let mut record = folder.record()?;
    folder.clear_unfinished();
    if cluster::major(folder)?.is_none() {
        (callbacks.stage)("making the local server");
        let password = folder.password_or_new()?;
        local.role().clone_into(&mut record.role);
        folder.keep(&record)?;
        cluster::make(folder, programs, user.as_ref(), local.role(), &password)?;
    }
    (callbacks.stage)("starting PostgreSQL");
    start_on_free_port((local, programs, user.as_ref()), record, callbacks, queries)
}

/// Starts the server on its port, else on a free one.
fn start_on_free_port(
    (local, programs, user): (&Local, &Programs, Option<&User>),
    mut record: Record,
    callbacks: &Callbacks,
    queries: &dyn Queries,
) -> Result<()> {
    let folder = &local.folder;
    let before = record.port;
    let mut last = String::new();
    for _ in 0..TRIES {
        if cluster::state(folder)? == State::Stale {
            cluster::disown_stale(folder, user)?;
        }
        let port = free_port::keep_or_choose(record.port, &[])?;
        record.port = Some(port);
        record.programs = Some(programs.folder.clone());
        folder.keep(&record)?;
        let log = folder.log(cluster::LOG);
        let from = cluster::log_length(&log);
        let server = cluster::start(folder, programs, user, port)?;
        if lives(server, local, || queries.identity().map(drop))? {
            if let Some(before) = before.filter(|before| *before != port) {
                (callbacks.note)(&format!(
                    "Port {before} is taken by another program; PostgreSQL is on port {port} now"
                ));
            }
            return Ok(());
        }
        last = cluster::log_since(&log, from);
        if let State::Running(running) = cluster::state(folder)? {
            // A run that was killed had just started it.
            record.port = Some(running.port);
            return folder.keep(&record);
        }
        if last.contains("could not bind") {
            record.port = None;
        } else if last.contains("shared memory block") {
            std::thread::sleep(Duration::from_secs(1));
        } else {
            break;
        }
    }
    let fault = Fault::unreachable("PostgreSQL did not start");
    let fault = fault.hint(format!("see its log: {}", shell_word(&folder.log(cluster::LOG).to_string_lossy())));
    Err(anyhow::Error::msg(last).context(fault))
}

/// Waits until the server that was just started answers (`true`) or has died (`false`).
fn lives(mut server: Detached, local: &Local, ask: impl Fn() -> Result<()>) -> Result<bool> {
    let end = Instant::now() + ANSWER_DEADLINE;
    let pid = server.pid();
    loop {
        if server.has_ended() {
            return Ok(false);
        }
        if matches!(cluster::state(&local.folder)?, State::Running(running) if running.pid == pid) {
            match ask() {
                Ok(()) => return Ok(true),
                Err(refusal) if !is_passing(&refusal) => return Err(refusal),
                Err(_) => {}
            }
        }
        if Instant::now() >= end {
            // Crash recovery can take long; the caller's own wait says what the server answers.
            return Ok(true);
        }
        signals::check()?;
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// What a server says, or does not, while it starts.
pub(super) fn is_passing(refusal: &anyhow::Error) -> bool {
    matches!(error::cause(refusal), Some(Cause::Starting | Cause::NotListening | Cause::Lost))
}

/// Waits until a server of the folder answers. `lasts`: whether a refusal stays.
pub(super) fn wait<T>(
    log: &str,
    local: &Local,
    lasts: fn(&anyhow::Error) -> bool,
    ask: impl Fn() -> Result<T>,
) -> Result<T> {
    let hint = format!("see its log: {}", local.folder.log(log).display());
    wait_for("The local server", &hint, lasts, ask)
}
