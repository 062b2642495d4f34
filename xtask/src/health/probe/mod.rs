//! One file for each part that is asked, and for what several of them ask together.

pub mod backups;
pub mod catalog;
pub mod container;
pub mod disk;
pub mod engine;
pub mod indexes;
pub mod leftovers;
pub mod migrations;
pub mod model;
pub mod openfga;
pub mod project;
mod protocol;
pub mod schema;
pub mod server;
pub mod service;
pub mod sessions;
pub mod store;

use super::report::Finding;

/// What can be said where a check needs another part that does not answer: that part's own check names the cause.
fn not_without(part: &str) -> Finding {
    Finding::skipped(format!("not asked: {part} does not answer"))
}
