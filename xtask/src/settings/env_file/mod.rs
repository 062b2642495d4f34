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
use std::cell::Cell;
use std::collections::BTreeMap;

/// How many bytes the values of variables may add to a file's values, all together: a few lines that each name the one
/// before ten times would else fill the memory.
const MOST_INSERTED: usize = 4 << 20;

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
        let mut reading = Reading { text, file: Self::default(), inserted: 0, line: 1, counted: 0 };
        for found in Scanner::new(&decoded) {
            match found {
                Ok(statement) => reading.add(&statement, environment),
                Err(fault) => {
                    reading.report(fault.at, first_name(&decoded[fault.at..]), Broken::refused(fault.message));
                }
            }
        }
        reading.file
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
}

/// A file that is read from its begin on.
struct Reading<'t> {
    text: &'t [u8],
    file: EnvFile,
    /// The bytes that variables have added so far.
    inserted: usize,
    /// The line of byte `counted`, from 1.
    line: usize,
    counted: usize,
}

impl Reading<'_> {
    fn add(&mut self, statement: &Statement, environment: &dyn Fn(&str) -> Option<String>) {
        let (values, inserted) = (&self.file.values, Cell::new(self.inserted));
        let lookup = |name: &str| {
            let own = environment(name);
            let value = own.as_ref().or_else(|| values.get(name))?;
            inserted.set(inserted.get().saturating_add(value.len()));
            (inserted.get() <= MOST_INSERTED).then(|| value.clone())
        };
        let value = match &statement.content {
            Content::Inherited => environment(statement.name).map(Ok),
            Content::Plain(raw) => Some(expand(raw, &lookup, 0)),
            Content::Single(raw) => Some(Ok(raw.clone())),
            Content::Double(raw) => Some(expand(&unescape(raw), &lookup, 0)),
            Content::Unterminated => Some(Err("the quote is never closed".to_owned())),
        };
        let Some(value) = value else { return };
        let is_too_long = inserted.get() > MOST_INSERTED;
        // What a line did not get counts for no later one.
        self.inserted = if is_too_long { self.inserted } else { inserted.get() };
        let value = if is_too_long { Err(too_long()) } else { value.map_err(Broken::refused) };
        let written = &self.text[statement.start..statement.end];
        match value.and_then(|value| usable(value, written)) {
            Ok(value) => drop(self.file.values.insert(statement.name.to_owned(), value)),
            Err(broken) => {
                // An earlier value would hide that the line people look at is broken.
                self.file.values.remove(statement.name);
                self.report(statement.start, Some(statement.name.to_owned()), broken);
            }
        }
    }

    fn report(&mut self, at: usize, name: Option<String>, broken: Broken) {
        let since = self.text.get(self.counted..at).unwrap_or_default();
        self.line += since.iter().filter(|&&byte| byte == b'\n').count();
        self.counted = self.counted.max(at);
        let Broken { message, compose_refuses } = broken;
        self.file.problems.push(Problem { line: self.line, name, message, compose_refuses });
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

fn too_long() -> Broken {
    let most = MOST_INSERTED >> 20;
    Broken::useless(&format!("the variables in the values add more than {most} MiB to the file"))
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
