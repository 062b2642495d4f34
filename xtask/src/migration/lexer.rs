//! What psql takes for a statement, a quote, a comment, a variable or a command of its own, by psql's rules (psqlscan.l).
//!
//! The reader of dumps (`postgres::dump`) refuses everything that pg_dump does not write; this one takes all of SQL.

use super::checks::Flaw;
use memchr::{memchr, memchr2};

/// Names and keywords are never longer; the rest of a longer token does not matter.
const TOKEN_KEPT: usize = 256;

/// A token of a statement. Words are unquoted (keywords, names, numbers).
#[derive(Debug, Clone, Copy)]
pub enum Token<'a> {
    Word(&'a [u8]),
    Name(&'a [u8]),
    Text,
    Symbol(u8),
}

/// What psql reads after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Statement,
    /// Rows, up to a line `\.`.
    CopyRows,
}

/// Who is told what is read. Lines are counted from 1.
pub trait Listener {
    fn token(&mut self, token: Token<'_>, line: u64) -> Result<(), Flaw>;
    /// A statement with at least one token has ended.
    fn ended(&mut self, line: u64) -> Result<Next, Flaw>;
    /// The rows of a COPY have ended.
    fn rows_ended(&mut self, line: u64);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    Dash,
    Slash,
    Colon,
    Word,
    Name,
    NameEnd,
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
    /// The rest of the line after `COPY … FROM stdin;`.
    CopyHeader,
    CopyRows,
}

/// Variables that psql sets itself: it replaces `:NAME` by their values.
const VARIABLES: &str = " AUTOCOMMIT COMP_KEYWORD_CASE DBNAME ECHO ECHO_HIDDEN ENCODING ERROR FETCH_COUNT HIDE_TABLEAM \
    HIDE_TOAST_COMPRESSION HISTCONTROL HISTFILE HISTSIZE HOST IGNOREEOF LASTOID LAST_ERROR_MESSAGE LAST_ERROR_SQLSTATE \
    ON_ERROR_ROLLBACK ON_ERROR_STOP PIPELINE_COMMAND_COUNT PIPELINE_RESULT_COUNT PIPELINE_SYNC_COUNT PORT PROMPT1 \
    PROMPT2 PROMPT3 QUIET ROW_COUNT SERVER_VERSION_NAME SERVER_VERSION_NUM SERVICE SHELL_ERROR SHELL_EXIT_CODE \
    SHOW_ALL_RESULTS SHOW_CONTEXT SINGLELINE SINGLESTEP SQLSTATE USER VERBOSITY VERSION VERSION_NAME VERSION_NUM \
    WATCH_INTERVAL ";

/// Reads a file piece by piece.
#[derive(Debug)]
pub struct Lexer {
    state: State,
    line: u64,
    token: Vec<u8>,
    dollar_tag: Vec<u8>,
    /// A colon stands directly before the word, name or string that is being read.
    after_colon: bool,
    parentheses: u32,
    /// Unquoted words of the statement so far, and the first letters of its first four where psql looks at them.
    words: usize,
    first: [u8; 4],
    /// Nested `BEGIN`/`CASE` in the SQL body of a routine: a semicolon there ends nothing.
    begins: u32,
    empty: bool,
}

impl Default for Lexer {
    fn default() -> Self {
        Self {
            state: State::Text,
            line: 1,
            token: Vec::new(),
            dollar_tag: Vec::new(),
            after_colon: false,
            parentheses: 0,
            words: 0,
            first: [0; 4],
            begins: 0,
            empty: true,
        }
    }
}

impl Lexer {
    /// Takes the next piece, of any size.
    pub fn feed(&mut self, mut piece: &[u8], listener: &mut dyn Listener) -> Result<(), Flaw> {
        while !piece.is_empty() {
            let used = self.step(piece, listener)?;
            self.line += memchr::memchr_iter(b'\n', &piece[..used]).count() as u64;
            piece = &piece[used..];
        }
        Ok(())
    }

    /// Nothing more comes. A last statement may lack its semicolon.
    pub fn finish(mut self, listener: &mut dyn Listener) -> Result<(), Flaw> {
        // A newline ends every token that has no end of its own.
        let line = self.line;
        self.feed(b"\n", listener)?;
        if matches!(self.state, State::StringEnd { .. }) {
            self.string_end(false, true, 0, listener)?;
        }
        let what = match self.state {
            State::Text if self.parentheses > 0 => "a parenthesis that is never closed",
            State::Text if self.begins > 0 => "BEGIN without END in the body of a routine",
            State::Text => {
                if !self.empty {
                    listener.ended(line)?;
                }
                return Ok(());
            }
            State::CopyHeader | State::CopyRows => "rows of COPY … FROM stdin that no line \\. ends",
            State::BlockComment { .. } => "a comment that is never closed",
            _ => "a quote that is never closed",
        };
        Err(Flaw { line, what: format!("it ends within {what}") })
    }

