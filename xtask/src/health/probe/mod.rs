//! One file for each part that is asked, and for what several of them ask together.

pub mod backups;
pub mod catalog;
pub mod container;
pub mod db_settings;
pub mod disk;
pub mod engine;
pub mod indexes;
pub mod leftovers;
pub mod migrations;
pub mod model;
pub mod openfga;
pub mod project;
mod protocol;
pub mod published;
mod ready;
pub mod schema;
pub mod server;
pub mod service;
pub mod sessions;
pub mod store;

use super::Scene;
use super::report::{Finding, Part, Status};
use anyhow::Result;

/// What brings store, model and ids in line with the file.
const SETUP_OPENFGA: &str = "cargo xtask setup-openfga";

/// What can be said where a check needs another part that does not answer: that part's own check names the cause.
fn not_without(part: Part) -> Finding {
    let name = match part {
        Part::Compose => "Compose",
        Part::Postgres => "PostgreSQL",
        Part::Openfga | Part::Store => "OpenFGA",
    };
    skipped_for(part, &format!("not asked: {name} does not answer"))
}

/// The same in words of its own.
fn skipped_for(part: Part, why: &str) -> Finding {
    Finding { blocked: Some(part), ..Finding::skipped(why) }
}

/// Why a part does not answer, and which part is to blame for it in the end.
pub fn cause(scene: &Scene, mut part: Part) -> Option<(Part, Finding)> {
    loop {
        let cause = match part {
            Part::Compose => scene.project()?.err().cloned(),
            Part::Postgres => scene.server().err().cloned(),
            Part::Openfga => scene.openfga().err().cloned(),
            Part::Store => Some(store::look(scene)).filter(|finding| finding.status == Status::Fail),
        }?;
        match cause.blocked {
            Some(other) if other != part => part = other,
            _ => return Some((part, cause)),
        }
    }
}

/// What this says of the OpenFGA that answers.
fn of_openfga(scene: &Scene, judge: fn(&Scene, &openfga::Found) -> Result<Finding>) -> Finding {
    match scene.openfga() {
        Ok(None) => Finding::skipped("no OpenFGA is configured"),
        Err(_) => not_without(Part::Openfga),
        Ok(Some(found)) => judge(scene, found).unwrap_or_else(|error| Finding::of_error(&error, SETUP_OPENFGA)),
    }
}
