//! The tokens of a statement: words, symbols, strings and dollar quotes, as psql tells them apart.

use super::state::{Quote, State};
use super::{CopyBlock, Flaw, Scanner, TOKEN_KEPT, Token};
use crate::postgres::dump::statement::Ended;
use crate::postgres::lexical::{dollar_end, is_word};

impl Scanner {
    pub(super) fn text(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
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
            b'\'' => self.state = State::String(Quote { escapes: !self.standard_strings, plain: true }),
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
    pub(super) fn after_symbol(&mut self, symbol: u8, piece: &[u8]) -> Result<usize, Flaw> {
        self.take(Token::Symbol(symbol));
        self.text(piece)
    }

    /// A number, or a psql variable (`:name`, not `::name`): for psql a `$` or a quote begins something new there.
    pub(super) fn is_short_word(&self, byte: u8) -> bool {
        self.colons % 2 == 1 || self.token.first().unwrap_or(&byte).is_ascii_digit()
    }

    pub(super) fn symbol(&mut self, symbol: u8) -> Result<usize, Flaw> {
        if symbol == b':' {
            self.colons = self.colons.saturating_add(1);
        }
        match self.take(Token::Symbol(symbol)) {
            None => {}
            Some(Ended::Copy(header)) => {
                self.copy = Some(CopyBlock::new(&header, self.line, &mut self.watching));
                self.state = State::CopyHeaderEnd;
            }
            Some(Ended::Refused(what)) => return Err(Flaw { line: self.statements.line(), what, cut: false }),
            Some(Ended::Transaction(open)) => self.open_transaction = open,
            Some(Ended::SearchPath) => {
                // The `;` is being read.
                self.contents.search_path_set.get_or_insert(self.offset.saturating_add(1));
            }
            Some(Ended::StandardStrings(on)) => self.standard_strings = on,
        }
        Ok(1)
    }

    pub(super) fn word_end(&mut self, next: u8) -> Result<usize, Flaw> {
        self.state = State::Text;
        self.colons = 0;
        match (next, self.token.as_slice()) {
            (b'\'', b"e" | b"E") => self.state = State::String(Quote { escapes: true, plain: false }),
            // Bit strings have no escapes, whatever the setting.
            (b'\'', b"b" | b"B" | b"x" | b"X") => self.state = State::String(Quote { escapes: false, plain: false }),
            (b'&', b"u" | b"U") => return Err(self.flaw("a Unicode escape (U&), which pg_dump does not write")),
            _ => {}
        }
        if self.state != State::Text {
            self.token.clear();
            return Ok(1);
        }
        let word = std::mem::take(&mut self.token);
        self.take(Token::Word(&word));
        self.token = word;
        Ok(0)
    }

    pub(super) fn string_end(&mut self, quote: Quote, newline: bool, piece: &[u8]) -> Result<usize, Flaw> {
        match piece[0] {
            // A doubled quote, or a string that goes on after a line break, is the same string.
            b'\'' => {
                if !newline {
                    self.keep(b"'");
                }
                self.state = State::String(quote);
                Ok(1)
            }
            b'\n' => {
                self.state = State::StringEnd { quote, newline: true };
                Ok(1)
            }
            b' ' | b'\t' if newline => Ok(1),
            _ => {
                self.state = State::Text;
                let text = std::mem::take(&mut self.token);
                self.take(Token::Text(&text));
                self.token = text;
                self.text(piece)
            }
        }
    }

    /// The tag of a dollar quote, or what only begins like one.
    pub(super) fn dollar_tag(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
        let byte = piece[0];
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
        Ok(1)
    }

    /// The text of a dollar quote, of whose end so many bytes have come.
    pub(super) fn dollar_text(&mut self, matched: usize, byte: u8) {
        let seen = dollar_end(&self.dollar_tag, matched, byte);
        self.state = seen.map_or(State::Text, |matched| State::Dollar { matched });
        if self.state == State::Text {
            self.take(Token::Dollars);
        }
    }
}
