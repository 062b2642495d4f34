//! One statement, token by token: where it ends, whether pg_dump writes such statements, and its few facts that matter.

mod body;
mod calls;
mod facts;
mod given;
mod grammar;
mod head;
mod insert;
mod keyword;
mod matcher;
mod refusal;
mod relations;
mod token;
mod written;

pub(super) use facts::Needless;
pub(super) use token::printable;

use super::layout::{Layout, PartKind};
use super::{Contents, EncodedName, names};
use crate::sql::Token;
use body::Body;
use calls::Calls;
use given::Given;
use grammar::{Depth, Item};
use head::Head;
pub use head::Made;
use insert::Insert;
use keyword::Keyword;
use matcher::Matcher;
use refusal::Refusal;
use relations::{At, Name, Relations};
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

/// The parser of PostgreSQL gives up long before this.
const DEEPEST: u32 = 10_000;
/// A table has at most 1600 columns.
const MOST_COLUMNS: usize = 1_601;

/// What is known of the statement that is being read, and of those before it.
#[derive(Debug, Default)]
pub(super) struct Statements {
    current: Statement,
    matcher: Matcher,
    relations: Relations,
    head: Head,
    /// The relation that the current statement is about.
    target: Name,
    line: u64,
    /// What the statement which ended last meant.
    meaning: Option<Meaning>,
    /// A statement has dropped schema public (`--clean`).
    public_dropped: bool,
}

#[derive(Debug, Default)]
struct Statement {
    tokens: usize,
    line: u64,
    first: [Keyword; 4],
    depth: Depth,
    body: Body,
    kind: Kind,
    refusal: Option<String>,
    /// A string or a `.` came last: no SQL has a string after it, but psql may see one string where we see two.
    no_string_next: bool,
    if_exists: bool,
    calls: Calls,
    given: Given,
}

/// Who reads the statement.
#[derive(Debug, Default)]
enum Kind {
    #[default]
    Form,
    /// With the columns that it names.
    Copy(Vec<String>),
    Insert(Insert),
}

impl Statements {
    /// Whether no statement is being read.
    pub(super) fn is_empty(&self) -> bool {
        self.current.tokens == 0
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
        let statement = &mut self.current;
        if statement.tokens == 0 && matches!(token, Token::Symbol(b';')) {
            return None;
        }
        let before = statement.depth.after;
        statement.depth.before = before;
        match token {
            Token::Symbol(b'(') => statement.depth.after = before.saturating_add(1),
            Token::Symbol(b')') => statement.depth.after = before.saturating_sub(1),
            Token::Symbol(b';') if before == 0 && (!statement.body.is_open() || statement.refusal.is_some()) => {
                let statement = std::mem::take(statement);
                return Some(self.ended(statement, contents));
            }
            _ => {}
        }
        if statement.depth.after > DEEPEST {
            statement.refuse("parentheses nested deeper than any server reads");
        }
        let keyword = match token {
            Token::Word(word) if !matches!(statement.kind, Kind::Insert(_)) => Keyword::of(word),
            _ => Keyword::Other,
        };
        if let Some(what) = statement.body.flaw(token, keyword, statement.depth.after > 0) {
            statement.refuse(what);
        }
        statement.follow_psql(token, keyword);
        statement.calls.follow(token);
        if statement.tokens == 0 {
            self.head.clear();
            self.target.clear();
            statement.line = line;
            statement.begin(token, keyword, &mut self.matcher);
        } else {
            statement.go_on(token, keyword, (&mut self.matcher, &mut self.target), contents);
        }
        self.head.take(token);
        statement.tokens = statement.tokens.saturating_add(1);
        None
    }

