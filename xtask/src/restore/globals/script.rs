//! The statements that make roles, written from what was read of a file: none of its text is in them.

use super::plan::{NewRole, Plan};
use crate::error::Fault;
use crate::postgres::globals::{Attribute, Membership, RoleSetting};
use crate::postgres::properties::ConnectionLimit;
use crate::postgres::quote::{identifier, literal, literals};
use crate::restore::record::dollar_quote;
use crate::settings::is_secret;

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

/// `ALTER ROLE "a" SUPERUSER;`
pub(super) fn alter(role: &str, options: &str) -> Result<String, Fault> {
    Ok(format!("ALTER ROLE {} {options};", identifier(role)?))
}

fn set(role: &str, setting: &RoleSetting, values: &str) -> Result<String, Fault> {
    let words: Vec<String> = setting.name.split('.').map(identifier).collect::<Result<_, _>>()?;
    alter(role, &format!("SET {} TO {values}", words.join(".")))
}

/// The same for people: a value that its name calls a secret is hidden.
pub(super) fn set_shown(role: &str, setting: &RoleSetting) -> Result<String, Fault> {
    let hidden = is_secret(&setting.name.to_ascii_uppercase());
    let values = setting.values.iter().map(|value| if hidden { "***" } else { value.as_str() });
    set(role, setting, &literals(values)?)
}

/// `GRANT "a" TO "b" WITH ADMIN TRUE, INHERIT FALSE;`
pub(super) fn grant(membership: &Membership, has_options: bool) -> Result<String, Fault> {
    let Membership { role, member, admin, inherit, set, .. } = membership;
    let word = |is_on: bool| if is_on { "TRUE" } else { "FALSE" };
    let mut options = Vec::new();
    if has_options {
        options.extend(admin.then(|| "ADMIN TRUE".to_owned()));
        options.extend(inherit.map(|inherit| format!("INHERIT {}", word(inherit))));
        options.extend(set.map(|set| format!("SET {}", word(set))));
    } else {
        options.extend(admin.then(|| "ADMIN OPTION".to_owned()));
    }
    let with = if options.is_empty() { String::new() } else { format!(" WITH {}", options.join(", ")) };
    Ok(format!("GRANT {} TO {}{with};", identifier(role)?, identifier(member)?))
}
