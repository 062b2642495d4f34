//! How the database's container is reached.

use super::engine::DEADLINE;
use super::{Compose, SERVICE, containers};
use crate::process::Program;
use crate::settings::Settings;
use crate::target::backend::{Access, DataDisk, Launch, Login, ProgramsElsewhere, Readiness, Talk};
use crate::target::client_error::Connection;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DF_DEADLINE: Duration = Duration::from_secs(10);

impl Access for Compose {
    fn login(&self) -> &Login {
        &self.login
    }

    fn place(&self) -> String {
        format!("compose service {SERVICE}")
    }

    fn may_be_at(&self, _: &str) -> bool {
        true
    }

    fn is_on_another_host(&self) -> bool {
        false
    }

    fn is_at_hand(&self) -> bool {
        let Some(project) = &self.project else { return false };
        let listed = containers::of_project(project, false).ok().flatten().unwrap_or_default();
        let mut ours =
            listed.iter().filter(|container| container.service == SERVICE && container.check_awake().is_ok());
        let only = ours.next().filter(|_| ours.next().is_none());
        only.is_some_and(|container| self.is_named || container.check_made_from(&self.root, project).is_ok())
    }

    fn program(&self, name: &str, launch: &Launch) -> Result<Program> {
        self.exec(name, launch.environment, launch.talk)
    }

    fn programs_elsewhere(&self) -> Option<&dyn ProgramsElsewhere> {
        Some(self)
    }

    fn cause(&self, stderr: &str, connection: Connection<'_>) -> Option<anyhow::Error> {
        self.cause_of(stderr, connection)
    }

    fn as_services_connect(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        // From inside and over 127.0.0.1 the image lets everyone in; and while it makes a new cluster, a passing
        // server answers on the socket alone.
        let password = settings.get_or("POSTGRES_PASSWORD", "postgres").to_owned();
        vec![("PGHOST", SERVICE.to_owned()), ("PGPASSWORD", password)]
    }

    fn readiness(&self) -> Option<Readiness> {
        let hint =
            "it may still be starting: cargo xtask health-check --wait; else: docker compose logs --tail 20 postgres";
        Some(Readiness { host: "127.0.0.1", hint })
    }

    fn ignored_parameters(&self) -> Option<String> {
        None
    }

    fn free_space(&self, folders: &[String]) -> Option<u64> {
        // POSIX's form, in kibibytes: one line for each folder, the fourth column is what is available.
        let asked = self.exec("df", &[], Talk::Piped).ok()?.args(["-P", "-k"]).args(folders);
        let said = asked.capture(DF_DEADLINE).ok()?;
        let available = |line: &str| line.split_whitespace().nth(3)?.parse::<u64>().ok();
        let smallest = said.text().lines().skip(1).filter_map(available).min()?;
        said.ending.success().then(|| smallest.saturating_mul(1024))
    }

    fn data_disk(&self) -> DataDisk {
        DataDisk::InContainer { service: SERVICE }
    }

    fn data_folder(&self) -> Option<PathBuf> {
        None
    }
}

impl ProgramsElsewhere for Compose {
    fn place(&self) -> &'static str {
        "the container"
    }

    fn copy_in(&self, file: &Path, there: &str) -> Result<()> {
        let source = file.to_string_lossy();
        self.run(["cp", &source, &format!("{SERVICE}:{there}")], DEADLINE).map(drop)
    }
}
