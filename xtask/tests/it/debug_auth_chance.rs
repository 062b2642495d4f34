//! `debug-auth` of random stores: its verdict is the server's, and what it names as a change allows the question.
//! `XTASK_TEST_SEED` repeats a run, `XTASK_TEST_CASES` lengthens it.

use crate::harness::dice::{self, Dice};
use crate::harness::openfga::Api;
use crate::harness::store::Shop;
use crate::harness::{Test, shared};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] the_verdict_of_a_random_store_is_the_servers_and_its_remedies_allow,
    ]
}

const QUESTIONS: usize = 3;

fn the_verdict_of_a_random_store_is_the_servers_and_its_remedies_allow() {
    let shop = shared().shop();
    shop.file("tuples: []\n");
    let (mut dice, seed) = Dice::thrown();
    let (mut decided, mut changed) = (BTreeMap::<String, usize>::new(), 0);
    for _ in 0..dice::cases(15) {
        let random = Random::of(&mut dice, &shop);
        for _ in 0..QUESTIONS {
            let asked = Asked::of(&mut dice);
            let what = format!("seed {seed}: {asked:?}\n{:#}\n{:#}", random.model, json!(random.tuples));
            let (verdict, sets) = random.debugged(&shop, &asked, &what);
            *decided.entry(verdict).or_default() += 1;
            for set in sets {
                random.allows_after(&asked, &set, &what);
                changed += 1;
            }
        }
        random.api.delete(&format!("/stores/{}", random.store));
    }
    eprintln!("seed {seed}: {decided:?}, {changed} changes");
    assert!(changed > 0, "seed {seed}: no change was tried, {decided:?}");
}

#[derive(Debug)]
struct Asked {
    user: &'static str,
    relation: &'static str,
    object: &'static str,
    context: Option<&'static str>,
}

impl Asked {
    fn of(dice: &mut Dice) -> Self {
        Self {
            user: dice.one_of(&["user:al", "user:al", "user:bo", "group:1#a"]),
            relation: dice.one_of(&["b", "c", "c"]),
            object: dice.one_of(&["doc:1", "doc:1", "group:1"]),
            context: dice.one_of(&[None, None, Some("{\"hour\": 1}"), Some("{\"hour\": 9}")]),
        }
    }

    fn check(&self) -> Value {
        let key = json!({ "user": self.user, "relation": self.relation, "object": self.object });
        let mut body = json!({ "tuple_key": key });
        if let Some(context) = self.context {
            body["context"] = serde_json::from_str(context).unwrap();
        }
        body
    }
}

/// A random store on a server.
struct Random {
    api: Api,
    store: String,
    model: Value,
    tuples: Vec<Value>,
}

impl Random {
    fn of(dice: &mut Dice, shop: &Shop<'_>) -> Self {
        loop {
            let (api, model) = (shop.api(), model(dice));
            let tuples = tuples(dice, &model);
            // A server refuses a relation that no tuple could lead to.
            if let Some(store) = written(&api, &model, &tuples) {
                return Self { api, store, model, tuples };
            }
        }
    }

    /// What `debug-auth` says, compared with the server; the sets of changes that would allow it.
    fn debugged(&self, shop: &Shop<'_>, asked: &Asked, what: &str) -> (String, Vec<Value>) {
        let context: Vec<&str> = asked.context.into_iter().flat_map(|context| ["--context", context]).collect();
        let words = [asked.user, asked.relation, asked.object, "--store", &self.store, "--json"];
        let run = shop.debug_auth(words).args(context).run();
        let json = run.json();
        let verdict = json["verdict"].as_str().unwrap().to_owned();
        run.code(i32::from(verdict != "yes"));
        assert!(self.answers(&self.store, asked, &verdict), "the server does not say {verdict}: {what}\n{json:#}");
        if json["tree_agrees"] != true {
            let tree = match json["tree"]["verdict"].as_str().unwrap() {
                "cycle" => "no",
                other => other,
            };
            assert!(self.answers(&self.store, asked, tree), "the tree says {tree}: {what}\n{json:#}");
        }
        (verdict, json["remedies"].as_array().unwrap().clone())
    }

    /// Whether this is an answer of the server, which may answer the same question about a cycle both ways.
    fn answers(&self, store: &str, asked: &Asked, verdict: &str) -> bool {
        (0..20).any(|_| {
            let (status, answer) = self.api.request(&format!("/stores/{store}/check"), Some(&asked.check()));
            let said = match (status, answer["allowed"].as_bool()) {
                (200, Some(true)) => "yes",
                (200, _) => "no",
                _ => "undecided",
            };
            said == verdict
        })
    }

    /// Makes the changes in a copy of the store, and asks again.
    fn allows_after(&self, asked: &Asked, set: &Value, what: &str) {
        let mut tuples = self.tuples.clone();
        for change in set.as_array().unwrap() {
            let key = |tuple: &Value| ["user", "relation", "object"].map(|part| tuple[part].clone());
            tuples.retain(|tuple| key(tuple) != key(&change["tuple"]));
            if change["action"] != "delete" {
                let mut tuple = change["tuple"].clone();
                if !change["condition"].is_null() {
                    tuple["condition"] = change["condition"].clone();
                }
                tuples.push(tuple);
            }
        }
        let store = written(&self.api, &self.model, &tuples).unwrap_or_else(|| panic!("{set:#} not taken: {what}"));
        assert!(self.answers(&store, asked, "yes"), "not allowed by {set:#}: {what}");
        self.api.delete(&format!("/stores/{store}"));
    }
}

