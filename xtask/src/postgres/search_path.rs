//! The schemas that a role's own `search_path` names. Ours is empty (see `preamble`): where a program of the user's
//! finds its tables is worked out from the setting's text.

use std::iter::Peekable;
use std::str::Chars;

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
