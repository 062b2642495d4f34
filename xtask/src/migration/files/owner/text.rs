//! What each line of a SQL file is: a comment, or part of a statement. What stands in quotes and in the rows of a `COPY`
//! is no comment.

use crate::migration::copy_rows::CopyRows;
use crate::sql::{BodyWord, Dialect, Found, Lexer, RoutineBody, Spelling, Token};

const DIALECT: Dialect = Dialect { standard_strings: true, spelling: Spelling::Any };

/// A line.
#[derive(Debug)]
pub(super) enum Line {
    /// A comment and nothing else.
    Comment { is_between_statements: bool },
    /// Anything else.
    Code(Code),
}

/// What a line holds that is no comment.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub has_token: bool,
    /// What the statements do that end in it, in order.
    pub ended: Vec<Deed>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// It begins a transaction, or sets something for those behind it.
    Prepares,
    /// It removes what another statement made.
    TakesBack,
    Other,
}

/// Reads a file line by line.
#[derive(Debug, Default)]
pub(super) struct Text {
    lexer: Lexer,
    statement: Statement,
    is_in_rows: bool,
}

impl Text {
    /// Takes the next line, with its end.
    pub fn read(&mut self, line: &[u8]) -> Line {
        let text = line.trim_ascii();
        if self.is_in_rows {
            self.is_in_rows = text != b"\\.";
            return Line::Code(Code::default());
        }
        let state = self.lexer.state();
        let is_open = state.is_quoted() || state.is_block_comment();
        let is_between_statements = self.statement.first.is_none();
        // No statement of PostgreSQL begins with `#`; within one it is an operator.
        let is_block =
            || text.strip_prefix(b"/*").and_then(|rest| rest.strip_suffix(b"*/")).is_some_and(is_one_comment);
        let is_comment = text.starts_with(b"--") || (is_between_statements && (line.starts_with(b"#") || is_block()));
        if is_comment && !is_open {
            return Line::Comment { is_between_statements };
        }
        Line::Code(self.code(line))
    }

    /// Nothing more comes. A last statement may lack its semicolon.
    pub fn finish(&mut self) -> Code {
        let mut code = self.code(b"\n");
        code.ended.extend(std::mem::take(&mut self.statement).deed());
        code
    }

    fn code(&mut self, mut piece: &[u8]) -> Code {
        let mut code = Code::default();
        while !piece.is_empty() {
            let Ok(step) = self.lexer.step(piece, DIALECT) else {
                // No file with this text is applied. The marks of another tool may still follow.
                self.lexer = Lexer::default();
                break;
            };
            piece = &piece[step.used..];
            let token = match step.found {
                Some(Found::Token(token)) => token,
                // A command of psql takes the rest of its line.
                Some(Found::Backslash) => break,
                Some(Found::Comment(_)) | None => continue,
            };
            code.has_token = true;
            if self.statement.ends_with(token) {
                let statement = std::mem::take(&mut self.statement);
                code.ended.extend(statement.deed());
                if statement.is_followed_by_rows {
                    self.is_in_rows = true;
                    break;
                }
            }
        }
        code
    }
}

/// Whether no other comment begins or ends in the text of one.
fn is_one_comment(text: &[u8]) -> bool {
    !text.windows(2).any(|pair| pair == b"/*" || pair == b"*/")
}

/// The statement that is being read.
#[derive(Debug, Default)]
struct Statement {
    /// Its first word, in small letters; empty where it begins with something else. `None`: it has no token yet.
    first: Option<String>,
    copy: CopyRows,
    parentheses: u32,
    makes_routine: bool,
    body: RoutineBody,
    has_drop: bool,
    is_followed_by_rows: bool,
}

impl Statement {
    /// Takes a token; whether it is the statement's last.
    fn ends_with(&mut self, token: Token<'_>) -> bool {
        self.is_followed_by_rows |= self.first.as_deref() == Some("copy") && self.copy.take(token);
        match token {
            Token::Symbol(b';') if self.parentheses == 0 && !self.body.is_open() => return true,
            Token::Symbol(b'(') => self.parentheses = self.parentheses.saturating_add(1),
            Token::Symbol(b')') => self.parentheses = self.parentheses.saturating_sub(1),
            Token::Word(word) => self.take_word(token, &String::from_utf8_lossy(word).to_ascii_lowercase()),
            _ => {}
        }
        self.first.get_or_insert_default();
        false
    }

    fn take_word(&mut self, token: Token<'_>, word: &str) {
        let first: &str = self.first.get_or_insert_with(|| word.to_owned());
        self.makes_routine |= first == "create" && matches!(word, "function" | "procedure");
        self.has_drop |= word == "drop";
        let in_parentheses = self.parentheses > 0;
        // A text with a flaw is refused before it runs; here it is only told apart.
        self.body.take(token, BodyWord::of(word.as_bytes()), self.makes_routine && !in_parentheses, in_parentheses);
    }

    /// What it does; `None`: it is empty.
    fn deed(&self) -> Option<Deed> {
        Some(match self.first.as_deref()? {
            "begin" | "start" | "set" => Deed::Prepares,
            "drop" | "delete" | "truncate" | "revoke" => Deed::TakesBack,
            "alter" if self.has_drop => Deed::TakesBack,
            _ => Deed::Other,
        })
    }
}
