//! The roles that a backup names, and how to make those that are missing.

use crate::error::{self, Fault};
use crate::postgres::quote::identifier;
use crate::postgres::{maintenance_database, session};
use crate::target::Target;
use anyhow::Result;

/// The statement that makes a role which nobody can log in as.
pub(super) fn creation(role: &str) -> Result<String, Fault> {
    Ok(format!("CREATE ROLE {} NOLOGIN;", identifier(role)?))
}

/// Refuses a server without these roles.
pub(super) fn refuse(missing: &[String]) -> Result<Fault, Fault> {
    let lines: Vec<String> = missing.iter().map(|role| creation(role)).collect::<Result<_, _>>()?;
    let fault = Fault::failed(format!("The server lacks roles that the backup names: {}", missing.join(", ")))
        .hint(format!("let --create-roles make them, or cargo xtask db-shell:\n{}", lines.join("\n")));
    Ok(fault)
}

/// Makes these roles; nobody can log in as one of them.
pub fn create(target: &Target, run: &str, missing: &[String]) -> Result<()> {
    let sql: String = missing.iter().map(|role| creation(role)).collect::<Result<_, _>>()?;
    session::ask_in(target, maintenance_database(target), run, &format!("BEGIN; {sql} COMMIT;")).map(drop).map_err(
        |error| {
            let user = target.user();
            let hint = format!("user {user} needs CREATEROLE for that, or ask somebody who has it");
            error::explain(error, || Fault::failed("The roles that the backup names cannot be made").hint(hint))
        },
    )
}
