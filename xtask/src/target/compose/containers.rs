//! The containers of a Compose project, as Docker lists them by the labels that Compose gives.

use super::engine::DEADLINE;
use crate::error::Fault;
use crate::process::Program;
use crate::words::shell_word;
use anyhow::{Context as _, Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One container, running or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) service: String,
    /// Docker's word: `running`, `paused`, `exited`.
    pub(super) state: String,
    /// The image's name; an id where that name means another image now.
    pub(super) image: String,
    pub(super) project: String,
    /// Compose's hash of the settings that the container was made from.
    pub(super) config_hash: String,
    /// The id of the image that Compose made it of.
    pub(super) image_id: String,
    /// The project folder that it was made from.
    folder: PathBuf,
}

/// Whose containers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<'a> {
    /// The project's of this name.
    Project(&'a str),
    /// Those that were made from this folder.
    Folder(&'a Path),
}

/// The containers; those that do not run only with `all`. `None` where Docker does not answer.
pub(super) fn listed(of: Of, all: bool, deadline: Duration) -> Result<Option<Vec<Container>>> {
    // Labels may hold any text: each container is a list in JSON.
    let label = |name: &str| format!("{{{{json (.Label \"com.docker.compose.{name}\")}}}}");
    let fields = [
        "{{json .ID}}".to_owned(),
        "{{json .State}}".to_owned(),
        label("service"),
        "{{json .Image}}".to_owned(),
        label("project"),
        label("config-hash"),
        label("image"),
        label("project.working_dir"),
    ];
    let filter = match of {
        Of::Project(name) => format!("label=com.docker.compose.project={name}"),
        Of::Folder(folder) => format!("label=com.docker.compose.project.working_dir={}", folder.display()),
    };
    let captured = Program::new("docker")
        .args(["ps", "--no-trunc", "--format", &format!("[{}]", fields.join(","))])
        .args(all.then_some("--all"))
        .args(["--filter", &filter])
        .args(["--filter", "label=com.docker.compose.oneoff=False"])
        .capture(deadline)?;
    if !captured.ending.success() {
        return Ok(None);
    }
    captured.text().lines().map(parsed).collect::<Result<_>>().map(Some)
}

/// The project's containers, as [`listed`].
pub(super) fn of_project(project: &str, all: bool) -> Result<Option<Vec<Container>>> {
    listed(Of::Project(project), all, DEADLINE)
}

/// The exit codes of these containers, by id; those that are gone meanwhile are left out.
pub(super) fn exit_codes(ids: &[&str]) -> Result<BTreeMap<String, i32>> {
    numbers("{{.State.ExitCode}}", ids)
}

/// How often Docker restarted these containers by itself, by id; those that are gone meanwhile are left out.
pub(super) fn restarts(ids: &[&str]) -> Result<BTreeMap<String, i32>> {
    numbers("{{.RestartCount}}", ids)
}

/// What this format gives for each of the containers.
fn numbers(format: &str, ids: &[&str]) -> Result<BTreeMap<String, i32>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked = Program::new("docker").args(["inspect", "--format", &format!("{{{{.Id}}}} {format}")]).args(ids);
    let pair = |line: &str| line.split_once(' ').and_then(|(id, code)| Some((id.to_owned(), code.parse().ok()?)));
    let told = asked.capture(DEADLINE)?;
    if !told.ending.success() && told.stdout.is_empty() {
        let fault = Fault::unreachable("Docker does not say how the project's containers ended");
        let fault = fault.hint("see them with: docker compose ps --all");
        return Err(Error::msg(told.stderr.trim().to_owned()).context(fault));
    }
    Ok(told.text().lines().filter_map(pair).collect())
}

fn parsed(line: &str) -> Result<Container> {
    let fields = serde_json::from_str(line).with_context(|| format!("docker ps answered {line:?}"))?;
    let (id, state, service, image, project, config_hash, image_id, folder) = fields;
    Ok(Container { id, service, state, image, project, config_hash, image_id, folder })
}

impl Container {
    /// Its id and its service.
    pub(super) fn key(&self) -> (&str, &str) {
        (&self.id, &self.service)
    }

    /// Refuses a container that another checkout made under the same project name: its database is another one.
    /// A folder that is gone was this checkout's own, before it was moved.
    pub(super) fn check_made_from(&self, root: &Path, project: &str) -> Result<(), Fault> {
        let Ok(theirs) = self.folder.canonicalize() else { return Ok(()) };
        if root.canonicalize().is_ok_and(|ours| ours == theirs) {
            return Ok(());
        }
        let (root, theirs) = (root.display(), theirs.display());
        let message = format!("The Compose project {project} belongs to the checkout {theirs}, not to {root}");
        let hint = format!(
            "work in that checkout; or give this one a project of its own (in .env: \
             COMPOSE_PROJECT_NAME=another-name, and other ports)\n\
             or, to work on that database: COMPOSE_PROJECT_NAME={}",
            shell_word(project)
        );
        Err(Fault::usage(message).hint(hint))
    }

    /// Whether it has been started and has not ended: as `docker ps` lists it without `--all`.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state.as_str(), "running" | "paused" | "restarting")
    }

    /// Whether it is at work.
    pub(super) fn runs(&self) -> bool {
        self.state == "running"
    }

    /// Whether a program can be started in it: one that is ending refuses, while Docker still lists it as running.
    pub(super) fn starts_programs(&self) -> bool {
        let started = Program::new("docker").args(["exec", &self.id, "true"]).capture(DEADLINE);
        started.is_ok_and(|captured| captured.ending.success() || captured.stderr.contains("executable file not found"))
    }

    /// Refuses a paused container: nothing in it answers, and starting the stack does not wake it.
    pub(super) fn check_awake(&self) -> Result<(), Error> {
        if self.state != "paused" {
            return Ok(());
        }
        let fault = Fault::unreachable(format!("The {} service is paused", self.service));
        Err(fault.hint(format!("resume it with: docker compose unpause {}", self.service)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_may_hold_any_text() {
        let expected = Container {
            id: "4f".into(),
            state: "running".into(),
            service: "postgres\trunning".into(),
            image: "postgres:16".into(),
            project: "app".into(),
            config_hash: "a0".into(),
            image_id: String::new(),
            folder: "/a folder\nwith\ta \"tab\"".into(),
        };
        let line = r#"["4f","running","postgres\trunning","postgres:16","app","a0","","/a folder\nwith\ta \"tab\""]"#;
        assert_eq!(parsed(line).unwrap(), expected);
        for line in ["", "4f\trunning", r#"["4f","running"]"#, r#"["4f","running",1,"a","b","c","d","e"]"#] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
