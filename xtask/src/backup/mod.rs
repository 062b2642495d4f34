//! The backup file: its name, its proof, its manifest, how it is written and listed. The format is
//! described in `docs/backups.md`.

// Every number of a file may be any number: what is counted with it must not overflow.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod codec;
mod dump_encoding;
mod fault;
pub mod globals;
mod inspect;
pub mod listing;
pub mod manifest;
mod manifest_of_run;
pub mod metrics;
pub mod name;
mod open;
mod options;
pub mod own_folder;
mod partial;
pub mod parts;
pub mod pieces;
pub mod proof;
mod psql_input;
mod reading;
pub mod retention;
mod sealed;
pub mod server_name;
pub mod set;
pub mod several;
pub mod space;
pub mod spool;
pub mod statement;
pub mod stream;
pub mod take;
mod verdict;
