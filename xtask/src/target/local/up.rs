//! The local server's `up` and `down`: PostgreSQL, the database in it, OpenFGA beside it.

use super::cluster::{self, State};
use super::folder::Record;
use super::programs::Programs;
use super::{Local, openfga};
use crate::error::{self, Cause, Fault};
use crate::platform::User;
use crate::process::{Detached, signals};
use crate::settings::{Settings, fault_point};
use crate::target::backend::{Access as _, ComposeProject, Extent, Stack};
use crate::target::free_port;
use crate::target::openfga::{self as probe, URL};
use crate::target::ports::{Taken, taken_by};
use crate::target::startup::{Answering, Callbacks, Identity, Queries, Startup};
use crate::target::wait::wait_for;
use crate::target::{openfga_migration, openfga_program};
use crate::words::shell_word;
use anyhow::Result;
use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

const ANSWER_DEADLINE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Another port, or a dying server's last process: worth another try, not many.
const TRIES: usize = 4;

impl Stack for Local {
    fn starts_server(&self) -> bool {
        true
    }

    fn up(&self, startup: &Startup, _: Extent) -> Result<Answering> {
        up(self, startup)
    }

    fn down(&self, _: Extent, _: &dyn Fn(&Fault)) -> Result<bool> {
        down(self)
    }

    fn running(&self) -> Option<Vec<String>> {
        let openfga = openfga::running(&self.folder).ok()?.map(|_| "OpenFGA".to_owned());
        let postgres = matches!(cluster::state(&self.folder).ok()?, State::Running(_)).then(|| "PostgreSQL".to_owned());
        Some(openfga.into_iter().chain(postgres).collect())
    }

    /// Every checkout has a folder of its own.
    fn check_ours(&self) -> Result<()> {
        Ok(())
    }

    /// Nothing but this program reads it.
    fn check_env_file(&self, _: &Settings) -> Result<()> {
        Ok(())
    }

    /// A port that others hold is left for a free one.
    fn taken_ports(&self, _: &Settings) -> Result<Vec<Taken>> {
        Ok(Vec::new())
    }

    fn has_containers(&self) -> bool {
        false
    }

    fn runs_at_first_start(&self, _: &Path) -> Option<String> {
        None
    }

    fn compose_project(&self) -> Option<&dyn ComposeProject> {
        None
    }
}

/// Makes and starts what does not run yet.
fn up(local: &Local, startup: &Startup) -> Result<Answering> {
    let (callbacks, queries) = (startup.callbacks, startup.queries);
    let stage = callbacks.stage;
    let runs = |state| matches!(state, State::Running(_));
    // A wrong setting is said before anything is started.
    local.openfga.program()?;
    // Asking for consent can take a person's time: not while the folder is locked.
    let programs = if runs(cluster::state(&local.folder)?) { None } else { Some(find_programs(local, callbacks)?) };
    local.folder.make(local.server_user()?.as_ref())?;
    let _lock = local.folder.lock(stage)?;
    local.check_role()?;
    let mut started = false;
    if !runs(cluster::state(&local.folder)?) {
        local.folder_note().iter().for_each(|note| (callbacks.note)(note));
        let programs = programs.map_or_else(|| find_programs(local, callbacks), Ok)?;
        start_postgres(local, &programs, callbacks, queries)?;
        started = true;
    }
    stage("waiting for PostgreSQL");
    let identity = wait(cluster::LOG, local, |refusal| !is_passing(refusal), || queries.identity())?;
    check_identity(local, &identity)?;
    if !identity.database {
        queries.create_database()?;
    }
    let openfga = up_openfga(local, startup, &mut started)?;
    Ok(Answering { postgres: identity.version, openfga, started, failed: Vec::new() })
}

/// Stops OpenFGA, then PostgreSQL; false where neither ran.
fn down(local: &Local) -> Result<bool> {
    if !local.folder.path().exists() {
        return Ok(false);
    }
    let _lock = local.folder.lock(&|_| ())?;
    let mut stopped = openfga::stop(&local.folder)?;
    fault_point("openfga-stopped");
    if let State::Running(_) = cluster::state(&local.folder)? {
        let user = local.server_user()?;
        cluster::stop(&local.folder, &local.programs_of_running()?, user.as_ref())?;
        stopped = true;
    }
    check_stopped(local).map(|()| stopped)
}

/// The server's own user may write its pid file: a server that still listens is no stopped one.
fn check_stopped(local: &Local) -> Result<()> {
    if cluster::state(&local.folder)? != State::Stale {
        return Ok(());
    }
    let Some((port, by)) = local.folder.record()?.port.and_then(|port| Some((port, taken_by(port)?))) else {
        return Ok(());
    };
    let fault = Fault::failed(format!("The local server may still run: its port {port} is taken by {by}"));
    Err(fault
        .hint("find out which process that is; if it is this PostgreSQL server, stop it, then: cargo xtask down")
        .into())
}

