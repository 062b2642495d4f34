//! The local server's `up` and `down`: PostgreSQL, the database in it, OpenFGA beside it.

use super::cluster::{self, State};
use super::start_openfga::up_openfga;
use super::start_postgres::{find_programs, is_passing, start_postgres, wait};
use super::{Local, openfga};
use crate::error::Fault;
use crate::settings::{Settings, fault_point};
use crate::target::backend::{Access as _, ComposeProject, Extent, Stack};
use crate::target::ports::{Taken, taken_by};
use crate::target::startup::{Answering, Identity, Startup};
use anyhow::Result;
use std::path::Path;

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
