//! The tokens of a dump, as psql and the server tell them apart.

use std::iter;

/// A token, words in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Word(String),
    Quoted(String),
    Text(String),
    Symbol(char),
}

/// Cuts a text into tokens.
pub struct Cutter<'a> {
    letters: &'a [char],
    at: usize,
    /// In strings without a letter before them.
    pub escapes: bool,
    meta: usize,
}

impl<'a> Cutter<'a> {
    pub fn new(letters: &'a [char]) -> Self {
        Self { letters, at: 0, escapes: false, meta: 0 }
    }

    fn letter(&self, more: usize) -> char {
        self.letters.get(self.at + more).copied().unwrap_or('\0')
    }

    fn is_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(more, letter)| self.letter(more) == letter)
    }

    /// Up to where this text ends, which must come.
    fn skip_past(&mut self, end: &str) -> Result<(), String> {
        while self.at < self.letters.len() {
            if self.is_at(end) {
                self.at += end.chars().count();
                return Ok(());
            }
            self.at += 1;
        }
        Err(format!("{end} never comes"))
    }

    /// Past the rows of a COPY block, whose header was just read.
    pub fn skip_rows(&mut self) {
        // The newline that ends the header may begin the end.
        let _ = self.skip_past("\n\\.\n");
    }

    fn skip_comment(&mut self) -> Result<(), String> {
        let mut depth = 0usize;
        loop {
            if self.at >= self.letters.len() {
                return Err("a comment is never closed".into());
            } else if self.is_at("/*") {
                depth += 1;
                self.at += 2;
            } else if self.is_at("*/") {
                depth -= 1;
                self.at += 2;
            } else {
                self.at += 1;
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// psql's own commands: only the pair that pg_dump writes.
    fn meta_command(&mut self) -> Result<(), String> {
        let line: String =
            iter::repeat_with(|| (self.letter(0), self.at += 1).0).take_while(|c| *c != '\n' && *c != '\0').collect();
        let expected = ["\\restrict ", "\\unrestrict "].get(self.meta).copied().unwrap_or("\0");
        self.meta += 1;
        let key = line.strip_prefix(expected).ok_or_else(|| format!("a meta-command: {line}"))?;
        let fits = !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric());
        if fits { Ok(()) } else { Err(format!("a meta-command: {line}")) }
    }

    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String, String> {
        let mut text = String::new();
        self.at += 1;
        loop {
            if self.at >= self.letters.len() {
                return Err("a quote is never closed".into());
            }
            let letter = self.letter(0);
            if letter == quote && self.letter(1) != quote {
                self.at += 1;
                return Ok(text);
            }
            self.at += if letter == quote || (escapes && letter == '\\') { 2 } else { 1 };
            text.push(letter);
        }
    }

    fn dollars(&mut self) -> Option<String> {
        let tag: String = self.letters[self.at + 1..].iter().take_while(|letter| is_word(**letter)).collect();
        let opens = self.letter(1 + tag.chars().count()) == '$' && !tag.starts_with(|c: char| c.is_ascii_digit());
        opens.then(|| format!("${tag}$"))
    }

    /// The next token; `None`: the text is over.
    ///
    /// # Errors
    /// Something that no dump holds.
    pub fn next(&mut self) -> Result<Option<Piece>, String> {
        loop {
            if self.at >= self.letters.len() {
                return Ok(None);
            }
            let letter = self.letter(0);
            if self.is_at("--") {
                let _ = self.skip_past("\n");
            } else if self.is_at("/*") {
                self.skip_comment()?;
            } else if letter == '\\' {
                self.meta_command()?;
            } else if " \t\n\r\u{b}\u{c}".contains(letter) {
                self.at += 1;
            } else {
                return self.token(letter).map(Some);
            }
        }
    }

    fn token(&mut self, letter: char) -> Result<Piece, String> {
        let prefix = letter.to_ascii_lowercase();
        if "ebxn".contains(prefix) && self.letter(1) == '\'' {
            self.at += 1;
            // A national string is an ordinary one.
            return self.quoted('\'', prefix == 'e' || (prefix == 'n' && self.escapes)).map(Piece::Text);
        }
        if prefix == 'u' && self.letter(1) == '&' && "'\"".contains(self.letter(2)) {
            return Err("a Unicode escape".into());
        }
        match letter {
            '\'' => self.quoted('\'', self.escapes).map(Piece::Text),
            '"' => self.quoted('"', false).map(Piece::Quoted),
            '$' => match self.dollars() {
                Some(tag) => {
                    self.at += tag.chars().count();
                    self.skip_past(&tag).map(|()| Piece::Text(String::new()))
                }
                None => {
                    self.at += 1;
                    Ok(Piece::Symbol('$'))
                }
            },
            _ if is_word(letter) => {
                let digits = letter.is_ascii_digit();
                let word: String = self.letters[self.at..]
                    .iter()
                    .take_while(|letter| is_word(**letter) || (**letter == '$' && !digits))
                    .collect();
                self.at += word.chars().count();
                Ok(Piece::Word(word.to_ascii_lowercase()))
            }
            _ => {
                self.at += 1;
                Ok(Piece::Symbol(letter))
            }
        }
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter >= '\u{80}'
}
