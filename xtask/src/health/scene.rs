//! What the probes share: where they look, how much time is left, and answers that several of them need.

use super::probe::{catalog, openfga, project};
use super::report::Finding;
use crate::backup::retention::time_span;
use crate::postgres::session;
use crate::settings::Settings;
use crate::target::Target;
use crate::target::backend::ComposeProject;
use anyhow::Result;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a probe may take, whatever it has to ask.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Enough to hear that a program is there.
const LEAST: Duration = Duration::from_millis(200);

/// The place that is examined, at one time: an answer that one probe got is every other's, too.
#[derive(Debug)]
pub struct Scene<'a> {
    pub target: &'a Target,
    pub settings: &'a Settings,
    /// The checkout.
    pub root: &'a Path,
    /// What our server sessions are named by.
    pub run: String,
    end: Instant,
    project: OnceLock<Result<project::Project, Finding>>,
    server: OnceLock<Result<catalog::Facts, Finding>>,
    openfga: OnceLock<Result<Option<openfga::Found>, Finding>>,
}

impl<'a> Scene<'a> {
    /// A look that ends then, at the latest.
    pub fn new(target: &'a Target, settings: &'a Settings, root: &'a Path, end: Instant) -> Result<Self> {
        Ok(Self {
            target,
            settings,
            root,
            run: session::fresh_name()?,
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

    /// The project as Compose runs it; `None` where the target needs no Docker.
    pub fn compose(&self) -> Option<&'a dyn ComposeProject> {
        self.target.stack().compose_project()
    }

    /// The Compose project: its services and their containers; `None` where the target has none.
    pub fn project(&self) -> Option<Result<&project::Project, &Finding>> {
        let compose = self.compose()?;
        Some(self.project.get_or_init(|| project::read(compose, self)).as_ref())
    }

    /// What the server says of itself and of the database; else why it does not.
    pub fn server(&self) -> Result<&catalog::Facts, &Finding> {
        self.server.get_or_init(|| catalog::ask(self)).as_ref()
    }

    /// The OpenFGA that answers; `None` where the target has none.
    pub fn openfga(&self) -> Result<Option<&openfga::Found>, &Finding> {
        self.openfga.get_or_init(|| openfga::find(self)).as_ref().map(Option::as_ref)
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
