//! The roles that a backup names, and how to make those that are missing.

use crate::error::Fault;
use crate::postgres::session;

/// The statement that makes a role which nobody can log in as.
pub(super) fn creation(role: &str) -> String {
    format!("CREATE ROLE {} NOLOGIN;", session::identifier(role))
}

/// Refuses a server without these roles.
pub(super) fn refuse(missing: &[String]) -> Fault {
    let lines: Vec<String> = missing.iter().map(|role| creation(role)).collect();
    Fault::failed(format!("The server lacks roles that the backup names: {}", missing.join(", ")))
        .hint(format!("make them with cargo xtask db-shell:\n{}", lines.join("\n")))
}
