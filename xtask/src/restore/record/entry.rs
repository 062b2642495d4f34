//! One entry of the record.

use super::names::Purpose;
use crate::backup::manifest::ascii_json;
use crate::postgres::activity::Counters;
use crate::postgres::quote::literal;
use anyhow::Result;
use chrono::{DateTime, FixedOffset, Local, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

/// What the record holds of one database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    pub id: i64,
    pub purpose: Purpose,
    /// The live database that it stands beside.
    pub live: String,
    pub name: String,
    /// `None`: the run that recorded the name did not record that the database was made.
    pub(super) oid: Option<u32>,
    /// Who owned it when it was recorded, by the role's OID.
    pub(super) owner: u32,
    /// The live database's OID at that time; `None` where there was none.
    pub live_oid: Option<u32>,
    /// The session name of the run that recorded it.
    pub run: String,
    /// RFC 3339.
    pub at: String,
    #[serde(default, deserialize_with = "details_of_text")]
    pub details: Arc<Details>,
    /// Where they stand in the answer, which has once what several entries say.
    #[serde(default)]
    pub(super) details_at: Option<usize>,
    /// Whether that run still has a session.
    pub alive: bool,
}

/// What the run that made the entry has still to do, and what an undo wants to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Services that the run stopped and will start again.
    pub stopped: Vec<String>,
    /// An undo is about to exchange it with the live one.
    pub swapping: bool,
    /// OpenFGA's tables in the new live database are to be brought up to date.
    pub migrate: bool,
    /// There is no safety backup of it: it is never dropped by itself.
    pub only_way_back: bool,
    /// The server's counters of the database that became the live one, when it did.
    pub written: Option<Counters>,
    /// The set that is, or was, swapped as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<SwapSet>,
    /// A later swap was to drop it, and could not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_overdue: bool,
    /// They are not understood: the database is left alone.
    #[serde(skip)]
    pub is_unknown: bool,
}

/// Databases that one transaction swaps together: a restored set, or the undo of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapSet {
    /// The session name of the run that swaps them: equal in the entries of one swap.
    pub run: String,
    /// Every live database of the set.
    pub databases: Vec<String>,
    /// Those of them that the swap made: there is no previous database of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
}

impl Entry {
    /// Whether it is about this live database, or about a set that it belongs to.
    pub fn concerns(&self, live: &str) -> bool {
        let set = self.details.set.as_ref();
        self.live == live || set.is_some_and(|set| set.databases.iter().any(|database| database == live))
    }

    /// Whether the name is recorded and the OID is not yet: the database may be there or not.
    pub fn is_in_making(&self) -> bool {
        self.oid.is_none()
    }

    /// When it was recorded.
    pub fn time(&self) -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc3339(&self.at).ok()
    }
}

impl Details {
    /// Whether nothing is left to do.
    pub fn is_settled(&self) -> bool {
        self.stopped.is_empty() && !self.swapping && !self.migrate
    }

    /// The same with nothing left to do.
    #[must_use]
    pub fn settled(&self) -> Self {
        Self { stopped: Vec::new(), swapping: false, migrate: false, ..self.clone() }
    }

    /// As the record holds it: ASCII JSON, as an SQL string.
    pub fn sql(&self) -> Result<String> {
        Ok(literal(&ascii_json(self)?)?)
    }
}

/// Details are JSON in a text. One entry whose details are not understood hides no other: it is one that nothing is known
/// of.
pub(super) fn read_details(text: &str) -> Arc<Details> {
    Arc::new(serde_json::from_str(text).unwrap_or_else(|_| Details { is_unknown: true, ..Details::default() }))
}

fn details_of_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Details>, D::Error> {
    Ok(read_details(&String::deserialize(deserializer)?))
}

/// A time as the record holds it.
pub fn at(time: &DateTime<Local>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_that_are_not_understood_are_said_to_be_so() {
        let entry = |details: &str| {
            let row = serde_json::json!({ "id": 1, "purpose": "before", "live": "a", "name": "b", "oid": 7, "owner": 10,
                "live_oid": null, "run": "x", "at": "y", "details": details, "alive": false });
            serde_json::from_value::<Entry>(row).unwrap().details
        };
        let known = entry(r#"{"stopped": ["a"], "later": 1}"#);
        assert!(known.stopped == ["a"] && !known.is_unknown);
        for details in ["", "no JSON", "[]x", "7", r#"{"stopped": 7}"#, &"[".repeat(10_000)] {
            assert!(entry(details).is_unknown && entry(details).is_settled(), "{details}");
        }
    }
}
