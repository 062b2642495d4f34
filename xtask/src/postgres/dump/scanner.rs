//! The lexer: follows psql's own rules for what is a quote, a comment, a statement's end and a row.

use super::copy::CopyBlock;
use super::foreign;
use super::statement::{Ended, Statement, Token};
use super::watching::Watching;
use super::{Contents, Flaw};
use memchr::{memchr, memchr_iter, memchr2};

/// pg_dump's first lines, of every version.
const HEAD: &[u8] = b"--\n-- PostgreSQL database dump\n--\n\n";
/// The comment that pg_dump writes last, and what it writes after it.
const TRAILER: &[u8] = b"-- PostgreSQL database dump complete";
const AFTER_TRAILER: &[u8] = b"\n--\n\n";
const UNRESTRICT: &[u8] = b"\\unrestrict ";
/// Names, comments and settings are never longer; the rest of a longer token does not matter.
const TOKEN_KEPT: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes of `HEAD` have come.
    Head(usize),
    Text,
    Dash,
    Slash,
    Word,
    QuotedName,
    QuotedNameEnd,
    String {
        escapes: bool,
    },
    StringEscape,
    StringEnd {
        escapes: bool,
        newline: bool,
    },
    LineComment,
    BlockComment {
        depth: u32,
        before: u8,
    },
    DollarTag,
    Dollar {
        matched: usize,
    },
    Meta,
    CopyHeaderEnd,
    Copy,
    /// So many bytes of what follows the trailer have come.
    Tail(usize),
}

/// Reads a dump piece by piece.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    line: u64,
    /// Whether the rest of the piece was looked through.
    free_of_zeros: bool,
    /// Bytes before the piece that is being read.
    offset: u64,
    token: Vec<u8>,
    dollar_tag: Vec<u8>,
    statement: Statement,
    standard_strings: bool,
    /// How many colons stand directly before.
    colons: usize,
    restrict_key: Option<Vec<u8>>,
    copy: Option<CopyBlock>,
    watching: Watching,
    tail: Vec<u8>,
    contents: Contents,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            state: State::Head(0),
            line: 1,
            free_of_zeros: false,
            offset: 0,
            token: Vec::new(),
            dollar_tag: Vec::new(),
            statement: Statement::default(),
            standard_strings: true,
            colons: 0,
            restrict_key: None,
            copy: None,
            watching: Watching::default(),
            tail: Vec::new(),
            contents: Contents::default(),
        }
    }
}

impl Scanner {
    /// Takes the next piece, of any size.
    pub fn feed(&mut self, mut piece: &[u8]) -> Result<(), Flaw> {
        self.free_of_zeros = false;
        while !piece.is_empty() {
            if !matches!(self.state, State::Head(_)) && !self.free_of_zeros {
                // psql loses the rest of such a line, with the quotes that are in it.
                self.free_of_zeros = memchr(0, piece).is_none();
                if !self.free_of_zeros {
                    return Err(self.flaw("a zero byte, which no dump holds"));
                }
            }
            let used = self.step(piece)?;
            self.line += memchr_iter(b'\n', &piece[..used]).count() as u64;
            self.offset += used as u64;
            piece = &piece[used..];
        }
        Ok(())
    }

    /// Nothing more comes: the dump is whole, or this is where it was cut.
    pub fn finish(mut self) -> Result<Contents, Flaw> {
        let what = match self.state {
            State::Tail(seen) if seen == self.tail.len() => {
                self.watching.finish(&mut self.contents);
                if let Some(key) = &self.restrict_key {
                    // The tail ends with that line and an empty one.
                    let end = self.offset - 1;
                    self.contents.restrict_lines.push(end - (UNRESTRICT.len() + key.len() + 1) as u64..end);
                }
                return Ok(self.contents);
            }
            State::Head(0) => "the file is empty".to_owned(),
            State::Head(_) => "it ends within pg_dump's first lines".to_owned(),
            State::Tail(_) => "it ends within pg_dump's last lines".to_owned(),
            State::Copy | State::CopyHeaderEnd => {
                let name = self.copy.as_ref().map(|copy| copy.copied.name.clone()).unwrap_or_default();
                format!("it ends within the rows of table {name}")
            }
            State::String { .. } | State::StringEscape | State::Dollar { .. } | State::QuotedName => {
                "it ends within a quoted text".to_owned()
            }
            _ if !self.statement.is_empty() => "it ends within a statement".to_owned(),
            _ => "pg_dump's last lines are missing".to_owned(),
        };
        Err(Flaw { cut: true, ..self.flaw(what) })
    }

