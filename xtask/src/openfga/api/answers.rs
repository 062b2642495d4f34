//! What a server answers to questions, as far as it is read.

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

/// To one check.
#[derive(Debug, Deserialize)]
pub struct Check {
    #[serde(default)]
    pub allowed: bool,
    /// Why a check of a batch has no answer.
    #[serde(default)]
    pub error: Option<IgnoredAny>,
}

/// To a batch of checks, by their numbers.
#[derive(Debug, Deserialize)]
pub struct Checked {
    #[serde(default)]
    pub result: BTreeMap<String, Check>,
}

/// To a list of objects.
#[derive(Debug, Deserialize)]
pub struct Objects {
    #[serde(default)]
    pub objects: BTreeSet<String>,
}

/// One line of a stream of objects; an error has none.
#[derive(Debug, Deserialize)]
pub struct Line {
    #[serde(default)]
    pub result: Option<Found>,
}

/// What such a line found.
#[derive(Debug, Deserialize)]
pub struct Found {
    #[serde(default)]
    pub object: Option<String>,
}

/// To a list of users.
#[derive(Debug, Deserialize)]
pub struct Users {
    #[serde(default)]
    pub users: BTreeSet<User>,
}

/// `user:anne`, `team:x#member` or `user:*`.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(from = "WrittenUser")]
pub struct User(pub String);

#[derive(Deserialize)]
struct WrittenUser {
    object: Option<Part>,
    userset: Option<Part>,
    wildcard: Option<Part>,
}

#[derive(Deserialize, Default)]
struct Part {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    relation: String,
}

impl From<WrittenUser> for User {
    fn from(user: WrittenUser) -> Self {
        Self(match (user.object, user.userset) {
            (Some(Part { kind, id, .. }), _) => format!("{kind}:{id}"),
            (None, Some(Part { kind, id, relation })) => format!("{kind}:{id}#{relation}"),
            (None, None) => format!("{}:*", user.wildcard.unwrap_or_default().kind),
        })
    }
}
