//! Where a statement begins that psql names by the line that it had read to.

use crate::migration::checksum;
use crate::migration::flaw::Flaw;
use crate::migration::reader::{Listener, Next, Reader};
use crate::migration::statement::Statement;
use crate::sql::Token;
use std::ops::Range;
use std::path::Path;

/// The line on which the statement began that psql was at when it read this line.
pub fn statement_before(path: &Path, line: u64) -> Option<u64> {
    let mut reader = Reader::default();
    let mut found = Places { wanted: line, ..Places::default() };
    checksum::in_pieces(path, &mut |piece| Ok(reader.feed(piece, &mut found)?)).ok()?;
    reader.finish(&mut found).ok()?;
    found.found.or(found.last)
}

/// Finds the statement that ends on a line, or is the first to end after it; else the last one, which ends with what is
/// sent behind the file where it has no semicolon of its own.
#[derive(Debug, Default)]
struct Places {
    wanted: u64,
    statement: Statement,
    found: Option<u64>,
    last: Option<u64>,
}

impl Places {
    fn end(&mut self, line: u64) {
        let begun = std::mem::take(&mut self.statement).begun;
        self.last = Some(begun);
        if self.found.is_none() && line >= self.wanted {
            self.found = Some(begun);
        }
    }
}

impl Listener for Places {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw> {
        self.statement.take(token, line);
        Ok(())
    }

    fn ended(&mut self, line: u64, _bytes: Range<u64>) -> Result<Next, Flaw> {
        if self.statement.takes_rows {
            return Ok(Next::CopyRows);
        }
        self.end(line);
        Ok(Next::Statement)
    }

    fn rows_ended(&mut self, line: u64) {
        self.end(line);
    }
}
