//! How the local server is reached.

use super::Local;
use crate::process::Program;
use crate::settings::Settings;
use crate::target::backend::{Access, DataDisk, Identified, Launch, Login, ProgramsElsewhere, Readiness};
use crate::target::client_error::Connection;
use crate::target::disk::Disk;
use crate::target::memory;
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

impl Access for Local {
    fn identify(&self, _: Duration) -> Result<Identified> {
        Ok(Identified::default())
    }

    fn quoted_values(&self) -> Vec<String> {
        Vec::new()
    }

    fn login(&self) -> &Login {
        &self.login
    }

    /// `local server, port 24017`.
    fn place(&self) -> String {
        match self.folder.record().ok().and_then(|record| record.port) {
            Some(port) => format!("local server, port {port}"),
            None => "local server".to_owned(),
        }
    }

    fn may_be_at(&self, _: &str) -> bool {
        true
    }

    fn is_on_another_host(&self) -> bool {
        false
    }

    fn check_identified(&self) -> Result<()> {
        Ok(())
    }

    fn is_at_hand(&self) -> bool {
        self.running().is_ok()
    }

    fn program(&self, name: &str, launch: &Launch) -> Result<Program> {
        self.client(name, launch)
    }

    fn programs_elsewhere(&self) -> Option<&dyn ProgramsElsewhere> {
        None
    }

    /// The server does not run.
    fn cause(&self, _: &str, _: Connection<'_>) -> Option<anyhow::Error> {
        self.running().err()
    }

    fn as_services_connect(&self, _: &Settings) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn readiness(&self) -> Option<Readiness> {
        None
    }

    fn ignored_parameters(&self) -> Option<String> {
        None
    }

    fn disks(&self, folders: &[String], _: Duration) -> Result<Vec<Disk>> {
        let disk = |folder: &String| Disk::of(Path::new(folder)).with_context(|| format!("the disk of {folder}"));
        folders.iter().map(disk).collect()
    }

    fn memory(&self) -> Option<u64> {
        memory::of_this_host()
    }

    fn cores(&self) -> Option<usize> {
        Some(std::thread::available_parallelism().ok()?.get())
    }

    fn data_disk(&self) -> DataDisk {
        let folder = self.folder.path();
        if folder.exists() { DataDisk::Folder(folder.to_owned()) } else { DataDisk::Unmade }
    }

    fn data_folder(&self) -> Option<PathBuf> {
        Some(self.folder.data())
    }
}
