//! A backup becomes a database again: looked at beforehand, loaded beside the live one, checked.

mod carried;
pub mod changes_since_swap;
mod closed;
pub mod globals;
pub mod killed_sets;
pub mod live;
mod load;
pub mod load_failure;
mod load_memory;
pub mod merged;
pub mod new_database;
pub mod plan;
pub mod preflight;
pub mod previous;
pub mod proposal;
pub mod record;
pub mod repair;
pub mod rights;
pub mod scratch;
mod shared_catalogs;
pub mod staging;
pub mod subscriptions;
pub mod swap;
mod swap_outcome;
mod swap_script;
pub mod workers;
