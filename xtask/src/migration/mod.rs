//! Versioned SQL migrations in sqlx's file layout and with sqlx's ledger, run by plain psql.
//!
//! A service that embeds `sqlx::migrate!`, and `sqlx-cli`, see the same truth: the same files, checksums, rows and
//! lock.

mod attempt;
pub mod beyond;
mod block;
mod block_texts;
pub mod blockers;
pub mod catalog;
pub mod cautions;
pub mod checks;
pub mod checksum;
pub mod config;
mod copy_rows;
mod denied;
pub mod difference;
pub mod drift;
pub mod execute;
mod existing;
pub mod failure;
pub mod files;
mod flaw;
mod hidden;
pub mod indexes;
pub mod lasting;
pub mod ledger;
pub mod left_out;
pub mod made;
pub mod messages;
pub mod migrated;
pub mod other_ledgers;
pub mod plan;
mod quoting;
mod reader;
pub mod rights;
pub mod run;
pub mod running;
pub mod scratch;
mod server_writes;
pub mod session;
mod shared_objects;
mod statement;
mod transaction;
mod unfinished;
