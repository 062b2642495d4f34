//! The words and signs of the DSL. Blanks and comments fall away; line ends stay, because they end statements.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name, a keyword, a version.
    Word,
    /// One of [`SIGNS`].
    Sign,
    /// One or more line ends, with the blank and comment lines between them.
    LineEnd,
    /// The file is over.
    End,
}

/// One token, where it starts in the text, and whether it is the first of its line.
#[derive(Debug, Clone, Copy)]
pub struct Token<'t> {
    pub kind: Kind,
    pub text: &'t str,
    pub start: usize,
    pub first: bool,
    /// What stands between the token before and this one: blanks, and before a line end a comment.
    pub gap: &'t str,
}

/// What is never part of a word.
const SIGNS: [char; 12] = ['[', ']', '(', ')', '{', '}', '<', '>', ',', ':', '#', '*'];

/// Reads tokens one at a time, so that a condition's body can be taken as it stands.
#[derive(Debug, Clone)]
pub struct Lexer<'t> {
    text: &'t str,
    /// The first byte that was not read yet.
    pub at: usize,
    first: bool,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }, first: true }
    }

    /// The next token; [`Kind::End`] for ever once the text is over.
    pub fn next(&mut self) -> Token<'t> {
        let before = self.at;
        self.skip(|letter| letter.is_whitespace() && !ends_line(letter));
        if self.comment_starts() {
            self.skip(|letter| !ends_line(letter));
        }
        let (start, first) = (self.at, self.first);
        let kind = match self.rest().chars().next() {
            None => Kind::End,
            Some(letter) if ends_line(letter) => {
                self.line_ends();
                Kind::LineEnd
            }
            Some(letter) if SIGNS.contains(&letter) => {
                self.at += letter.len_utf8();
                Kind::Sign
            }
            Some(_) => {
                self.word();
                Kind::Word
            }
        };
        self.first = kind == Kind::LineEnd;
        Token { kind, text: &self.text[start..self.at], start, first, gap: &self.text[before..start] }
    }

    /// Passes over a word, which ends before a comment.
    fn word(&mut self) {
        let end = |letter: char| letter.is_whitespace() || SIGNS.contains(&letter);
        let rest = self.rest();
        let length = rest.find(end).unwrap_or(rest.len());
        self.at += rest[..length].find("//").unwrap_or(length);
    }

    /// Passes over line ends, and over the blank and comment lines between them.
    fn line_ends(&mut self) {
        loop {
            let before = self.at;
            self.skip(char::is_whitespace);
            if self.at == before || !self.comment_starts() {
                return;
            }
            self.skip(|letter| !ends_line(letter));
        }
    }

    /// `//` starts a comment, and so does `#`, except between the two names of `team#member`.
    fn comment_starts(&self) -> bool {
        if self.rest().starts_with("//") {
            return true;
        }
        let before = self.text[..self.at].chars().next_back();
        let after_word = before.is_some_and(|letter| !letter.is_whitespace() && !SIGNS.contains(&letter));
        self.rest().starts_with('#') && !(after_word && before != Some('\u{feff}'))
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip(&mut self, mut passes: impl FnMut(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|letter| !passes(letter)).unwrap_or(rest.len());
    }
}

/// `\n`, `\r\n` and `\r` end a line.
pub fn ends_line(letter: char) -> bool {
    matches!(letter, '\n' | '\r')
}
