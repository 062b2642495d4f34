//! Questions about a store: checks, and lists of objects and users.

use super::answers::{Check, Checked, Line, Objects, Users};
use super::{Api, CONSISTENCY, within};
use crate::openfga::client::Repeat;
use crate::openfga::store_file::UserFilter;
use crate::openfga::tuples::{Tuple, key_json};
use anyhow::Result;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A question about a store: what goes along with each.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub store: &'a str,
    pub model: &'a str,
    /// Tuples that count for this question alone.
    pub tuples: &'a [Tuple],
    pub context: Option<&'a Map<String, Value>>,
}

/// One question of a batch.
#[derive(Debug)]
pub struct CheckRequest<'a> {
    pub user: &'a str,
    pub relation: &'a str,
    pub object: &'a str,
    pub context: Option<&'a Map<String, Value>>,
}

impl CheckRequest<'_> {
    fn key(&self) -> Value {
        key_json((self.user, self.relation, self.object))
    }
}

impl Api {
    /// Up to fifty questions at once. `None`: not answered; the caller asks this question by itself.
    pub fn batch_check(&self, asking: Asking<'_>, requests: &[CheckRequest<'_>]) -> Result<Vec<Option<bool>>> {
        let tuples = counting(asking);
        let checks = requests.iter().enumerate().map(|(number, request)| {
            let mut check = json!({ "tuple_key": request.key(), "correlation_id": number.to_string() });
            add_tuples(&mut check, &tuples);
            if let Some(context) = request.context.or(asking.context) {
                check["context"] = Value::Object(context.clone());
            }
            check
        });
        let checks: Vec<Value> = checks.collect();
        let body = json!({ "checks": checks, "authorization_model_id": asking.model, "consistency": CONSISTENCY });
        // What it does not answer in time is asked again in smaller batches, not in this one.
        let answer = self.client.post::<Checked>(&within(asking.store, "batch-check"), &body, Repeat::Never)?;
        let answers = (0..requests.len()).map(|number| {
            let result = answer.value.result.get(&number.to_string()).filter(|result| result.error.is_none())?;
            Some(result.allowed)
        });
        Ok(answers.collect())
    }

    /// One question.
    pub fn check(&self, asking: Asking<'_>, request: &CheckRequest<'_>) -> Result<bool> {
        let mut body = json!({ "tuple_key": request.key() });
        add_tuples(&mut body, &counting(asking));
        let asking = Asking { context: request.context.or(asking.context), ..asking };
        Ok(self.ask::<Check>(asking, "check", body)?.allowed)
    }

    /// The objects of a type to which a user has a relation.
    pub fn list_objects(
        &self,
        asking: Asking<'_>,
        user: &str,
        relation: &str,
        object_type: &str,
    ) -> Result<BTreeSet<String>> {
        let wanted = objects_wanted(asking, user, relation, object_type);
        Ok(self.ask::<Objects>(asking, "list-objects", wanted)?.objects)
    }

    /// The same as the server streams them: its limit of names does not count, its deadline does. What it had found when
    /// it failed is given too.
    pub fn stream_objects(
        &self,
        asking: Asking<'_>,
        user: &str,
        relation: &str,
        object_type: &str,
    ) -> Result<BTreeSet<String>> {
        let body = about(asking, objects_wanted(asking, user, relation, object_type));
        let mut found = BTreeSet::new();
        let path = within(asking.store, "streamed-list-objects");
        self.client.stream(&path, &body, &mut |line: Line| found.extend(line.result.and_then(|it| it.object)))?;
        Ok(found)
    }

    /// The users of one kind that have a relation to an object, as tuples write them.
    pub fn list_users(
        &self,
        asking: Asking<'_>,
        object: &str,
        relation: &str,
        filter: &UserFilter,
    ) -> Result<BTreeSet<String>> {
        let (object_type, id) = object.split_once(':').unwrap_or((object, ""));
        let mut wanted = json!({ "type": filter.user_type });
        if let Some(relation) = &filter.relation {
            wanted["relation"] = json!(relation);
        }
        let mut body =
            json!({ "object": { "type": object_type, "id": id }, "relation": relation, "user_filters": [wanted] });
        // Here the list stands without `tuple_keys` around it.
        if !asking.tuples.is_empty() {
            body["contextual_tuples"] = counting(asking);
        }
        let users = self.ask::<Users>(asking, "list-users", body)?.users;
        Ok(users.into_iter().map(|user| user.0).collect())
    }

    fn ask<T: DeserializeOwned>(&self, asking: Asking<'_>, what: &str, body: Value) -> Result<T> {
        let body = about(asking, body);
        Ok(self.client.post(&within(asking.store, what), &body, Repeat::Safe)?.value)
    }
}

/// Which objects a list is to hold, with the tuples that count for it alone.
fn objects_wanted(asking: Asking<'_>, user: &str, relation: &str, object_type: &str) -> Value {
    let mut body = json!({ "user": user, "relation": relation, "type": object_type });
    add_tuples(&mut body, &counting(asking));
    body
}

/// The tuples that count for a question alone, as the API takes them.
fn counting(asking: Asking<'_>) -> Value {
    asking.tuples.iter().map(Tuple::to_json).collect()
}

/// Adds them to the question, where there are any.
fn add_tuples(body: &mut Value, tuples: &Value) {
    if tuples.as_array().is_some_and(|tuples| !tuples.is_empty()) {
        body["contextual_tuples"] = json!({ "tuple_keys": tuples });
    }
}

/// A question with the model that it is about.
fn about(asking: Asking<'_>, mut body: Value) -> Value {
    if let Some(context) = asking.context {
        body["context"] = Value::Object(context.clone());
    }
    body["authorization_model_id"] = json!(asking.model);
    body["consistency"] = json!(CONSISTENCY);
    body
}
