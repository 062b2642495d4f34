//! OpenFGA's API, one function for each request that is needed.

use super::client::{Client, DEADLINE, Repeat, refusal};
use super::id;
use super::model::TupleParts;
use super::pages::Pages;
use super::store_file::UserFilter;
use super::tuples::{Condition, Key, Tuple};
use crate::target::endpoint::Endpoint;
use crate::target::percent::encoded;
use anyhow::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Reads see what was just written.
const CONSISTENCY: &str = "HIGHER_CONSISTENCY";
const PAGE: usize = 100;
/// A list of stores is taken no longer than this.
const MOST_STORES: u64 = 100_000;

/// A store, as the server lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct Store {
    #[serde(deserialize_with = "id::deserialize")]
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub created_at: String,
}

/// A tuple, as the server keeps it.
#[derive(Debug, Clone)]
pub struct Stored {
    pub user: String,
    pub relation: String,
    pub object: String,
    pub condition: Option<Condition>,
}

impl Stored {
    pub fn key(&self) -> Key<'_> {
        (&self.user, &self.relation, &self.object)
    }

    /// What the model judges.
    pub fn parts(&self) -> TupleParts<'_> {
        let condition = self.condition.as_ref().map(|condition| (condition.name.as_str(), &condition.context));
        TupleParts { user: &self.user, relation: &self.relation, object: &self.object, condition }
    }
}

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

/// The API of one server.
#[derive(Debug)]
pub struct Api {
    client: Client,
}

impl Api {
    pub fn new(endpoint: Endpoint) -> Self {
        Self { client: Client { endpoint } }
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        self.client.endpoint.url()
    }

