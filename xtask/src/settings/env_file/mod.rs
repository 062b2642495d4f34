//! `.env` as Docker Compose reads it, and edited without disturbing what people wrote in it.
//!
//! The rules are those of compose-go's `dotenv` and `template` packages, found in their source and tried with
//! `docker compose config`. Compose refuses a whole file for one bad line; here it is a [`Problem`] and the rest is
//! read.

mod edit;
mod interpolation;
mod scanner;
#[cfg(test)]
mod tests;

pub use edit::set;

use interpolation::{expand, unescape};
use scanner::{Content, NOT_UTF8, Scanner, Statement, decode};
use std::collections::BTreeMap;

/// A line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// The name that it means to set, as far as one can tell.
    pub name: Option<String>,
    /// What is wrong with it; never contains a value, which may be a secret.
    pub message: String,
    /// Whether Compose refuses the whole file for it.
    pub compose_refuses: bool,
}

/// The values of a `.env` file.
#[derive(Debug, Clone, Default)]
pub struct EnvFile {
    values: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl EnvFile {
    /// Reads a file. `environment` looks a name up in the process environment: it wins over the file inside `${NAME}`,
    /// and gives names that stand without `=` their value. [`EnvFile::get`] still answers what the file says.
    pub fn parse(text: &[u8], environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let decoded = decode(text);
        let mut file = Self::default();
        for found in Scanner::new(&decoded) {
            match found {
                Ok(statement) => file.add(text, &statement, environment),
                Err(fault) => {
                    file.report(text, fault.at, first_name(&decoded[fault.at..]), Broken::refused(fault.message));
                }
            }
        }
        file
    }

    /// The value of a name; the last of several assignments.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The names that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The lines that were not understood.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn add(&mut self, text: &[u8], statement: &Statement, environment: &dyn Fn(&str) -> Option<String>) {
        let lookup = |name: &str| environment(name).or_else(|| self.values.get(name).cloned());
        let value = match &statement.content {
            Content::Inherited => environment(statement.name).map(Ok),
            Content::Plain(raw) => Some(expand(raw, &lookup, 0)),
            Content::Single(raw) => Some(Ok(raw.clone())),
            Content::Double(raw) => Some(expand(&unescape(raw), &lookup, 0)),
            Content::Unterminated => Some(Err("the quote is never closed".to_owned())),
        };
        let Some(value) = value else { return };
        let written = &text[statement.start..statement.end];
        match value.map_err(Broken::refused).and_then(|value| usable(value, written)) {
            Ok(value) => drop(self.values.insert(statement.name.to_owned(), value)),
            Err(broken) => {
                // An earlier value would hide that the line people look at is broken.
                self.values.remove(statement.name);
                self.report(text, statement.start, Some(statement.name.to_owned()), broken);
            }
        }
    }

    fn report(&mut self, text: &[u8], at: usize, name: Option<String>, broken: Broken) {
        let line = 1 + text[..at].iter().filter(|&&byte| byte == b'\n').count();
        let Broken { message, compose_refuses } = broken;
        self.problems.push(Problem { line, name, message, compose_refuses });
    }
}

/// What is wrong with a line, and whether Compose minds.
struct Broken {
    message: String,
    compose_refuses: bool,
}

impl Broken {
    fn refused(message: String) -> Self {
        Self { message, compose_refuses: true }
    }

    fn useless(message: &str) -> Self {
        Self { message: message.to_owned(), compose_refuses: false }
    }
}

/// The first word of a line that is written like a setting's name.
fn first_name(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let mut words = line.split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric());
    words
        .find(|word| word.contains('_') && !word.contains(|letter: char| letter.is_ascii_lowercase()))
        .map(str::to_owned)
}

/// Compose cannot put a NUL into its environment, and a value that is not UTF-8 reaches no program unharmed.
fn usable(value: String, written: &[u8]) -> Result<String, Broken> {
    if value.contains('\0') {
        return Err(Broken::useless("the value contains a NUL"));
    }
    if value.contains(NOT_UTF8) && std::str::from_utf8(written).is_err() {
        return Err(Broken::useless("the value is not UTF-8"));
    }
    Ok(value)
}
