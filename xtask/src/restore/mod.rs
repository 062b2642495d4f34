//! A backup becomes a database again: looked at beforehand, loaded beside the live one, checked.

mod aftermath;
pub mod before;
pub mod live;
pub mod lock;
pub mod mark;
pub mod plan;
pub mod preflight;
pub mod repair;
pub mod rights;
pub mod since;
pub mod staging;
pub mod swap;

use crate::target::Target;

/// The database that is connected to while others are made and dropped.
pub fn maintenance_database(target: &Target) -> &'static str {
    if target.database() == "postgres" { "template1" } else { "postgres" }
}
