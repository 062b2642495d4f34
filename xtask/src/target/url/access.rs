//! How the server that `DATABASE_URL` names is reached.

use super::{Url, options};
use crate::process::Program;
use crate::settings::Settings;
use crate::target::backend::{Access, DataDisk, Identified, Launch, Login, ProgramsElsewhere, Readiness};
use crate::target::client_error::Connection;
use crate::target::disk::Disk;
use crate::words::masked;
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;

impl Access for Url {
    fn identify(&self, _: Duration) -> Result<Identified> {
        Ok(Identified::default())
    }

    fn quoted_values(&self) -> Vec<String> {
        self.connection.variable("PGOPTIONS").map(options::values).unwrap_or_default()
    }

    fn login(&self) -> &Login {
        &self.login
    }

    /// `db.example.com:5432`.
    fn place(&self) -> String {
        self.connection.place()
    }

    fn may_be_at(&self, place: &str) -> bool {
        self.place() == place
    }

    fn is_on_another_host(&self) -> bool {
        !self.connection.is_loopback()
    }

    fn check_identified(&self) -> Result<()> {
        Ok(())
    }

    fn is_at_hand(&self) -> bool {
        true
    }

    fn program(&self, name: &str, launch: &Launch) -> Result<Program> {
        self.client(name, launch)
    }

    fn programs_elsewhere(&self) -> Option<&dyn ProgramsElsewhere> {
        None
    }

    fn cause(&self, stderr: &str, connection: Connection<'_>) -> Option<anyhow::Error> {
        let words = || anyhow::Error::msg(masked(stderr.trim(), &self.quoted_values()));
        self.fault(connection).map(|fault| words().context(fault))
    }

    fn as_services_connect(&self, _: &Settings) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn readiness(&self) -> Option<Readiness> {
        None
    }

    fn ignored_parameters(&self) -> Option<String> {
        let names = &self.connection.left_out;
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The server is on another host, or may be.
    fn disks(&self, _: &[String], _: Duration) -> Result<Vec<Disk>> {
        Ok(Vec::new())
    }

    fn memory(&self) -> Option<u64> {
        None
    }

    fn cores(&self) -> Option<usize> {
        None
    }

    fn data_disk(&self) -> DataDisk {
        DataDisk::Unseen
    }

    fn data_folder(&self) -> Option<PathBuf> {
        None
    }
}
