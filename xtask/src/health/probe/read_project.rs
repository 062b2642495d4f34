//! Asks Compose for the files and Docker for the containers.

use super::container::Container;
use super::project::{Config, LABEL, Project, put_together};
use crate::health::Scene;
use crate::health::report::Finding;
use crate::health::root_cause::with_root_cause;
use crate::process::Program;
use crate::target::backend::ComposeProject;
use anyhow::{Context as _, Result};
use std::path::Path;

impl Scene<'_> {
    /// The Compose project: its services and their containers; `None` where the target has none.
    pub fn project(&self) -> Option<Result<&Project, &Finding>> {
        let compose = self.compose()?;
        Some(self.project.get_or_init(|| read(compose, self)).as_ref())
    }
}

/// Reads files and containers at the same time, where the project's name is plain to see.
fn read(compose: &dyn ComposeProject, scene: &Scene) -> Result<Project, Finding> {
    let read = || -> Result<Project> {
        std::thread::scope(|scope| {
            let early = compose.name().map(|name| scope.spawn(move || containers(name, scene)));
            let config = config(compose, scene)?;
            let found = match early.and_then(|thread| thread.join().ok()) {
                Some(found) => found?,
                None => containers(&config.name, scene)?,
            };
            let is_elsewhere = |container: &Container| {
                let folder = container.label(&format!("{LABEL}.project.working_dir"));
                folder.is_some_and(|folder| Path::new(folder) != scene.root)
            };
            if found.iter().any(is_elsewhere) {
                // Another checkout's under the same name, unless the name was chosen.
                scene.target.stack().check_ours()?;
            }
            Ok(put_together(config, found))
        })
    };
    read().map_err(|error| {
        let hint = "see what Compose says: docker compose --profile '*' config --quiet";
        let cause = || compose.engine_cause().or_else(|| compose.version().err());
        let outer = if scene.is_over() { None } else { cause() };
        match outer {
            Some(outer) => Finding::of_error(&outer, hint),
            None => with_root_cause(Finding::of_error(&error, hint), &error, scene.settings),
        }
    })
}

fn config(compose: &dyn ComposeProject, scene: &Scene) -> Result<Config> {
    serde_json::from_str(compose.read_files(scene.left())?).context("the project as Compose reads it")
}

fn containers(project: &str, scene: &Scene) -> Result<Vec<Container>> {
    let filter = format!("label={LABEL}.project={project}");
    let asked = |program: Program| -> Result<String> {
        let captured = program.capture(scene.left())?;
        // A container that went away meanwhile is missing; the others are still described.
        anyhow::ensure!(captured.ending.success() || !captured.stdout.is_empty(), "{}", captured.stderr.trim());
        Ok(captured.text())
    };
    let ids = asked(Program::new("docker").args(["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]))?;
    let ids: Vec<&str> = ids.lines().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let told = asked(Program::new("docker").arg("inspect").args(ids))?;
    let containers: Vec<Container> = serde_json::from_str(&told).context("the containers that Docker lists")?;
    Ok(containers.into_iter().filter(|container| container.label(&format!("{LABEL}.oneoff")) != Some("True")).collect())
}
