//! The Compose project, asked once for all checks that need it.

use crate::health::Scene;
use crate::health::report::Finding;
use crate::health::root_cause::with_root_cause;
use crate::settings::Settings;
use crate::target::backend::{ComposeProject, ProjectState, ServiceState};
use crate::target::profiles;

impl Scene<'_> {
    /// The Compose project: its services and their containers; `None` where the target has none.
    pub fn project(&self) -> Option<Result<&ProjectState, &Finding>> {
        let compose = self.compose()?;
        Some(self.project.get_or_init(|| read(compose, self)).as_ref())
    }
}

fn read(compose: &dyn ComposeProject, scene: &Scene) -> Result<ProjectState, Finding> {
    compose.state(scene.left()).map_err(|error| {
        let hint = "see what Compose says: docker compose --profile '*' config --quiet";
        let cause = || compose.engine_cause().or_else(|| compose.version().err());
        let outer = if scene.is_over() { None } else { cause() };
        match outer {
            Some(outer) => Finding::of_error(&outer, hint),
            None => with_root_cause(Finding::of_error(&error, hint), &error, scene.settings),
        }
    })
}

/// Why a service should not run.
pub fn unwanted(service: &ServiceState, settings: &Settings) -> Option<Finding> {
    if !profiles::are_active(&service.profiles, settings) {
        return Some(Finding::skipped(format!("profile {} is not active", service.profiles.join(", "))));
    }
    (service.replicas == 0).then(|| Finding::skipped("scaled to 0"))
}
