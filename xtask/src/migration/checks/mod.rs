//! A migration file, looked at before anything of it is sent: what psql or a transaction would make of it.

mod bytes;
mod places;

pub use super::flaw::Flaw;
pub use places::statement_before;

use super::checksum::{self, Ignored};
use super::lasting::Lasting;
use super::made::{Made, RoleMade};
use super::reader::{Listener, Next, Place, Reader};
use super::shared_objects::SharedStatement;
use super::statement::Statement;
use super::transaction::{Enclosing, EndsAnywhere, LeftOut};
use crate::sql::Token;
use anyhow::Result;
use bytes::Bytes;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// With these bytes a file says that it runs outside of a transaction (sqlx's rule).
const NO_TRANSACTION: &[u8] = b"-- no-transaction";
/// A file outside of a transaction must reach psql in one piece: psql would run a statement that was cut.
pub const LARGEST_WITHOUT_TRANSACTION: u64 = 60_000;
/// An applied file that ends its transaction half-way is kept in memory while it is tried.
const LARGEST_SPLIT: u64 = 64 << 20;

/// Which way a file leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

impl Direction {
    /// As commands and JSON name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What a file is that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// SHA-384 of the letters that count, in hexadecimal: what the ledger holds.
    pub checksum: String,
    /// The digest after each of its pieces: only these bytes are sent.
    pub digests: Arc<Vec<[u8; 32]>>,
    /// Another reading of it than ours is possible, in which it could end its transaction.
    pub ambiguous: bool,
    /// The line of the first backslash that could be a psql command in another reading.
    pub hidden_command: Option<u64>,
    pub transactional: bool,
    /// Outside of a transaction its one statement does nothing where it waits for a lock in vain.
    pub lone: bool,
    /// A `BEGIN` and `COMMIT` around the file, which are not sent.
    pub left_out: LeftOut,
    pub statements: u64,
    /// What it sets for the rest of a session, with its line.
    pub lasting: Vec<(u64, Lasting)>,
    /// The first line that sets `search_path` for its transaction alone.
    pub local_path: Option<u64>,
    pub made: Vec<Made>,
    /// The extensions that it makes, by line and name.
    pub extensions: Vec<(u64, String)>,
    /// The roles that it makes.
    pub roles: Vec<RoleMade>,
    /// What of it changes something that belongs to the whole server, in order.
    pub shared: Vec<SharedStatement>,
    /// What a person should know before it runs.
    pub warnings: Vec<Warning>,
    /// Why it could not run today, though it was applied: it ends its transaction half-way.
    pub split: Option<Flaw>,
}

/// What a person should know of a file before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub line: u64,
    pub what: String,
    /// It is about rows that are lost; an empty database has none.
    pub of_loss: bool,
}

/// Reads a file to its end, in constant memory.
///
/// # Errors
/// The first flaw, found by downcast, or why the file cannot be read.
pub fn check(path: &Path, direction: Direction, ignored: &Ignored) -> Result<Findings> {
    read(path, Statements::new(direction), ignored)
}

/// The same for an up file that was applied, by sqlx perhaps. One that ends its transaction half-way is not refused for
/// that: it runs as sqlx ran it, outside of a transaction of ours.
pub fn check_applied(path: &Path, ignored: &Ignored) -> Result<Findings> {
    read(path, Statements { was_applied: true, ..Statements::new(Direction::Up) }, ignored)
}

fn read(path: &Path, mut statements: Statements, ignored: &Ignored) -> Result<Findings> {
    let mut bytes = Bytes::new(ignored);
    let (mut reader, mut ends) = (Reader::default(), EndsAnywhere::default());
    let mut size = 0;
    let mut digests = Vec::new();
    checksum::in_digested_pieces(path, &mut |piece, digest| {
        digests.push(digest);
        if size == 0 {
            statements.transactional = !piece.starts_with(NO_TRANSACTION);
        }
        size += piece.len() as u64;
        bytes.take(piece)?;
        ends.feed(piece);
        Ok(reader.feed(piece, &mut statements)?)
    })?;
    let readings = reader.finish(&mut statements)?;
    if let Some(line) = readings.hidden.unrestrict {
        let what = "`\\unrestrict` behind a string that psql may read otherwise: it could be a command";
        return Err(Flaw { line, what: what.to_owned() }.into());
    }
    bytes.finish()?;
    if !statements.transactional && size > LARGEST_WITHOUT_TRANSACTION {
        let what = format!("a file without transaction is larger than {LARGEST_WITHOUT_TRANSACTION} bytes");
        return Err(Flaw { line: 1, what }.into());
    }
    if let Some(line) = bytes.carriage_return.filter(|_| !ignored.has('\r')) {
        statements.warn(line, "its lines end in CR LF: a copy with LF has a different checksum");
    }
    let findings = statements.findings(bytes)?;
    if findings.split.is_some() && size > LARGEST_SPLIT {
        let what = format!("a file that ends its transaction half-way is larger than {LARGEST_SPLIT} bytes");
        return Err(Flaw { line: 1, what }.into());
    }
    let (ambiguous, hidden_command) = (ends.finish() && readings.have_parted(), readings.hidden.command);
    Ok(Findings { digests: digests.into(), ambiguous, hidden_command, ..findings })
}

