//! The containers of a Compose project, as Docker lists them by the labels that Compose gives.

use super::engine::DEADLINE;
use crate::error::Fault;
use crate::process::Program;
use anyhow::{Error, Result};
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
    let label = |name: &str| format!("{{{{.Label \"com.docker.compose.{name}\"}}}}");
    let fields = [
        "{{.ID}}".to_owned(),
        "{{.State}}".to_owned(),
        label("service"),
        "{{.Image}}".to_owned(),
        label("project"),
        label("project.working_dir"),
    ];
    let filter = match of {
        Of::Project(name) => format!("label=com.docker.compose.project={name}"),
        Of::Folder(folder) => format!("label=com.docker.compose.project.working_dir={}", folder.display()),
    };
    let captured = Program::new("docker")
        .args(["ps", "--no-trunc", "--format", &fields.join("\t")])
        .args(all.then_some("--all"))
        .args(["--filter", &filter])
        .args(["--filter", "label=com.docker.compose.oneoff=False"])
        .capture(deadline)?;
    Ok(captured.ending.success().then(|| captured.text().lines().filter_map(parsed).collect()))
}

/// The project's containers, as [`listed`].
pub(super) fn of_project(project: &str, all: bool) -> Result<Option<Vec<Container>>> {
    listed(Of::Project(project), all, DEADLINE)
}

fn parsed(line: &str) -> Option<Container> {
    let mut fields = line.splitn(6, '\t');
    let mut next = || fields.next().map(str::to_owned);
    let (id, state, service, image, project) = (next()?, next()?, next()?, next()?, next()?);
    Some(Container { id, service, state, image, project, folder: next()?.into() })
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
             or, if that database is meant: COMPOSE_PROJECT_NAME={project}"
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
    fn a_folder_may_have_any_name() {
        let expected = Container {
            id: "4f".into(),
            state: "running".into(),
            service: "postgres".into(),
            image: "postgres:16".into(),
            project: "app".into(),
            folder: "/a folder\twith a tab".into(),
        };
        let line = "4f\trunning\tpostgres\tpostgres:16\tapp\t/a folder\twith a tab";
        assert_eq!(parsed(line), Some(expected));
        assert_eq!(parsed("4f\trunning"), None);
    }
}
