//! What belongs to the database itself and is in no dump: encoding, locale, owner, grants, settings, limit, comment.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod grant;
mod setting;

pub use grant::Grant;
pub use setting::{Assignment, Setting, SettingName, SettingNameRule};

use super::count::Count;
use super::encoding::Encoding;
use super::text::{Line, Name, Text};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A database's own properties, as `CREATE DATABASE` and `ALTER DATABASE` would set them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    pub encoding: Encoding,
    pub locale_provider: LocaleProvider,
    pub collate: Line,
    pub ctype: Line,
    /// The provider's own locale, where it is not libc.
    pub locale: Option<Line>,
    pub icu_rules: Option<Text>,
    pub owner: Name,
    /// Access privileges; none: the defaults.
    pub grants: Option<Vec<Grant>>,
    /// `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`.
    pub settings: Vec<Setting>,
    pub connection_limit: ConnectionLimit,
    /// A person's; version 0.1.0 marked databases of its own with others.
    #[serde(default, deserialize_with = "of_a_person")]
    pub comment: Option<Text>,
    /// Roles that may create databases may copy it; not known of backups by xtask 0.1.0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_template: bool,
    /// Where it lies, if not in the server's default place: the server alone says so, no manifest does.
    #[serde(skip)]
    pub tablespace: Option<Name>,
    /// On the server's disk.
    pub size_bytes: Count,
}

/// What version 0.1.0 began its comments with, in which it kept what a database was for. They mean nothing any more, are
/// in files of that version, and are never shown, dumped or carried over as a person's.
const MARK: &str = "xtask {";

fn of_a_person<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
    let comment = Option::<Text>::deserialize(deserializer)?;
    Ok(comment.filter(|comment| !comment.starts_with(MARK)))
}

/// Who knows a database's locale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocaleProvider {
    Libc,
    Icu,
    Builtin,
}

/// How many sessions a database takes; -1: as many as the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i32")]
pub struct ConnectionLimit(i32);

impl ConnectionLimit {
    /// No limit of its own.
    pub const NONE: Self = Self(-1);
}

impl TryFrom<i32> for ConnectionLimit {
    type Error = String;

    /// # Errors
    /// It is below -1.
    fn try_from(limit: i32) -> Result<Self, String> {
        if limit < -1 { Err(format!("{limit} is not a connection limit")) } else { Ok(Self(limit)) }
    }
}

impl fmt::Display for ConnectionLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Properties {
    /// Takes what `CREATE DATABASE` alone decides, and the owner, from another database.
    pub fn made_as(&mut self, other: &Self) {
        let other = other.clone();
        self.encoding = other.encoding;
        self.locale_provider = other.locale_provider;
        self.collate = other.collate;
        self.ctype = other.ctype;
        self.locale = other.locale;
        self.icu_rules = other.icu_rules;
        self.owner = other.owner;
    }

    /// The access privileges, also where they are the defaults.
    pub fn all_grants(&self) -> Vec<Grant> {
        self.grants.clone().unwrap_or_else(|| Grant::defaults(&self.owner))
    }

    /// Whether it has the access privileges that each new database of its owner has.
    pub fn has_default_grants(&self) -> bool {
        same_grants(&self.all_grants(), &Grant::defaults(&self.owner))
    }

    /// The roles without which a database cannot have these properties.
    pub fn roles(&self) -> BTreeSet<String> {
        let grants = self.grants.iter().flatten().flat_map(Grant::roles);
        let settings = self.settings.iter().filter_map(|setting| setting.role.as_ref());
        grants.chain(settings).chain([&self.owner]).map(ToString::to_string).collect()
    }
}

/// Whether both lists give the same, in any order.
pub fn same_grants(one: &[Grant], other: &[Grant]) -> bool {
    let set = |grants: &[Grant]| grants.iter().map(Grant::to_string).collect::<BTreeSet<String>>();
    set(one) == set(other)
}
