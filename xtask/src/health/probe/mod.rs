//! One file for each part that is asked, and for what several of them ask together.

pub mod answering_openfga;
pub mod backups;
pub mod catalog;
pub mod db_settings;
pub mod disk;
pub mod engine;
pub mod indexes;
pub mod leftovers;
pub mod migrations;
pub mod model;
pub mod monitoring;
pub mod openfga;
pub mod other_backups;
pub mod project;
mod protocol;
pub mod published;
mod ready;
pub mod schedule;
pub mod schema;
pub mod server;
pub mod server_facts;
pub mod service;
pub mod sessions;
pub mod store;
mod tcp;

use super::Scene;
use super::report::{Finding, Part, Status};

/// Why a part does not answer, and which part is to blame for it in the end.
pub fn cause(scene: &Scene, mut part: Part) -> Option<(Part, Finding)> {
    loop {
        let cause = match part {
            Part::Compose => scene.project()?.err().cloned(),
            Part::Postgres => scene.server().err().cloned(),
            Part::Openfga => scene.openfga().err().cloned(),
            Part::Store => Some(store::probe(scene)).filter(|finding| finding.status == Status::Fail),
        }?;
        match cause.blocked {
            Some(other) if other != part => part = other,
            _ => return Some((part, cause)),
        }
    }
}