/// Judges statement by statement.
#[derive(Debug)]
struct Statements {
    direction: Direction,
    was_applied: bool,
    transactional: bool,
    statement: Statement,
    count: u64,
    /// The last statement does nothing where it waits for a lock in vain.
    may_wait: bool,
    enclosing: Enclosing,
    lasting: Vec<(u64, Lasting)>,
    local_path: Option<u64>,
    made: Vec<Made>,
    extensions: Vec<(u64, String)>,
    roles: Vec<RoleMade>,
    shared: Vec<SharedStatement>,
    warnings: Vec<Warning>,
}

impl Statements {
    fn new(direction: Direction) -> Self {
        Self {
            direction,
            was_applied: false,
            transactional: true,
            statement: Statement::default(),
            count: 0,
            may_wait: false,
            enclosing: Enclosing::default(),
            lasting: Vec::new(),
            local_path: None,
            made: Vec::new(),
            extensions: Vec::new(),
            roles: Vec::new(),
            shared: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Why it may not run.
    fn refusal(&self, statement: &Statement) -> Option<String> {
        if self.transactional
            && let Some(what) = statement.needs_no_transaction()
        {
            return Some(format!("{what} cannot run in a transaction: the file must start with `-- no-transaction`"));
        }
        if let Some(setting) = statement.changes_quoting() {
            return Some(format!(
                "it changes {setting}, by which psql reads the rest; a file must stay UTF-8 with standard strings"
            ));
        }
        (statement.takes_rows && statement.binary).then(|| "COPY … FROM stdin in binary, which has no end".to_owned())
    }

    fn warn(&mut self, line: u64, what: &str) {
        self.warnings.push(Warning { line, what: what.to_owned(), of_loss: false });
    }

    fn note(&mut self, statement: &Statement) {
        let line = statement.begun;
        if let Some(what) = statement.loses().filter(|_| self.direction == Direction::Up) {
            self.warnings.push(Warning { line, what: what.to_owned(), of_loss: true });
        }
        if statement.takes_rows {
            self.warn(line, "COPY … FROM stdin: psql runs it, sqlx itself cannot");
        }
        if let Some(table) = &statement.openfga {
            self.warn(line, &format!("it names {table}, a table of OpenFGA; only OpenFGA should change it"));
        }
        if self.local_path.is_none() && self.transactional && statement.sets_path_locally() {
            self.local_path = Some(line);
        }
        self.lasting.extend(statement.sets().into_iter().map(|lasting| (line, lasting)));
        self.made.extend(statement.makes());
        self.roles.extend(statement.makes_role());
        self.extensions.extend(statement.extension().map(|name| (line, name)));
    }

    fn findings(mut self, bytes: Bytes) -> Result<Findings, Flaw> {
        let (enclosing, split) = match std::mem::take(&mut self.enclosing).finish() {
            Err(flaw) if self.was_applied => (None, Some(flaw)),
            enclosing => (enclosing?, None),
        };
        self.transactional &= split.is_none();
        let left_out = enclosing.map(|(Flaw { line, what }, left_out)| {
            self.warn(line, &what);
            left_out
        });
        if self.count == 0 {
            self.warn(1, "it holds no statement");
        }
        Ok(Findings {
            checksum: bytes.checksum(),
            digests: Arc::default(),
            ambiguous: false,
            hidden_command: None,
            transactional: self.transactional,
            lone: !self.transactional && split.is_none() && self.count == 1 && self.may_wait,
            left_out: left_out.unwrap_or_default(),
            statements: self.count,
            lasting: self.lasting,
            local_path: self.local_path,
            made: self.made,
            extensions: self.extensions,
            roles: self.roles,
            shared: self.shared,
            warnings: self.warnings,
            split,
        })
    }
}

impl Listener for Statements {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw> {
        self.statement.take(token, line);
        Ok(())
    }

    fn dollar_quoted(&mut self, bytes: &[u8], place: Place) {
        self.statement.take_body(bytes, place);
    }

    fn ended(&mut self, _line: u64, bytes: Range<u64>) -> Result<Next, Flaw> {
        let mut statement = std::mem::take(&mut self.statement);
        statement.end();
        self.shared.extend(statement.reaches_beyond(bytes.clone()));
        if let Some(what) = self.refusal(&statement) {
            return Err(Flaw { line: statement.begun, what });
        }
        match statement.transaction_control().filter(|_| self.transactional) {
            Some(control) => self.enclosing.control(control, statement.begun, bytes),
            None => {
                self.enclosing.statement();
                self.count += 1;
                self.may_wait = statement.waits_before_it_works();
            }
        }
        let next = if statement.takes_rows { Next::CopyRows } else { Next::Statement };
        self.note(&statement);
        Ok(next)
    }

    fn rows_ended(&mut self, _line: u64) {}
}

#[cfg(test)]
mod routine_tests;
#[cfg(test)]
mod tests;
