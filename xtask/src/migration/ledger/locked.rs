//! A ledger that another session locks against every reader.

use crate::error::{self, Cause, Exit, Fault};
use crate::postgres::locks;
use crate::postgres::server::Server;

/// The statements that read it, which wait for a lock as long as a person does.
pub fn patient(question: &str) -> String {
    format!("SET lock_timeout TO '3s'; {question}; SET lock_timeout TO 0")
}

/// Who holds it, where that is why it was not read.
pub fn named(error: anyhow::Error, table: &str, server: &Server<'_>) -> anyhow::Error {
    if error::cause(&error) != Some(Cause::LockTimeout) {
        return error;
    }
    let holders = locks::holders(server).unwrap_or_default();
    // A name in quotes or with its schema; one that is not found so is reported without its holder.
    let is_it = |what: &str| what.rsplit([' ', '.']).next().is_some_and(|last| last.trim_matches('"') == table);
    let Some(holder) = holders.iter().find(|holder| is_it(&holder.what)) else {
        let fault = Fault::new(Exit::Locked, format!("The ledger {table} is locked by another session"));
        return error.context(fault.hint("try again when that session has ended"));
    };
    let fault = Fault::new(Exit::Locked, format!("The ledger cannot be read: {holder}"));
    error.context(fault.hint(format!(
        "wait until it has ended, or end it: cargo xtask db-shell -- -c 'SELECT pg_catalog.pg_terminate_backend({})'",
        holder.pid
    )))
}
