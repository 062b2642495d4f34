//! The statements that make roles, written from what was read of a file: none of its text is in them.

use super::plan::{NewRole, Plan};
use super::statement::{grant, set};
use crate::error::Fault;
use crate::postgres::globals::Attribute;
use crate::postgres::properties::ConnectionLimit;
use crate::postgres::quote::{identifier, literal, literals};
use crate::restore::record::dollar_quote;

impl Plan<'_> {
    /// All of them, as one statement: it works as a whole or not at all. `run`: the run's random name.
    pub(super) fn script(&self, run: &str) -> Result<String, Fault> {
        let tag = dollar_quote(run);
        let mut steps = String::new();
        for new in &self.roles {
            steps.push_str(&create(new)?);
        }
        for membership in &self.memberships {
            let grant = grant(membership, self.has_membership_options)?;
            steps.push_str(&match &membership.grantor {
                None => format!("  {grant}\n"),
                // Where this role may not act as the grantor, or there is none, it gives it itself.
                Some(grantor) => format!(
                    "  BEGIN {} GRANTED BY {}; EXCEPTION WHEN OTHERS THEN {grant} END;\n",
                    grant.trim_end_matches(';'),
                    identifier(grantor)?
                ),
            });
        }
        Ok(format!("DO {tag} BEGIN\n{steps}END {tag}"))
    }
}

fn create(new: &NewRole<'_>) -> Result<String, Fault> {
    let role = new.role;
    let name = identifier(&role.name)?;
    let mut options: Vec<String> = new.attributes.iter().map(|attribute| attribute.word().to_owned()).collect();
    if !new.attributes.contains(&Attribute::Inherit) {
        options.push("NOINHERIT".to_owned());
    }
    if role.connection_limit != ConnectionLimit::NONE {
        options.push(format!("CONNECTION LIMIT {}", role.connection_limit));
    }
    if let Some(until) = &role.valid_until {
        options.push(format!("VALID UNTIL {}", literal(until)?));
    }
    let mut sql = format!("  CREATE ROLE {name} WITH {};\n", options.join(" "));
    if let Some(comment) = &role.comment {
        sql.push_str(&format!("  COMMENT ON ROLE {name} IS {};\n", literal(comment)?));
    }
    for setting in &new.settings {
        let values = literals(setting.values.iter().map(|value| value.as_str()))?;
        sql.push_str(&format!("  {}\n", set(&role.name, setting, &values)?));
    }
    Ok(sql)
}
