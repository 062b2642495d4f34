//! What belongs to a database itself, and so is in no dump: as statements that give it to another one.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::error::Fault;
use crate::postgres::properties::{Assignment, Grant, LocaleProvider, Properties};
use crate::postgres::quote::{identifier, literal, literals};
use std::fmt::Write as _;

/// Settings whose value is a list of names, quoted where need be; as one string it would be one name.
const LISTS: &[&str] = &[
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
];

/// What `CREATE DATABASE` alone decides.
pub(super) fn creation(properties: &Properties) -> Result<String, Fault> {
    let mut options = format!(" ENCODING {}", literal(&properties.encoding)?);
    let mut add = |word: &str, value: &str| -> Result<(), Fault> {
        options.push_str(&format!(" {word} {}", literal(value)?));
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

/// What belongs to the database itself and came with no dump.
pub(super) fn carry(name: &str, properties: &Properties) -> Result<String, Fault> {
    let quoted = identifier(name)?;
    let owner = identifier(&properties.owner)?;
    let mut sql = format!("  ALTER DATABASE {quoted} OWNER TO {owner};\n");
    if let Some(grants) = &properties.grants {
        let entries = literals(grants.iter().map(Grant::as_str))?;
        let _ = writeln!(sql, "  REVOKE ALL ON DATABASE {quoted} FROM PUBLIC, {owner};");
        // The server takes no empty list.
        if !entries.is_empty() {
            let _ = write!(
                sql,
                "  FOR entry IN SELECT a.privilege_type AS privilege, a.is_grantable AS again,\n\
                 \x20     CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END AS who\n\
                 \x20   FROM pg_catalog.aclexplode(ARRAY[{}]::pg_catalog.text[]::pg_catalog.aclitem[]) AS a LOOP\n\
                 \x20   EXECUTE pg_catalog.format('GRANT %s ON DATABASE %I TO %s', entry.privilege, {}, entry.who)\n\
                 \x20     || CASE WHEN entry.again THEN ' WITH GRANT OPTION' ELSE '' END;\n  END LOOP;\n",
                entries,
                literal(name)?
            );
        }
    }
    for setting in &properties.settings {
        let of = match &setting.role {
            Some(role) => format!("ALTER ROLE {} IN DATABASE {quoted}", identifier(role)?),
            None => format!("ALTER DATABASE {quoted}"),
        };
        for Assignment { name, value } in &setting.values {
            let is_list = LISTS.iter().any(|known| known.eq_ignore_ascii_case(name));
            let value = if is_list { list(value)? } else { literal(value)? };
            let key: Vec<String> = name.split('.').map(identifier).collect::<Result<_, _>>()?;
            let _ = writeln!(sql, "  {of} SET {} TO {value};", key.join("."));
        }
    }
    let _ = writeln!(sql, "  ALTER DATABASE {quoted} CONNECTION LIMIT {};", properties.connection_limit);
    Ok(sql)
}

/// The elements of a list, each as a string of its own: one may be empty, and a manifest may hold anything.
fn list(value: &str) -> Result<String, Fault> {
    let mut elements = vec![String::new()];
    let mut quoted = false;
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => push(&mut elements, '"'),
            '"' => quoted = !quoted,
            ',' if !quoted => elements.push(String::new()),
            ' ' if !quoted => {}
            other => push(&mut elements, other),
        }
    }
    literals(elements.iter().map(String::as_str))
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
        assert_eq!(list(r#""$user", public, "a, ""b""""#).unwrap(), r#"'$user', 'public', 'a, "b"'"#);
        assert_eq!((list(r#""""#).unwrap().as_str(), list("").unwrap().as_str()), ("''", "''"));
        assert_eq!(list("x; DROP ROLE y; --'").unwrap(), "'x;DROPROLEy;--'''");
    }
}
