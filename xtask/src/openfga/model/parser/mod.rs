//! One DSL file, statement by statement. After a mistake it goes on at the next line that starts a statement, so that
//! all mistakes are found at once.

mod condition;
mod layout;
mod relation;
mod statement;

use super::finding::{Note, Place};
use super::lexer::{Kind, Lexer, Token};
use super::parts::{Condition, Name, TypeDefinition};

/// What a file holds, before it is known what the other files of the model hold.
#[derive(Debug, Default)]
pub struct Document {
    pub header: Header,
    pub types: Vec<TypeStatement>,
    pub conditions: Vec<Condition>,
    /// The words of statements that could not be read: what they may define is not missed elsewhere.
    pub unread: Vec<String>,
}

/// What a file starts with.
#[derive(Debug, Default)]
pub enum Header {
    #[default]
    Missing,
    /// `model` and `schema VERSION`.
    Model { schema: Name },
    /// `module NAME`.
    Module { name: Name },
}

/// `type NAME` or `extend type NAME`, with its relations.
#[derive(Debug)]
pub struct TypeStatement {
    pub extends: bool,
    pub definition: TypeDefinition,
    relations_announced: bool,
    /// Where a `relations` stands that no `define` has followed yet.
    empty_relations: Option<usize>,
    /// Whether it stands behind a condition, which has been noted.
    is_late: bool,
}

/// Reads a file; `file` is its number among the sources.
pub fn parse(text: &str, file: usize) -> (Document, Vec<Note>) {
    let mut lexer = Lexer::new(text);
    let current = lexer.next();
    let mut parser = Parser { text, file, lexer, current, document: Document::default(), notes: Vec::new() };
    if text.starts_with('\u{feff}') {
        parser.odd(0, "no byte order mark before the text");
    }
    parser.check_blanks();
    parser.file();
    parser.check_relations();
    // A type whose name could not be read only kept its relations away from the type before it.
    parser.document.types.retain(|statement| !statement.definition.name.text.is_empty());
    (parser.document, parser.notes)
}

/// The rest of a statement cannot be read; what is wrong has been noted.
#[derive(Debug)]
struct Skip;

type Parsed<T> = Result<T, Skip>;

struct Parser<'t> {
    text: &'t str,
    file: usize,
    lexer: Lexer<'t>,
    current: Token<'t>,
    document: Document,
    notes: Vec<Note>,
}

/// The words that start a statement.
const STATEMENTS: [&str; 8] = ["model", "module", "schema", "type", "extend", "relations", "define", "condition"];

impl<'t> Parser<'t> {
    /// The end of a statement.
    fn line_end(&mut self) -> Parsed<()> {
        if matches!(self.current.kind, Kind::LineEnd | Kind::End) {
            Ok(())
        } else {
            Err(self.expected("the end of the line"))
        }
    }

    /// Goes to the next line that starts a statement.
    fn recover(&mut self) {
        let starts = |token: &Token<'_>| token.first && STATEMENTS.contains(&token.text);
        while self.current.kind != Kind::End && !starts(&self.current) {
            self.advance();
        }
    }

    /// A name in the widest sense; what the reference grammar cannot read is a warning.
    fn name(&mut self, what: &str, plain: fn(&str) -> bool) -> Parsed<Name> {
        let token = self.current;
        if token.kind != Kind::Word {
            return Err(self.expected(what));
        }
        self.advance();
        let place = self.place(token.start);
        if !plain(token.text) {
            let message = format!("`{}` is a name that OpenFGA's own tools cannot read in the DSL", token.text);
            self.notes.push(Note::warning(place, message));
        }
        Ok(Name::new(token.text, place))
    }

    fn is_word(&self, word: &str) -> bool {
        self.current.kind == Kind::Word && self.current.text == word
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.current.kind == Kind::Sign && self.current.text == sign
    }

    fn take_sign(&mut self, sign: &str, expected: &str) -> Parsed<()> {
        if !self.is_sign(sign) {
            return Err(self.expected(expected));
        }
        self.advance();
        Ok(())
    }

    fn advance(&mut self) {
        self.current = self.lexer.next();
        self.check_blanks();
    }

    fn skip_line_ends(&mut self) {
        while self.current.kind == Kind::LineEnd {
            self.advance();
        }
    }

    fn place(&self, offset: usize) -> Place {
        Place { file: self.file, offset }
    }

    fn error_at(&mut self, offset: usize, message: impl Into<String>) {
        self.notes.push(Note::error(self.place(offset), message));
    }

    /// Notes that the current token is not what should stand here.
    fn expected(&mut self, what: &str) -> Skip {
        let found = self.described(self.current);
        self.error_at(self.current.start, format!("expected {what}, found {found}"));
        Skip
    }

    fn described(&self, token: Token<'_>) -> String {
        match token.kind {
            Kind::LineEnd => "the end of the line".to_owned(),
            Kind::End => "the end of the file".to_owned(),
            Kind::Word | Kind::Sign => format!("`{}`", token.text),
        }
    }
}
