//! Access privileges on a database, as the server writes them: `"a b"=C*Tc/c` (manual, "Privileges").

use crate::postgres::text::{Name, start};
use crate::words::sql_name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The privileges that a database knows.
const PRIVILEGES: [(char, &str); 3] = [('C', "CREATE"), ('T', "TEMPORARY"), ('c', "CONNECT")];

/// One access privilege.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grant {
    text: String,
    /// `None`: PUBLIC, which is everybody.
    pub grantee: Option<Name>,
    pub grantor: Name,
    privileges: Vec<Privilege>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Privilege {
    name: &'static str,
    /// The grantee may give it to others.
    with_grant_option: bool,
}

impl Grant {
    /// The text that the server writes, and reads back.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The roles that it names.
    pub fn roles(&self) -> impl Iterator<Item = &Name> {
        self.grantee.iter().chain([&self.grantor])
    }

    /// The privileges that the grantee may give to others, or those that it may not: `CREATE`, `CONNECT`.
    pub fn privileges(&self, with_grant_option: bool) -> Vec<&'static str> {
        let those = self.privileges.iter().filter(|privilege| privilege.with_grant_option == with_grant_option);
        those.map(|privilege| privilege.name).collect()
    }

    /// The grant after `ALTER DATABASE … OWNER TO`: the new owner takes the old owner's place as grantee and grantor.
    pub fn of_owner(&self, old: &Name, new: &Name) -> Self {
        let of_new = |name: &Name| if name == old { new.clone() } else { name.clone() };
        let (grantee, grantor) = (self.grantee.as_ref().map(of_new), of_new(&self.grantor));
        let mut text = grantee.as_ref().map(|name| sql_name(name)).unwrap_or_default();
        text.push('=');
        for Privilege { name, with_grant_option } in &self.privileges {
            text.extend(PRIVILEGES.iter().filter(|(_, known)| known == name).map(|(letter, _)| letter));
            text.push_str(if *with_grant_option { "*" } else { "" });
        }
        text.push('/');
        text.push_str(&sql_name(&grantor));
        Self { text, grantee, grantor, privileges: self.privileges.clone() }
    }

    /// What each database of this owner has from the start.
    pub(super) fn defaults(owner: &Name) -> Vec<Self> {
        let owner = sql_name(owner);
        let texts = [format!("=Tc/{owner}"), format!("{owner}=CTc/{owner}")];
        texts.into_iter().filter_map(|text| Self::try_from(text).ok()).collect()
    }
}

impl fmt::Display for Grant {
    /// The grant in words: `CREATE with grant option, CONNECT to a b, by c`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let privileges = self.privileges.iter().map(|privilege| {
            let again = if privilege.with_grant_option { " with grant option" } else { "" };
            format!("{}{again}", privilege.name)
        });
        let privileges = privileges.collect::<Vec<_>>().join(", ");
        let grantee = self.grantee.as_ref().map_or("PUBLIC", Name::as_str);
        write!(formatter, "{privileges} to {grantee}, by {}", self.grantor)
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> Self {
        grant.text
    }
}

impl TryFrom<String> for Grant {
    type Error = String;

    /// # Errors
    /// It is not what a server writes for a database.
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{} is not an access privilege of a database", start(&text));
        let (grantee, rest) = role(&text).ok_or_else(wrong)?;
        let rest = rest.strip_prefix('=').ok_or_else(wrong)?;
        let (letters, rest) = rest.split_once('/').ok_or_else(wrong)?;
        let (grantor, rest) = role(rest).ok_or_else(wrong)?;
        let privileges = privileges(letters).ok_or_else(wrong)?;
        if !rest.is_empty() {
            return Err(wrong());
        }
        let grantee = if grantee.is_empty() { None } else { Some(Name::try_from(grantee)?) };
        let grantor = Name::try_from(grantor)?;
        Ok(Self { grantee, grantor, privileges, text })
    }
}

