//! Tuples of a store: read page by page, written and deleted.

use super::{Api, CONSISTENCY, PAGE, encoded, limits, within};
use crate::openfga::client::{DEADLINE, Read, Repeat};
use crate::openfga::model::TupleParts;
use crate::openfga::pages::Turn;
use crate::openfga::tuples::{Condition, Key, key_json, with_condition};
use anyhow::Result;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A tuple, as the server keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    pub user: String,
    pub relation: String,
    pub object: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

impl Stored {
    /// The tuple of this key, under this condition.
    pub fn of((user, relation, object): Key<'_>, condition: Option<&Condition>) -> Self {
        let (user, relation, object) = (user.to_owned(), relation.to_owned(), object.to_owned());
        Self { user, relation, object, condition: condition.cloned() }
    }

    pub fn key(&self) -> Key<'_> {
        (&self.user, &self.relation, &self.object)
    }

    /// The tuple in the form of the API.
    pub fn to_json(&self) -> Value {
        with_condition(self.key(), self.condition.as_ref())
    }

    /// `user:alice member organization:acme`
    pub fn shown(&self) -> String {
        format!("{} {} {}", self.user, self.relation, self.object)
    }

    /// What the model judges.
    pub fn parts(&self) -> TupleParts<'_> {
        let condition = self.condition.as_ref().map(|condition| (condition.name.as_str(), &condition.context));
        TupleParts { user: &self.user, relation: &self.relation, object: &self.object, condition }
    }
}

/// A page of tuples, as the server writes it.
#[derive(Deserialize)]
struct Page {
    tuples: Vec<Entry>,
    #[serde(default)]
    continuation_token: String,
}

#[derive(Deserialize)]
struct Entry {
    key: Written,
}

#[derive(Deserialize)]
struct Written {
    #[serde(deserialize_with = "limits::user")]
    user: String,
    #[serde(deserialize_with = "limits::relation")]
    relation: String,
    #[serde(deserialize_with = "limits::object")]
    object: String,
    condition: Option<WrittenCondition>,
}

#[derive(Deserialize)]
struct WrittenCondition {
    #[serde(deserialize_with = "limits::condition")]
    name: String,
    #[serde(default, deserialize_with = "limits::context")]
    context: Map<String, Value>,
}

impl From<Written> for Stored {
    fn from(written: Written) -> Self {
        let condition = written.condition.filter(|condition| !condition.name.is_empty());
        Self {
            user: written.user,
            relation: written.relation,
            object: written.object,
            condition: condition.map(|condition| Condition { name: condition.name, context: condition.context }),
        }
    }
}

impl Api {
    /// One page of a store's tuples, and what comes after it.
    pub fn read_page(&self, store: &str, token: &str) -> Result<(Vec<Stored>, Turn)> {
        self.read(store, None, PAGE, token)
    }

    /// The tuple of this key, if the store has it, whatever its condition.
    pub fn read_one(&self, store: &str, key: Key<'_>) -> Result<Option<Stored>> {
        Ok(self.read(store, Some(key_json(key)), 1, "")?.0.pop())
    }

    /// One page of the tuples that give a relation to an object, and what comes after it.
    pub fn read_relation(&self, store: &str, object: &str, relation: &str, token: &str) -> Result<(Vec<Stored>, Turn)> {
        self.read(store, Some(json!({ "relation": relation, "object": object })), PAGE, token)
    }

    /// The first page of the tuples that give a user a relation to objects of a type.
    pub fn read_objects(&self, store: &str, user: &str, relation: &str, object_type: &str) -> Result<Vec<Stored>> {
        Ok(self.read(store, Some(key_json((user, relation, &format!("{object_type}:")))), PAGE, "")?.0)
    }

    /// Whether the store has a tuple of this object.
    pub fn has_tuples(&self, store: &str, object: &str) -> Result<bool> {
        let found = self.read(store, Some(json!({ "object": object })), 1, "")?.0;
        Ok(found.iter().any(|tuple| tuple.object == object))
    }

    /// Objects of a type of which the store has or had tuples: those of the first page of its changes, the oldest first.
    pub fn changed_objects(&self, store: &str, object_type: &str) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Changes {
            changes: Vec<Change>,
        }
        #[derive(Deserialize)]
        struct Change {
            tuple_key: Written,
            operation: String,
        }
        let path = format!("{}?type={}&page_size={PAGE}", within(store, "changes"), encoded(object_type));
        let mut found: Vec<(String, i32)> = Vec::new();
        for Change { tuple_key, operation } in self.client.get::<Changes>(&path)?.value.changes {
            let more = if operation == "TUPLE_OPERATION_DELETE" { -1 } else { 1 };
            match found.iter_mut().find(|(object, _)| *object == tuple_key.object) {
                Some((_, tuples)) => *tuples += more,
                None => found.push((tuple_key.object, more)),
            }
        }
        Ok(found.into_iter().filter(|(_, tuples)| *tuples > 0).map(|(object, _)| object).collect())
    }

    /// One page of the tuples that have these parts of a key; without a key, of all.
    fn read(&self, store: &str, key: Option<Value>, page_size: usize, token: &str) -> Result<(Vec<Stored>, Turn)> {
        let mut body = json!({ "page_size": page_size, "consistency": CONSISTENCY });
        if let Some(key) = key {
            body["tuple_key"] = key;
        }
        if !token.is_empty() {
            body["continuation_token"] = json!(token);
        }
        let Read { value: page, bytes } = self.client.post::<Page>(&within(store, "read"), &body, Repeat::Safe)?;
        let turn = Turn { entries: page.tuples.len(), bytes, next: page.continuation_token };
        Ok((page.tuples.into_iter().map(|entry| entry.key.into()).collect(), turn))
    }

    /// Writes tuples; those that are there already count for nothing, so that it can be repeated.
    pub fn write(&self, store: &str, model: &str, tuples: &[Value]) -> Result<()> {
        let writes = json!({ "tuple_keys": tuples, "on_duplicate": "ignore" });
        self.change(store, &json!({ "writes": writes, "authorization_model_id": model }))
    }

    /// Whether the server is older than OpenFGA 1.10, which was the first to know `on_duplicate`: an older one passes
    /// over a value that cannot be one, and refuses only that there is nothing to write. No store is touched, and
    /// whatever else it answers counts for nothing.
    pub fn is_before_1_10(&self) -> bool {
        let body = json!({ "writes": { "tuple_keys": [], "on_duplicate": 0 } });
        let path = "/stores/00000000000000000000000000/write";
        let answer = self.client.endpoint.post(path, &body.to_string(), DEADLINE);
        answer.is_ok_and(|answer| answer.status == 400 && answer.body.contains("TupleKeys"))
    }

    /// Deletes tuples; those that are gone already count for nothing.
    pub fn delete(&self, store: &str, keys: &[Value]) -> Result<()> {
        self.change(store, &json!({ "deletes": { "tuple_keys": keys, "on_missing": "ignore" } }))
    }

    fn change(&self, store: &str, body: &Value) -> Result<()> {
        self.client.post::<IgnoredAny>(&within(store, "write"), body, Repeat::Safe).map(drop)
    }
}
