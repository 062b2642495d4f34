//! One statement, token by token: where it ends, and the few facts that matter of it.

use super::Contents;
use super::copy_header::CopyHeader;
use super::keyword::{self, Keyword};

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
    /// It begins with this, which begins no statement.
    NoStatement(String),
    /// Not `COPY table (columns) FROM stdin`: what follows could not be told from statements.
    StrangeCopy,
    StandardStrings(bool),
    ClientEncoding(String),
}

/// What is known of the statement that is being read.
#[derive(Debug, Default)]
pub(super) struct Statement {
    tokens: usize,
    first: [Keyword; 4],
    /// The last two keywords, newest first.
    before: [Keyword; 2],
    parentheses: u32,
    /// Nested `BEGIN`/`CASE` in the SQL body of a routine: a semicolon there ends nothing (psql's rule).
    begin_depth: u32,
    copy: Option<CopyHeader>,
    setting: Option<Vec<u8>>,
    forbidden: Option<String>,
    no_statement: Option<String>,
    listing_roles: bool,
    extension_named: bool,
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
            Token::Symbol(b';') if self.parentheses == 0 && self.begin_depth == 0 => {
                return std::mem::take(self).ended();
            }
            _ => {}
        }
        let is_scope = matches!(keyword, Keyword::Session | Keyword::Local);
        if self.first[0] == Keyword::Set && self.tokens == 1 && is_scope {
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
        self.follow_body(keyword);
        self.note_facts(token, keyword, contents);
        self.note_forbidden(token, keyword);
        let is_value = self.first[0] == Keyword::Set && self.tokens >= 2 && keyword != Keyword::To;
        if let Token::Word(value) | Token::Text(value) = token
            && is_value
        {
            self.setting = Some(value.to_vec());
        }
        self.before = [keyword, self.before[0]];
        self.tokens += 1;
        None
    }

    fn follow_body(&mut self, keyword: Keyword) {
        let routine = |keyword| matches!(keyword, Keyword::Function | Keyword::Procedure);
        let [create, second, third, fourth] = self.first;
        let replaced = second == Keyword::Or && third == Keyword::Replace && routine(fourth);
        if create != Keyword::Create || self.parentheses > 0 || !(routine(second) || replaced) {
            return;
        }
        match keyword {
            Keyword::Begin => self.begin_depth += 1,
            Keyword::Case if self.begin_depth > 0 => self.begin_depth += 1,
            Keyword::End => self.begin_depth = self.begin_depth.saturating_sub(1),
            _ => {}
        }
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
                let named = matches!(
                    self.before,
                    [Keyword::To, Keyword::Owner] | [Keyword::Role, Keyword::For] | [Keyword::For, Keyword::Mapping]
                ) || self.before[0] == Keyword::Authorization;
                if (named || self.listing_roles) && self.parentheses == 0 {
                    contents.roles.extend(role_name(token));
                }
            }
        }
        let extension = first == Keyword::Create && second == Keyword::Extension && self.tokens >= 2;
        let is_name = !matches!(keyword, Keyword::If | Keyword::Not | Keyword::Exists);
        if extension && is_name && !self.extension_named {
            self.extension_named = true;
            contents.extensions.extend(identifier(token));
        }
    }

    /// Statements that reach beyond the database that is restored, and those that would change how the rest of
    /// the file is read in a way that pg_dump never does.
    fn note_forbidden(&mut self, token: Token<'_>, keyword: Keyword) {
        let [first, second, third, _] = self.first;
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
                "a statement about a USER"
            }
            (Keyword::Set, Keyword::Names, 1) => "SET NAMES",
            _ => {
                let Token::Text(name) = token else { return };
                let called = self.before == [Keyword::Other, Keyword::SetConfig] && keyword == Keyword::Other;
                let reading = ["client_encoding", "standard_conforming_strings"];
                if !called || !reading.iter().any(|setting| name.eq_ignore_ascii_case(setting.as_bytes())) {
                    return;
                }
                "set_config of how strings are read"
            }
        };
        self.forbidden.get_or_insert(what.to_owned());
    }

    fn ended(self) -> Option<Ended> {
        if let Some(copy) = self.copy {
            return Some(if copy.is_complete() { Ended::Copy(copy) } else { Ended::StrangeCopy });
        }
        if let Some(word) = self.no_statement {
            return Some(Ended::NoStatement(word));
        }
        if let Some(what) = self.forbidden {
            return Some(Ended::Forbidden(what));
        }
        let value = String::from_utf8_lossy(&self.setting?).into_owned();
        match self.first[1] {
            Keyword::StandardStrings => {
                let on = !["off", "false", "no", "0"].contains(&value.to_ascii_lowercase().as_str());
                Some(Ended::StandardStrings(on))
            }
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

/// A name: unquoted ones are folded to lower case, as the server does.
pub(super) fn identifier(token: Token<'_>) -> Option<String> {
    match token {
        Token::Word(word) => Some(String::from_utf8_lossy(word).to_lowercase()),
        Token::Name(name) => Some(String::from_utf8_lossy(name).into_owned()),
        Token::Text(_) | Token::Symbol(_) => None,
    }
}

fn role_name(token: Token<'_>) -> Option<String> {
    const NOT_ROLES: &[&str] = &[
        "public",
        "current_user",
        "session_user",
        "current_role",
        "default",
        "group",
        "granted",
        "by",
        "grant",
        "option",
        "cascade",
    ];
    let name = identifier(token)?;
    (matches!(token, Token::Name(_)) || !NOT_ROLES.contains(&name.as_str())).then_some(name)
}
