//! Statements of a migration that change what belongs to the whole server: a role, a tablespace, a database with its rights
//! and settings. A scratch database bounds none of them: where files are only tried, they are left out.

#[cfg(test)]
mod tests;

use super::reader::Lexeme;
use super::server_writes;
use std::ops::Range;

/// A server cuts names to so many bytes.
const LONGEST_NAME: usize = 63;

/// A statement of a file that reaches beyond its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedStatement {
    pub line: u64,
    /// Its place in the file, semicolon included.
    pub bytes: Range<u64>,
    /// What it is, in words of SQL.
    pub what: String,
    pub touched: Touched,
    pub within: Within,
    /// The line of a word with which another statement begins mostly: the semicolon before it may be missing.
    pub goes_on: Option<u64>,
}

/// Where such a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    File,
    /// Its place in the block is known.
    Block,
    /// The statement that has the place is the whole block.
    WholeBlock,
}

impl Within {
    /// What is left out for the sake of these statements, which have one place.
    pub fn told(self, whats: &[&str]) -> String {
        let whats = whats.join(" and ");
        match self {
            Self::File => whats,
            Self::Block => format!("{whats} in a DO block"),
            Self::WholeBlock => format!("a DO block with {whats}"),
        }
    }
}

/// What a statement changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// What was there before any file: a database, the server's settings, another server.
    Server,
    Roles(Vec<String>),
    Tablespaces(Vec<String>),
    /// Who is a member of which role.
    Memberships {
        groups: Vec<String>,
        members: Vec<String>,
    },
    /// Rights that these roles have, or what they own.
    HeldBy(Vec<String>),
}

/// What the tokens of a statement change beyond the database; `None`: nothing that is seen. Of a statement that is longer
/// than what is kept of it `is_whole` is false.
pub fn of(statement: &[Lexeme], is_whole: bool) -> Option<(String, Touched)> {
    let is_right = || statement.first().and_then(Lexeme::word).is_some_and(|word| ["grant", "revoke"].contains(&word));
    let found = match Tokens(statement).found() {
        Some(found) => found,
        // What is not kept may name a database.
        None if !is_whole && is_right() => ("GRANT or REVOKE".to_owned(), Touched::Server),
        None => return None,
    };
    let lists = matches!(found.1, Touched::Roles(_) | Touched::Memberships { .. } | Touched::HeldBy(_));
    Some(if lists && !is_whole { (found.0, Touched::Server) } else { found })
}

/// Names of a list.
#[derive(Default)]
struct Names {
    known: Vec<String>,
    /// One stands for a name that comes at run time.
    has_placeholder: bool,
    /// One is not understood: it may be of anything that is there.
    is_unknown: bool,
}

impl Names {
    fn touched(self, of: fn(Vec<String>) -> Touched) -> Option<Touched> {
        match self {
            Self { is_unknown: true, .. } => Some(Touched::Server),
            Self { known, .. } if !known.is_empty() => Some(of(known)),
            _ => None,
        }
    }

    /// Neither a name nor what may stand for one of the scratch database.
    fn are_missing(&self) -> bool {
        self.known.is_empty() && !self.has_placeholder
    }
}

/// The tokens that are left to read.
#[derive(Clone, Copy)]
struct Tokens<'a>(&'a [Lexeme]);

type Found = Option<(String, Touched)>;

