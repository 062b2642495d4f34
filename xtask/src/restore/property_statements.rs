//! What belongs to a database itself, and so is in no dump: as statements that give it to another one.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::error::Fault;
use crate::postgres::properties::{Assignment, ConnectionLimit, Grant, LocaleProvider, Properties};
use crate::postgres::quote::{identifier, literal};
use crate::postgres::text::Name;
use crate::settings;
use std::fmt::Write as _;

/// Settings whose value is a list of names, quoted where need be; as one string it would be one name.
const LISTS: &[&str] = &[
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
];

/// How a value is written: `literal` for the server, `printable_literal` for a person.
pub(super) type Quote = fn(&str) -> Result<String, Fault>;

/// What `CREATE DATABASE` alone decides.
pub(super) fn creation(properties: &Properties, quoted: Quote) -> Result<String, Fault> {
    let mut options = format!(" ENCODING {}", quoted(&properties.encoding)?);
    let mut add = |word: &str, value: &str| -> Result<(), Fault> {
        options.push_str(&format!(" {word} {}", quoted(value)?));
        Ok(())
    };
    add("LC_COLLATE", &properties.collate)?;
    add("LC_CTYPE", &properties.ctype)?;
    let provider = match properties.locale_provider {
        LocaleProvider::Libc => None,
        LocaleProvider::Icu => Some(("icu", "ICU_LOCALE")),
        LocaleProvider::Builtin => Some(("builtin", "BUILTIN_LOCALE")),
    };
    if let Some((provider, word)) = provider {
        add("LOCALE_PROVIDER", provider)?;
        properties.locale.iter().try_for_each(|locale| add(word, locale))?;
        properties.icu_rules.iter().try_for_each(|rules| add("ICU_RULES", rules))?;
    }
    if let Some(tablespace) = &properties.tablespace {
        options.push_str(&format!(" TABLESPACE {}", identifier(tablespace)?));
    }
    Ok(options)
}

/// PL/pgSQL that gives a database what belongs to it and came with no dump.
pub(super) fn carry(name: &str, properties: &Properties) -> Result<String, Fault> {
    let quoted = identifier(name)?;
    let owner = &properties.owner;
    let mut sql = format!("  {}\n", set_owner(name, owner)?);
    if let Some(grants) = &properties.grants {
        let _ = writeln!(sql, "  REVOKE ALL ON DATABASE {quoted} FROM PUBLIC, {};", identifier(owner)?);
        for grant in in_order(grants, owner) {
            let given = give(name, grant)?;
            if grant.grantor == *owner {
                let _ = writeln!(sql, "  {given}");
            } else {
                // Where this role may not act as the grantor, the owner gives it.
                let _ = writeln!(
                    sql,
                    "  BEGIN SET LOCAL ROLE {}; {given} RESET ROLE; EXCEPTION WHEN OTHERS THEN {given} END;",
                    identifier(&grant.grantor)?
                );
            }
        }
    }
    for setting in &properties.settings {
        for assignment in &setting.values {
            let _ = writeln!(sql, "  {}", set(name, setting.role.as_ref(), assignment, literal)?);
        }
    }
    let _ = writeln!(sql, "  {}", limit(name, properties.connection_limit)?);
    let _ = writeln!(sql, "  {}", template(name, properties.is_template)?);
    Ok(sql)
}

/// Each after the one that lets its grantor give it.
pub(super) fn in_order<'a>(grants: &'a [Grant], owner: &'a Name) -> Vec<&'a Grant> {
    let mut may_give = vec![owner];
    let mut ordered = Vec::new();
    let mut rest: Vec<&Grant> = grants.iter().collect();
    while !rest.is_empty() {
        let (ready, waiting): (Vec<&Grant>, Vec<&Grant>) =
            rest.iter().partition(|grant| may_give.contains(&&grant.grantor));
        if ready.is_empty() {
            ordered.extend(waiting);
            break;
        }
        may_give
            .extend(ready.iter().filter(|grant| !grant.privileges(true).is_empty()).filter_map(|g| g.grantee.as_ref()));
        ordered.extend(ready);
        rest = waiting;
    }
    ordered
}

