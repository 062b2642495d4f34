//! The containers of a Compose project, as Docker lists them by the labels that Compose gives.

use super::engine::DEADLINE;
use crate::error::Fault;
use crate::process::Program;
use anyhow::{Error, Result};
use std::path::{Path, PathBuf};

/// One container, running or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) service: String,
    /// Docker's word: `running`, `paused`, `exited`.
    pub(super) state: String,
    /// The project folder that it was made from.
    folder: PathBuf,
}

/// The project's containers; those that do not run only with `all`. `None` where Docker does not answer.
pub(super) fn of_project(project: &str, all: bool) -> Result<Option<Vec<Container>>> {
    let label = |name: &str| format!("{{{{.Label \"com.docker.compose.{name}\"}}}}");
    let format = format!("{{{{.ID}}}}\t{{{{.State}}}}\t{}\t{}", label("service"), label("project.working_dir"));
    let captured = Program::new("docker")
        .args(["ps", "--no-trunc", "--format", &format])
        .args(all.then_some("--all"))
        .args(["--filter", &format!("label=com.docker.compose.project={project}")])
        .args(["--filter", "label=com.docker.compose.oneoff=False"])
        .capture(DEADLINE)?;
    Ok(captured.ending.success().then(|| captured.text().lines().filter_map(parsed).collect()))
}

fn parsed(line: &str) -> Option<Container> {
    let mut fields = line.splitn(4, '\t');
    let mut next = || fields.next().map(str::to_owned);
    Some(Container { id: next()?, state: next()?, service: next()?, folder: next()?.into() })
}

impl Container {
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
            folder: "/a folder\twith a tab".into(),
        };
        assert_eq!(parsed("4f\trunning\tpostgres\t/a folder\twith a tab"), Some(expected));
        assert_eq!(parsed("4f\trunning"), None);
    }
}