impl<'a> Tokens<'a> {
    fn word(self, at: usize) -> &'a str {
        self.0.get(at).and_then(Lexeme::word).unwrap_or_default()
    }

    fn from(self, at: usize) -> Self {
        Self(self.0.get(at..).unwrap_or_default())
    }

    /// Behind `IF EXISTS`.
    fn existing(self) -> Self {
        if self.word(0) == "if" && self.word(1) == "exists" { self.from(2) } else { self }
    }

    /// Where the first of these words stands that is not in parentheses.
    fn position(self, words: &[&str]) -> Option<usize> {
        let mut depth = 0_usize;
        self.0.iter().position(|token| {
            match token {
                Lexeme::Symbol(b'(') => depth = depth.saturating_add(1),
                Lexeme::Symbol(b')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.word().is_some_and(|word| words.contains(&word))
        })
    }

    /// The name that comes next, as the server cuts it. A `%I` in the text of an `EXECUTE` is none: it may be the scratch
    /// database's own. `U&"…"` is none either: its letters are not read.
    fn name(self) -> Option<String> {
        let name = self.0.first().and_then(Lexeme::name).filter(|_| !self.is_by_code_points())?;
        let end = (0..=name.len().min(LONGEST_NAME)).rev().find(|end| name.is_char_boundary(*end))?;
        Some(name[..end].to_owned())
    }

    fn is_by_code_points(self) -> bool {
        self.word(0) == "u" && self.0.get(1) == Some(&Lexeme::Symbol(b'&'))
    }

    /// What the names up to one of these words are of.
    fn touched_up_to(self, words: &[&str], of: fn(Vec<String>) -> Touched) -> Option<Touched> {
        self.names_up_to(words).touched(of)
    }

    /// What the name that comes next is of.
    fn touched(self, of: fn(Vec<String>) -> Touched) -> Option<Touched> {
        match self.name() {
            Some(name) => Some(of(vec![name])),
            None => (!self.0.is_empty() && !self.is_placeholder()).then_some(Touched::Server),
        }
    }

    /// `%I` in the text of an `EXECUTE`: it may be the scratch database's own name.
    fn is_placeholder(self) -> bool {
        self.0.first() == Some(&Lexeme::Symbol(b'%'))
    }

    /// The names up to one of these words, without `GROUP` before any.
    fn names_up_to(self, words: &[&str]) -> Names {
        let end = self.position(words).unwrap_or(self.0.len());
        let mut names = Names::default();
        for item in self.0[..end].split(|token| *token == Lexeme::Symbol(b',')) {
            let item = Tokens(if item.len() > 1 && item[0].word() == Some("group") { &item[1..] } else { item });
            match (item.0, item.name()) {
                ([_], Some(name)) => names.known.push(name),
                // The text goes on elsewhere.
                ([], _) => {}
                _ if item.is_placeholder() => names.has_placeholder = true,
                _ => names.is_unknown = true,
            }
        }
        names
    }

    fn found(self) -> Found {
        let second = self.word(1);
        match self.word(0) {
            "create" | "alter" | "drop" => self.definition(),
            "grant" | "revoke" => self.right(),
            "comment" => self.from(2).object("COMMENT ON"),
            "security" => self.from(self.position(&["on"])? + 1).object("SECURITY LABEL ON"),
            "reassign" if second == "owned" => {
                Some(("REASSIGN OWNED".to_owned(), self.from(3).touched_up_to(&["to"], Touched::HeldBy)?))
            }
            _ => server_writes::of(self.0).map(|what| (what, Touched::Server)),
        }
    }

    /// `CREATE`, `ALTER` and `DROP`. What makes a role or a tablespace changes nothing that was there.
    fn definition(self) -> Found {
        let (verb, kind, rest) = (self.word(0), self.word(1), self.from(2).existing());
        let what = || format!("{verb} {kind}").to_ascii_uppercase();
        let touched = match (verb, kind) {
            ("alter", "system") => Touched::Server,
            (_, "database" | "subscription") => rest.touched(|_| Touched::Server)?,
            ("drop", "owned") => self.from(3).touched_up_to(&["cascade", "restrict"], Touched::HeldBy)?,
            ("alter" | "drop", "tablespace") => rest.touched(Touched::Tablespaces)?,
            // A role may have the name `mapping`.
            (_, "user") if self.word(2) == "mapping" && ["for", "if"].contains(&self.word(3)) => return None,
            ("alter", "role" | "user") if rest.word(0) == "all" => Touched::Server,
            ("alter", "role" | "user" | "group") => rest.touched(Touched::Roles)?,
            ("drop", "role" | "user" | "group") => rest.touched_up_to(&[], Touched::Roles)?,
            _ => return None,
        };
        Some((what(), touched))
    }

    /// `GRANT` and `REVOKE`, of rights on something or of a role.
    fn right(self) -> Found {
        let verb = self.word(0).to_ascii_uppercase();
        let optional = self.word(2) == "option" && self.word(3) == "for";
        let rest = self.from(if optional { 4 } else { 1 });
        let end = rest.position(&["on", "to", "from"])?;
        if rest.word(end) == "on" {
            return rest.from(end + 1).object(&format!("{verb} … ON"));
        }
        let groups = rest.names_up_to(&["to", "from"]);
        let members = rest.from(end + 1).names_up_to(&["with", "granted", "cascade", "restrict"]);
        let what = format!("{verb} of a role");
        let is_unknown = groups.is_unknown || members.is_unknown;
        if is_unknown || groups.are_missing() || members.are_missing() {
            return Some((what, Touched::Server));
        }
        let (groups, members) = (groups.known, members.known);
        let are_known = !groups.is_empty() && !members.is_empty();
        are_known.then_some((what, Touched::Memberships { groups, members }))
    }

    /// `DATABASE x`, `ROLE x` and their like behind `ON`; a table may have such a name.
    fn object(self, before: &str) -> Found {
        let kind = self.word(0);
        let is_shared = ["database", "parameter", "tablespace", "role", "subscription"].contains(&kind);
        if is_shared && self.from(1).is_by_code_points() {
            return Some((format!("{before} {}", kind.to_ascii_uppercase()), Touched::Server));
        }
        let name = self.from(1).name().filter(|name| !["to", "from", "is"].contains(&name.as_str()))?;
        let touched = match kind {
            "database" | "parameter" | "subscription" => Touched::Server,
            "tablespace" => Touched::Tablespaces(vec![name]),
            "role" => Touched::Roles(vec![name]),
            _ => return None,
        };
        Some((format!("{before} {}", kind.to_ascii_uppercase()), touched))
    }
}
