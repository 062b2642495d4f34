//! One DSL file, statement by statement. After a mistake it goes on at the next line that starts a statement, so that
//! all mistakes are found at once.

mod condition;
mod layout;
mod relation;

use super::finding::{Note, Place, Severity};
use super::lexer::{Kind, Lexer, Token};
use super::names;
use super::parts::{Condition, Name, Origin, TypeDefinition};

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
    parser.look_at_blanks();
    parser.file();
    parser.look_at_relations();
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
    fn file(&mut self) {
        self.skip_line_ends();
        let start = self.current;
        if self.header().is_err() {
            self.recover();
            self.unread(start.start);
        }
        let is_noted = self.notes.iter().any(|note| note.severity == Severity::Error);
        if matches!(self.document.header, Header::Missing) && !is_noted {
            let found = self.described(start);
            self.error_at(
                start.start,
                format!("expected `model` or `module NAME` at the start of the file, found {found}"),
            );
        }
        loop {
            self.skip_line_ends();
            if self.current.kind == Kind::End {
                return;
            }
            let start = self.current.start;
            let read = self.statement().and_then(|()| self.line_end());
            if read.is_err() {
                self.recover();
                self.unread(start);
            }
        }
    }

    /// Remembers the words between a place and the current token.
    fn unread(&mut self, start: usize) {
        let words = self.text[start..self.current.start]
            .split(|letter: char| letter.is_whitespace() || ",:#[]()<>*".contains(letter));
        self.document.unread.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        // Even where nothing was left over, something is missing.
        self.document.unread.push(String::new());
    }

    fn header(&mut self) -> Parsed<()> {
        if self.is_word("module") {
            self.advance();
            let name = self.name("the module's name", names::is_plain_module)?;
            self.document.header = Header::Module { name };
            return self.line_end();
        }
        if !self.is_word("model") {
            return Ok(());
        }
        self.advance();
        self.line_end()?;
        self.skip_line_ends();
        if !self.is_word("schema") {
            return Err(self.expected("`schema 1.1` or `schema 1.2`"));
        }
        self.advance();
        let schema = self.current;
        if schema.kind != Kind::Word || !schema.text.starts_with(|letter: char| letter.is_ascii_digit()) {
            return Err(self.expected("the schema's version, 1.1 or 1.2"));
        }
        self.advance();
        self.document.header = Header::Model { schema: Name::new(schema.text, self.place(schema.start)) };
        self.line_end()
    }

    fn statement(&mut self) -> Parsed<()> {
        let word = self.current;
        match (word.kind, word.text) {
            (Kind::Word, "type") => self.type_statement(false),
            (Kind::Word, "extend") => self.extend(),
            (Kind::Word, "relations") => self.relations(),
            (Kind::Word, "define") => self.define(),
            (Kind::Word, "condition") => self.condition(),
            (Kind::Word, "or" | "and" | "but") => {
                Err(self.expected("the definition to stay on one line, then `define`, `type` or `condition`"))
            }
            (Kind::Word, "model" | "module" | "schema") => {
                Err(self.expected("`type`, `define` or `condition`: a file has one header, at its start"))
            }
            _ => {
                let hint = names::did_you_mean(word.text, STATEMENTS.into_iter());
                let found = self.described(word);
                self.error_at(word.start, format!("expected `type`, `define` or `condition`, found {found}{hint}"));
                Err(Skip)
            }
        }
        .inspect_err(|_| {
            if self.current.start == word.start {
                self.advance();
            }
        })
    }

    fn extend(&mut self) -> Parsed<()> {
        let start = self.current.start;
        self.advance();
        if !self.is_word("type") {
            return Err(self.expected("`type` after `extend`"));
        }
        if !matches!(self.document.header, Header::Module { .. }) {
            self.error_at(start, "expected `type`: only a module can `extend` a type");
        }
        self.type_statement(true)
    }

    fn type_statement(&mut self, extends: bool) -> Parsed<()> {
        self.advance();
        let name = self.name("the type's name", names::is_plain);
        let name = match name {
            Ok(name) => name,
            Err(skip) => {
                self.push_type(extends, Name::default());
                return Err(skip);
            }
        };
        if !self.document.conditions.is_empty() {
            self.note_late(name.place.offset, "a type");
        }
        self.push_type(extends, name);
        Ok(())
    }

    fn push_type(&mut self, extends: bool, name: Name) {
        let definition = TypeDefinition { name, relations: Vec::new(), origin: Origin::default() };
        self.document.types.push(TypeStatement {
            extends,
            definition,
            relations_announced: false,
            empty_relations: None,
            is_late: !self.document.conditions.is_empty(),
        });
    }

    fn relations(&mut self) -> Parsed<()> {
        let start = self.current.start;
        match self.document.types.last_mut() {
            Some(statement) if !statement.relations_announced && statement.definition.relations.is_empty() => {
                statement.relations_announced = true;
                statement.empty_relations = Some(start);
                self.look_at_order(start);
            }
            Some(_) => self.error_at(start, "expected `define`: a type has one `relations`"),
            None => self.error_at(start, "expected `type NAME` before `relations`"),
        }
        self.advance();
        Ok(())
    }

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
        self.look_at_blanks();
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
