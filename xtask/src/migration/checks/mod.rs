//! A migration file, looked at before anything of it is sent: what psql or a transaction would make of it.

mod bytes;
mod places;

pub use places::statement_before;

use super::checksum;
use super::lexer::{Lexer, Listener, Next, Token};
use super::statement::Statement;
use anyhow::Result;
use bytes::Bytes;
use std::fmt;
use std::path::Path;

/// With these bytes a file says that it runs outside of a transaction (sqlx's rule).
const NO_TRANSACTION: &[u8] = b"-- no-transaction";
/// A file outside of a transaction must reach psql in one piece: psql would run a statement that was cut.
pub const LARGEST_WITHOUT_TRANSACTION: u64 = 60_000;

/// The first thing in a file for which it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Counted from 1.
    pub line: u64,
    pub what: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.line, self.what)
    }
}

impl std::error::Error for Flaw {}

/// Which way a file leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// What a file is that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// SHA-384 of its bytes, in hexadecimal.
    pub checksum: String,
    pub transactional: bool,
    pub statements: u64,
    /// What a person should know before it runs, with its line.
    pub warnings: Vec<(u64, String)>,
}

/// Reads a file to its end, in constant memory.
///
/// # Errors
/// The first flaw, found by downcast, or why the file cannot be read.
pub fn check(path: &Path, direction: Direction) -> Result<Findings> {
    let mut bytes = Bytes::default();
    let mut lexer = Lexer::default();
    let mut statements = Statements::new(direction);
    let mut size = 0;
    checksum::in_pieces(path, &mut |piece| {
        if size == 0 {
            statements.transactional = !piece.starts_with(NO_TRANSACTION);
        }
        size += piece.len() as u64;
        bytes.take(piece)?;
        Ok(lexer.feed(piece, &mut statements)?)
    })?;
    lexer.finish(&mut statements)?;
    bytes.finish()?;
    let transactional = size == 0 || statements.transactional;
    if !transactional && size > LARGEST_WITHOUT_TRANSACTION {
        let what = format!("a file without transaction is larger than {LARGEST_WITHOUT_TRANSACTION} bytes");
        return Err(Flaw { line: 1, what }.into());
    }
    let mut warnings = statements.warnings;
    if let Some(line) = bytes.carriage_return {
        let what = "its lines end in CR LF: where they end in LF, its checksum will be another".to_owned();
        warnings.push((line, what));
    }
    if statements.count == 0 {
        warnings.push((1, "it holds no statement".to_owned()));
    }
    Ok(Findings { checksum: bytes.checksum.finish(), transactional, statements: statements.count, warnings })
}

/// Judges statement by statement.
#[derive(Debug)]
struct Statements {
    direction: Direction,
    transactional: bool,
    statement: Statement,
    count: u64,
    warnings: Vec<(u64, String)>,
}

impl Statements {
    fn new(direction: Direction) -> Self {
        Self { direction, transactional: true, statement: Statement::default(), count: 0, warnings: Vec::new() }
    }

    /// Why it may not run.
    fn refusal(&self, statement: &Statement) -> Option<String> {
        if self.transactional {
            if let Some(word) = statement.transaction_control() {
                let word = word.to_ascii_uppercase();
                return Some(format!("{word} in a file that runs in one transaction with its row in the ledger"));
            }
            if let Some(what) = statement.needs_no_transaction() {
                return Some(format!(
                    "{what} cannot run in a transaction: the file must start with `-- no-transaction`"
                ));
            }
        }
        if let Some(setting) = statement.changes_quoting() {
            return Some(format!(
                "it changes {setting}, by which psql reads the rest: files are UTF-8, and strings standard"
            ));
        }
        (statement.takes_rows && statement.binary).then(|| "COPY … FROM stdin in binary, which has no end".to_owned())
    }

    fn warn(&mut self, statement: &Statement) {
        let mut warn = |what: &str| self.warnings.push((statement.begun, what.to_owned()));
        if self.direction == Direction::Up {
            if statement.drops_table() {
                warn("it drops a table: its rows come back from a backup only");
            }
            if statement.drops_column {
                warn("it drops a column: its values come back from a backup only");
            }
        }
        if statement.takes_rows {
            warn("COPY … FROM stdin: psql runs it, sqlx itself cannot");
        }
        if let Some(table) = &statement.openfga {
            warn(&format!("it names {table}, a table of OpenFGA, which OpenFGA alone should change"));
        }
    }
}

impl Listener for Statements {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw> {
        self.statement.take(token, line);
        Ok(())
    }

    fn ended(&mut self, _line: u64) -> Result<Next, Flaw> {
        let mut statement = std::mem::take(&mut self.statement);
        statement.end();
        if let Some(what) = self.refusal(&statement) {
            return Err(Flaw { line: statement.begun, what });
        }
        self.count += 1;
        self.warn(&statement);
        Ok(if statement.takes_rows { Next::CopyRows } else { Next::Statement })
    }

    fn rows_ended(&mut self, _line: u64) {}
}

#[cfg(test)]
mod tests;
