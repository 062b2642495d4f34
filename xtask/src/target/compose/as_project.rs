//! What only a Compose project has: its engine, its files, its containers.

use super::{Compose, engine, project_state};
use crate::process::{Captured, Program};
use crate::target::backend::{ComposeProject, ProjectState};
use anyhow::Result;
use chrono::{DateTime, Utc};
use std::time::Duration;

impl ComposeProject for Compose {
    fn database_service(&self) -> &str {
        self.service()
    }

    fn engine_cause(&self) -> Option<anyhow::Error> {
        engine::cause()
    }

    fn engine_version(&self, deadline: Duration) -> Result<Option<String>> {
        let asked = engine::asked_version(deadline)?;
        Ok(asked.ending.success().then(|| asked.text().trim().to_owned()))
    }

    fn engine_time(&self, deadline: Duration) -> Option<DateTime<Utc>> {
        let asked = Program::new("docker").args(["info", "--format", "{{.SystemTime}}"]).capture(deadline);
        project_state::time(asked.ok()?.text().trim())
    }

    fn version(&self) -> Result<String> {
        self.check_version()
    }

    fn state(&self, deadline: Duration) -> Result<ProjectState> {
        self.read_state(deadline)
    }

    fn ask_in(&self, container: &str, words: &[&str], deadline: Duration) -> Result<Captured> {
        Program::new("docker").args(["exec", container]).args(words.iter().copied()).capture(deadline)
    }

    fn log(&self, container: &str, lines: u16, deadline: Duration) -> String {
        let asked = Program::new("docker").args(["logs", "--tail", &lines.to_string(), container]).capture(deadline);
        asked.map_or_else(|_| String::new(), |captured| format!("{}{}", captured.text(), captured.stderr))
    }

    fn last_exit_code(&self, container: &str, deadline: Duration) -> Option<i64> {
        let filter = format!("container={container}");
        let asked = Program::new("docker")
            .args(["events", "--since", "10m", "--until", "0s", "--filter", "event=die", "--filter", &filter])
            .args(["--format", "{{.Actor.Attributes.exitCode}}"])
            .capture(deadline);
        asked.ok()?.text().lines().last()?.trim().parse().ok()
    }

    fn adopt(&self, container: &str) {
        self.container.get_or_init(|| container.to_owned());
    }
}
