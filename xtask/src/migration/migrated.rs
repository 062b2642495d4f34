//! A database that is migrated: its ledger, and the session that runs its files.

use super::config::Config;
use super::ledger::{Ledger, Writer};
use super::session::Session;
use crate::postgres::server::Server;
use crate::settings::fault_point;
use anyhow::Result;
use std::time::Duration;

/// A database that is migrated, and the rules for it.
#[derive(Clone, Copy)]
pub struct Migrated<'a, 't> {
    /// Its database is the target's own, or one that is being made.
    pub server: &'a Server<'t>,
    pub config: &'a Config,
}

impl<'t> Migrated<'_, 't> {
    /// The ledger as a fresh session finds it.
    pub fn ledger(&self) -> Result<Ledger> {
        Ledger::read(self.server, &self.config.ledger, &self.config.create_schemas)
    }

    /// The same while files run: one that is empty afterwards is as it should be.
    pub fn ledger_again(&self) -> Result<Ledger> {
        Ledger::read_again(self.server, &self.config.ledger, &self.config.create_schemas)
    }

    /// The ledger as this session writes it: made where it is missing.
    pub fn writer(&self, session: &mut Session<'_>, ledger: &Ledger, lock_timeout: Duration) -> Result<Writer> {
        let writer = Writer::open(session, ledger.name()?, &self.config.create_schemas, lock_timeout)?;
        fault_point("ledger");
        Ok(writer)
    }

    /// The same database for the session that runs the migrations, which has a name of its own.
    pub fn migrating(&self) -> Server<'t> {
        self.server.named(&format!("{}-migrate", self.server.session()))
    }

    pub fn session(&self) -> Result<Session<'t>> {
        Session::start(&self.migrating())
    }
}
