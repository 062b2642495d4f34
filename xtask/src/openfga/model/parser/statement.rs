//! The header of a file, and its statements in their order.

use super::super::finding::Severity;
use super::super::lexer::Kind;
use super::super::names;
use super::super::parts::{Name, Origin, TypeDefinition};
use super::{Header, Parsed, Parser, STATEMENTS, Skip, TypeStatement};

impl Parser<'_> {
    pub(super) fn file(&mut self) {
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
                self.check_order(start);
            }
            Some(_) => self.error_at(start, "expected `define`: a type has one `relations`"),
            None => self.error_at(start, "expected `type NAME` before `relations`"),
        }
        self.advance();
        Ok(())
    }
}
