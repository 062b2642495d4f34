//! Single statements about roles, for the script and for people.

use crate::error::Fault;
use crate::postgres::globals::{Membership, RoleSetting};
use crate::postgres::quote::{identifier, literals};
use crate::settings::is_secret;

/// `ALTER ROLE "a" SUPERUSER;`
pub(super) fn alter(role: &str, options: &str) -> Result<String, Fault> {
    Ok(format!("ALTER ROLE {} {options};", identifier(role)?))
}

/// `ALTER ROLE "a" SET "work_mem" TO '5MB';`
pub(super) fn set(role: &str, setting: &RoleSetting, values: &str) -> Result<String, Fault> {
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