    /// A store by its id; `None` where there is none, or where it was deleted.
    pub fn store(&self, id: &str) -> Result<Option<Store>> {
        match self.client.get(&format!("/stores/{}", encoded(id))) {
            Ok(value) => {
                let store: Store = self.understood(value)?;
                let is_it = store.id == id;
                if is_it {
                    Ok(Some(store))
                } else {
                    Err(self.client.unlike_openfga("it gives another store than that of the id".to_owned()))
                }
            }
            // 400: it could not be an id.
            Err(error) if refusal(&error).is_some_and(|refusal| matches!(refusal.status, Some(400 | 404))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All stores.
    pub fn stores(&self) -> Result<Vec<Store>> {
        self.list_stores("")
    }

    /// The stores of exactly this name.
    pub fn stores_named(&self, name: &str) -> Result<Vec<Store>> {
        let mut stores = self.list_stores(&format!("name={}&", encoded(name)))?;
        // A server that does not know the filter lists them all.
        stores.retain(|store| store.name == name);
        Ok(stores)
    }

    /// Through all pages.
    fn list_stores(&self, filter: &str) -> Result<Vec<Store>> {
        #[derive(Deserialize)]
        struct Page {
            stores: Vec<Store>,
            #[serde(default)]
            continuation_token: String,
        }
        let mut found = Vec::new();
        let mut pages = Pages::of_at_most(MOST_STORES);
        loop {
            let path = format!("/stores?{filter}page_size={PAGE}&continuation_token={}", encoded(pages.token()));
            let page: Page = self.understood(self.client.get(&path)?)?;
            let count = page.stores.len();
            found.extend(page.stores);
            if !self.go_on(&mut pages, count, page.continuation_token)? {
                return Ok(found);
            }
        }
    }

    /// Whether a list goes on, after a page of so many entries.
    ///
    /// # Errors
    /// Exit 4: the server does not let it end.
    pub fn go_on(&self, pages: &mut Pages, entries: usize, next: String) -> Result<bool> {
        pages.go_on(entries, next).map_err(|why| self.client.unlike_openfga(format!("its list does not end: {why}")))
    }

    /// A new store. Never repeated by itself: names are not unique.
    pub fn create_store(&self, name: &str) -> Result<Store> {
        self.understood(self.client.post("/stores", &json!({ "name": name }), Repeat::Creates)?)
    }

    /// The newest model of a store, as the server keeps it, with its id.
    pub fn newest_model(&self, store: &str) -> Result<Option<(String, Value)>> {
        let mut answer = self.client.get(&format!("/stores/{}/authorization-models?page_size=1", encoded(store)))?;
        let model = answer["authorization_models"].get_mut(0).map(Value::take);
        model.map(|model| Ok((self.id_of(&model, "id")?, model))).transpose()
    }

    /// Whether a store has this model.
    pub fn has_model(&self, store: &str, model: &str) -> Result<bool> {
        match self.client.get(&format!("/stores/{}/authorization-models/{}", encoded(store), encoded(model))) {
            Ok(_) => Ok(true),
            Err(error) if refusal(&error).is_some_and(|refusal| matches!(refusal.status, Some(400 | 404))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A store's model, as the server keeps it.
    pub fn model(&self, store: &str, model: &str) -> Result<Value> {
        self.client.get(&format!("/stores/{}/authorization-models/{}", encoded(store), encoded(model)))
    }

    /// A new model; its id. Never repeated by itself: each request makes another one.
    pub fn write_model(&self, store: &str, model: &Value) -> Result<String> {
        let path = format!("/stores/{}/authorization-models", encoded(store));
        self.id_of(&self.client.post(&path, model, Repeat::Creates)?, "authorization_model_id")
    }

    /// One page of a store's tuples, and the token of the next; empty at the end.
    pub fn read_page(&self, store: &str, token: &str) -> Result<(Vec<Stored>, String)> {
        self.read(store, &json!({ "page_size": PAGE, "continuation_token": token, "consistency": CONSISTENCY }))
    }

    /// The tuple of this key, if the store has it.
    pub fn read_one(&self, store: &str, (user, relation, object): Key<'_>) -> Result<Option<Stored>> {
        let key = json!({ "user": user, "relation": relation, "object": object });
        let body = json!({ "tuple_key": key, "page_size": 1, "consistency": CONSISTENCY });
        Ok(self.read(store, &body)?.0.pop())
    }

    /// One page of the tuples that give a relation to an object, and the token of the next; empty at the end.
    pub fn read_relation(
        &self,
        store: &str,
        object: &str,
        relation: &str,
        token: &str,
    ) -> Result<(Vec<Stored>, String)> {
        let key = json!({ "relation": relation, "object": object });
        let body =
            json!({ "tuple_key": key, "page_size": PAGE, "continuation_token": token, "consistency": CONSISTENCY });
        self.read(store, &body)
    }

    /// The first page of the tuples that give a user a relation to objects of a type.
    pub fn read_objects(&self, store: &str, user: &str, relation: &str, object_type: &str) -> Result<Vec<Stored>> {
        let key = json!({ "user": user, "relation": relation, "object": format!("{object_type}:") });
        Ok(self.read(store, &json!({ "tuple_key": key, "page_size": PAGE, "consistency": CONSISTENCY }))?.0)
    }

    /// Whether the store has the tuple of this key, whatever its condition.
    pub fn has_tuple(&self, store: &str, tuple: &Value) -> Result<bool> {
        let key = json!({ "user": tuple["user"], "relation": tuple["relation"], "object": tuple["object"] });
        let body = json!({ "tuple_key": key, "page_size": 1, "consistency": CONSISTENCY });
        Ok(!self.read(store, &body)?.0.is_empty())
    }

    fn read(&self, store: &str, body: &Value) -> Result<(Vec<Stored>, String)> {
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
            user: String,
            relation: String,
            object: String,
            condition: Option<WrittenCondition>,
        }
        #[derive(Deserialize)]
        struct WrittenCondition {
            name: String,
            #[serde(default)]
            context: Option<Map<String, Value>>,
        }
        let page: Page =
            self.understood(self.client.post(&format!("/stores/{}/read", encoded(store)), body, Repeat::Safe)?)?;
        let stored = page.tuples.into_iter().map(|Entry { key }| Stored {
            user: key.user,
            relation: key.relation,
            object: key.object,
            condition: key
                .condition
                .filter(|condition| !condition.name.is_empty())
                .map(|condition| Condition { name: condition.name, context: condition.context.unwrap_or_default() }),
        });
        Ok((stored.collect(), page.continuation_token))
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

    /// Takes a store away. Its rows stay in the database, marked as deleted.
    pub fn delete_store(&self, store: &str) -> Result<()> {
        self.client.delete(&format!("/stores/{}", encoded(store)))
    }

    fn change(&self, store: &str, body: &Value) -> Result<()> {
        self.client.post(&format!("/stores/{}/write", encoded(store)), body, Repeat::Safe).map(drop)
    }

    /// Up to fifty questions at once. `None`: not answered; the caller asks this question by itself.
    pub fn batch_check(&self, asking: Asking<'_>, requests: &[CheckRequest<'_>]) -> Result<Vec<Option<bool>>> {
        let tuples: Vec<Value> = asking.tuples.iter().map(Tuple::to_json).collect();
        let checks = requests.iter().enumerate().map(|(number, request)| {
            let key = json!({ "user": request.user, "relation": request.relation, "object": request.object });
            let mut check = json!({ "tuple_key": key, "correlation_id": number.to_string() });
            if !tuples.is_empty() {
                check["contextual_tuples"] = json!({ "tuple_keys": tuples });
            }
            if let Some(context) = request.context.or(asking.context) {
                check["context"] = Value::Object(context.clone());
            }
            check
        });
        let checks: Vec<Value> = checks.collect();
        let body = json!({ "checks": checks, "authorization_model_id": asking.model, "consistency": CONSISTENCY });
        // What it does not answer in time is asked again in smaller batches, not in this one.
        let answer =
            self.client.post(&format!("/stores/{}/batch-check", encoded(asking.store)), &body, Repeat::Never)?;
        let results: BTreeMap<String, Value> = self.understood(answer["result"].clone())?;
        let answers = (0..requests.len()).map(|number| {
            let result = results.get(&number.to_string()).filter(|result| result.get("error").is_none())?;
            Some(result["allowed"] == true)
        });
        Ok(answers.collect())
    }

    /// One question.
    pub fn check(&self, asking: Asking<'_>, request: &CheckRequest<'_>) -> Result<bool> {
        let key = json!({ "user": request.user, "relation": request.relation, "object": request.object });
        let mut body = json!({ "tuple_key": key });
        if !asking.tuples.is_empty() {
            body["contextual_tuples"] =
                json!({ "tuple_keys": asking.tuples.iter().map(Tuple::to_json).collect::<Vec<_>>() });
        }
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
        let path = format!("/stores/{}/streamed-list-objects", encoded(asking.store));
        let lines = self.client.stream(&path, &body)?;
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
        if !asking.tuples.is_empty() {
            body["contextual_tuples"] = asking.tuples.iter().map(Tuple::to_json).collect();
        }
        let answer = self.ask(asking, "list-users", body)?;
        let users = answer["users"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(users.iter().map(user_shown).collect())
    }

    fn ask(&self, asking: Asking<'_>, what: &str, body: Value) -> Result<Value> {
        let body = about(asking, body);
        self.client.post(&format!("/stores/{}/{what}", encoded(asking.store)), &body, Repeat::Safe)
    }

    fn understood<T: serde::de::DeserializeOwned>(&self, value: Value) -> Result<T> {
        serde_json::from_value(value).map_err(|error| self.client.unlike_openfga(error.to_string()))
    }

    fn id_of(&self, value: &Value, name: &str) -> Result<String> {
        let text = value[name].as_str().unwrap_or_default();
        id::checked(text).map_err(|why| self.client.unlike_openfga(format!("{name}: {why}")))
    }
}

/// Which objects a list is to hold, with the tuples that count for it alone.
fn objects_wanted(asking: Asking<'_>, user: &str, relation: &str, object_type: &str) -> Value {
    let mut body = json!({ "user": user, "relation": relation, "type": object_type });
    if !asking.tuples.is_empty() {
        body["contextual_tuples"] =
            json!({ "tuple_keys": asking.tuples.iter().map(Tuple::to_json).collect::<Vec<_>>() });
    }
    body
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
