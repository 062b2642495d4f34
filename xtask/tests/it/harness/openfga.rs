//! As much of OpenFGA's HTTP API as the tests need.

use super::{Sandbox, needs};
use serde_json::{Value, json};

/// A server's API.
#[derive(Debug)]
pub struct Api {
    pub url: String,
    token: Option<String>,
}

/// The model and tuples that a seeded store holds.
pub const TUPLES: &[(&str, &str, &str)] = &[
    ("user:alice", "member", "organization:acme"),
    ("user:bob", "member", "organization:acme"),
    ("user:alice", "admin", "organization:acme"),
    ("user:alice", "executor", "tool:chat"),
    ("user:bob", "executor", "tool:chat"),
    ("organization:acme", "organization", "tool:chat"),
    ("user:alice", "owner", "conversation:thread_1"),
    ("user:bob", "viewer", "conversation:thread_1"),
    ("user:zoë", "member", "organization:acme"),
    ("user:日本", "member", "organization:acme"),
];

impl Sandbox {
    /// Names the OpenFGA program of this host, for a test that needs it.
    pub fn set_openfga_program(&self) {
        self.set("XTASK_OPENFGA_BIN", needs::openfga_program().unwrap().to_str().unwrap());
    }

    /// Writes a store file of a store `acme`, whose model has users and nothing else.
    pub fn store_of_users(&self) {
        self.write("openfga/store.fga.yaml", "name: acme\nmodel: |\n  model\n    schema 1.1\n  type user\n");
    }
}

impl Api {
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned(), token: None }
    }

    pub fn with_key(mut self, key: &str) -> Self {
        self.token = Some(key.to_owned());
        self
    }

    /// One request; the status and the answer.
    #[track_caller]
    pub fn request(&self, path: &str, body: Option<&Value>) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        let url = format!("{}{path}", self.url);
        let key = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let answer = match body {
            Some(body) => {
                let mut request = agent.post(&url).header("Content-Type", "application/json");
                if let Some(key) = &key {
                    request = request.header("Authorization", key);
                }
                request.send(body.to_string())
            }
            None => {
                let mut request = agent.get(&url);
                if let Some(key) = &key {
                    request = request.header("Authorization", key);
                }
                request.call()
            }
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A DELETE; the status and the answer.
    #[track_caller]
    pub fn delete(&self, path: &str) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        let url = format!("{}{path}", self.url);
        let mut answer = agent.delete(&url).call().unwrap_or_else(|error| panic!("{url}: {error}"));
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A request that must work.
    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.request(path, Some(body));
        assert!((200..300).contains(&status), "POST {path}: {status} {answer}");
        answer
    }

    /// A new store; its id.
    #[track_caller]
    pub fn create_store(&self, name: &str) -> String {
        self.post("/stores", &json!({ "name": name }))["id"].as_str().unwrap().to_owned()
    }

    /// Writes the sample model; its id.
    #[track_caller]
    pub fn write_model(&self, store: &str) -> String {
        let direct = |kinds: &[&str]| -> Value {
            json!({ "directly_related_user_types": kinds.iter().map(|kind| json!({ "type": kind })).collect::<Vec<_>>() })
        };
        let this = json!({ "this": {} });
        let or = |relation: &str| json!({ "union": { "child": [{ "this": {} }, { "computedUserset": { "relation": relation } }] } });
        let model = json!({ "schema_version": "1.1", "type_definitions": [
            { "type": "user" },
            { "type": "organization", "relations": { "member": this, "admin": this },
              "metadata": { "relations": { "member": direct(&["user"]), "admin": direct(&["user"]) } } },
            { "type": "tool",
              "relations": { "owner": this, "organization": this, "executor": { "union": { "child": [
                  { "this": {} }, { "computedUserset": { "relation": "owner" } },
                  { "tupleToUserset": { "tupleset": { "relation": "organization" },
                                        "computedUserset": { "relation": "member" } } } ] } } },
              "metadata": { "relations": { "owner": direct(&["user"]), "organization": direct(&["organization"]),
                                           "executor": direct(&["user"]) } } },
            { "type": "conversation", "relations": { "owner": this, "viewer": or("owner") },
              "metadata": { "relations": { "owner": direct(&["user"]), "viewer": direct(&["user"]) } } },
        ] });
        let answer = self.post(&format!("/stores/{store}/authorization-models"), &model);
        answer["authorization_model_id"].as_str().unwrap().to_owned()
    }

    /// Writes tuples (user, relation, object), a hundred at a time.
    #[track_caller]
    pub fn write_tuples<S: AsRef<str>>(&self, store: &str, tuples: &[(S, S, S)]) {
        for part in tuples.chunks(100) {
            let keys = part.iter().map(|(user, relation, object)| {
                json!({ "user": user.as_ref(), "relation": relation.as_ref(), "object": object.as_ref() })
            });
            let keys: Vec<Value> = keys.collect();
            self.post(&format!("/stores/{store}/write"), &json!({ "writes": { "tuple_keys": keys } }));
        }
    }

    /// Whether the user has the relation.
    #[track_caller]
    pub fn check(&self, store: &str, user: &str, relation: &str, object: &str) -> bool {
        let key = json!({ "tuple_key": { "user": user, "relation": relation, "object": object } });
        self.post(&format!("/stores/{store}/check"), &key)["allowed"] == true
    }

    /// A store with the sample model and tuples; its id.
    #[track_caller]
    pub fn seed(&self, name: &str) -> String {
        let store = self.create_store(name);
        self.write_model(&store);
        self.write_tuples(&store, TUPLES);
        store
    }
}
