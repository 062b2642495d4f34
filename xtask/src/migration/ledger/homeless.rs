//! A ledger that has no schema to be made in.

use crate::error::Fault;
use crate::words::{clean_line, shell_word, sql_name};

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homeless {
    pub user: String,
    /// A schema that is there, and that the user may not use.
    pub closed: Option<String>,
    /// The schema that is named first, there or not.
    pub asked: Option<String>,
    /// `sqlx.toml` names it, not `search_path`.
    pub by_setting: bool,
}

impl Homeless {
    pub fn fault(&self) -> Fault {
        let user = clean_line(&sql_name(&self.user));
        if let Some(closed) = &self.closed {
            let fault = format!("User {} may not use schema {closed}, in which the ledger would be", self.user);
            let schema = clean_line(&sql_name(closed));
            let hint = format!("have the right granted: GRANT USAGE, CREATE ON SCHEMA {schema} TO {user};");
            return Fault::failed(clean_line(&fault)).hint(hint);
        }
        let Some(asked) = &self.asked else {
            let fault = "search_path names no schema, so that the ledger cannot be created";
            return Fault::failed(fault).hint(format!("set it: ALTER ROLE {user} SET search_path TO public;"));
        };
        let create = format!("create the schema: CREATE SCHEMA {};", clean_line(&sql_name(asked)));
        if self.by_setting {
            let fault = format!("Schema {asked}, which sqlx.toml names for the ledger, does not exist");
            return Fault::failed(clean_line(&fault))
                .hint(format!("{create} or have it created: create-schemas in sqlx.toml"));
        }
        let or = format!(
            "or let the search_path of {} name another schema: ALTER ROLE {user} SET search_path TO public;",
            shell_word(&self.user)
        );
        Fault::failed("search_path names no schema that exists, so that the ledger cannot be created")
            .hint(format!("{create} {or}"))
    }
}
