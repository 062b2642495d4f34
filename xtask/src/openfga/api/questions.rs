//! Questions about a store: checks, and lists of objects and users.

use super::{Api, CONSISTENCY, within};
use crate::openfga::client::Repeat;
use crate::openfga::store_file::UserFilter;
use crate::openfga::tuples::{Tuple, key_json};
use anyhow::Result;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
        let answer = self.client.post(&within(asking.store, "batch-check"), &body, Repeat::Never)?;
        let results: BTreeMap<String, Value> = self.understood(answer["result"].clone())?;
        let answers = (0..requests.len()).map(|number| {
            let result = results.get(&number.to_string()).filter(|result| result.get("error").is_none())?;
            Some(result["allowed"] == true)
        });
        Ok(answers.collect())
    }

    /// One question.
    pub fn check(&self, asking: Asking<'_>, request: &CheckRequest<'_>) -> Result<bool> {
        let mut body = json!({ "tuple_key": request.key() });
        add_tuples(&mut body, &counting(asking));
        let asking = Asking { context: request.context.or(asking.context), ..asking };
        Ok(self.ask(asking, "check", body)?["allowed"] == true)
    }

    /// The objects of a type to which a user has a relation.
    pub fn list_objects(
        &self,
        asking: Asking<'_>,
        user: &str,
        relation: &str,
        object_type: &str,
    ) -> Result<BTreeSet<String>> {
        let answer = self.ask(asking, "list-objects", objects_wanted(asking, user, relation, object_type))?;
        self.understood(answer["objects"].clone())
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
        let lines = self.client.stream(&within(asking.store, "streamed-list-objects"), &body)?;
        Ok(lines.iter().filter_map(|line| line["result"]["object"].as_str()).map(str::to_owned).collect())
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
        let answer = self.ask(asking, "list-users", body)?;
        let users = answer["users"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(users.iter().map(user_shown).collect())
    }

    fn ask(&self, asking: Asking<'_>, what: &str, body: Value) -> Result<Value> {
        let body = about(asking, body);
        self.client.post(&within(asking.store, what), &body, Repeat::Safe)
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

/// `user:anne`, `team:x#member` or `user:*`.
fn user_shown(user: &Value) -> String {
    let text = |part: &Value, name: &str| part[name].as_str().unwrap_or_default().to_owned();
    if let Some(object) = user.get("object") {
        return format!("{}:{}", text(object, "type"), text(object, "id"));
    }
    if let Some(userset) = user.get("userset") {
        return format!("{}:{}#{}", text(userset, "type"), text(userset, "id"), text(userset, "relation"));
    }
    format!("{}:*", text(&user["wildcard"], "type"))
}
