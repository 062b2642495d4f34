//! OpenFGA as a part of the local stack.

use super::{Local, openfga};
use crate::error::Fault;
use crate::settings::Settings;
use crate::target::backend::{Build, MadeOf, OwnMigration, OwnOpenfga};
use crate::target::openfga::USUAL_SERVICE;
use crate::target::openfga_exposure::PinnedPath;
use anyhow::Result;
use std::path::PathBuf;

impl OwnOpenfga for Local {
    fn can_have_openfga(&self) -> bool {
        true
    }

    fn has_openfga(&self) -> bool {
        self.openfga.program().is_ok_and(|program| program.is_some())
            || openfga::running(&self.folder).is_ok_and(|running| running.is_some())
    }

    fn openfga_service(&self) -> &str {
        USUAL_SERVICE
    }

    fn openfga_name(&self) -> &'static str {
        "the local OpenFGA"
    }

    fn openfga_address(&self) -> Result<String> {
        match openfga::running(&self.folder)? {
            Some(running) => Ok(running.url()),
            None => Err(self.openfga.not_running()?.into()),
        }
    }

    fn openfga_metrics_address(&self) -> Result<String> {
        match (openfga::running(&self.folder)?, self.folder.record()?.openfga) {
            (Some(_), Some(ports)) => Ok(format!("http://127.0.0.1:{}", ports.metrics)),
            _ => Err(self.openfga.not_running()?.into()),
        }
    }

    /// Its port is chosen when it is started.
    fn openfga_address_of_settings(&self, _: &Settings) -> Option<String> {
        None
    }

    /// It has those of the settings.
    fn openfga_keys(&self) -> Option<String> {
        None
    }

    fn other_database_of_openfga(&self) -> Option<String> {
        let running = openfga::running(&self.folder).ok()??;
        let port = self.running().ok()?.port;
        (!running.serves(port, &self.login.database)).then(|| "it was started for another one".to_owned())
    }

    fn own_migration(&self) -> Result<Option<OwnMigration>> {
        let Some(program) = self.openfga.program()? else { return Ok(None) };
        Ok(Some(self.own_program(program, self.running()?.port)))
    }

    fn migrate_openfga(&self, path: Option<&PinnedPath>) -> Result<()> {
        let Some(program) = self.openfga.program()? else { return Ok(()) };
        let password = self.password()?;
        let store = openfga::Datastore { path, ..self.datastore(self.running()?.port, &password) };
        let user = self.server_user()?;
        self.openfga.runner(&self.folder, &program, user.as_ref()).migrate(store)
    }

    fn openfga_container(&self) -> Option<MadeOf> {
        None
    }

    fn openfga_to_build(&self) -> Result<Option<Build<'_>>, Fault> {
        if self.openfga.program()?.is_some() {
            return Ok(None);
        }
        let build = |question| Build { question, install: Box::new(|| self.openfga.install()) };
        Ok(self.openfga.install_question().map(build))
    }
}

impl Local {
    /// OpenFGA's program, for the database of the server on this port.
    pub(super) fn own_program(&self, program: PathBuf, port: u16) -> OwnMigration {
        OwnMigration { program, uri: openfga::uri(port, &self.login.database), is_on_own_server: true }
    }

    /// Where OpenFGA keeps its data: the database of the server on this port.
    pub(super) fn datastore<'a>(&'a self, port: u16, password: &'a str) -> openfga::Datastore<'a> {
        openfga::Datastore { port, database: &self.login.database, role: self.role(), password, path: None }
    }
}
