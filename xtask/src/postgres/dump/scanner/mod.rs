//! What a dump consists of: pg_dump's first and last lines, statements, rows of `COPY` blocks, the pair of `\restrict`.

mod frame;
mod part;
pub mod readings;

use super::copy::CopyBlock;
use super::foreign;
use super::kind::Kind;
use super::layout::{Layout, PartKind};
use super::letters::Utf8Check;
use super::statement::{Ended, Made, Needless, Statements, printable};
use super::watching::Watching;
use super::{Contents, Flaw};
use crate::sql::{self, Dialect, Found, LONGEST_TOKEN, Lexer, Token};
use memchr::{memchr, memchr_iter};
use part::Part;
use readings::{Reading, Readings};
use std::ops::Range;

/// pg_dump's first lines, of every version.
const HEAD: &[u8] = b"--\n-- PostgreSQL database dump\n--\n\n";
/// The meta-command that ends what `\restrict` began; its key follows.
const UNRESTRICT: &[u8] = b"\\unrestrict ";
/// Reads a dump piece by piece.
#[derive(Debug)]
pub struct Scanner {
    part: Part,
    lexer: Lexer,
    line: u64,
    /// Bytes before the piece that is being read.
    offset: u64,
    statements: Statements,
    standard_strings: bool,
    open_transaction: bool,
    /// The psql command that is being read, from its backslash on.
    command: Vec<u8>,
    restrict_key: Option<Vec<u8>>,
    copy: Option<CopyBlock>,
    /// What the block is to a load.
    block: Option<PartKind>,
    watching: Watching,
    tail: Vec<u8>,
    /// Where the tail ended, in bytes from the beginning.
    tail_end: u64,
    readings: Readings,
    utf8: Utf8Check,
    layout: Layout,
    /// Where the statement begins that is being read, or was read last.
    begun: u64,
    /// What ended with the bytes that were read last.
    ended: Option<PartKind>,
    contents: Contents,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            part: Part::Head(0),
            lexer: Lexer::default(),
            line: 1,
            offset: 0,
            statements: Statements::default(),
            standard_strings: true,
            open_transaction: false,
            command: Vec::new(),
            restrict_key: None,
            copy: None,
            block: None,
            watching: Watching::default(),
            tail: Vec::new(),
            tail_end: 0,
            readings: Readings::default(),
            utf8: Utf8Check::default(),
            layout: Layout::default(),
            begun: 0,
            ended: None,
            contents: Contents::default(),
        }
    }
}

