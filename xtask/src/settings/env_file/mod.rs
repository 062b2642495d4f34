//! `.env` as Docker Compose reads it, and edited without disturbing what people wrote in it.
//!
//! The rules are those of compose-go's `dotenv` and `template` packages, found in their source and tried with
//! `docker compose config`. Compose refuses a whole file for one bad line; here it is a [`Problem`] and the rest is read.

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
    /// What is wrong with it; never contains a value, which may be a secret.
    pub message: String,
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
                Err(fault) => file.report(text, fault.at, fault.message),
            }
        }
        file
    }

    /// The value of a name; the last of several assignments.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The lines for which Compose would refuse the file.
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
        match value.and_then(|value| usable(value, &text[statement.start..statement.end])) {
            Ok(value) => drop(self.values.insert(statement.name.to_owned(), value)),
            Err(message) => {
                // An earlier value would hide that the line people look at is broken.
                self.values.remove(statement.name);
                self.report(text, statement.start, message);
            }
        }
    }

    fn report(&mut self, text: &[u8], at: usize, message: String) {
        let line = 1 + text[..at].iter().filter(|&&byte| byte == b'\n').count();
        self.problems.push(Problem { line, message });
    }
}

/// Compose cannot put a NUL into its environment, and a value that is not UTF-8 reaches no program unharmed.
fn usable(value: String, written: &[u8]) -> Result<String, String> {
    if value.contains('\0') {
        return Err("the value contains a NUL".to_owned());
    }
    if value.contains(NOT_UTF8) && std::str::from_utf8(written).is_err() {
        return Err("the value is not UTF-8".to_owned());
    }
    Ok(value)
}
