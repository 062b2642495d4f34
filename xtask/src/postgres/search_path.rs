//! The schemas that a role's own `search_path` names. Ours is empty (see `preamble`): where a program of the user's
//! finds its tables is worked out from the setting's text.

use super::quote::name_in_value;
use std::iter::Peekable;
use std::str::{Chars, FromStr};

/// A path that a person typed: schemas by name, quoted where need be. PostgreSQL's own are searched anyhow, before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPath {
    /// Every name in quotes.
    text: String,
    names: Vec<String>,
}

impl SearchPath {
    /// The path as a value of the setting: every name in quotes.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names this schema.
    pub fn names(&self, schema: &str) -> bool {
        self.names.iter().any(|name| name == schema)
    }
}

impl FromStr for SearchPath {
    type Err = String;

    /// # Errors
    /// It is no list of names, or names a schema of PostgreSQL's own.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        let (mut names, mut quoted) = (Vec::new(), Vec::new());
        loop {
            let (name, behind) = name_of_list(rest)?;
            if name.starts_with("pg_") {
                return Err(format!("{name} is PostgreSQL's own; name the schemas of the database"));
            }
            quoted.push(name_in_value(&name).map_err(|fault| fault.to_string())?);
            names.push(name);
            match behind.trim_start().strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None if behind.trim().is_empty() => return Ok(Self { text: quoted.join(", "), names }),
                None => return Err(format!("a comma belongs before {:?}", behind.trim())),
            }
        }
    }
}

/// The name that a list begins with, and what follows it.
fn name_of_list(text: &str) -> Result<(String, &str), String> {
    const LONGEST: usize = 63;
    let not_a_name = || format!("{text:?} does not begin with the name of a schema");
    let (name, behind) = match text.strip_prefix('"') {
        Some(inner) => {
            let ends = inner.replace("\"\"", "\u{1}\u{1}").find('"').ok_or_else(not_a_name)?;
            (inner[..ends].replace("\"\"", "\""), &inner[ends..][1..])
        }
        None => {
            let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
            (text[..end].to_ascii_lowercase(), &text[end..])
        }
    };
    let fits = !name.is_empty() && name.len() <= LONGEST && !name.chars().any(char::is_control);
    let starts = text.starts_with('"') || !name.starts_with(|letter: char| letter.is_ascii_digit());
    if fits && starts { Ok((name, behind)) } else { Err(not_a_name()) }
}

/// The schemas of a `search_path` in their order, with `$user` replaced. PostgreSQL's own (`pg_…`) are left out: no
/// program keeps tables there.
pub fn schemas(setting: &str, user: &str) -> Vec<String> {
    let named = elements(setting).into_iter().map(|name| if name == "$user" { user.to_owned() } else { name });
    named.filter(|name| !name.is_empty() && !name.starts_with("pg_")).collect()
}

/// The names of a list as settings hold it: `a, "B c", "d""e"`. Without quotes a name is lower case.
pub fn elements(setting: &str) -> Vec<String> {
    let mut letters = setting.chars().peekable();
    let mut names = Vec::new();
    loop {
        while letters.next_if(|letter| letter.is_ascii_whitespace()).is_some() {}
        match letters.peek() {
            None => return names,
            Some('"') => names.push(quoted(&mut letters)),
            Some(_) => names.push(plain(&mut letters)),
        }
        // Up to the next comma: a valid setting has nothing but blanks there.
        while letters.next_if(|letter| *letter != ',').is_some() {}
        letters.next();
    }
}

fn quoted(letters: &mut Peekable<Chars<'_>>) -> String {
    letters.next();
    let mut name = String::new();
    while let Some(letter) = letters.next() {
        if letter == '"' && letters.next_if_eq(&'"').is_none() {
            break;
        }
        name.push(letter);
    }
    name
}

fn plain(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut name = String::new();
    while let Some(letter) = letters.next_if(|letter| *letter != ',' && !letter.is_ascii_whitespace()) {
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_path_is_a_list_of_names_and_nothing_else() {
        for (typed, value) in [
            ("public", "\"public\""),
            (" App ,public", "\"app\", \"public\""),
            ("\"A, b\",\"c\"\"d\"", "\"A, b\", \"c\"\"d\""),
        ] {
            assert_eq!(typed.parse::<SearchPath>().map(|path| path.text).as_deref(), Ok(value), "{typed}");
        }
        for typed in [
            "",
            ",",
            "a,",
            "a b",
            "a;b",
            "'a'",
            "\"a",
            "\"\"",
            "a\0",
            "\"a\nb\"",
            "pg_temp",
            "\"pg_temp\"",
            "PG_CATALOG",
            "$user",
            "1a",
            "a--b",
            "schema.name",
            &"x".repeat(64),
        ] {
            assert!(typed.parse::<SearchPath>().is_err(), "{typed:?}");
        }
    }

    #[test]
    fn a_path_names_schemas_as_the_server_reads_it() {
        for (setting, expected) in [
            ("\"$user\", public", &["me", "public"][..]),
            ("$user", &["me"]),
            ("Public ,APP", &["public", "app"]),
            ("\"a, b\",\"c\"\"d\"", &["a, b", "c\"d"]),
            ("\"public, evil\"", &["public, evil"]),
            ("pg_temp, pg_catalog, \"pg_toast\", x", &["x"]),
            ("", &[]),
            ("\"\"", &[]),
            ("\"never ends", &["never ends"]),
            (",,a", &["a"]),
        ] {
            assert_eq!(schemas(setting, "me"), expected, "{setting}");
        }
    }
}
