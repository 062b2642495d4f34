//! One statement, token by token: where it ends, whether pg_dump writes such statements, and its few facts that matter.

mod arguments;
mod calls;
mod catalog_grants;
mod catalog_reads;
mod current;
mod facts;
mod given;
mod grammar;
mod head;
mod insert;
mod keyword;
mod mapping;
mod matcher;
mod refusal;
mod relations;
mod routines;
mod token;
mod written;

pub(super) use facts::Needless;
pub(super) use token::printable;

use super::layout::{Layout, PartKind};
use super::{Contents, EncodedName, names};
use crate::sql::Token;
use current::{Kind, Statement};
use head::Head;
pub use head::Made;
use matcher::Matcher;
use refusal::Refusal;
use relations::{At, Name, Relations};
use routines::{Named, Routines};
use std::collections::BTreeSet;
use written::Meaning;

/// The table of a `COPY` block, and the columns that its header names.
#[derive(Debug)]
pub(super) struct CopyHeader {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

/// A statement that ended, and how that changes what the rest is read by.
#[derive(Debug)]
pub(super) enum Ended {
    Copy(CopyHeader),
    /// Why.
    Refused(Refusal),
    StandardStrings(bool),
    SearchPath,
    Needless(Needless),
    /// Whether a transaction is open from here on.
    Transaction(bool),
    /// Anything else.
    Statement,
}

/// What is known of the statement that is being read, and of those before it.
#[derive(Debug, Default)]
pub(super) struct Statements {
    current: Statement,
    matcher: Matcher,
    relations: Relations,
    routines: Routines,
    head: Head,
    /// The relation that the current statement is about.
    target: Name,
    line: u64,
    /// What the statement which ended last meant.
    meaning: Option<Meaning>,
    /// A statement has dropped schema public (`--clean`).
    public_dropped: bool,
}

impl Statements {
    /// Whether no statement is being read.
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    /// The line that the statement begins in which is being read, else the one which ended last.
    pub(super) fn latest_line(&self) -> u64 {
        if self.is_empty() { self.line } else { self.current.line }
    }

    /// The line that the statement which ended last begins in.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// What the statement which ended last does to a load.
    pub(super) fn part(&self, layout: &mut Layout) -> PartKind {
        let (schema, name) = self.target.bytes();
        match self.meaning {
            Some(Meaning::Copy) => PartKind::Rows(layout.table(schema, name)),
            Some(Meaning::Index) => PartKind::Index(layout.table(schema, name)),
            // That of a partitioned table may lock its partitions.
            Some(Meaning::Key) if self.relations.is_plain(&self.target) => PartKind::Key(layout.table(schema, name)),
            Some(Meaning::BehindIndex) => PartKind::Behind,
            Some(Meaning::SequenceValue) => PartKind::SequenceValues,
            Some(meaning) if meaning.sets() => PartKind::Setting,
            _ => PartKind::Other,
        }
    }

    /// What the statement makes that is being read, else the one which ended last.
    pub(super) fn made(&self) -> Option<Made> {
        self.head.made()
    }

    /// The tables that were made and got no rows, by schema and name.
    pub(super) fn unfilled(&self) -> BTreeSet<(String, String)> {
        self.relations.unfilled().collect()
    }

    /// Whether tables were made, and no key, index or foreign key.
    pub(super) fn lack_keys(&self) -> bool {
        self.relations.lack_keys()
    }

    /// Takes the next token; what ended with it, if a statement did. `line`: where the token stands.
    pub(super) fn take(&mut self, token: Token<'_>, line: u64, contents: &mut Contents) -> Option<Ended> {
        if self.is_empty() && matches!(token, Token::Symbol(b';')) {
            return None;
        }
        if self.current.ends_at(token) {
            let statement = std::mem::take(&mut self.current);
            return Some(self.ended(statement, contents));
        }
        if self.is_empty() {
            self.head.clear();
            self.target.clear();
        }
        self.current.take(token, line, (&mut self.matcher, &mut self.target), contents);
        self.head.take(token);
        None
    }

    fn ended(&mut self, statement: Statement, contents: &mut Contents) -> Ended {
        statement.tell(contents);
        let calls = statement.calls.found();
        let reads_catalogs = statement.catalog_reads.found();
        let Statement { kind, refusal, if_exists, line, given, routines, language, arguments, .. } = statement;
        self.line = line;
        if let Some(refusal) = refusal {
            return Ended::Refused(refusal.into());
        }
        let meaning = match &kind {
            Kind::Insert(insert) => insert.rows().map(|_| Meaning::Copy),
            Kind::Form | Kind::Copy(_) => self.matcher.meaning(),
        };
        let Some(meaning) = meaning else {
            return Ended::Refused(refusal::of(&self.head));
        };
        self.meaning = Some(meaning);
        contents.runs_code |= calls || meaning.makes_code();
        contents.extensions.extend(language.filter(|_| meaning == Meaning::Extension));
        if reads_catalogs && meaning.reads_for_others() {
            contents.reads_catalogs.get_or_insert(line);
        }
        let routine = Named { names: &routines, arguments: arguments.text() };
        let noted = self.routines.note(meaning, routine);
        if let Err(refusal) = noted.and_then(|()| self.relations.note(meaning, &self.target)) {
            return Ended::Refused(refusal.into());
        }
        if self.routines.are_given_away(meaning, routine) {
            contents.grants_on_others.get_or_insert(line);
        }
        self.relations.tell(meaning, &self.target, At { line, if_exists }, contents);
        given.tell_schema(meaning, &self.target.words().0, line, contents);
        let is_public = given.is_public();
        self.public_dropped |= meaning == Meaning::DropsSchema && is_public;
        given.tell(meaning, line, contents);
        facts::tell(meaning, line, self.relations.have_begun(), contents);
        self.outcome(meaning, kind, is_public, contents)
    }

    /// What the statement means for the rest. `is_public`: the schema that it names last is `public`.
    fn outcome(&mut self, meaning: Meaning, kind: Kind, is_public: bool, contents: &mut Contents) -> Ended {
        match (meaning, kind) {
            (_, Kind::Copy(columns)) => {
                let (schema, name) = self.target.words();
                let (schema, name) = (schema.into_owned(), name.into_owned());
                return Ended::Copy(CopyHeader { schema, name, columns });
            }
            (_, Kind::Insert(insert)) => {
                self.meaning = None;
                let (schema, name) = self.target.words();
                contents.insert(&schema, &name, insert.rows().unwrap_or_default());
            }
            (Meaning::StandardStrings(on), _) => return Ended::StandardStrings(on),
            (Meaning::SearchPath, _) => return Ended::SearchPath,
            (Meaning::NoTransactionTimeout, _) => return Ended::Needless(Needless::TransactionTimeout),
            (Meaning::CreatesSchema, _) if is_public && !self.public_dropped => {
                return Ended::Needless(Needless::PublicSchema);
            }
            (Meaning::Begin, _) => return Ended::Transaction(true),
            (Meaning::Commit, _) => return Ended::Transaction(false),
            _ => {}
        }
        Ended::Statement
    }
}