/// `GRANT CONNECT ON DATABASE "a" TO PUBLIC;`, and the same with grant option.
pub(super) fn give(name: &str, grant: &Grant) -> Result<String, Fault> {
    let database = identifier(name)?;
    let grantee = grant.grantee.as_ref().map_or_else(|| Ok("PUBLIC".to_owned()), |grantee| identifier(grantee))?;
    let statement = |with_grant_option: bool, end: &str| {
        let privileges = grant.privileges(with_grant_option);
        let given = format!("GRANT {} ON DATABASE {database} TO {grantee}{end};", privileges.join(", "));
        (!privileges.is_empty()).then_some(given)
    };
    let statements = [statement(false, ""), statement(true, " WITH GRANT OPTION")];
    Ok(statements.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The same for a person to type, as the grantor: `GRANTED BY` takes only the current role. What a superuser or a
/// member of the owner grants, the owner grants.
pub(super) fn give_as_grantor(name: &str, grant: &Grant, owner: &Name) -> Result<String, Fault> {
    let given = give(name, grant)?;
    if grant.grantor == *owner {
        return Ok(given);
    }
    Ok(format!("SET ROLE {}; {given} RESET ROLE;", identifier(&grant.grantor)?))
}

/// `ALTER DATABASE "a" OWNER TO "b";`
pub(super) fn set_owner(name: &str, owner: &Name) -> Result<String, Fault> {
    Ok(format!("ALTER DATABASE {} OWNER TO {};", identifier(name)?, identifier(owner)?))
}

/// `ALTER DATABASE "a" CONNECTION LIMIT 5;`
pub(super) fn limit(name: &str, limit: ConnectionLimit) -> Result<String, Fault> {
    Ok(format!("ALTER DATABASE {} CONNECTION LIMIT {limit};", identifier(name)?))
}

/// `ALTER DATABASE "a" IS_TEMPLATE true;`
pub(super) fn template(name: &str, is_template: bool) -> Result<String, Fault> {
    Ok(format!("ALTER DATABASE {} IS_TEMPLATE {is_template};", identifier(name)?))
}

/// `ALTER DATABASE "a" SET "work_mem" TO '5MB';`, of a single role: `ALTER ROLE "b" IN DATABASE "a" SET …`.
pub(super) fn set(name: &str, role: Option<&Name>, assignment: &Assignment, quoted: Quote) -> Result<String, Fault> {
    let Assignment { name: key, value } = assignment;
    let is_list = LISTS.iter().any(|known| known.eq_ignore_ascii_case(key));
    let value = if is_list { list(value, quoted)? } else { quoted(value)? };
    Ok(format!("{} SET {} TO {value};", altered(name, role)?, setting_name(key)?))
}

/// What is shown of a setting: a value whose name says that it is a secret is left out.
pub(super) fn without_secret(assignment: &Assignment) -> Assignment {
    let mut shown = assignment.clone();
    if is_secret(assignment) {
        shown.value = "***".try_into().unwrap_or(shown.value);
    }
    shown
}

/// Whether its name says that its value is a secret.
pub(super) fn is_secret(assignment: &Assignment) -> bool {
    settings::is_secret(&assignment.name.to_ascii_uppercase())
}

/// `ALTER DATABASE "a" RESET "work_mem";`
pub(super) fn reset(name: &str, role: Option<&Name>, assignment: &Assignment) -> Result<String, Fault> {
    Ok(format!("{} RESET {};", altered(name, role)?, setting_name(&assignment.name)?))
}

fn altered(name: &str, role: Option<&Name>) -> Result<String, Fault> {
    let database = identifier(name)?;
    role.map_or_else(
        || Ok(format!("ALTER DATABASE {database}")),
        |role| Ok(format!("ALTER ROLE {} IN DATABASE {database}", identifier(role)?)),
    )
}

fn setting_name(name: &str) -> Result<String, Fault> {
    Ok(name.split('.').map(identifier).collect::<Result<Vec<_>, _>>()?.join("."))
}

/// The elements of a list, each as a string of its own: one may be empty, and a manifest may hold anything.
fn list(value: &str, quoted: Quote) -> Result<String, Fault> {
    let mut elements = vec![String::new()];
    let mut inside = false;
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if inside && characters.next_if_eq(&'"').is_some() => push(&mut elements, '"'),
            '"' => inside = !inside,
            ',' if !inside => elements.push(String::new()),
            ' ' if !inside => {}
            other => push(&mut elements, other),
        }
    }
    Ok(elements.iter().map(|element| quoted(element)).collect::<Result<Vec<_>, _>>()?.join(", "))
}

fn push(elements: &mut [String], character: char) {
    if let Some(last) = elements.last_mut() {
        last.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_apart() {
        assert_eq!(list(r#""$user", public, "a, ""b""""#, literal).unwrap(), r#"'$user', 'public', 'a, "b"'"#);
        assert_eq!((list(r#""""#, literal).unwrap().as_str(), list("", literal).unwrap().as_str()), ("''", "''"));
        assert_eq!(list("x; DROP ROLE y; --'", literal).unwrap(), "'x;DROPROLEy;--'''");
    }
}