/// A store of its own with the model and the tuples; `None` where the server refuses one.
fn written(api: &Api, model: &Value, tuples: &[Value]) -> Option<String> {
    let store = api.create_store("chance");
    let is_taken = |path: &str, body: &Value| api.request(&format!("/stores/{store}/{path}"), Some(body)).0 < 300;
    let is_whole = is_taken("authorization-models", model)
        && (tuples.is_empty() || is_taken("write", &json!({ "writes": { "tuple_keys": tuples } })));
    if !is_whole {
        api.delete(&format!("/stores/{store}"));
    }
    is_whole.then_some(store)
}

/// What a relation takes: users, groups' relations, and both with a condition.
const DIRECT: [&str; 5] = ["user", "user with late", "user:*", "group#a", "group#a with late"];

/// Groups and documents: `p` leads to groups, to one root and to labels, which have no relation that is asked for.
fn model(dice: &mut Dice) -> Value {
    let mut types = vec![json!({ "type": "user" })];
    for name in ["group", "doc"] {
        let (mut relations, mut metadata) = (json!({ "p": { "this": {} } }), json!({}));
        metadata["p"] = taken(&["group", "group with late", "root", "label", "label with late"]);
        relations["a"] = json!({ "this": {} });
        metadata["a"] = taken(&DIRECT);
        for relation in ["b", "c"] {
            let rewrite = rewrite(dice, relation, 2);
            if rewrite.to_string().contains("\"this\"") {
                metadata[relation] = taken(&DIRECT[..3]);
            }
            relations[relation] = rewrite;
        }
        types.push(json!({ "type": name, "relations": relations, "metadata": { "relations": metadata } }));
    }
    let all = json!({ "a": { "this": {} }, "b": { "this": {} }, "c": { "this": {} } });
    let of_users = json!({ "relations": { "a": taken(&["user"]), "b": taken(&["user"]), "c": taken(&["user"]) } });
    types.push(json!({ "type": "root", "relations": all, "metadata": of_users }));
    let tagged = json!({ "relations": { "tagged": taken(&["user"]) } });
    types.push(json!({ "type": "label", "relations": { "tagged": { "this": {} } }, "metadata": tagged }));
    let kind = json!({ "type_name": "TYPE_NAME_INT" });
    let late = json!({ "name": "late", "expression": "hour > limit", "parameters": { "hour": kind, "limit": kind } });
    json!({ "schema_version": "1.1", "type_definitions": types, "conditions": { "late": late } })
}

/// `[user, group#a with late]` as JSON.
fn taken(kinds: &[&str]) -> Value {
    let kinds = kinds.iter().map(|kind| {
        let (user, condition) = kind.split_once(" with ").unwrap_or((kind, ""));
        let mut kind = match (user.split_once('#'), user.strip_suffix(":*")) {
            (Some((name, relation)), _) => json!({ "type": name, "relation": relation }),
            (None, Some(name)) => json!({ "type": name, "wildcard": {} }),
            (None, None) => json!({ "type": user }),
        };
        if !condition.is_empty() {
            kind["condition"] = json!(condition);
        }
        kind
    });
    json!({ "directly_related_user_types": kinds.collect::<Vec<_>>() })
}

/// How the relation is defined.
fn rewrite(dice: &mut Dice, relation: &str, depth: usize) -> Value {
    if depth > 0 && !dice.once_in(3) {
        let (one, other) = (rewrite(dice, relation, depth - 1), rewrite(dice, relation, depth - 1));
        return match dice.below(3) {
            0 => json!({ "union": { "child": [one, other] } }),
            1 => json!({ "intersection": { "child": [one, other] } }),
            _ => json!({ "difference": { "base": one, "subtract": other } }),
        };
    }
    let from = |name: &str| json!({ "tupleToUserset": { "tupleset": { "relation": "p" }, "computedUserset": { "relation": name } } });
    match (dice.below(4), relation) {
        (0, _) => json!({ "this": {} }),
        (1, "c") => json!({ "computedUserset": { "relation": "b" } }),
        (1 | 2, _) => json!({ "computedUserset": { "relation": "a" } }),
        _ => from(dice.one_of(&["a", "b", "c"])),
    }
}

/// Tuples that the models take, as far as their relations take any; a part of them has a condition without a value.
fn tuples(dice: &mut Dice, model: &Value) -> Vec<Value> {
    let mut found = BTreeMap::new();
    for _ in 0..dice.below(14) {
        let object = dice.one_of(&["doc:1", "doc:1", "group:1", "group:2"]);
        let kind = usize::from(object.starts_with("doc")) + 1;
        let own = &model["type_definitions"][kind]["metadata"]["relations"];
        let direct: Vec<&str> = ["a", "b", "c"].into_iter().filter(|name| own.get(name).is_some()).collect();
        let (user, relation) = match dice.below(5) {
            0 | 1 => (dice.one_of(&["group:1", "group:2", "root:1", "label:1"]), "p"),
            2 => (dice.one_of(&["group:1#a", "group:2#a"]), "a"),
            _ => (dice.one_of(&["user:al", "user:al", "user:bo", "user:*"]), dice.one_of(&direct)),
        };
        let mut tuple = json!({ "user": user, "relation": relation, "object": object });
        let takes_a_condition = !["user:*", "root:1"].contains(&user);
        if takes_a_condition && dice.once_in(3) {
            tuple["condition"] = json!({ "name": "late", "context": { "limit": 3 } });
        }
        found.insert((user, relation, object), tuple);
    }
    found.into_values().collect()
}
