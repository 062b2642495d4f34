//! Whether writing the ledger could run code that its owner put there, with rights that the owner lacks.
//!
//! An owner with at least this session's rights gains nothing by that: this role itself, a superuser, a member of this
//! role. Of any other owner the table must be as bare as sqlx makes it.

use super::place::FIRST_OF_OTHERS;
use super::rows;
use crate::error::Fault;
use crate::postgres::quote::{literal, literals};
use crate::words::shell_word;
use serde::Deserialize;

/// Who owns the table, and what is tied to it.
#[derive(Debug, Deserialize)]
pub struct Guard {
    owner: String,
    /// The owner has at least the rights of this session.
    pub trusted: bool,
    /// What runs when the table is written, in words.
    code: Vec<String>,
}

/// Whether role `o` has at least the rights of this session.
const TRUSTED: &str = "(o.rolsuper OR
           (SELECT pg_catalog.bool_and(o.oid = r.oid OR CASE
              WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 160000
              THEN pg_catalog.pg_has_role(o.oid, r.oid, 'MEMBER')
              ELSE pg_catalog.pg_has_role(o.oid, r.oid, 'USAGE') OR pg_catalog.pg_has_role(o.oid, r.oid, 'SET') END)
            FROM pg_catalog.pg_roles AS r WHERE r.rolname IN (current_user, session_user)))";

/// An event trigger that would run when the table is made, with rights that the owner of its function lacks.
#[derive(Debug, Deserialize)]
pub struct EventTrigger {
    name: String,
    /// Of its function.
    owner: String,
}

/// The query that gives an [`EventTrigger`] as JSON, where there is one.
pub fn event_trigger() -> String {
    format!(
        "SELECT pg_catalog.json_build_object('name', e.evtname, 'owner', o.rolname)
         FROM pg_catalog.pg_event_trigger AS e JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
         JOIN pg_catalog.pg_roles AS o ON o.oid = p.proowner
         WHERE e.evtenabled <> 'D' AND e.evtevent <> 'login' AND NOT {TRUSTED} ORDER BY e.evtname LIMIT 1"
    )
}

impl EventTrigger {
    /// Why the table is not made.
    pub fn refusal(&self, ledger: &str, user: &str) -> Fault {
        let (name, owner) = (&self.name, shell_word(&self.owner));
        let message =
            format!("The ledger {ledger} is not made: event trigger {name} would run a function of user {owner}");
        Fault::failed(message).hint(format!(
            "that could run code of {owner} with the rights of {}: log in as {owner}, or have a superuser give the function to \
             itself or disable the trigger",
            shell_word(user)
        ))
    }
}

/// Keeps everything in `code` from coming to be until the transaction ends, and where this role is a superuser, who
/// alone may lock that catalog, the table's name from becoming another table's: a schema that is renamed takes no lock
/// on its tables. Readers and writers of rows go on.
pub fn lock(ledger: &str) -> String {
    format!(
        "DO $lock$ BEGIN IF (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user) THEN \
         LOCK TABLE pg_catalog.pg_namespace IN SHARE MODE; END IF; END $lock$; \
         LOCK TABLE ONLY {ledger} IN SHARE UPDATE EXCLUSIVE MODE;"
    )
}

/// The query that gives a [`Guard`] as JSON; `ledger` is the table's quoted name.
///
/// # Errors
/// The name cannot be written as a literal.
pub fn question(ledger: &str) -> Result<String, Fault> {
    let columns = literals(rows::COLUMNS.split(", "))?;
    let ledger = literal(ledger)?;
    // Named with its schema, a table is found whatever the path is.
    Ok(format!(
        "SELECT pg_catalog.json_build_object('owner', o.rolname, 'trusted', {TRUSTED},
         'code', ARRAY(
           SELECT 'a trigger'::pg_catalog.text FROM pg_catalog.pg_trigger WHERE tgrelid = c.oid
           UNION SELECT 'a rule' FROM pg_catalog.pg_rewrite WHERE ev_class = c.oid
           UNION SELECT 'row security' WHERE c.relrowsecurity
           UNION SELECT 'inheritance' FROM pg_catalog.pg_inherits WHERE c.oid IN (inhrelid, inhparent)
           UNION SELECT 'another kind of storage' WHERE c.relkind <> 'r' OR c.relam >= {FIRST_OF_OTHERS}
           UNION SELECT 'a constraint' FROM pg_catalog.pg_constraint WHERE conrelid = c.oid AND contype NOT IN ('p', 'u', 'n')
           UNION SELECT 'a column of a type that is not built in' FROM pg_catalog.pg_attribute
             WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND atttypid >= {FIRST_OF_OTHERS}
           UNION SELECT 'a default of a column that sqlx does not have' FROM pg_catalog.pg_attribute
             WHERE attrelid = c.oid AND atthasdef AND attname NOT IN ({columns})
           UNION SELECT 'a generated column' FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attgenerated <> ''
           UNION SELECT 'an index on an expression' FROM pg_catalog.pg_index AS i
             WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR EXISTS (
               SELECT FROM pg_catalog.unnest(i.indclass::pg_catalog.oid[]) AS u(class) WHERE u.class >= {FIRST_OF_OTHERS}))
           UNION SELECT 'statistics on an expression' FROM pg_catalog.pg_statistic_ext
             WHERE stxrelid = c.oid AND stxexprs IS NOT NULL))
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
         WHERE c.oid = pg_catalog.to_regclass({ledger})"
    ))
}

impl Guard {
    /// Refuses a table whose owner could have code run with rights of `user` by having it written.
    pub fn check(&self, ledger: &str, user: &str) -> Result<(), Fault> {
        if self.trusted || self.code.is_empty() {
            return Ok(());
        }
        let (owner, code) = (&self.owner, self.code.join(", "));
        Err(Fault::failed(format!("The ledger {ledger} is not written: it belongs to user {owner} and has {code}"))
            .hint(format!(
                "that could run code of {owner} with the rights of {}: log in as {owner}, or remove it",
                shell_word(user),
                owner = shell_word(owner)
            )))
    }
}
