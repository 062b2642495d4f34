//! A backup becomes a database again: looked at beforehand, loaded beside the live one, checked.

pub mod preflight;
pub mod staging;

use crate::target::Target;

/// The database that is connected to while others are made and dropped.
pub fn maintenance_database(target: &Target) -> &'static str {
    if target.database() == "postgres" { "template1" } else { "postgres" }
}
