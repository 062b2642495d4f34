//! The state machine: a few bytes at a time, in pieces of any size, in constant memory.

use super::dialect::{Dialect, Spelling};
use super::number::Number;
use super::rules::{BlockComment, dollar_end, is_word};
use super::state::{Quote, State};
use super::token::{Found, Kind, LONGEST_TOKEN, Token};
use memchr::{memchr, memchr2};

const TOUCHING_QUOTE: &str = "a quote that touches a number or a psql variable";
const SECOND_LINE: &str =
    "a string such as E'…' that goes on in another line, which psql reads otherwise than the server does";

/// One step: bytes that were read, and what ended with them or before them.
#[derive(Debug)]
pub struct Step<'a> {
    /// Zero where only the state has changed.
    pub used: usize,
    pub found: Option<Found<'a>>,
    is_variable: bool,
}

impl<'a> Step<'a> {
    /// The word, name or string that ended, where a colon stands directly before it: psql replaces it by the value of
    /// its variable of that name, if it has one.
    pub fn variable_name(&self) -> Option<&'a [u8]> {
        match self.found? {
            Found::Token(Token::Word(name) | Token::Name(name) | Token::Text(name)) => self.is_variable.then_some(name),
            _ => None,
        }
    }
}

/// What a step did.
type Moved = Result<(usize, Option<Kind>), &'static str>;

/// Splits SQL into tokens, piece by piece, in constant memory.
#[derive(Debug, Clone, Default)]
pub struct Lexer {
    state: State,
    token: Vec<u8>,
    dollar_tag: Vec<u8>,
    /// How many colons stand directly before.
    colons: usize,
    /// A colon stands directly before the word, name or string that is being read.
    is_variable: bool,
    /// The word begins with a digit, or is a variable: for psql a quote or a `$` begins something new after it.
    is_short: bool,
    /// What stands directly before, as far as it is a number.
    number: Number,
    /// A string with a letter before its quote has ended, nothing but blanks and comments follow so far, and whether
    /// they hold a line's end: the server lets the string go on at a quote after one, psql begins another.
    prefixed_string: Option<bool>,
}

impl Lexer {
    pub fn state(&self) -> State {
        self.state
    }

    /// Reads some bytes of a piece that is not empty.
    ///
    /// # Errors
    /// What has no certain reading, or is not written in this spelling.
    pub fn step(&mut self, piece: &[u8], dialect: Dialect) -> Result<Step<'_>, &'static str> {
        let (used, kind) = self.advance(piece, dialect)?;
        Ok(Step { used, found: kind.map(|kind| kind.with(&self.token)), is_variable: self.is_variable })
    }

