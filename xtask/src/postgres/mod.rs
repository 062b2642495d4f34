//! What we ask of a PostgreSQL server: its dump stream, a session for questions, its catalog.

pub mod activity;
pub mod beginning;
pub mod change_lock;
pub mod configured;
pub mod copy_text;
pub mod count;
pub mod database;
pub mod dump;
pub mod encoding;
pub mod first_words;
pub mod lexical;
pub mod locks;
pub mod open_session;
pub mod openfga_tables;
pub mod path_dependents;
pub mod preamble;
pub mod properties;
pub mod questions;
pub mod quote;
pub mod reader;
pub mod relation;
pub mod restrict;
pub mod row_counts;
pub mod search_path;
pub mod session;
mod session_name;
pub mod startup;
pub mod text;

use crate::target::Target;

/// The database that is connected to while others are made and dropped.
pub fn maintenance_database(target: &Target) -> &'static str {
    if target.database() == "postgres" { "template1" } else { "postgres" }
}