    fn flaw(&self, what: impl Into<String>) -> Flaw {
        Flaw { line: self.line, what: what.into(), cut: false }
    }

    /// Consumes bytes, or changes the state that the next step consumes them in.
    fn step(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
        let byte = piece[0];
        match self.state {
            State::Text => return self.text(piece),
            State::Copy => return self.rows(piece),
            State::Word => {
                let short = self.is_short_word(byte);
                let goes_on = |byte: u8| is_word(byte) || (byte == b'$' && !short);
                let end = piece.iter().position(|&byte| !goes_on(byte)).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end == piece.len() {
                    return Ok(end);
                }
                if short && matches!(piece[end], b'$' | b'\'') {
                    return Err(self.flaw("a quote that touches a number or a psql variable"));
                }
                return self.word_end(byte_at(piece, end)).map(|used| end + used);
            }
            State::LineComment => {
                let end = memchr2(b'\n', b'\r', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end < piece.len() {
                    self.comment_end();
                }
                return Ok(end);
            }
            State::String { escapes } => {
                let end = if escapes { memchr2(b'\'', b'\\', piece) } else { memchr(b'\'', piece) };
                self.keep(&piece[..end.unwrap_or(piece.len())]);
                let Some(end) = end else { return Ok(piece.len()) };
                self.state = if piece[end] == b'\\' {
                    State::StringEscape
                } else {
                    State::StringEnd { escapes, newline: false }
                };
                return Ok(end + 1);
            }
            State::Dollar { matched: 0 } => {
                let Some(at) = memchr(b'$', piece) else { return Ok(piece.len()) };
                self.state = State::Dollar { matched: 1 };
                return Ok(at + 1);
            }
            State::Head(seen) => {
                if byte != HEAD[seen] {
                    return Err(self.flaw(foreign::kind_of(&HEAD[..seen], piece)));
                }
                self.state = if seen + 1 == HEAD.len() { State::Text } else { State::Head(seen + 1) };
            }
            State::Dash => {
                self.state = if byte == b'-' { State::LineComment } else { State::Text };
                if byte != b'-' {
                    return self.after_symbol(b'-', piece);
                }
                self.token.clear();
                self.token.extend_from_slice(b"--");
            }
            State::Slash => {
                self.state = if byte == b'*' { State::BlockComment { depth: 1, before: 0 } } else { State::Text };
                if byte != b'*' {
                    return self.after_symbol(b'/', piece);
                }
            }
            State::QuotedName => {
                let end = memchr(b'"', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end < piece.len() {
                    self.state = State::QuotedNameEnd;
                    return Ok(end + 1);
                }
                return Ok(end);
            }
            State::QuotedNameEnd if byte == b'"' => {
                self.keep(b"\"");
                self.state = State::QuotedName;
            }
            State::QuotedNameEnd => {
                self.state = State::Text;
                self.statement.take(Token::Name(&self.token), &mut self.contents);
                return self.text(piece);
            }
            State::StringEscape => self.state = State::String { escapes: true },
            State::StringEnd { escapes, newline } => return self.string_end(escapes, newline, piece),
            State::BlockComment { depth, before } => {
                self.state = match (before, byte) {
                    (b'*', b'/') if depth == 1 => State::Text,
                    (b'*', b'/') => State::BlockComment { depth: depth - 1, before: 0 },
                    (b'/', b'*') => State::BlockComment { depth: depth + 1, before: 0 },
                    _ => State::BlockComment { depth, before: byte },
                };
            }
            State::DollarTag => {
                if byte == b'$' {
                    self.dollar_tag = std::mem::take(&mut self.token);
                    self.state = State::Dollar { matched: 0 };
                } else if self.token.len() == TOKEN_KEPT {
                    return Err(self.flaw("a dollar quote whose tag is longer than any that pg_dump writes"));
                } else if is_word(byte) && !(self.token.is_empty() && byte.is_ascii_digit()) {
                    self.keep(&[byte]);
                } else if !self.token.is_empty() {
                    return Err(self.flaw("a name that begins with $"));
                } else {
                    // A parameter such as $1, or a lone $: no quote.
                    self.state = State::Text;
                    return self.after_symbol(b'$', piece);
                }
            }
            State::Dollar { matched } => {
                let expected = self.dollar_tag.get(matched - 1).copied().unwrap_or(b'$');
                let complete = matched == self.dollar_tag.len() + 1;
                self.state = match byte {
                    byte if byte == expected && complete => State::Text,
                    byte if byte == expected => State::Dollar { matched: matched + 1 },
                    b'$' => State::Dollar { matched: 1 },
                    _ => State::Dollar { matched: 0 },
                };
                if self.state == State::Text {
                    self.statement.take(Token::Text(b""), &mut self.contents);
                }
            }
            State::Meta => {
                if byte == b'\n' {
                    self.meta_command()?;
                } else {
                    self.keep(&[byte]);
                }
            }
            State::CopyHeaderEnd => {
                if byte != b'\n' {
                    return Err(self.flaw("text after the header of a COPY block"));
                }
                self.state = State::Copy;
            }
            State::Tail(seen) => match self.tail.get(seen) {
                Some(&expected) if expected == byte => self.state = State::Tail(seen + 1),
                _ => return Err(self.flaw("text after the end of the dump")),
            },
        }
        Ok(1)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = TOKEN_KEPT.saturating_sub(self.token.len());
        self.token.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn text(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
        let byte = piece[0];
        self.token.clear();
        if byte != b':' && !is_word(byte) {
            self.colons = 0;
        }
        match byte {
            b' ' | b'\t' | b'\n' | 0x0b | 0x0c => {}
            b'\r' => return Err(self.flaw("a carriage return as line end (changed by a terminal or an editor?)")),
            b'-' => self.state = State::Dash,
            b'/' => self.state = State::Slash,
            b'\'' => self.state = State::String { escapes: !self.standard_strings },
            b'"' => self.state = State::QuotedName,
            b'$' => self.state = State::DollarTag,
            b'\\' => {
                self.token.push(byte);
                self.state = State::Meta;
            }
            byte if is_word(byte) => {
                self.state = State::Word;
                return self.step(piece);
            }
            symbol => return self.symbol(symbol),
        }
        Ok(1)
    }

    /// A symbol that was held back to see what follows; `piece` begins with what follows.
    fn after_symbol(&mut self, symbol: u8, piece: &[u8]) -> Result<usize, Flaw> {
        self.statement.take(Token::Symbol(symbol), &mut self.contents);
        self.text(piece)
    }

    /// A number, or a psql variable (`:name`, not `::name`): for psql a `$` or a quote begins something new there.
    fn is_short_word(&self, byte: u8) -> bool {
        self.colons % 2 == 1 || self.token.first().unwrap_or(&byte).is_ascii_digit()
    }

    fn symbol(&mut self, symbol: u8) -> Result<usize, Flaw> {
        if symbol == b':' {
            self.colons += 1;
        }
        match self.statement.take(Token::Symbol(symbol), &mut self.contents) {
            None => {}
            Some(Ended::Copy(header)) => {
                self.copy = Some(CopyBlock::new(&header, &mut self.watching));
                self.state = State::CopyHeaderEnd;
            }
            Some(Ended::Forbidden(what)) => {
                return Err(self.flaw(format!("{what}, which no dump of one database holds")));
            }
            Some(Ended::Unreadable(what)) => {
                return Err(self.flaw(format!("{what}: psql cannot tell where that statement ends; rename it")));
            }
            Some(Ended::NoStatement(word)) => {
                return Err(self.flaw(format!("text that is no SQL: {:?}", word.chars().take(40).collect::<String>())));
            }
            Some(Ended::StrangeCopy) => return Err(self.flaw("a COPY statement that pg_dump does not write")),
            Some(Ended::StandardStrings(on)) => self.standard_strings = on,
            Some(Ended::ClientEncoding(name)) if !foreign::is_server_encoding(&name) => {
                return Err(self.flaw(format!("client_encoding {name}, which no server has")));
            }
            Some(Ended::ClientEncoding(_)) => {}
        }
        Ok(1)
    }

    fn word_end(&mut self, next: u8) -> Result<usize, Flaw> {
        self.state = State::Text;
        self.colons = 0;
        match (next, self.token.as_slice()) {
            (b'\'', b"e" | b"E") => self.state = State::String { escapes: true },
            // Bit strings have no escapes, whatever the setting.
            (b'\'', b"b" | b"B" | b"x" | b"X") => self.state = State::String { escapes: false },
            (b'&', b"u" | b"U") => return Err(self.flaw("a Unicode escape (U&), which pg_dump does not write")),
            _ => {}
        }
        if self.state != State::Text {
            self.token.clear();
            return Ok(1);
        }
        self.statement.take(Token::Word(&self.token), &mut self.contents);
        Ok(0)
    }

    fn string_end(&mut self, escapes: bool, newline: bool, piece: &[u8]) -> Result<usize, Flaw> {
        match piece[0] {
            // A doubled quote, or a string that goes on after a line break, is the same string.
            b'\'' => {
                if !newline {
                    self.keep(b"'");
                }
                self.state = State::String { escapes };
                Ok(1)
            }
            b'\n' => {
                self.state = State::StringEnd { escapes, newline: true };
                Ok(1)
            }
            b' ' | b'\t' if newline => Ok(1),
            _ => {
                self.state = State::Text;
                self.statement.take(Token::Text(&self.token), &mut self.contents);
                self.text(piece)
            }
        }
    }

    fn comment_end(&mut self) {
        self.state = State::Text;
        if self.statement.is_empty() && self.token == TRAILER {
            self.tail = AFTER_TRAILER.to_vec();
            if let Some(key) = &self.restrict_key {
                self.tail.extend_from_slice(UNRESTRICT);
                self.tail.extend_from_slice(key);
                self.tail.extend_from_slice(b"\n\n");
            }
            self.state = State::Tail(0);
        }
        let version = |start: &[u8]| {
            let rest = self.token.strip_prefix(start)?;
            Some(String::from_utf8_lossy(rest).trim().to_owned())
        };
        if let Some(version) = version(b"-- Dumped from database version ") {
            self.contents.server_version.get_or_insert(version);
        } else if let Some(version) = version(b"-- Dumped by pg_dump version ") {
            self.contents.pg_dump_version.get_or_insert(version);
        }
    }

    /// Only pg_dump's own `\restrict KEY`, once, before the first statement; `\unrestrict` belongs to the tail.
    fn meta_command(&mut self) -> Result<(), Flaw> {
        let key = self.token.strip_prefix(b"\\restrict ").filter(|key| key.iter().all(u8::is_ascii_alphanumeric));
        let allowed = key.filter(|key| {
            !key.is_empty()
                && self.restrict_key.is_none()
                && self.contents.server_version.is_none()
                && self.statement.is_empty()
        });
        let Some(key) = allowed else {
            let shown = String::from_utf8_lossy(&self.token).chars().take(40).collect::<String>();
            return Err(self.flaw(format!("a psql meta-command: {shown}")));
        };
        // The line was kept from its backslash on; its newline is being read.
        self.contents.restrict_lines.push(self.offset - self.token.len() as u64..self.offset + 1);
        self.restrict_key = Some(key.to_vec());
        self.state = State::Text;
        Ok(())
    }

    fn rows(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
        let Some(copy) = self.copy.as_mut() else {
            return Err(self.flaw("rows outside a COPY block"));
        };
        let taken = copy.take(piece, &mut self.watching);
        match taken {
            Ok((used, false)) => Ok(used),
            Ok((used, true)) => {
                if let Some(copy) = self.copy.take() {
                    self.watching.block_ended(&copy.copied);
                    self.contents.copied.push(copy.copied);
                }
                self.state = State::Text;
                Ok(used)
            }
            Err(what) => Err(self.flaw(what)),
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn byte_at(piece: &[u8], at: usize) -> u8 {
    piece.get(at).copied().unwrap_or_default()
}
