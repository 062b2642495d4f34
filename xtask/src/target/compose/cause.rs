//! Why Compose could not do what it was asked.

use super::containers::Container;
use super::engine::{self, DEADLINE};
use super::{Compose, SERVICE};
use crate::error::Fault;
use crate::process::Captured;
use crate::target::client_error::Connection;

const NEXT_LOOK: &str =
    "see the services with: docker compose ps --all, and what they say with: docker compose logs --tail 20";
const IMAGE_HINT: &str = "name images that are at hand or can be pulled: POSTGRES_IMAGE, OPENFGA_IMAGE";
/// The engine's words about an image, of several versions.
const IMAGE_WORDS: [&str; 9] = [
    "no such image",
    "pull access denied",
    "manifest unknown",
    "manifest for ",
    "no matching manifest",
    "failed to resolve reference",
    "failed to pull",
    "invalid reference format",
    "/v2/",
];

impl Compose {
    /// Why Compose could not do it, from the outside in: Docker itself, its engine, Compose, the service. `None` at
    /// once where the service runs.
    pub(super) fn cause_of(&self, stderr: &str, connection: Connection<'_>) -> Option<anyhow::Error> {
        let spoke = matches!(connection, Connection::NotMade(_) | Connection::Held);
        let state = self.state_of_database(spoke);
        if state == Some(State::Running) {
            return None;
        }
        self.outer_cause().or_else(|| self.project_cause()).or_else(|| self.service_cause(state, stderr))
    }

    pub(super) fn outer_cause(&self) -> Option<anyhow::Error> {
        engine::cause().or_else(|| self.check_version().err())
    }

    /// docker-compose.yml, an override or `.env` that Compose cannot read.
    pub(super) fn project_cause(&self) -> Option<anyhow::Error> {
        let read = self.program(["config", "--quiet"]).ok()?.capture(DEADLINE).ok()?;
        if read.ending.success() {
            return None;
        }
        let fault = Fault::failed("Docker Compose cannot read this project");
        let said = anyhow::Error::msg(errors_of(&read.stderr));
        Some(
            said.context(
                fault.hint("mend docker-compose.yml, its override or .env; then: docker compose config --quiet"),
            ),
        )
    }

    fn service_cause(&self, state: Option<State>, stderr: &str) -> Option<anyhow::Error> {
        let state = state.or_else(|| self.state_by_compose())?;
        let (state, hint) = match state {
            State::Running => return None,
            State::Absent => ("has not been started", "start it with: cargo xtask up"),
            State::Stopped => (
                "is not running",
                "see why it stopped with: docker compose logs --tail 20 postgres\nstart it again with: cargo xtask up",
            ),
        };
        let fault = Fault::unreachable(format!("The {SERVICE} service {state}")).hint(hint);
        Some(if stderr.is_empty() { fault.into() } else { anyhow::Error::msg(last_lines(stderr, 1)).context(fault) })
    }

    /// As Docker lists it, which lags: unless a client `spoke` of the server, a program must start in the container.
    /// `None` where Docker cannot be asked without Compose.
    fn state_of_database(&self, spoke: bool) -> Option<State> {
        let listed = self.listed(true)?;
        let mut ours = listed.iter().filter(|container| container.service == SERVICE).peekable();
        if ours.peek().is_none() {
            return Some(State::Absent);
        }
        let runs = |container: &Container| container.runs() && (spoke || container.starts_programs());
        Some(if ours.any(runs) { State::Running } else { State::Stopped })
    }

    fn state_by_compose(&self) -> Option<State> {
        let ids = |options: &[&'static str]| {
            let words = ["ps", "--quiet"].into_iter().chain(options.iter().copied()).chain([SERVICE]);
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

/// Compose's own words, where nothing around it explains them.
pub(super) fn composes_own(captured: &Captured) -> anyhow::Error {
    let words = errors_of(&captured.stderr);
    let lower = words.to_ascii_lowercase();
    let of_an_image = IMAGE_WORDS.iter().any(|part| lower.contains(part));
    let fault = Fault::failed(format!("docker compose could not do it ({})", captured.ending));
    anyhow::Error::msg(words).context(fault.hint(if of_an_image { IMAGE_HINT } else { NEXT_LOOK }))
}

/// Compose's own words: its progress lines are indented, its errors are not.
fn errors_of(stderr: &str) -> String {
    let errors: Vec<&str> = stderr.lines().filter(|line| !line.starts_with(' ') && !line.is_empty()).collect();
    if errors.is_empty() { last_lines(stderr, 1) } else { errors.join("\n") }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
