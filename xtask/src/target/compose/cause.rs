//! Why Compose could not do what it was asked.

use super::Compose;
use super::containers::Container;
use super::engine::{self, DEADLINE};
use super::failure_text::{errors_of, last_lines};
use crate::error::Fault;
use crate::settings::compose_files;
use crate::target::client_error::Connection;

impl Compose {
    /// Why Compose could not do it, from the outside in: Docker itself, its engine, Compose, the service. `None` at
    /// once where the service runs.
    pub(super) fn cause_of(&self, stderr: &str, connection: Connection<'_>) -> Option<anyhow::Error> {
        let spoke = matches!(connection, Connection::NotMade(_) | Connection::Held);
        let state = self.state_of_database(spoke);
        if state == Some(State::Running) {
            let Connection::NotMade(words) = connection else { return None };
            let fault = self.elsewhere(words)?;
            return Some(anyhow::Error::msg(last_lines(stderr, 2)).context(fault));
        }
        self.outer_cause().or_else(|| self.project_cause()).or_else(|| self.service_cause(state, stderr))
    }

    pub(super) fn outer_cause(&self) -> Option<anyhow::Error> {
        engine::cause().or_else(|| self.check_version().err())
    }

    /// A Compose file, an override or `.env` that Compose cannot read.
    pub(super) fn project_cause(&self) -> Option<anyhow::Error> {
        let read = self.program(["config", "--quiet"]).ok()?.capture(DEADLINE).ok()?;
        if read.ending.success() {
            return None;
        }
        let fault = Fault::failed("Docker Compose cannot read this project");
        let said = anyhow::Error::msg(errors_of(&read.stderr));
        let files = compose_files::shown(&self.settings, &self.root);
        Some(said.context(
            fault.hint(format!("fix {files}, an override or .env; then: docker compose --profile '*' config --quiet")),
        ))
    }

    fn service_cause(&self, state: Option<State>, stderr: &str) -> Option<anyhow::Error> {
        let state = state.or_else(|| self.state_by_compose())?;
        let service = &self.found().service;
        let name = &service.name;
        let (state, hint) = match state {
            State::Running => return None,
            State::Absent => ("has not been started", format!("start it with: {}", service.start_command())),
            State::Stopped => (
                "is not running",
                format!(
                    "see why it stopped with: docker compose logs --tail 20 {name}\nstart it again with: {}",
                    service.start_command()
                ),
            ),
        };
        let fault = Fault::unreachable(format!("The {name} service {state}")).hint(hint);
        Some(if stderr.is_empty() { fault.into() } else { anyhow::Error::msg(last_lines(stderr, 1)).context(fault) })
    }

    /// The state that Docker lists. It lags: unless a client `spoke` of the server, a program must start in the container.
    /// `None` where Docker cannot be asked without Compose.
    fn state_of_database(&self, spoke: bool) -> Option<State> {
        let listed = self.listed(true)?;
        let service = self.service();
        let mut ours = listed.iter().filter(|container| container.service == service).peekable();
        if ours.peek().is_none() {
            return Some(State::Absent);
        }
        let runs = |container: &Container| container.runs() && (spoke || container.starts_programs());
        Some(if ours.any(runs) { State::Running } else { State::Stopped })
    }

    fn state_by_compose(&self) -> Option<State> {
        let ids = |options: &[&str]| {
            let words = ["ps", "--quiet"].into_iter().chain(options.iter().copied()).chain([self.service()]);
            Some(self.program(words).ok()?.capture(DEADLINE).ok()?.stdout)
        };
        if !ids(&["--status", "running"])?.is_empty() {
            return Some(State::Running);
        }
        Some(if ids(&["--all"])?.is_empty() { State::Absent } else { State::Stopped })
    }
}

/// What became of the database's container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    Stopped,
    Running,
}
