//! One statement, token by token: where it ends, and the few facts that matter of it.

use super::body::Body;
use super::copy_header::CopyHeader;
use super::keyword::{self, Keyword};
use super::written::Form;
use super::{Contents, names};

const ABOUT_USER: &str = "a statement about a USER";

/// A token, as far as statements are concerned. Words are unquoted (keywords, names, numbers).
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'a> {
    Word(&'a [u8]),
    Name(&'a [u8]),
    Text(&'a [u8]),
    Symbol(u8),
}

/// A statement that ended, where that changes how the rest is read.
#[derive(Debug)]
pub(super) enum Ended {
    Copy(CopyHeader),
    /// It reaches beyond the database, or would change how the rest is read.
    Forbidden(String),
    /// psql itself loses the statement's end there.
    Unreadable(String),
    /// It begins with this, which begins no statement.
    NoStatement(String),
    /// Not `COPY table (columns) FROM stdin`: what follows could not be told from statements.
    StrangeCopy,
    StandardStrings(bool),
    ClientEncoding(String),
    /// Whether a transaction is open from here on.
    Transaction(bool),
}

/// What is known of the statement that is being read.
#[derive(Debug, Default)]
pub(super) struct Statement {
    tokens: usize,
    first: [Keyword; 4],
    /// The last two keywords, newest first.
    before: [Keyword; 2],
    parentheses: u32,
    body: Body,
    copy: Option<CopyHeader>,
    setting: Option<Vec<u8>>,
    forbidden: Option<String>,
    no_statement: Option<String>,
    listing_roles: bool,
    /// `SET LOCAL`, which is nothing outside of a transaction.
    local: bool,
    /// A string or a `.` came last: no SQL has a string after it, but psql may see one string where we see two.
    no_string_next: bool,
    /// How much of `set_config('search_path',` has come.
    set_config: usize,
    extension_named: bool,
    form: Form,
}

impl Statement {
    pub(super) fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// Takes the next token; what ended with it, if that matters to the reader.
    pub(super) fn take(&mut self, token: Token<'_>, contents: &mut Contents) -> Option<Ended> {
        let keyword = if let Token::Word(word) = token { Keyword::of(word) } else { Keyword::Other };
        match token {
            Token::Symbol(b'(') => self.parentheses += 1,
            Token::Symbol(b')') => self.parentheses = self.parentheses.saturating_sub(1),
            Token::Symbol(b';') if self.parentheses == 0 && (!self.body.is_open() || self.forbidden.is_some()) => {
                return std::mem::take(self).ended();
            }
            _ => {}
        }
        if let Some(what) = self.body.flaw(token, keyword, self.parentheses > 0) {
            self.forbid(what);
        }
        let is_scope = matches!(keyword, Keyword::Session | Keyword::Local);
        if self.first[0] == Keyword::Set && self.tokens == 1 && is_scope {
            self.local |= keyword == Keyword::Local;
            return None;
        }
        if let Some(slot) = self.first.get_mut(self.tokens) {
            *slot = keyword;
        }
        if self.tokens == 0 {
            self.no_statement = no_statement(token);
        }
        if self.tokens == 0 && keyword == Keyword::Copy {
            self.copy = Some(CopyHeader::default());
        } else if let Some(copy) = self.copy.as_mut() {
            copy.take(token, keyword);
        }
        self.body.follow(keyword, self.is_of_routine() && self.parentheses == 0);
        if let Token::Symbol(_) = token
            && self.body.is_unreadable()
        {
            return Some(Ended::Unreadable("a routine's head with the bare word BEGIN".to_owned()));
        }
        self.note_facts(token, keyword, contents);
        self.note_forbidden(token);
        if let Some(what) = self.form.take(self.tokens, token, keyword) {
            self.forbid(&what);
        }
        self.note_strings(token, keyword);
        let is_value = self.first[0] == Keyword::Set && self.tokens >= 2 && keyword != Keyword::To;
        if let Token::Word(value) | Token::Text(value) | Token::Name(value) = token
            && is_value
        {
            self.setting = Some(value.to_vec());
        }
        self.before = [keyword, self.before[0]];
        self.tokens += 1;
        None
    }

    fn is_of_routine(&self) -> bool {
        let routine = |keyword| matches!(keyword, Keyword::Function | Keyword::Procedure);
        let [create, second, third, fourth] = self.first;
        let replaced = second == Keyword::Or && third == Keyword::Replace && routine(fourth);
        create == Keyword::Create && (routine(second) || replaced)
    }

    fn note_facts(&mut self, token: Token<'_>, keyword: Keyword, contents: &mut Contents) {
        let [first, second, third, _] = self.first;
        let grants = matches!(first, Keyword::Grant | Keyword::Revoke)
            || (first == Keyword::Alter && second == Keyword::Default && third == Keyword::Privileges);
        let policy = first == Keyword::Create && second == Keyword::Policy;
        match keyword {
            Keyword::To | Keyword::From if grants => self.listing_roles = true,
            Keyword::To if policy && self.parentheses == 0 => self.listing_roles = true,
            Keyword::With | Keyword::Using => self.listing_roles = false,
            _ => {
                // Text search configurations have mappings too: for types of words.
                let user_mapping = second == Keyword::User && self.before == [Keyword::For, Keyword::Mapping];
                let owns = matches!(self.before, [Keyword::To, Keyword::Owner] | [Keyword::Role, Keyword::For]);
                let named = owns || user_mapping || self.before[0] == Keyword::Authorization;
                if (named || self.listing_roles) && self.parentheses == 0 {
                    contents.roles.extend(names::role(token));
                }
                if owns && self.parentheses == 0 {
                    contents.owners.extend(names::role(token));
                }
            }
        }
        let extension = first == Keyword::Create && second == Keyword::Extension && self.tokens >= 2;
        let is_name = !matches!(keyword, Keyword::If | Keyword::Not | Keyword::Exists);
        if extension && is_name && !self.extension_named {
            self.extension_named = true;
            contents.extensions.extend(names::identifier(token));
        }
    }

    /// Statements that reach beyond the database that is restored, and those that would change how the rest of
    /// the file is read in a way that pg_dump never does.
    fn note_forbidden(&mut self, token: Token<'_>) {
        let [first, second, third, fourth] = self.first;
        let what = match (first, second, self.tokens) {
            (Keyword::Do, _, 0) => "DO",
            (Keyword::Create | Keyword::Alter | Keyword::Drop, object, 1) => match object {
                Keyword::Database => "a statement about a DATABASE",
                Keyword::Role | Keyword::Group => "a statement about a ROLE",
                Keyword::Tablespace => "a statement about a TABLESPACE",
                Keyword::System => "ALTER SYSTEM",
                _ => return,
            },
            (Keyword::Create | Keyword::Alter | Keyword::Drop, Keyword::User, 2) if third != Keyword::Mapping => {
                ABOUT_USER
            }
            // Of a user whose name is "mapping".
            (Keyword::Create | Keyword::Alter | Keyword::Drop, Keyword::User, 3)
                if !matches!(fourth, Keyword::For | Keyword::If) =>
            {
                ABOUT_USER
            }
            (Keyword::Set, Keyword::Names, 1) => "SET NAMES",
            (Keyword::Set, _, 1) if matches!(token, Token::Name(_)) => "a setting whose name is quoted",
            // They would take back, or change in other ways, how strings are read.
            (Keyword::Abort | Keyword::Rollback, _, 0) => "ROLLBACK",
            (Keyword::Discard, _, 0) => "DISCARD",
            (Keyword::Update, _, 0) => "UPDATE",
            (Keyword::Reset, object, 1) if object != Keyword::Session => "RESET",
            _ => return,
        };
        self.forbid(what);
    }

    fn forbid(&mut self, what: &str) {
        self.forbidden.get_or_insert(what.to_owned());
    }

    /// Two strings in a row, and `set_config` of anything but the search path, where it is run at once.
    fn note_strings(&mut self, token: Token<'_>, keyword: Keyword) {
        let is_text = matches!(token, Token::Text(_));
        if is_text && self.no_string_next {
            self.forbid("a string directly after another");
        }
        self.no_string_next = is_text || matches!(token, Token::Symbol(b'.'));
        let stored = matches!(
            self.first[0],
            Keyword::Create | Keyword::Alter | Keyword::Drop | Keyword::Comment | Keyword::Grant | Keyword::Revoke
        );
        let named = keyword == Keyword::SetConfig || matches!(token, Token::Name(b"set_config"));
        self.set_config = match (self.set_config, token) {
            _ if named && !stored => 1,
            (0, _) => 0,
            (1, Token::Symbol(b'(')) => 2,
            (2, Token::Text(b"search_path")) => 3,
            (3, Token::Symbol(b',')) => 0,
            _ => {
                self.forbid("set_config of something else than the search path");
                0
            }
        };
    }

    fn ended(self) -> Option<Ended> {
        if let Some(copy) = self.copy {
            return Some(if copy.is_complete() { Ended::Copy(copy) } else { Ended::StrangeCopy });
        }
        if let Some(word) = self.no_statement {
            return Some(Ended::NoStatement(word));
        }
        if let Some(what) = self.forbidden.or_else(|| self.form.ended()) {
            return Some(Ended::Forbidden(what));
        }
        if self.tokens == 3 && self.first[0] == Keyword::Drop && self.first[1] == Keyword::User {
            return Some(Ended::Forbidden(ABOUT_USER.to_owned()));
        }
        match (self.first[0], self.tokens) {
            (Keyword::Begin, _) => return Some(Ended::Transaction(true)),
            (Keyword::Commit, 1) => return Some(Ended::Transaction(false)),
            // `AND CHAIN` begins another one, `PREPARED` is of another session.
            (Keyword::Commit, _) => return Some(Ended::Forbidden("COMMIT with more words".to_owned())),
            _ => {}
        }
        let value = String::from_utf8_lossy(&self.setting?).into_owned();
        match self.first[1] {
            Keyword::StandardStrings => {
                let on = value.eq_ignore_ascii_case("on");
                let off = value.eq_ignore_ascii_case("off");
                // The server also takes `f`, `of`, `0` and a default that only it knows; pg_dump writes none of them.
                let clear = (on || off) && !self.local;
                let strange = || Ended::Forbidden("an unusual setting of standard_conforming_strings".to_owned());
                Some(if clear { Ended::StandardStrings(on) } else { strange() })
            }
            Keyword::ClientEncoding if self.local => Some(Ended::Forbidden("SET LOCAL client_encoding".to_owned())),
            Keyword::ClientEncoding => Some(Ended::ClientEncoding(value)),
            _ => None,
        }
    }
}

/// What a statement cannot begin with: words of another program between the statements, such as a warning.
fn no_statement(token: Token<'_>) -> Option<String> {
    match token {
        Token::Word(word) if keyword::begins_a_statement(word) => None,
        Token::Word(text) | Token::Name(text) | Token::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        Token::Symbol(symbol) => Some(char::from(symbol).to_string()),
    }
}