    fn flaw(&self, what: impl Into<String>) -> Flaw {
        Flaw { line: self.line, what: what.into() }
    }

    /// Consumes bytes, or changes the state that the next step consumes them in.
    fn step(&mut self, piece: &[u8], listener: &mut dyn Listener) -> Result<usize, Flaw> {
        let byte = piece[0];
        match self.state {
            State::Text => return self.text(byte, listener),
            State::Word => {
                let end = piece.iter().position(|&byte| !is_word(byte) && byte != b'$').unwrap_or(piece.len());
                self.keep(&piece[..end]);
                return if end < piece.len() {
                    self.word_end(piece[end], listener).map(|used| end + used)
                } else {
                    Ok(end)
                };
            }
            State::LineComment => {
                let end = memchr2(b'\n', b'\r', piece).unwrap_or(piece.len());
                if end < piece.len() {
                    self.state = State::Text;
                }
                return Ok(end);
            }
            State::String { escapes } => {
                let end = if escapes { memchr2(b'\'', b'\\', piece) } else { memchr(b'\'', piece) };
                self.keep(&piece[..end.unwrap_or(piece.len())]);
                let Some(end) = end else { return Ok(piece.len()) };
                let escape = piece[end] == b'\\';
                self.state = if escape { State::StringEscape } else { State::StringEnd { escapes, newline: false } };
                return Ok(end + 1);
            }
            State::StringEscape => self.state = State::String { escapes: true },
            State::StringEnd { escapes, newline } => return self.string_end(escapes, newline, byte, listener),
            State::Name => {
                let end = memchr(b'"', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end < piece.len() {
                    self.state = State::NameEnd;
                    return Ok(end + 1);
                }
                return Ok(end);
            }
            State::NameEnd if byte == b'"' => {
                self.keep(b"\"");
                self.state = State::Name;
            }
            State::NameEnd => {
                self.state = State::Text;
                self.check_variable()?;
                self.tell(Token::Name(&self.token.clone()), listener)?;
                return Ok(0);
            }
            State::Dash | State::Slash => return self.maybe_comment(byte, listener),
            State::Colon => return self.colon(byte, listener),
            State::BlockComment { depth, before } => {
                self.state = match (before, byte) {
                    (b'*', b'/') if depth == 1 => State::Text,
                    (b'*', b'/') => State::BlockComment { depth: depth - 1, before: 0 },
                    (b'/', b'*') => State::BlockComment { depth: depth + 1, before: 0 },
                    _ => State::BlockComment { depth, before: byte },
                };
            }
            State::DollarTag => return self.dollar_tag(byte, listener),
            State::Dollar { matched: 0 } => {
                let Some(at) = memchr(b'$', piece) else { return Ok(piece.len()) };
                self.state = State::Dollar { matched: 1 };
                return Ok(at + 1);
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
                    self.tell(Token::Text, listener)?;
                }
            }
            State::CopyHeader => {
                if byte == b'\n' {
                    self.token.clear();
                    self.state = State::CopyRows;
                } else if !byte.is_ascii_whitespace() {
                    return Err(self.flaw("text on the line of COPY … FROM stdin"));
                }
            }
            State::CopyRows => {
                let end = memchr(b'\n', piece).unwrap_or(piece.len());
                self.keep(&piece[..end]);
                if end == piece.len() {
                    return Ok(end);
                }
                if matches!(self.token.as_slice(), b"\\." | b"\\.\r") {
                    self.state = State::Text;
                    listener.rows_ended(self.line);
                }
                self.token.clear();
                return Ok(end + 1);
            }
        }
        Ok(1)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = TOKEN_KEPT.saturating_sub(self.token.len());
        self.token.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn tell(&mut self, token: Token<'_>, listener: &mut dyn Listener) -> Result<(), Flaw> {
        self.empty = false;
        self.after_colon = false;
        listener.token(token, self.line)
    }

    fn text(&mut self, byte: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        self.token.clear();
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.after_colon = false,
            b'-' => self.state = State::Dash,
            b'/' => self.state = State::Slash,
            b':' => self.state = State::Colon,
            b'\'' => self.state = State::String { escapes: false },
            b'"' => self.state = State::Name,
            b'$' => self.state = State::DollarTag,
            b'\\' => {
                return Err(self.flaw("a backslash outside of quotes: psql would take it for a command of its own"));
            }
            byte if is_word(byte) => {
                self.state = State::Word;
                return Ok(0);
            }
            b';' if self.parentheses == 0 && self.begins == 0 => return self.statement_end(listener),
            symbol => {
                match symbol {
                    b'(' => self.parentheses += 1,
                    b')' => self.parentheses = self.parentheses.saturating_sub(1),
                    _ => {}
                }
                self.tell(Token::Symbol(symbol), listener)?;
            }
        }
        Ok(1)
    }

