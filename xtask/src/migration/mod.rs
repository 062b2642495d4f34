//! Versioned SQL migrations in sqlx's file layout and with sqlx's ledger, run by plain psql.
//!
//! A service that embeds `sqlx::migrate!`, and `sqlx-cli`, see the same truth: the same files, checksums, rows and
//! lock.

pub mod catalog;
pub mod checks;
pub mod checksum;
pub mod data;
pub mod difference;
pub mod failure;
pub mod files;
mod indexes;
pub mod ledger;
mod lexer;
mod messages;
pub mod plan;
mod quoting;
pub mod run;
pub mod session;
mod statement;