    fn ended(&mut self, statement: Statement, contents: &mut Contents) -> Ended {
        contents.runs_code |= statement.makes_routine() || statement.calls.found();
        contents.makes_event_triggers |= statement.calls.makes_event_trigger();
        let Statement { kind, refusal, if_exists, line, given, .. } = statement;
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
        if let Err(refusal) = self.relations.note(meaning, &self.target) {
            return Ended::Refused(refusal.into());
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

impl Statement {
    fn refuse(&mut self, why: impl Into<String>) {
        self.refusal.get_or_insert(why.into());
    }

    /// Whether it is `CREATE [OR REPLACE] FUNCTION` or `PROCEDURE`.
    fn makes_routine(&self) -> bool {
        let routine = |keyword| matches!(keyword, Keyword::Function | Keyword::Procedure);
        let [create, second, third, fourth] = self.first;
        let replaced = second == Keyword::Or && third == Keyword::Replace && routine(fourth);
        create == Keyword::Create && (routine(second) || replaced)
    }

    /// What psql looks at to find the statement's end.
    fn follow_psql(&mut self, token: Token<'_>, keyword: Keyword) {
        if let Some(slot) = self.first.get_mut(self.tokens) {
            *slot = keyword;
        }
        self.body.follow(keyword, self.makes_routine() && self.depth.after == 0);
        if self.body.is_unreadable() {
            self.refuse(
                "a routine's head with the bare word BEGIN: psql cannot tell where that statement ends; rename it",
            );
        }
        let is_text = matches!(token, Token::Text(_) | Token::Dollars);
        if is_text && self.no_string_next {
            self.refuse("a string directly after another, which no dump of one database holds");
        }
        self.no_string_next = is_text || matches!(token, Token::Symbol(b'.'));
    }

    fn begin(&mut self, token: Token<'_>, keyword: Keyword, matcher: &mut Matcher) {
        let known = matches!(keyword, Keyword::Insert | Keyword::Copy);
        let word = match token {
            Token::Word(word) if known || keyword::begins_a_statement(word) => word,
            _ => return self.refuse(format!("text that is not SQL: {}", token::display(token))),
        };
        match keyword {
            Keyword::Insert => self.kind = Kind::Insert(Insert::default()),
            Keyword::Copy => self.kind = Kind::Copy(Vec::new()),
            _ => {}
        }
        matcher.begin(word);
    }

    fn go_on(
        &mut self,
        token: Token<'_>,
        keyword: Keyword,
        (matcher, target): (&mut Matcher, &mut Name),
        contents: &mut Contents,
    ) {
        match &mut self.kind {
            Kind::Insert(insert) => return insert.take(token, target),
            Kind::Copy(columns) if self.depth.after > 0 && columns.len() < MOST_COLUMNS => {
                columns.extend(names::identifier(token));
            }
            Kind::Copy(_) => {}
            Kind::Form => self.if_exists |= keyword == Keyword::Exists && self.tokens < 6,
        }
        if matcher.is_lost() {
            return;
        }
        let given = &mut self.given;
        matcher.take(token, self.depth, |item| match item {
            Item::TargetSchema => target.set_schema(token),
            Item::TargetName => target.set_name(token),
            Item::Role => note_role(token, contents),
            Item::Schema => given.note(item, token),
            Item::Owner | Item::Session => {
                given.note(item, token);
                note_role(token, contents);
                contents.owners.extend(names::role(token));
                contents.encoded_owners.extend(encoded_role(token, contents));
            }
            Item::Encoding => contents.client_encoding = names::encoding(token),
            Item::Extension => contents.extensions.extend(names::identifier(token)),
            _ => {}
        });
    }
}

fn note_role(token: Token<'_>, contents: &mut Contents) {
    contents.roles.extend(names::role(token));
    contents.encoded_roles.extend(encoded_role(token, contents));
}

/// A role's name beyond ASCII, in the encoding that the dump has named.
fn encoded_role(token: Token<'_>, contents: &Contents) -> Option<EncodedName> {
    let bytes = names::encoded_role(token)?;
    Some(EncodedName { encoding: contents.client_encoding.clone(), bytes: bytes.to_vec() })
}