impl Scanner {
    /// Takes the next piece, of any size.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Flaw> {
        let mut rest = piece;
        // What else than a dump it is its first bytes say, zeros among them.
        while matches!(self.part, Part::Head(_)) && !rest.is_empty() {
            rest = self.advance(rest)?;
        }
        let zero = memchr(0, rest);
        let mut text = &rest[..zero.unwrap_or(rest.len())];
        while !text.is_empty() {
            text = self.advance(text)?;
        }
        // psql loses the rest of such a line, with the quotes that are in it.
        if zero.is_some() { Err(self.flaw("a zero byte, which no dump holds")) } else { Ok(()) }
    }

    /// Takes some of the text; what is left of it.
    fn advance<'a>(&mut self, text: &'a [u8]) -> Result<&'a [u8], Flaw> {
        let reading = Reading::of(self.part, self.lexer.state());
        let used = self.step(text)?;
        if let Some(reading) = reading.filter(|_| used > 0) {
            self.readings.take(&text[..used], reading, self.line);
            if !reading.is_comment() {
                self.utf8.take(&text[..used], self.line);
            }
        }
        self.line = self.line.saturating_add(memchr_iter(b'\n', &text[..used]).count() as u64);
        self.offset = self.offset.saturating_add(used as u64);
        if let Some(kind) = self.ended.take() {
            self.layout.ends(kind, self.offset, self.line, self.contents.copied.len());
        }
        Ok(&text[used..])
    }

    /// The line that the statement begins in which was read last; a block of rows belongs to its `COPY`.
    pub fn latest_statement(&self) -> u64 {
        self.statements.latest_line()
    }

    /// What that statement makes.
    pub fn latest_made(&self) -> Option<Made> {
        self.statements.made()
    }

    /// Nothing more comes: the dump is whole, or this is where it was cut.
    pub fn finish(self) -> Result<Contents, Flaw> {
        let what = match self.part {
            // What was loaded would go with psql's session.
            Part::Tail(_) if self.open_transaction => return Err(self.flaw("a transaction that never ends")),
            Part::Tail(seen) if seen == self.tail.len() => return Ok(self.contents()),
            Part::Head(0) => "the file is empty".to_owned(),
            Part::Head(_) => "it ends within pg_dump's first lines".to_owned(),
            Part::Tail(seen) => {
                let lacks = self.lacks_unrestrict(seen);
                let kind = (!lacks.is_empty()).then_some(Kind::WithoutUnrestrict);
                let flaw = self.flaw(format!("it ends within pg_dump's last lines{lacks}"));
                return Err(Flaw { cut: true, kind, ..flaw });
            }
            Part::Copy | Part::CopyHeaderEnd => {
                let name = self.copy.as_ref().map(|copy| printable(&copy.copied.name)).unwrap_or_default();
                format!("it ends within the rows of table {name}")
            }
            Part::Statements if self.lexer.state().is_quoted() => "it ends within a quoted text".to_owned(),
            _ if !self.statements.is_empty() => "it ends within a statement".to_owned(),
            _ => "pg_dump's last lines are missing".to_owned(),
        };
        Err(Flaw { cut: true, ..self.flaw(what) })
    }

    /// What the dump holds, which is whole.
    fn contents(mut self) -> Contents {
        self.watching.finish(&mut self.contents);
        if let Some(key) = &self.restrict_key {
            // The tail ends with that line and an empty one.
            let end = self.tail_end.saturating_sub(1);
            let line = UNRESTRICT.len().saturating_add(key.len()).saturating_add(1) as u64;
            self.contents.restrict_lines.push(end.saturating_sub(line)..end);
        }
        self.contents.unfilled = self.statements.unfilled();
        self.contents.lacks_keys = self.statements.lack_keys();
        self.contents.hidden = self.readings.hidden;
        self.contents.letters = self.utf8.found;
        self.contents.parts = self.layout.finish(self.offset);
        self.contents
    }

    fn flaw(&self, what: impl Into<String>) -> Flaw {
        Flaw::wrong(self.line, what)
    }

    /// A file that does not begin as a dump.
    fn other(&self, kind: Kind) -> Flaw {
        Flaw { kind: Some(kind), ..self.flaw(format!("not a plain SQL dump: {}", kind.what())) }
    }

    /// Consumes bytes, or changes what the next step consumes them as.
    fn step(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
        let byte = piece[0];
        match self.part {
            Part::Statements => return self.statement(piece),
            Part::Copy => return self.rows(piece),
            Part::Head(seen) => {
                if byte != HEAD[seen] {
                    return Err(self.other(foreign::kind_of(&HEAD[..seen], piece)));
                }
                let seen = seen.saturating_add(1);
                self.part = if seen == HEAD.len() { Part::Statements } else { Part::Head(seen) };
            }
            Part::Meta if byte == b'\n' => self.meta_command()?,
            Part::Meta => {
                if self.command.len() < LONGEST_TOKEN {
                    self.command.push(byte);
                }
            }
            Part::CopyHeaderEnd => {
                if byte != b'\n' {
                    return Err(self.flaw("text after the header of a COPY block"));
                }
                self.part = Part::Copy;
            }
            Part::Tail(seen) => match self.tail.get(seen) {
                Some(&expected) if expected == byte => {
                    self.part = Part::Tail(seen.saturating_add(1));
                    self.tail_end = self.offset.saturating_add(1);
                }
                // Where the lines of `\restrict` were taken out, their empty ones stay; editors add blanks.
                None if byte.is_ascii_whitespace() => {}
                _ => return Err(self.after_end(seen, byte)),
            },
        }
        Ok(1)
    }

    /// A part of a statement, or what stands between statements.
    fn statement(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
        let dialect = Dialect { standard_strings: self.standard_strings, spelling: sql::Spelling::PgDump };
        let line = self.line;
        let step = self.lexer.step(piece, dialect).map_err(|what| Flaw::wrong(line, what))?;
        let used = step.used;
        let ended = match step.found {
            None => return Ok(used),
            Some(Found::Comment(text)) => {
                let text = text.to_vec();
                self.comment(&text);
                return Ok(used);
            }
            Some(Found::Backslash) => {
                self.command = vec![b'\\'];
                self.part = Part::Meta;
                return Ok(used);
            }
            Some(Found::Token(token)) => {
                if self.statements.is_empty() {
                    self.begun = self.offset.saturating_add(used as u64).saturating_sub(word_length(token));
                }
                self.statements.take(token, line, &mut self.contents)
            }
        };
        let Some(ended) = ended else { return Ok(used) };
        // What changes a transaction belongs to it, and so does all that is in one.
        let is_apart = !self.open_transaction && !matches!(ended, Ended::Transaction(_));
        let kind = self.statements.part(&mut self.layout);
        self.ended = Some(if is_apart || kind == PartKind::Setting { kind } else { PartKind::Other });
        self.follow(ended, line).map(|()| used)
    }

    /// What a statement means for the rest, which ends in this line: its `;` is being read.
    fn follow(&mut self, ended: Ended, line: u64) -> Result<(), Flaw> {
        let end = self.offset.saturating_add(1);
        match ended {
            Ended::Copy(header) => {
                self.copy = Some(CopyBlock::new(&header, line, &mut self.watching));
                self.part = Part::CopyHeaderEnd;
                self.block = self.ended.take();
            }
            Ended::Refused(refusal) => return Err(refusal.in_line(self.statements.line())),
            Ended::Transaction(open) => self.open_transaction = open,
            Ended::SearchPath => drop(self.contents.search_path_set.get_or_insert(end)),
            Ended::StandardStrings(on) => self.standard_strings = on,
            Ended::Needless(what) => self.leave_out(what, self.begun..end, line),
            Ended::Statement => {}
        }
        Ok(())
    }

    /// Notes a statement that a load does without, where psql counts the same lines without it.
    fn leave_out(&mut self, what: Needless, bytes: Range<u64>, line: u64) {
        let begins = self.statements.line();
        let place = match what {
            Needless::TransactionTimeout => &mut self.contents.skipped_timeout,
            Needless::PublicSchema => &mut self.contents.skipped_public,
        };
        if begins == line && place.is_none() {
            *place = Some(bytes);
        } else if what == Needless::TransactionTimeout {
            self.contents.unskipped_timeout_line.get_or_insert(begins);
        }
    }
}

/// How many bytes of the text a first word has.
fn word_length(token: Token<'_>) -> u64 {
    match token {
        Token::Word(word) => word.len() as u64,
        _ => 0,
    }
}