fn find_programs(local: &Local, callbacks: &Callbacks) -> Result<Programs> {
    (callbacks.stage)("looking for PostgreSQL's programs");
    local.programs(callbacks.consent, callbacks.stage)
}

fn start_postgres(local: &Local, programs: &Programs, callbacks: &Callbacks, queries: &dyn Queries) -> Result<()> {
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
fn is_passing(refusal: &anyhow::Error) -> bool {
    matches!(error::cause(refusal), Some(Cause::Starting | Cause::NotListening | Cause::Lost))
}

/// Checks that the server on our port serves our folder and no other one.
fn check_identity(local: &Local, identity: &Identity) -> Result<()> {
    let ours = local.folder.data();
    if Path::new(&identity.data) == ours {
        return Ok(());
    }
    let message = format!("{} is another server, whose data is in {}", local.place(), identity.data);
    let fault = Fault::unreachable(message);
    Err(fault.hint("stop it, or start on another port: cargo xtask down && cargo xtask up --target local").into())
}

fn up_openfga(local: &Local, startup: &Startup, started: &mut bool) -> Result<Option<String>> {
    let (settings, callbacks) = (startup.settings, startup.callbacks);
    let folder = &local.folder;
    if let Some(running) = openfga::running(folder)? {
        // After a move to another port or database it would still write to the old one.
        if running.serves(local.running()?.port, &local.login.database) {
            (callbacks.stage)("waiting for OpenFGA");
            wait(openfga::LOG, local, error::is_lasting, || probe::answers(&probe::own(&running.url(), settings)?))?;
            return Ok(Some(running.url()));
        }
        openfga::stop(folder)?;
    }
    let Some(program) = local.openfga.program()? else {
        let why = if local.openfga.install_question().is_some() {
            "No openfga program found"
        } else {
            "No openfga program and no Go on this host"
        };
        let how = local.openfga.how_to_install();
        (callbacks.note)(&format!("{why}: OpenFGA is not started\n{how}"));
        return Ok(None);
    };
    *started = true;
    let log = folder.log(openfga::LOG);
    let from = cluster::log_length(&log);
    let Some((url, server)) = start_openfga(local, &program, startup)? else { return Ok(None) };
    (callbacks.stage)("waiting for OpenFGA");
    let server = RefCell::new(server);
    wait(openfga::LOG, local, error::is_lasting, || {
        if server.borrow_mut().has_ended() {
            let fault = Fault::unreachable("OpenFGA did not start");
            let fault = fault.hint(format!("see its log: {}", shell_word(&log.to_string_lossy()))).lasting();
            return Err(anyhow::Error::msg(cluster::log_since(&log, from)).context(fault));
        }
        probe::answers(&probe::own(&url, settings)?)
    })?;
    Ok(Some(url))
}

/// Migrates and starts it, with our login: not where another role could have it run that role's code. `None`: the settings
/// name a server in its place.
fn start_openfga(local: &Local, program: &Path, startup: &Startup) -> Result<Option<(String, Detached)>> {
    let (folder, callbacks) = (&local.folder, startup.callbacks);
    let user = local.server_user()?;
    let password = local.password()?;
    let port = local.running()?.port;
    let grounds = startup.queries.openfga_grounds()?.of_version(|| openfga_program::is_pinned(program));
    let own = local.own_program(program.to_owned(), port);
    let reasons = grounds.reasons(own.is_on_own_server);
    if !reasons.is_empty() {
        if startup.settings.get(URL).is_some() {
            (callbacks.note)(&format!("OpenFGA is not started here: {URL} names the one that serves"));
            return Ok(None);
        }
        let database = &local.login.database;
        return Err(openfga_migration::not_started(&reasons, local.role(), database, &own).into());
    }
    if let Some(warning) = grounds.warning(local.role()) {
        (callbacks.note)(&warning);
    }
    let store = openfga::Datastore { path: grounds.path.as_ref(), ..local.datastore(port, &password) };
    (callbacks.stage)("migrating OpenFGA's tables");
    let runner = local.openfga.runner(folder, program, user.as_ref());
    runner.migrate(store)?;
    let mut record = folder.record()?;
    let chosen = openfga::choose_ports(&record, port)?;
    if let Some(before) = record.openfga.filter(|before| before.http != chosen.http) {
        let (old, new) = (before.http, chosen.http);
        (callbacks.note)(&format!("Port {old} is taken by another program; OpenFGA is on port {new} now"));
    }
    record.openfga = Some(chosen);
    folder.keep(&record)?;
    (callbacks.stage)("starting OpenFGA");
    let (started, server) = runner.start(store, chosen)?;
    Ok(Some((started.url(), server)))
}

fn wait<T>(log: &str, local: &Local, lasts: fn(&anyhow::Error) -> bool, ask: impl Fn() -> Result<T>) -> Result<T> {
    let look = format!("see its log: {}", local.folder.log(log).display());
    wait_for("The local server", &look, lasts, ask)
}
