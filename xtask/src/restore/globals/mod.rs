//! Roles of a file of globals that a server lacks: worked out, shown, and made in one transaction. A role that exists is
//! never altered and never dropped. What a role may do beyond what it is granted is given only where a person names it.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod held_back;
mod offer;
mod plan;
mod script;
mod statement;
#[cfg(test)]
mod tests;

pub use held_back::HeldBack;
pub use plan::{Consent, NewRole, Plan};

use crate::error::{self, Exit, Fault};
use crate::postgres::server::Server;
use anyhow::Result;
use std::collections::BTreeSet;

impl Plan<'_> {
    /// Makes what is missing, in one transaction, and looks whether it is there.
    ///
    /// # Errors
    /// Nothing was made (1); or the server was lost, and what it made is not known (6).
    pub fn apply(&self, server: &Server<'_>) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let script = self.script(server.session())?;
        let user = crate::words::shell_word(server.target().user());
        let outcome = server.in_maintenance().ask(&script).map(drop);
        outcome.map_err(|error| {
            let hint = format!(
                "user {user} needs CREATEROLE, and for attributes and memberships that are named by --role the right to \
                 give them"
            );
            error::explain(error, || Fault::failed("The roles could not be created; nothing was changed").hint(hint))
        })?;
        let names: BTreeSet<&str> = self.roles.iter().map(|new| new.role.name.as_str()).collect();
        let found = offer::existing(server, &names)?;
        match names.iter().find(|name| !found.contains(**name)) {
            None => Ok(()),
            Some(missing) => {
                Err(Fault::new(Exit::Partial, format!("Role {missing} is not there after it was created"))
                    .hint(format!(
                        "see the roles: cargo xtask db-shell -- -d {} -c '\\du'",
                        server.maintenance_database()
                    ))
                    .into())
            }
        }
    }
}
