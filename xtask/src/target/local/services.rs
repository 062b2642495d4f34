//! The one service that uses the local database: OpenFGA beside the server.

use super::{Local, openfga};
use crate::error::Fault;
use crate::target::backend::{Extent, Holders, ServiceUser, Services, Stack as _, StartedWith};
use crate::target::openfga::USUAL_SERVICE;
use crate::target::startup::Startup;
use anyhow::Result;
use std::net::IpAddr;

impl Services for Local {
    /// OpenFGA, where it runs with its data in this database.
    fn running_users(&self, _: &[IpAddr]) -> Result<Vec<ServiceUser>> {
        let Some(running) = openfga::running(&self.folder)? else { return Ok(Vec::new()) };
        let uses = running.serves(self.running()?.port, &self.login.database);
        let why = format!("it was started for {}", self.login.database);
        Ok(uses.then(|| ServiceUser { name: USUAL_SERVICE.to_owned(), why }).into_iter().collect())
    }

    fn notice(&self, _: bool) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    fn stop(&self, services: &[String]) -> Result<()> {
        if services.is_empty() {
            return Ok(());
        }
        openfga::stop(&self.folder).map(drop)
    }

    fn start(&self, services: &[String], startup: &Startup) -> Result<()> {
        if services.is_empty() {
            return Ok(());
        }
        self.up(startup, Extent::Needed).map(drop)
    }

    /// OpenFGA has no ids of stores.
    fn holders_of(&self, _: &[&str]) -> Option<Holders> {
        None
    }
    fn renew(&self, _: &[&str]) -> String {
        String::new()
    }
    fn started_with(&self, _: &[&str]) -> Vec<StartedWith> {
        Vec::new()
    }
    fn given_all(&self, _: &[&str]) -> Vec<String> {
        Vec::new()
    }
}
