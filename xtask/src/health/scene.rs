//! What the probes share: where they look, how much time is left, and answers that several of them need.

use super::probe::answering_openfga::Found;
use super::probe::server_facts::Facts;
use super::report::Finding;
use crate::backup::retention::time_span;
use crate::postgres::server::Server;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::backend::{ComposeProject, ProjectState};
use anyhow::Result;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a probe may take, whatever it has to ask.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Enough to hear that a program is there.
const LEAST: Duration = Duration::from_millis(200);

/// The stack at one time. An answer that one probe got serves all other probes, too.
#[derive(Debug)]
pub struct Scene<'a> {
    pub target: &'a Target,
    pub settings: &'a Settings,
    /// The checkout.
    pub root: &'a Path,
    postgres: Server<'a>,
    end: Instant,
    // Each is asked in the file of its question: `project`, `catalog`, `openfga`.
    pub(super) project: OnceLock<Result<ProjectState, Finding>>,
    pub(super) server: OnceLock<Result<Facts, Finding>>,
    pub(super) openfga: OnceLock<Result<Option<Found>, Finding>>,
}

impl<'a> Scene<'a> {
    /// A look that ends then, at the latest.
    pub fn new(target: &'a Target, settings: &'a Settings, root: &'a Path, end: Instant) -> Result<Self> {
        Ok(Self {
            target,
            settings,
            root,
            postgres: Server::new(target)?,
            end,
            project: OnceLock::new(),
            server: OnceLock::new(),
            openfga: OnceLock::new(),
        })
    }

    /// The time that is left for a question.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now()).max(LEAST)
    }

    /// Whether the time is over: causes are not looked for any more.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// The target's database, for questions.
    pub fn postgres(&self) -> &Server<'a> {
        &self.postgres
    }

    /// The project as Compose runs it; `None` where the target needs no Docker.
    pub fn compose(&self) -> Option<&'a dyn ComposeProject> {
        self.target.stack().compose_project()
    }

    /// OpenFGA's service.
    pub fn openfga_service(&self) -> &'a str {
        self.target.own_openfga().openfga_service()
    }

    /// Where a part of the stack says more.
    pub fn log_hint(&self, service: &str) -> String {
        self.target.hints().service_log_hint(service)
    }

    /// A setting that is a time, as people write it.
    pub fn span(&self, name: &str, default: Duration) -> Result<Duration, Finding> {
        let Some(text) = self.settings.get(name) else { return Ok(default) };
        let span = time_span(text).and_then(|span| span.to_std().map_err(|error| error.to_string()));
        span.map_err(|why| Finding::fail(format!("{name}: {why}"), format!("set {name} in .env, such as {name}=24h")))
    }
}