    /// Nothing more comes: the string that has just ended, if one has.
    pub fn finish(&mut self) -> Option<Token<'_>> {
        let State::StringEnd { .. } = self.state else { return None };
        self.state = State::Text;
        Some(Token::Text(&self.token))
    }

    fn advance(&mut self, piece: &[u8], dialect: Dialect) -> Moved {
        let byte = piece[0];
        match self.state {
            State::Text => self.text(byte, dialect),
            State::Word => self.word(piece, dialect),
            State::Dash | State::Slash => self.second_of_comment(byte, dialect),
            State::LineComment => self.line_comment(piece),
            State::BlockComment(comment) => {
                if comment.is_too_deep() {
                    return Err("comments that stand in one another too deeply");
                }
                self.state = comment.after(byte).map_or(State::Text, State::BlockComment);
                Ok((1, None))
            }
            State::Name => self.name(piece),
            State::NameEnd => self.name_end(byte),
            State::String(quote) => self.string(quote, piece),
            State::StringEscape(quote) => {
                self.keep(&[escaped(byte)]);
                self.becomes(State::String(quote))
            }
            State::StringEnd { quote, newline } => self.string_end(quote, newline, byte, dialect),
            State::DollarTag => self.dollar_tag(byte, dialect),
            State::Dollar { matched: 0 } => match memchr(b'$', piece) {
                None => Ok((piece.len(), None)),
                Some(at) => {
                    self.state = State::Dollar { matched: 1 };
                    Ok((at.saturating_add(1), None))
                }
            },
            State::Dollar { matched } => {
                let seen = dollar_end(&self.dollar_tag, matched, byte);
                self.state = seen.map_or(State::Text, |matched| State::Dollar { matched });
                Ok((1, seen.is_none().then_some(Kind::Dollars)))
            }
        }
    }

    /// The byte is read.
    fn becomes(&mut self, state: State) -> Moved {
        self.state = state;
        Ok((1, None))
    }

    /// The token ended before this byte.
    fn ended(&mut self, kind: Kind) -> Moved {
        self.state = State::Text;
        Ok((0, Some(kind)))
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST_TOKEN.saturating_sub(self.token.len());
        self.token.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn text(&mut self, byte: u8, dialect: Dialect) -> Moved {
        self.token.clear();
        let colons = std::mem::take(&mut self.colons);
        let number = std::mem::take(&mut self.number);
        match byte {
            b'\r' if dialect.spelling == Spelling::PgDump => {
                return Err("a carriage return as line end (changed by a terminal or an editor?)");
            }
            b'\n' | b'\r' => {
                self.prefixed_string = self.prefixed_string.map(|_| true);
                return Ok((1, None));
            }
            b' ' | b'\t' | 0x0b | 0x0c => return Ok((1, None)),
            // Whether it ends the blanks, the next byte says.
            b'-' => {
                self.number = number;
                return self.becomes(State::Dash);
            }
            _ => {}
        }
        let prefixed_string = self.prefixed_string.take();
        self.is_variable = colons % 2 == 1;
        match byte {
            b'/' => self.becomes(State::Slash),
            b'\'' if prefixed_string == Some(true) && dialect.spelling != Spelling::Body => Err(SECOND_LINE),
            b'\'' => self.becomes(State::String(Quote { escapes: !dialect.standard_strings, plain: true })),
            b'"' => self.becomes(State::Name),
            b'$' => self.becomes(State::DollarTag),
            b'\\' => Ok((1, Some(Kind::Backslash))),
            b'{' if self.is_variable && dialect.spelling != Spelling::Body => Err("`:{`, which psql replaces"),
            byte if is_word(byte) => {
                self.is_short = self.is_variable || byte.is_ascii_digit();
                self.number = number;
                self.state = State::Word;
                Ok((0, None))
            }
            symbol => {
                self.colons = if symbol == b':' { colons.saturating_add(1) } else { 0 };
                self.number = if symbol == b'.' && number == Number::Word { Number::Dot } else { Number::None };
                Ok((1, Some(Kind::Symbol(symbol))))
            }
        }
    }

    /// Psql's versions part on a number that something touches: `1e'…'` and `1e--` have two readings.
    fn word(&mut self, piece: &[u8], dialect: Dialect) -> Moved {
        let goes_on = |byte: u8| is_word(byte) || (byte == b'$' && !self.is_short);
        let end = piece.iter().position(|&byte| !goes_on(byte)).unwrap_or(piece.len());
        self.keep(&piece[..end]);
        let Some(next) = piece.get(end) else { return Ok((end, None)) };
        self.state = State::Text;
        let after_dot = self.number == Number::Dot;
        self.number = Number::after_word(&self.token, after_dot);
        match (next, self.token.as_slice()) {
            (b'\'' | b'$', _) if self.is_short || after_dot => {
                return if dialect.spelling == Spelling::Body {
                    Ok((end, Some(Kind::Word)))
                } else {
                    Err(TOUCHING_QUOTE)
                };
            }
            (b'\'', b"e" | b"E") => self.state = State::String(Quote { escapes: true, plain: false }),
            // Bit strings have no escapes, whatever the setting.
            (b'\'', b"b" | b"B" | b"x" | b"X") => self.state = State::String(Quote { escapes: false, plain: false }),
            (b'&', b"u" | b"U") if dialect.spelling == Spelling::PgDump => {
                return Err("a Unicode escape (U&), which pg_dump does not write");
            }
            _ => return Ok((end, Some(Kind::Word))),
        }
        self.token.clear();
        Ok((end.saturating_add(1), None))
    }

    fn second_of_comment(&mut self, byte: u8, dialect: Dialect) -> Moved {
        match (self.state, byte) {
            (State::Dash, b'-') if self.number == Number::Exponent && dialect.spelling != Spelling::Body => {
                Err("a comment that touches a number")
            }
            (State::Dash, b'-') => {
                self.number = Number::None;
                self.token.extend_from_slice(b"--");
                self.becomes(State::LineComment)
            }
            (State::Slash, b'*') => self.becomes(State::BlockComment(BlockComment::BEGUN)),
            (state, _) => {
                (self.prefixed_string, self.number) = (None, Number::None);
                self.ended(Kind::Symbol(if state == State::Dash { b'-' } else { b'/' }))
            }
        }
    }

    fn line_comment(&mut self, piece: &[u8]) -> Moved {
        let end = memchr2(b'\n', b'\r', piece);
        self.keep(&piece[..end.unwrap_or(piece.len())]);
        let Some(end) = end else { return Ok((piece.len(), None)) };
        self.state = State::Text;
        Ok((end, Some(Kind::Comment)))
    }

    fn name(&mut self, piece: &[u8]) -> Moved {
        let end = memchr(b'"', piece);
        self.keep(&piece[..end.unwrap_or(piece.len())]);
        let Some(end) = end else { return Ok((piece.len(), None)) };
        self.state = State::NameEnd;
        Ok((end.saturating_add(1), None))
    }

    fn name_end(&mut self, byte: u8) -> Moved {
        if byte != b'"' {
            return self.ended(Kind::Name);
        }
        self.keep(b"\"");
        self.becomes(State::Name)
    }

    fn string(&mut self, quote: Quote, piece: &[u8]) -> Moved {
        let end = if quote.escapes { memchr2(b'\'', b'\\', piece) } else { memchr(b'\'', piece) };
        self.keep(&piece[..end.unwrap_or(piece.len())]);
        let Some(end) = end else { return Ok((piece.len(), None)) };
        let escape = piece[end] == b'\\';
        self.state = if escape { State::StringEscape(quote) } else { State::StringEnd { quote, newline: false } };
        Ok((end.saturating_add(1), None))
    }

    fn string_end(&mut self, quote: Quote, newline: bool, byte: u8, dialect: Dialect) -> Moved {
        match byte {
            b'\'' if newline && !quote.plain && dialect.spelling != Spelling::Body => Err(SECOND_LINE),
            // A doubled quote, or a string that goes on after a line's end, is the same string.
            b'\'' => {
                if !newline {
                    self.keep(b"'");
                }
                self.becomes(State::String(quote))
            }
            b'\n' => self.becomes(State::StringEnd { quote, newline: true }),
            b'\r' if dialect.spelling != Spelling::PgDump => self.becomes(State::StringEnd { quote, newline: true }),
            b' ' | b'\t' if newline => Ok((1, None)),
            _ => {
                self.prefixed_string = (!quote.plain).then_some(newline);
                self.ended(Kind::Text)
            }
        }
    }

    /// The tag of a dollar quote, or what only begins like one.
    fn dollar_tag(&mut self, byte: u8, dialect: Dialect) -> Moved {
        if byte == b'$' {
            self.dollar_tag.clone_from(&self.token);
            return self.becomes(State::Dollar { matched: 0 });
        }
        if self.token.len() == LONGEST_TOKEN {
            return Err("a dollar quote with a tag that is longer than any name");
        }
        if is_word(byte) && !(self.token.is_empty() && byte.is_ascii_digit()) {
            self.token.push(byte);
            return Ok((1, None));
        }
        // A parameter such as $1, or a lone $, is no quote.
        if self.token.is_empty() || dialect.spelling == Spelling::Body {
            self.ended(Kind::Symbol(b'$'))
        } else {
            Err("a name that begins with $")
        }
    }
}

/// What is kept of an escape in a string. A letter by its number is a NUL, which no string of the server holds.
fn escaped(byte: u8) -> u8 {
    match byte {
        b'b' | b'f' | b'n' | b'r' | b't' => b' ',
        b'0'..=b'9' | b'x' | b'u' | b'U' => 0,
        other => other,
    }
}
