//! What `pg_dumpall --globals-only --no-role-passwords` writes, taken apart into types. Of its text nothing is ever sent
//! to a server: what is made there is written from these types.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod attribute;
mod cursor;
mod lexer;
mod reader;
mod statement;
#[cfg(test)]
mod tests;

pub use super::dump::Flaw;
pub use attribute::{Attribute, Attributes};
pub use reader::read;

use super::properties::{ConnectionLimit, SettingName};
use super::text::{Checked, Name, Rule, Text};
use serde::Serialize;
use std::fmt;

/// The longest text that is read, in bytes: one of this size names some fifty thousand roles.
pub const LONGEST: usize = 16 << 20;

/// What a server has beside its databases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Globals {
    /// In the file's order, each name once.
    pub roles: Vec<Role>,
    /// In the file's order: an admin option stands before what was granted by it.
    pub memberships: Vec<Membership>,
    /// What the file holds and no restore makes.
    pub left_out: Vec<LeftOut>,
}

/// A role, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub name: RoleName,
    pub attributes: Attributes,
    pub connection_limit: ConnectionLimit,
    pub valid_until: Option<ValidUntil>,
    pub settings: Vec<RoleSetting>,
    pub comment: Option<Text>,
}

/// `ALTER ROLE … SET name TO value, …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSetting {
    pub name: SettingName,
    /// One; more of a setting that is a list.
    pub values: Vec<Text>,
}

/// The setting in words: `work_mem = 64MB`.
impl fmt::Display for RoleSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<&str> = self.values.iter().map(|value| &**value).collect();
        write!(formatter, "{} = {}", self.name, values.join(", "))
    }
}

/// `GRANT role TO member …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub role: RoleName,
    pub member: RoleName,
    pub admin: bool,
    /// `None`: as the server does it by itself; servers before 16 know nothing else.
    pub inherit: Option<bool>,
    /// `None`: as the server does it by itself.
    pub set: Option<bool>,
    pub grantor: Option<RoleName>,
}

/// A statement that is read, named and not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The line in pg_dumpall's part of the file, counted from 1.
    pub line: u64,
    pub what: LeftOutKind,
}

/// What it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftOutKind {
    /// With the folder on the server's host.
    Tablespace(Name, Text),
    /// Privileges on a setting, for a role.
    Parameter(SettingName, String),
    /// A setting of a role in one database: that database's own backup holds it.
    InDatabase(RoleName, Name),
    /// A security label.
    Label(Name),
}

impl fmt::Display for LeftOutKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tablespace(name, folder) => write!(formatter, "tablespace {name} in {folder}"),
            Self::Parameter(name, role) => write!(formatter, "privileges of {role} on the setting {name}"),
            Self::InDatabase(role, database) => write!(formatter, "settings of role {role} in database {database}"),
            Self::Label(name) => write!(formatter, "a security label of {name}"),
        }
    }
}

/// The rule of [`RoleName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleNameRule;

/// A role's name. The server cuts a longer one, and then it would be another role's.
pub type RoleName = Checked<RoleNameRule>;

impl Rule for RoleNameRule {
    const KIND: &'static str = "role's name";
    const LONGEST: usize = 63;

    fn allows(letter: char) -> bool {
        super::text::NameRule::allows(letter)
    }

    fn fits(text: &str) -> bool {
        !text.is_empty() && !["public", "none"].contains(&text)
    }
}

/// Whether the server made the role itself (`pg_monitor`): no other role may be named so.
pub fn is_predefined(role: &str) -> bool {
    role.starts_with("pg_")
}

/// The rule of [`ValidUntil`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValidUntilRule;

/// The time until which a password is valid: `2030-01-01 00:00:00+00`, `infinity`.
pub type ValidUntil = Checked<ValidUntilRule>;

impl Rule for ValidUntilRule {
    const KIND: &'static str = "time";
    const LONGEST: usize = 64;

    fn allows(letter: char) -> bool {
        letter.is_ascii_alphanumeric() || matches!(letter, ' ' | ':' | '+' | '-' | '.')
    }

    fn fits(text: &str) -> bool {
        !text.is_empty()
    }
}

impl Serialize for LeftOut {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.what.to_string())
    }
}

/// A text of the file as a type of its own; the error says why it is none.
fn text_of<R: Rule>(text: &str) -> Result<Checked<R>, Option<String>> {
    Checked::try_from(text).map_err(Some)
}
