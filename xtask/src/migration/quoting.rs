//! Statements that change how psql reads quotes: `standard_conforming_strings` and the client's encoding.

use crate::sql::Token;

const STRINGS: &str = "standard_conforming_strings";
const ENCODING: &str = "client_encoding";
/// Values that leave things as they are.
const ON: &[&str] = &["on", "true", "yes", "1"];
const UTF8: &[&str] = &["utf8", "utf-8", "unicode"];

/// Follows one statement. A plain `SET … = on` or `= 'UTF8'`, with which pg_dump's files begin, changes nothing.
#[derive(Debug, Default)]
pub struct Quoting {
    state: State,
    changes: Option<&'static str>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Begin,
    /// After `SET`, `SESSION` or `LOCAL`.
    Set,
    /// The value of this setting comes.
    Value(&'static str),
    /// `set_config` was named: a string that names one of the settings is meant for it.
    Function,
    /// Some other statement.
    Other,
}

impl Quoting {
    pub fn take(&mut self, token: Token<'_>) {
        let text = match token {
            Token::Word(text) | Token::Name(text) | Token::Text(text) => {
                String::from_utf8_lossy(text).to_ascii_lowercase()
            }
            Token::Symbol(_) | Token::Dollars => return,
        };
        let setting = [STRINGS, ENCODING].into_iter().find(|name| *name == text);
        self.state = match (self.state, text.as_str()) {
            (State::Begin, "set") => State::Set,
            (State::Set, "session" | "local") => State::Set,
            (State::Set, "names") => State::Value(ENCODING),
            (State::Set, _) => setting.map_or(State::Other, State::Value),
            (State::Value(setting), "to") => State::Value(setting),
            (State::Value(setting), value) => {
                let same = if setting == STRINGS { ON.contains(&value) } else { UTF8.contains(&value) };
                self.changes = self.changes.or((!same).then_some(setting));
                State::Other
            }
            (_, "set_config") => State::Function,
            (State::Function, _) => {
                self.changes = self.changes.or(setting);
                State::Function
            }
            _ => State::Other,
        };
    }

    /// The setting that is changed.
    pub fn changes(&self) -> Option<&'static str> {
        self.changes
    }
}
