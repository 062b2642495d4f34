//! Relationship tuples: read from YAML, JSON, JSONL and CSV, and checked against the model.

mod csv;
mod json;
mod reader;

pub use reader::{from_file, from_nodes};

use super::model::TupleParts;
use super::store_file::findings::Place;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A tuple, and where it was read.
#[derive(Debug, Clone)]
pub struct Tuple {
    pub user: String,
    pub relation: String,
    pub object: String,
    pub condition: Option<Box<Condition>>,
    pub file: Arc<str>,
    pub place: Place,
}

/// The condition that a tuple carries, with the values that it brings along.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub name: String,
    pub context: Map<String, Value>,
}

/// What makes a tuple the same one, whatever its condition: user, relation, object.
pub type Key<'a> = (&'a str, &'a str, &'a str);

impl Tuple {
    pub fn key(&self) -> Key<'_> {
        (&self.user, &self.relation, &self.object)
    }

    /// What the model judges.
    pub fn parts(&self) -> TupleParts<'_> {
        let condition = self.condition.as_ref().map(|condition| (condition.name.as_str(), &condition.context));
        TupleParts { user: &self.user, relation: &self.relation, object: &self.object, condition }
    }

    /// The tuple in the form of the API. A context is always sent: without one the server keeps `{}` and then sees a
    /// difference.
    pub fn to_json(&self) -> Value {
        with_condition(self.key(), self.condition.as_deref())
    }

    /// `user:alice member organization:acme`
    pub fn shown(&self) -> String {
        format!("{} {} {}", self.user, self.relation, self.object)
    }
}

/// A key in the form of the API.
pub fn key_json((user, relation, object): Key<'_>) -> Value {
    json!({ "user": user, "relation": relation, "object": object })
}

/// A tuple in the form of the API.
pub fn with_condition(key: Key<'_>, condition: Option<&Condition>) -> Value {
    let mut value = key_json(key);
    if let Some(condition) = condition {
        value["condition"] = json!({ "name": condition.name, "context": condition.context });
    }
    value
}

impl Condition {
    /// `non_expired {"grant_time":"…"}`
    pub fn shown(&self) -> String {
        format!("{} {}", self.name, Value::Object(self.context.clone()))
    }

    /// Whether both mean the same: the server keeps every number as a float.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |one: &Map<String, Value>, other: &Map<String, Value>| {
            same_value(&Value::Object(one.clone()), &Value::Object(other.clone()))
        };
        self.name == other.name && same(&self.context, &other.context)
    }
}

/// Whether two contexts' values are the same to a server.
fn same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|there| same_value(value, there)))
        }
        _ => one == other,
    }
}

/// Whether two tuples of one key carry the same condition.
pub fn same_condition(one: Option<&Condition>, other: Option<&Condition>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.is_same(other),
        _ => false,
    }
}
