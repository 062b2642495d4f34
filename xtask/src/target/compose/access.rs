//! How the database's container is reached.

use super::Compose;
use super::containers::Container;
use crate::process::Program;
use crate::settings::Settings;
use crate::target::backend::{Access, DataDisk, Identified, Launch, Login, ProgramsElsewhere, Readiness, StdioMode};
use crate::target::client_error::Connection;
use crate::target::disk::Disk;
use crate::target::{cores, memory};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::time::Duration;

const FILES_DEADLINE: Duration = Duration::from_secs(10);

impl Access for Compose {
    fn identify(&self, deadline: Duration) -> Result<Identified> {
        self.identified(deadline)
    }

    fn quoted_values(&self) -> Vec<String> {
        Vec::new()
    }

    fn login(&self) -> &Login {
        &self.found().login.login
    }

    fn place(&self) -> String {
        format!("compose service {}", self.service())
    }

    fn may_be_at(&self, _: &str) -> bool {
        true
    }

    fn is_on_another_host(&self) -> bool {
        false
    }

    fn check_identified(&self) -> Result<()> {
        self.readable().map(drop)
    }

    fn is_at_hand(&self) -> bool {
        let service = self.service();
        let Some(project) = self.project() else { return false };
        let listed = self.listed_database(project).ok().flatten().unwrap_or_default();
        let is_it = |container: &&Container| container.service == service && container.is_up();
        let mut ours = listed.iter().filter(|container| is_it(container) && container.check_awake().is_ok());
        let only = ours.next().filter(|_| ours.next().is_none());
        only.is_some_and(|container| self.is_named || container.check_made_from(&self.folder, project).is_ok())
    }

    fn program(&self, name: &str, launch: &Launch) -> Result<Program> {
        self.direct(name, launch).map_or_else(|| self.exec(name, launch.environment, launch.talk), Ok)
    }

    fn programs_elsewhere(&self) -> Option<&dyn ProgramsElsewhere> {
        Some(self)
    }

    fn cause(&self, stderr: &str, connection: Connection<'_>) -> Option<anyhow::Error> {
        self.cause_of(stderr, connection)
    }

    fn as_services_connect(&self, _: &Settings) -> Vec<(&'static str, String)> {
        // From inside and over 127.0.0.1 the image lets everyone in; and while it makes a new cluster, a passing
        // server answers on the socket alone. The service's name may be another project's, too, in a shared network.
        let found = self.found();
        let address = found.address.clone().unwrap_or_else(|| self.service().to_owned());
        let password = found.login.password.as_ref().map(|part| ("PGPASSWORD", part.value.clone()));
        std::iter::once(("PGHOST", address)).chain(password).collect()
    }

    fn readiness(&self) -> Option<Readiness> {
        let logs = format!("docker compose logs --tail 20 {}", self.service());
        let hint = format!("it may still be starting: cargo xtask health-check --wait; else: {logs}");
        Some(Readiness { host: "127.0.0.1", hint })
    }

    fn ignored_parameters(&self) -> Option<String> {
        None
    }

    fn disks(&self, folders: &[String], deadline: Duration) -> Result<Vec<Disk>> {
        // It needs no login, which may not be known.
        let df = match self.container()? {
            Some(id) => Program::new("docker").args(["exec", id, "df"]),
            None => self.exec("df", &[], StdioMode::Piped)?,
        };
        let said = df.args(["-P", "-k"]).args(folders).capture(deadline)?;
        let disks = Disk::all(&said.text()).filter(|_| said.ending.success());
        disks.with_context(|| format!("df in the container: {}", said.stderr.trim()))
    }

    fn memory(&self) -> Option<u64> {
        // It fails for the files that are not there, and prints the others. Each session of a load wants to know it.
        *self.memory.get_or_init(|| {
            let asked = self.exec("cat", &[], StdioMode::Piped).ok()?.args(memory::FILES);
            memory::smallest(&asked.capture(FILES_DEADLINE).ok()?.text())
        })
    }

    fn cores(&self) -> Option<usize> {
        let asked = self.exec("cat", &[], StdioMode::Piped).ok()?.args(cores::FILES);
        cores::of(&asked.capture(FILES_DEADLINE).ok()?.text())
    }

    fn data_disk(&self) -> DataDisk {
        DataDisk::InContainer { folder: self.found().data_folder.clone() }
    }

    fn data_folder(&self) -> Option<PathBuf> {
        None
    }
}

impl ProgramsElsewhere for Compose {
    fn place(&self) -> &'static str {
        "the container"
    }

    /// `docker cp` would write as root, through a link that the server's user put at a name that can be foreseen.
    fn private_file(&self, text: &dyn Fn(&str) -> Vec<u8>) -> Result<String> {
        let made = self.exec("mktemp", &[], StdioMode::Piped)?.capture(FILES_DEADLINE)?;
        let told = made.text();
        let path = told.trim_end();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
        if !made.ending.success() || !path.starts_with('/') || !path.chars().all(is_plain) {
            anyhow::bail!("no private file can be made in the container ({}) {}", made.ending, made.stderr.trim());
        }
        let filled = self.exec("tee", &[], StdioMode::Piped)?.arg(path).capture_with(text(path), FILES_DEADLINE)?;
        anyhow::ensure!(filled.ending.success(), "{path} in the container cannot be written: {}", filled.stderr.trim());
        Ok(path.to_owned())
    }
}
