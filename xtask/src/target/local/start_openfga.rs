//! Starts OpenFGA beside the local PostgreSQL.

use super::start_postgres::wait;
use super::{Local, cluster, openfga};
use crate::error::{self, Fault};
use crate::process::Detached;
use crate::target::openfga::{self as probe, URL};
use crate::target::startup::Startup;
use crate::target::{openfga_migration, openfga_program};
use crate::words::shell_word;
use anyhow::Result;
use std::cell::RefCell;
use std::path::Path;

/// The address of OpenFGA, started where it did not run.
pub(super) fn up_openfga(local: &Local, startup: &Startup, started: &mut bool) -> Result<Option<String>> {
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
