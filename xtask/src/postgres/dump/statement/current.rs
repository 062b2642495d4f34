//! The statement that is being read: its end as psql finds it, and what its tokens name.

use super::arguments::Arguments;
use super::calls::Calls;
use super::catalog_grants::CatalogGrant;
use super::catalog_reads::CatalogReads;
use super::given::Given;
use super::grammar::{Depth, Item};
use super::insert::Insert;
use super::keyword::{self, Keyword};
use super::mapping::Mapping;
use super::matcher::Matcher;
use super::relations::Name;
use super::token;
use super::{Contents, EncodedName, names};
use crate::postgres::dump::MOST_TABLESPACE_LINES;
use crate::sql::{RoutineBody, Token};

/// The parser of PostgreSQL gives up long before this.
const DEEPEST: u32 = 10_000;
/// A table has at most 1600 columns.
const MOST_COLUMNS: usize = 1_601;

#[derive(Debug, Default)]
pub(super) struct Statement {
    tokens: usize,
    pub(super) line: u64,
    first: [Keyword; 4],
    depth: Depth,
    body: RoutineBody,
    pub(super) kind: Kind,
    pub(super) refusal: Option<String>,
    /// A string or a `.` came last: no SQL has a string after it, but psql may see one string where we see two.
    no_string_next: bool,
    pub(super) if_exists: bool,
    pub(super) calls: Calls,
    pub(super) catalog_grant: CatalogGrant,
    pub(super) catalog_reads: CatalogReads,
    pub(super) arguments: Arguments,
    pub(super) mapping: Mapping,
    /// Routines that it names, some of them perhaps in part.
    pub(super) routines: Vec<Name>,
    /// A language that is an extension, if the statement ends behind it.
    pub(super) language: Option<String>,
    pub(super) given: Given,
}

/// Who reads the statement.
#[derive(Debug, Default)]
pub(super) enum Kind {
    #[default]
    Form,
    /// With the columns that it names.
    Copy(Vec<String>),
    Insert(Insert),
}

impl Statement {
    pub(super) fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// Follows parentheses; whether the token is the statement's end.
    pub(super) fn ends_at(&mut self, token: Token<'_>) -> bool {
        let before = self.depth.after;
        self.depth.before = before;
        match token {
            Token::Symbol(b'(') => self.depth.after = before.saturating_add(1),
            Token::Symbol(b')') => self.depth.after = before.saturating_sub(1),
            Token::Symbol(b';') if before == 0 => return !self.body.is_open() || self.refusal.is_some(),
            _ => {}
        }
        if self.depth.after > DEEPEST {
            self.refuse("parentheses nested deeper than any server reads");
        }
        false
    }

    /// Takes a token that [`Self::ends_at`] has seen. `line`: where it stands.
    pub(super) fn take(
        &mut self,
        token: Token<'_>,
        line: u64,
        (matcher, target): (&mut Matcher, &mut Name),
        contents: &mut Contents,
    ) {
        let keyword = match token {
            Token::Word(word) if !matches!(self.kind, Kind::Insert(_)) => Keyword::of(word),
            _ => Keyword::Other,
        };
        self.follow_psql(token, keyword);
        self.calls.follow(token);
        self.catalog_grant.follow(token);
        self.catalog_reads.follow(token);
        self.mapping.follow(token);
        if !matches!(self.kind, Kind::Insert(_)) {
            self.arguments.follow(token, self.depth);
        }
        if self.is_empty() {
            self.line = line;
            self.begin(token, keyword, matcher);
        } else {
            self.go_on(token, keyword, (matcher, target), contents);
        }
        self.tokens = self.tokens.saturating_add(1);
    }

    /// What its tokens alone say of the dump.
    pub(super) fn tell(&self, contents: &mut Contents) {
        contents.makes_event_triggers |= self.calls.makes_event_trigger();
        if self.catalog_grant.found() {
            contents.grants_on_catalog.get_or_insert(self.line);
        }
        if self.mapping.needs_no_password() {
            contents.mappings_without_password.get_or_insert(self.line);
        }
    }

    fn refuse(&mut self, why: impl Into<String>) {
        self.refusal.get_or_insert(why.into());
    }

    /// Whether it is `CREATE [OR REPLACE] FUNCTION` or `PROCEDURE`.
    pub(super) fn makes_routine(&self) -> bool {
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
        let in_parentheses = self.depth.after > 0;
        let counts = self.makes_routine() && !in_parentheses;
        if let Some(what) = self.body.take(token, keyword.in_body(), counts, in_parentheses) {
            self.refuse(what);
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
        let line = self.line;
        let (given, routines, language) = (&mut self.given, &mut self.routines, &mut self.language);
        matcher.take(token, self.depth, |item| match item {
            Item::TargetSchema => target.set_schema(token),
            Item::TargetName => target.set_name(token),
            Item::Role => note_role(token, contents),
            Item::Schema => given.note(item, token),
            Item::RoutineSchema => {
                given.note(item, token);
                routines.push(Name::of_schema(token));
            }
            Item::RoutineName => {
                if let Some(name) = routines.last_mut() {
                    name.set_name(token);
                }
            }
            Item::Owner | Item::Session => {
                given.note(item, token);
                note_role(token, contents);
                contents.owners.extend(names::role(token));
                contents.encoded_owners.extend(encoded_role(token, contents));
            }
            Item::Encoding => contents.client_encoding = names::encoding(token),
            Item::LanguageExtension => language.clone_from(&names::identifier(token)),
            Item::Extension => contents.extensions.extend(names::identifier(token)),
            Item::Tablespace => note_tablespace(token, line, contents),
            _ => {}
        });
    }
}

/// `line`: where the statement begins.
fn note_tablespace(token: Token<'_>, line: u64, contents: &mut Contents) {
    contents.tablespaces.extend(names::identifier(token));
    if contents.tablespace_lines.len() < MOST_TABLESPACE_LINES {
        contents.tablespace_lines.push(line);
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
