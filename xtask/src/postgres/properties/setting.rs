//! Settings of a database: `search_path=app, public` of `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`.

use crate::postgres::text::{Checked, Name, Rule, Text, start};
use serde::{Deserialize, Serialize};

/// Settings for one role in this database, or for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    pub role: Option<Name>,
    pub values: Vec<Assignment>,
}

/// The rule of [`SettingName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingNameRule;

/// A setting's name by the server's own rule (guc.c): words with dots between them. Whatever case it is in, the server
/// takes it for the same.
pub type SettingName = Checked<SettingNameRule>;

impl Rule for SettingNameRule {
    const KIND: &'static str = "setting's name";
    const LONGEST: usize = 255;

    fn allows(letter: char) -> bool {
        letter.is_ascii_alphanumeric()
            || matches!(letter, '_' | '$' | '.')
            || (!letter.is_ascii() && !letter.is_control())
    }

    fn fits(text: &str) -> bool {
        text.split('.').all(|word| word.starts_with(|first: char| !first.is_ascii_digit() && first != '$'))
    }
}

/// A setting with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Assignment {
    pub name: SettingName,
    /// The value that the server keeps; a list keeps its own quotes and commas.
    pub value: Text,
}

impl TryFrom<String> for Assignment {
    type Error = String;

    /// # Errors
    /// It is no `name=value`, or one of them is none.
    fn try_from(text: String) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("{} sets nothing", start(&text)))?;
        Ok(Self { name: name.try_into()?, value: value.try_into()? })
    }
}

impl From<Assignment> for String {
    fn from(assignment: Assignment) -> Self {
        format!("{}={}", assignment.name, assignment.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_servers_rule() {
        for name in ["DateStyle", "search_path", "app.tenant", "a.b.c", "_x$1", "ünï.cödé"] {
            assert!(SettingName::try_from(name).is_ok(), "{name:?}");
        }
        for name in
            ["", ".", "a.", ".a", "a..b", "1a", "a.1b", "$a", "a b", "a-b", "a\"b", "a\0", "a;b", "a'", "\u{85}a"]
        {
            assert!(SettingName::try_from(name).is_err(), "{name:?}");
        }
        let assignment = |text: &str| Assignment::try_from(text.to_owned());
        let read = assignment("app.x=a=b\nc").unwrap();
        assert_eq!((read.name.as_str(), read.value.as_str()), ("app.x", "a=b\nc"));
        assert_eq!(String::from(read), "app.x=a=b\nc");
        assert!(assignment("app.x").is_err() && assignment("=a").is_err() && assignment("a=\0").is_err());
    }
}
