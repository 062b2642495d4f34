//! Text that a file or a server gave, checked once, when it is taken: the types cannot hold anything else.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// What a text of a kind may be.
pub trait Rule {
    /// The kind, as a message names it: `locale`.
    const KIND: &'static str;
    /// The longest one, in bytes.
    const LONGEST: usize;

    /// Whether it may hold this letter.
    fn allows(letter: char) -> bool;

    /// Whether a text of such letters is one.
    fn fits(_text: &str) -> bool {
        true
    }
}

/// A text that follows its rule.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String", bound = "R: Rule")]
pub struct Checked<R> {
    text: String,
    rule: PhantomData<R>,
}

impl<R> Checked<R> {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<R: Rule> TryFrom<String> for Checked<R> {
    type Error = String;

    /// # Errors
    /// Why the text is none of this kind, and how it begins.
    fn try_from(text: String) -> Result<Self, String> {
        let kind = R::KIND;
        if text.len() > R::LONGEST {
            return Err(format!("{} … has {} bytes, a {kind} at most {}", start(&text), text.len(), R::LONGEST));
        }
        if let Some(letter) = text.chars().find(|letter| !R::allows(*letter)) {
            return Err(format!("{} holds U+{:04X}, which no {kind} holds", start(&text), u32::from(letter)));
        }
        if !R::fits(&text) {
            return Err(format!("{} is not a valid {kind}", start(&text)));
        }
        Ok(Self { text, rule: PhantomData })
    }
}

impl<R: Rule> TryFrom<&str> for Checked<R> {
    type Error = String;

    fn try_from(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl<R> Deref for Checked<R> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl<R> From<Checked<R>> for String {
    fn from(checked: Checked<R>) -> Self {
        checked.text
    }
}

impl<R> PartialEq<str> for Checked<R> {
    fn eq(&self, text: &str) -> bool {
        self.text == text
    }
}

impl<R> fmt::Display for Checked<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl<R> fmt::Debug for Checked<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, formatter)
    }
}

impl<R> Serialize for Checked<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// How a refused text begins, in quotes, without a letter that a terminal would obey.
pub fn start(text: &str) -> String {
    const SHOWN: usize = 40;
    format!("{:?}", text.chars().take(SHOWN).collect::<String>())
}

/// Letters that a terminal obeys: they may stand in names of the server, but not in one that people choose by.
fn is_obeyed(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')
}

/// The server cuts longer names (NAMEDATALEN); in its own encoding, where a letter takes at least one byte.
const NAME_LETTERS: usize = 63;
const NAME_BYTES: usize = 4 * NAME_LETTERS;

/// The rule of [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameRule;

/// The name of a database or of a role.
pub type Name = Checked<NameRule>;

impl Rule for NameRule {
    const KIND: &'static str = "name";
    const LONGEST: usize = NAME_BYTES;

    fn allows(letter: char) -> bool {
        !is_obeyed(letter)
    }

    fn fits(text: &str) -> bool {
        (1..=NAME_LETTERS).contains(&text.chars().count())
    }
}

/// The rule of [`ObjectName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectNameRule;

/// A name that a dump's statements hold: whatever the server takes for one. It is compared and shown, never sent.
pub type ObjectName = Checked<ObjectNameRule>;

impl Rule for ObjectNameRule {
    const KIND: &'static str = "name";
    const LONGEST: usize = NAME_BYTES;

    fn allows(letter: char) -> bool {
        letter != '\0'
    }

    fn fits(text: &str) -> bool {
        text.chars().count() <= NAME_LETTERS
    }
}

/// The rule of [`Line`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineRule;

/// A short text of one line: a version, a locale.
pub type Line = Checked<LineRule>;

impl Rule for LineRule {
    const KIND: &'static str = "line of text";
    const LONGEST: usize = 255;

    fn allows(letter: char) -> bool {
        !letter.is_control()
    }
}

/// The rule of [`Text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextRule;

/// A text that people wrote, such as a comment or a setting's value: no server can hold a NUL in one.
pub type Text = Checked<TextRule>;

impl Text {
    /// The beginning of a reason for people: what no text holds is left out.
    pub fn reason(text: &str) -> Self {
        const SHOWN: usize = 2000;
        let text = text.chars().filter(|letter| TextRule::allows(*letter)).take(SHOWN).collect();
        Self { text, rule: PhantomData }
    }
}

impl Rule for TextRule {
    const KIND: &'static str = "text";
    const LONGEST: usize = 1 << 20;

    fn allows(letter: char) -> bool {
        letter != '\0'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_holds_what_a_server_can_say_and_nothing_else() {
        let longest = "ü".repeat(NAME_LETTERS);
        for name in ["a", "host=x\nport=1", "we ird/../ä\"'", &longest] {
            assert!(Name::try_from(name).is_ok() && ObjectName::try_from(name).is_ok(), "{name:?}");
        }
        for name in ["", "a\0", "\u{1b}[31m", "\u{7f}", "\u{9b}31m", &format!("{longest}x")] {
            assert!(Name::try_from(name).is_err(), "{name:?}");
        }
        assert!(ObjectName::try_from("\u{1b}[31mred").is_ok() && ObjectName::try_from("a\0").is_err());
        assert!(Line::try_from("").is_ok() && Line::try_from("15.18 (Debian)").is_ok());
        for line in ["C.UTF-8\0", "two\nlines", "\u{85}", &"x".repeat(256)] {
            assert!(Line::try_from(line).is_err(), "{line:?}");
        }
        assert!(Text::try_from("two\nlines\u{1b}").is_ok() && Text::try_from("\0").is_err());
        assert!(Text::try_from("x".repeat(TextRule::LONGEST + 1)).is_err());
    }

    #[test]
    fn a_refusal_shows_no_letter_that_a_terminal_obeys() {
        let why = Name::try_from("red\u{1b}[31m").unwrap_err();
        assert_eq!(why, "\"red\\u{1b}[31m\" holds U+001B, which no name holds");
        let why = Name::try_from("x".repeat(300)).unwrap_err();
        assert_eq!(why, format!("\"{}\" … has 300 bytes, a name at most 252", "x".repeat(40)));
    }
}
