//! Where a string ends, and where a dollar quote begins.

use super::state::State;
use super::token::{Listener, Token};
use super::{Lexer, TOKEN_KEPT};
use crate::migration::flaw::Flaw;
use crate::postgres::lexical::is_word;

impl Lexer {
    pub(super) fn string_end(
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
                let text = std::mem::take(&mut self.token);
                self.tell(Token::Text(&text), listener)?;
                return Ok(0);
            }
        }
        Ok(1)
    }

    pub(super) fn dollar_tag(&mut self, byte: u8, listener: &mut dyn Listener) -> Result<usize, Flaw> {
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
