//! What a role may do.

use std::collections::BTreeSet;

/// One of the options of `CREATE ROLE` that are on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    Superuser,
    Inherit,
    CreateRole,
    CreateDb,
    Login,
    Replication,
    BypassRls,
}

/// Those that are on.
pub type Attributes = BTreeSet<Attribute>;

impl Attribute {
    /// All of them, as pg_dumpall orders them.
    pub const ALL: [Self; 7] = [
        Self::Superuser,
        Self::Inherit,
        Self::CreateRole,
        Self::CreateDb,
        Self::Login,
        Self::Replication,
        Self::BypassRls,
    ];

    /// The attribute's keyword in SQL.
    pub fn word(self) -> &'static str {
        match self {
            Self::Superuser => "SUPERUSER",
            Self::Inherit => "INHERIT",
            Self::CreateRole => "CREATEROLE",
            Self::CreateDb => "CREATEDB",
            Self::Login => "LOGIN",
            Self::Replication => "REPLICATION",
            Self::BypassRls => "BYPASSRLS",
        }
    }

    /// Whether a role that has it reaches beyond what it is granted: a file alone does not give it.
    pub fn is_powerful(self) -> bool {
        matches!(self, Self::Superuser | Self::CreateRole | Self::Replication | Self::BypassRls)
    }

    /// What a word of `ALTER ROLE … WITH` says: `NOLOGIN` → `Login`, off.
    pub(super) fn of(word: &str) -> Option<(Self, bool)> {
        let named = |word: &str| Self::ALL.into_iter().find(|attribute| attribute.word() == word);
        let off = || word.strip_prefix("NO").and_then(named).map(|attribute| (attribute, false));
        named(word).map(|attribute| (attribute, true)).or_else(off)
    }
}