    fn statement_end(&mut self, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        (self.words, self.first, self.after_colon) = (0, [0; 4], false);
        if !std::mem::replace(&mut self.empty, true) && listener.ended(self.line)? == Next::CopyRows {
            self.state = State::CopyHeader;
        }
        Ok(1)
    }

    fn maybe_comment(&mut self, byte: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        let (symbol, second) = if self.state == State::Dash { (b'-', b'-') } else { (b'/', b'*') };
        let comment = if symbol == b'-' { State::LineComment } else { State::BlockComment { depth: 1, before: 0 } };
        self.state = if byte == second { comment } else { State::Text };
        if byte == second {
            return Ok(1);
        }
        self.tell(Token::Symbol(symbol), listener)?;
        Ok(0)
    }

    fn colon(&mut self, byte: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        self.state = State::Text;
        self.tell(Token::Symbol(b':'), listener)?;
        match byte {
            b':' | b'=' => return Ok(1),
            b'{' => return Err(self.flaw("`:{`, which psql replaces")),
            _ => self.after_colon = is_word(byte) || matches!(byte, b'\'' | b'"'),
        }
        Ok(0)
    }

    /// `:NAME`, `:'NAME'` and `:"NAME"` of a variable that psql has.
    fn check_variable(&self) -> Result<(), Flaw> {
        let name = self.token.split(|byte| *byte == b'$').next().unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        if self.after_colon && !name.is_empty() && VARIABLES.contains(&format!(" {name} ")) {
            return Err(self.flaw(format!("`:{name}`, which psql replaces by a value of its own")));
        }
        Ok(())
    }

    fn word_end(&mut self, next: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        self.state = State::Text;
        self.check_variable()?;
        let escapes = matches!(self.token.as_slice(), b"e" | b"E");
        if next == b'\'' && (escapes || matches!(self.token.as_slice(), b"b" | b"B" | b"x" | b"X" | b"n" | b"N")) {
            self.state = State::String { escapes };
            self.token.clear();
            return Ok(1);
        }
        let word = std::mem::take(&mut self.token);
        self.follow_body(&word);
        self.tell(Token::Word(&word), listener)?;
        Ok(0)
    }

    /// psql counts `BEGIN`, `CASE` and `END` in a statement that begins like one that makes a routine.
    fn follow_body(&mut self, word: &[u8]) {
        if word.first().is_some_and(u8::is_ascii_digit) {
            return;
        }
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted.as_bytes());
        if let Some(slot) = self.first.get_mut(self.words)
            && ["create", "function", "procedure", "or", "replace"].iter().any(|wanted| is(wanted))
        {
            *slot = word[0].to_ascii_lowercase();
        }
        self.words += 1;
        let makes_routine = matches!(&self.first, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p']);
        if !makes_routine || self.parentheses > 0 {
            return;
        }
        if is("begin") || (is("case") && self.begins > 0) {
            self.begins += 1;
        } else if is("end") {
            self.begins = self.begins.saturating_sub(1);
        }
    }

    fn string_end(
        &mut self,
        escapes: bool,
        newline: bool,
        byte: u8,
        listener: &mut dyn Listener,
    ) -> Result<usize, Flaw> {
        match byte {
            // A doubled quote, or a string that goes on after a line break, is the same string.
            b'\'' => self.state = State::String { escapes },
            b'\n' | b'\r' => self.state = State::StringEnd { escapes, newline: true },
            b' ' | b'\t' | 0x0c => self.state = State::StringEnd { escapes, newline },
            _ => {
                self.state = State::Text;
                self.check_variable()?;
                self.tell(Token::Text, listener)?;
                return Ok(0);
            }
        }
        Ok(1)
    }

    fn dollar_tag(&mut self, byte: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
        if byte == b'$' {
            self.dollar_tag = std::mem::take(&mut self.token);
            self.state = State::Dollar { matched: 0 };
            return Ok(1);
        }
        if is_word(byte) && !(self.token.is_empty() && byte.is_ascii_digit()) && self.token.len() < TOKEN_KEPT {
            self.keep(&[byte]);
            return Ok(1);
        }
        // A parameter such as $1, or a lone $: no quote.
        self.state = State::Text;
        self.tell(Token::Symbol(b'$'), listener)?;
        Ok(0)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
