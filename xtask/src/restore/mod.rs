//! A backup becomes a database again: looked at beforehand, loaded beside the live one, checked.

mod aftermath;
pub mod before;
mod carried;
pub mod live;
pub mod mark;
pub mod merged;
pub mod new_database;
pub mod plan;
pub mod preflight;
pub mod repair;
pub mod rights;
pub mod since;
pub mod staging;
pub mod swap;

pub use crate::postgres::maintenance_database;
