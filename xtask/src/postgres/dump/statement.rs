//! One statement, token by token: where it ends, and the few facts that matter of it.

use super::Contents;

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
    /// Not `COPY table (columns) FROM stdin`: what follows could not be told from statements.
    StrangeCopy,
    StandardStrings(bool),
    ClientEncoding(String),
}

#[derive(Debug, Clone, Default)]
pub(super) struct CopyHeader {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    part: CopyPart,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum CopyPart {
    #[default]
    Table,
    Columns,
    From,
    Stdin,
    Ready,
    /// `COPY … TO`, from a file, with options: no rows follow that we could read.
    Other,
}

/// The words that decide something; every other one is `Other`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Keyword {
    #[default]
    Other,
    Alter,
    Authorization,
    Begin,
    Case,
    ClientEncoding,
    Copy,
    Create,
    Default,
    End,
    Exists,
    Extension,
    For,
    From,
    Function,
    Grant,
    If,
    Mapping,
    Not,
    Or,
    Owner,
    Policy,
    Privileges,
    Procedure,
    Replace,
    Revoke,
    Role,
    Set,
    StandardStrings,
    Stdin,
    To,
    Using,
    With,
}

impl Keyword {
    fn of(word: &[u8]) -> Self {
        const WORDS: &[(&str, Keyword)] = &[
            ("alter", Keyword::Alter),
            ("authorization", Keyword::Authorization),
            ("begin", Keyword::Begin),
            ("case", Keyword::Case),
            ("client_encoding", Keyword::ClientEncoding),
            ("copy", Keyword::Copy),
            ("create", Keyword::Create),
            ("default", Keyword::Default),
            ("end", Keyword::End),
            ("exists", Keyword::Exists),
            ("extension", Keyword::Extension),
            ("for", Keyword::For),
            ("from", Keyword::From),
            ("function", Keyword::Function),
            ("grant", Keyword::Grant),
            ("if", Keyword::If),
            ("mapping", Keyword::Mapping),
            ("not", Keyword::Not),
            ("or", Keyword::Or),
            ("owner", Keyword::Owner),
            ("policy", Keyword::Policy),
            ("privileges", Keyword::Privileges),
            ("procedure", Keyword::Procedure),
            ("replace", Keyword::Replace),
            ("revoke", Keyword::Revoke),
            ("role", Keyword::Role),
            ("set", Keyword::Set),
            ("standard_conforming_strings", Keyword::StandardStrings),
            ("stdin", Keyword::Stdin),
            ("to", Keyword::To),
            ("using", Keyword::Using),
            ("with", Keyword::With),
        ];
        WORDS
            .iter()
            .find(|(name, _)| name.len() == word.len() && name.as_bytes().eq_ignore_ascii_case(word))
            .map_or(Self::Other, |(_, keyword)| *keyword)
    }
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
        if let Some(slot) = self.first.get_mut(self.tokens) {
            *slot = keyword;
        }
        if self.tokens == 0 && keyword == Keyword::Copy {
            self.copy = Some(CopyHeader::default());
        } else if let Some(copy) = self.copy.as_mut() {
            copy.take(token, keyword);
        }
        self.follow_body(keyword);
        self.note_facts(token, keyword, contents);
        if self.first[0] == Keyword::Set && self.tokens >= 2 {
            if let Token::Word(value) | Token::Text(value) = token {
                if keyword != Keyword::To {
                    self.setting = Some(value.to_vec());
                }
            }
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
        if extension && !self.extension_named && !matches!(keyword, Keyword::If | Keyword::Not | Keyword::Exists) {
            if let Some(name) = identifier(token) {
                contents.extensions.insert(name);
                self.extension_named = true;
            }
        }
    }

    fn ended(self) -> Option<Ended> {
        if let Some(copy) = self.copy {
            return Some(if copy.part == CopyPart::Ready { Ended::Copy(copy) } else { Ended::StrangeCopy });
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

impl CopyHeader {
    fn take(&mut self, token: Token<'_>, keyword: Keyword) {
        self.part = match (self.part, token) {
            (CopyPart::Table, Token::Symbol(b'.')) => {
                self.schema = std::mem::take(&mut self.name);
                CopyPart::Table
            }
            (CopyPart::Table, Token::Symbol(b'(')) => CopyPart::Columns,
            (CopyPart::Table | CopyPart::From, Token::Word(_)) if keyword == Keyword::From => CopyPart::Stdin,
            (CopyPart::Table, _) if self.name.is_empty() => {
                self.name = identifier(token).unwrap_or_default();
                CopyPart::Table
            }
            (CopyPart::Columns, Token::Symbol(b')')) => CopyPart::From,
            (CopyPart::Columns, token) => {
                self.columns.extend(identifier(token));
                CopyPart::Columns
            }
            (CopyPart::Stdin, Token::Word(_)) if keyword == Keyword::Stdin => CopyPart::Ready,
            _ => CopyPart::Other,
        };
    }
}

/// A name: unquoted ones are folded to lower case, as the server does.
fn identifier(token: Token<'_>) -> Option<String> {
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