/// `C*Tc`: each letter once, at least one.
fn privileges(letters: &str) -> Option<Vec<Privilege>> {
    let mut privileges: Vec<Privilege> = Vec::new();
    let mut letters = letters.chars().peekable();
    while let Some(letter) = letters.next() {
        let (_, name) = PRIVILEGES.iter().find(|(known, _)| *known == letter)?;
        if privileges.iter().any(|known| known.name == *name) {
            return None;
        }
        privileges.push(Privilege { name, with_grant_option: letters.next_if_eq(&'*').is_some() });
    }
    (!privileges.is_empty()).then_some(privileges)
}

/// A role's name, quoted where the server saw need, and what follows it.
fn role(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let is_plain = |letter: char| letter.is_alphanumeric() || letter == '_' || !letter.is_ascii();
        let end = text.find(|letter| !is_plain(letter)).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end)?;
        return Some((name.to_owned(), rest));
    };
    let mut name = String::new();
    let mut letters = quoted.chars();
    loop {
        match letters.next()? {
            '"' => match letters.as_str().strip_prefix('"') {
                Some(rest) => {
                    name.push('"');
                    letters = rest.chars();
                }
                None => return (!name.is_empty()).then_some((name, letters.as_str())),
            },
            letter => name.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> Result<Grant, String> {
        Grant::try_from(text.to_owned())
    }

    #[test]
    fn what_a_server_writes_is_read() {
        for (text, shown) in [
            ("=T/app", "TEMPORARY to PUBLIC, by app"),
            (
                "app=C*Tc*/postgres",
                "CREATE with grant option, TEMPORARY, CONNECT with grant option to app, by postgres",
            ),
            (r#""R=ö ""q/"=T/"a b""#, "TEMPORARY to R=ö \"q/, by a b"),
            ("zoë=c/日本", "CONNECT to zoë, by 日本"),
        ] {
            let read = grant(text).unwrap();
            assert_eq!((read.as_str(), &*read.to_string()), (text, shown));
            assert_eq!(serde_json::to_string(&read).unwrap(), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn a_new_owner_has_and_gives_what_the_old_one_did() {
        let (old, new) = (Name::try_from("app").unwrap(), Name::try_from("a \"b").unwrap());
        for (text, shown) in [
            ("app=C*Tc/app", "CREATE with grant option, TEMPORARY, CONNECT to a \"b, by a \"b"),
            ("=c/app", "CONNECT to PUBLIC, by a \"b"),
            ("app=c/reader", "CONNECT to a \"b, by reader"),
            ("reader=C/app", "CREATE to reader, by a \"b"),
        ] {
            let changed = grant(text).unwrap().of_owner(&old, &new);
            assert_eq!(changed.to_string(), shown);
            assert_eq!(grant(changed.as_str()).unwrap(), changed);
        }
        let defaults = Grant::defaults(&new);
        assert_eq!(defaults[0].to_string(), "TEMPORARY, CONNECT to PUBLIC, by a \"b");
        assert_eq!(defaults[1].to_string(), "CREATE, TEMPORARY, CONNECT to a \"b, by a \"b");
    }

    #[test]
    fn what_no_server_writes_is_refused() {
        for text in [
            "",
            "=",
            "=/a",
            "a=T",
            "a=T/",
            "a=T/b c",
            "a=x/b",
            "a=arwd/b",
            "a=TT/b",
            "a=*T/b",
            "a=T**/b",
            "\"a=T/b",
            "\"\"=T/b",
            "a=T/\"\"",
            "group a=T/b",
            "a =T/b",
            "a=T/b\0",
            "a\0=T/b",
            "\"a\0\"=T/b",
            "a=T/b=T/c",
            "a=T/b'; DROP DATABASE c; --",
            "\"\u{1b}\"=T/b",
        ] {
            assert!(grant(text).is_err(), "{text:?}");
        }
        assert!(grant(&format!("{}=T/b", "x".repeat(64))).is_err());
    }
}
