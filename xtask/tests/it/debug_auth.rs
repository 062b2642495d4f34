//! `debug-auth`: the server's answer, a tree that says the same, and what would change it.

use crate::harness::store::Shop;
use crate::harness::{Test, sandbox::checkout, shared};
use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value, json};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] every_check_of_the_sample_stores_has_a_tree_that_says_what_the_server_says,
        [Stack, Openfga] a_denial_names_each_change_that_would_allow_it,
        [Stack, Openfga] a_condition_is_decided_by_the_server_or_names_the_missing_value,
        [Stack, Openfga] a_way_that_is_longer_than_the_server_goes_is_undecided,
    ]
}

const MODEL: &str = "model
  schema 1.1
type user
type team
  relations
    define member: [user, team#member]
    define suspended: [user]
    define active: member but not suspended
type club
  relations
    define member: [user, club#member with in_time]
type org
  relations
    define member: [user]
type doc
  relations
    define org: [org, org with in_time]
    define owner: [user]
    define blocked: [user, team#member]
    define editor: [user, user:*, team#member] or owner
    define viewer: (editor or member from org) but not blocked
    define signer: owner and member from org
    define approver: editor and owner and member from org
    define guest: [user, user with in_time, user with in_office]
    define wild: [user:*] but not blocked
condition in_time(now: int, until: int) {
  now < until
}
condition in_office(ip: ipaddress, net: string) {
  ip.in_cidr(net)
}
";

const TUPLES: &str = "tuples:
  - {user: 'user:anne', relation: owner, object: 'doc:plan'}
  - {user: 'user:anne', relation: member, object: 'org:acme'}
  - {user: 'user:bob', relation: member, object: 'team:staff'}
  - {user: 'team:staff#member', relation: member, object: 'team:all'}
  - {user: 'team:all#member', relation: editor, object: 'doc:plan'}
  - {user: 'user:mallory', relation: editor, object: 'doc:plan'}
  - {user: 'user:mallory', relation: blocked, object: 'doc:plan'}
  - {user: 'org:acme', relation: org, object: 'doc:plan'}
  - {user: 'user:*', relation: wild, object: 'doc:plan'}
  - {user: 'user:dora', relation: owner, object: 'doc:paper'}
  - {user: 'org:acme', relation: org, object: 'doc:paper', condition: {name: in_time, context: {until: 10}}}
  - {user: 'user:guest', relation: guest, object: 'doc:plan', condition: {name: in_time, context: {until: 10}}}
  - {user: 'team:loop2#member', relation: member, object: 'team:loop1'}
  - {user: 'team:loop1#member', relation: member, object: 'team:loop2'}
";

pub fn set_up<'a>() -> Shop<'a> {
    shared().shop_of(MODEL, TUPLES)
}

/// The same as JSON: our own files have no aliases and no tags.
fn as_json(yaml: &str) -> Value {
    fn value<'t>(events: &mut dyn Iterator<Item = Event<'t>>, event: Event<'t>) -> Value {
        match event {
            Event::Scalar(text, ..) if text == "true" || text == "false" => json!(text == "true"),
            Event::Scalar(text, ..) => json!(text),
            Event::SequenceStart(..) => {
                let mut list = Vec::new();
                while let Some(event) = events.next().filter(|event| *event != Event::SequenceEnd) {
                    list.push(value(events, event));
                }
                Value::Array(list)
            }
            Event::MappingStart(..) => {
                let mut fields = Map::new();
                while let Some(Event::Scalar(name, ..)) = events.next() {
                    let event = events.next().unwrap();
                    fields.insert(name.into_owned(), value(events, event));
                }
                Value::Object(fields)
            }
            other => panic!("{other:?}"),
        }
    }
    let mut events = Parser::new_from_str(yaml).map(|event| event.unwrap().0);
    let is_content = |event: &Event<'_>| !matches!(event, Event::StreamStart | Event::DocumentStart(_));
    let first = events.find(is_content).unwrap();
    value(&mut events, first)
}

/// The values of a list, or of one that stands alone.
fn several(fields: &Value, one: &str, many: &str) -> Vec<Value> {
    fields[many].as_array().cloned().unwrap_or_else(|| fields.get(one).cloned().into_iter().collect())
}

fn every_check_of_the_sample_stores_has_a_tree_that_says_what_the_server_says() {
    let shop = shared().shop();
    shop.sandbox.copy_folder("openfga");
    let mut asked = 0;
    for file in ["store", "documents"] {
        let text = fs::read_to_string(checkout().join(format!("openfga/{file}.fga.yaml"))).unwrap();
        let store = as_json(&text);
        for (number, test) in store["tests"].as_array().unwrap().iter().enumerate() {
            // debug-auth asks about the store as it is: what the test brings is written into a store of its own.
            let name = format!("{}-{file}-{number}", shop.store);
            let mut own = store.clone();
            own.as_object_mut().unwrap().remove("tests");
            own["name"] = json!(name);
            own["tuples"] = [&store["tuples"], &test["tuples"]]
                .iter()
                .filter_map(|list| list.as_array())
                .flatten()
                .cloned()
                .collect();
            let mut files = several(&store, "", "tuple_files");
            files.extend(several(test, "tuple_file", "tuple_files"));
            if !files.is_empty() {
                own["tuple_files"] = Value::Array(files);
            }
            shop.sandbox.write("openfga/own.fga.yaml", own.to_string());
            shop.setup(["--file", "openfga/own.fga.yaml", "--no-env"]).run().ok();
            asked += checks(&shop, &name, test);
        }
    }
    assert!(asked > 20, "{asked} questions were found");
}

/// Asks every check of a test; how many there were.
fn checks(shop: &Shop<'_>, store: &str, test: &Value) -> usize {
    let mut asked = 0;
    for check in test["check"].as_array().unwrap() {
        for user in several(check, "user", "users") {
            for object in several(check, "object", "objects") {
                for (relation, expected) in check["assertions"].as_object().unwrap() {
                    let words = [user.as_str().unwrap(), relation, object.as_str().unwrap()];
                    let values = check["context"].to_string();
                    let context = if check["context"].is_null() { &[][..] } else { &["--context", &values] };
                    let run =
                        shop.debug_auth(words).args(["--store", store, "--json"]).args(context.iter().copied()).run();
                    let json = run.code(if *expected == json!(true) { 0 } else { 1 }).json();
                    let verdict = json!(if *expected == json!(true) { "yes" } else { "no" });
                    assert_eq!(json["verdict"], verdict, "{words:?}");
                    assert_eq!(
                        (&json["tree_agrees"], &json["tree"]["verdict"]),
                        (&json!(true), &verdict),
                        "{words:?} {json:#}"
                    );
                    asked += 1;
                }
            }
        }
    }
    asked
}

/// Questions, the exit code, and what is shown.
const ANSWERS: [([&str; 3], i32, &str); 11] = [
    // Granted: by a tuple, by usersets in one another, by everybody's tuple.
    (["user:anne", "viewer", "doc:plan"], 0, "✓ user:anne viewer doc:plan: allowed\n"),
    (
        ["user:bob", "viewer", "doc:plan"],
        0,
        "Granted by\n  team:all#member editor doc:plan\n  team:staff#member member team:all\n  user:bob member team:staff\n",
    ),
    (["user:carl", "wild", "doc:plan"], 0, "Granted by\n  user:* wild doc:plan\n"),
    (["team:staff#member", "editor", "doc:plan"], 0, "  ✓ team:staff#member member team:all\n"),
    // One tuple is missing: the user's own before everybody's.
    (
        ["user:carl", "editor", "doc:plan"],
        1,
        "It would be allowed by any one of these\n  write user:carl editor doc:plan\n  write user:carl owner doc:plan\n  \
         write user:carl member team:all\n  write user:carl member team:staff\n  write user:* editor doc:plan\n",
    ),
    (["user:anne", "owner", "doc:paper"], 1, "✗ owner of doc:paper: [user]\n  ✗ no tuple user:anne owner doc:paper\n"),
    // `and`: only what is missing of it, and both where both are.
    (
        ["user:dora", "signer", "doc:plan"],
        1,
        "by these together\n  write user:dora member org:acme\n  write user:dora owner doc:plan\n",
    ),
    (["user:bob", "signer", "doc:plan"], 1, "✗ signer of doc:plan: all of\n"),
    // `but not`: the tuple that blocks.
    (
        ["user:mallory", "viewer", "doc:plan"],
        1,
        "  ✓ blocked of doc:plan: [user, team#member]\n    ✓ user:mallory blocked doc:plan\n\n\
         It would be allowed by\n  delete user:mallory blocked doc:plan\n",
    ),
    // Nothing leads there.
    (["org:acme", "owner", "doc:plan"], 1, "No change of up to three tuples was found that would allow it.\n"),
    (["user:*", "owner", "doc:plan"], 1, "No change of up to three tuples"),
];

fn a_denial_names_each_change_that_would_allow_it() {
    let shop = set_up();
    for (question, code, said) in ANSWERS {
        let run = shop.debug_auth(question).run();
        run.code(code).stdout_has(said).stdout_has(&format!("Store {} (", shop.store)).stdout_has("\nModel 01");
        if code == 1 {
            run.stderr_has(&format!("✗ {} is denied\n", question.join(" ")));
        }
    }
    // What it names is what allows it.
    let change = shop.debug_auth(["user:carl", "viewer", "doc:plan", "--json"]).run().code(1).json();
    let remedies = change["remedies"].as_array().unwrap();
    assert!(remedies.len() >= 4, "{change:#}");
    assert_eq!(
        remedies[0],
        json!([{"action": "write", "tuple": {"user": "user:carl", "relation": "editor", "object": "doc:plan"}, "condition": null}])
    );
    shop.api().write_tuples(&shop.ids()[0], &[("user:carl", "member", "team:staff")]);
    shop.debug_auth(["user:carl", "viewer", "doc:plan"]).run().ok().stdout_has("  user:carl member team:staff\n");
}

fn a_way_that_is_longer_than_the_server_goes_is_undecided() {
    let shop = shared().shop();
    let model = "model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define parent: [folder]\n    \
                 define viewer: [user] or viewer from parent\n";
    shop.sandbox.write("openfga/model.fga", model);
    let chain = (0..40).map(|n| format!("  - {{user: 'folder:{}', relation: parent, object: 'folder:{n}'}}\n", n + 1));
    let own = "  - {user: 'user:deep', relation: viewer, object: 'folder:40'}\n";
    shop.file(&format!("tuples:\n{}{own}", chain.collect::<String>()));
    shop.setup([]).run().ok();
    shop.debug_auth(["user:deep", "viewer", "folder:30"]).run().ok().stdout_has("allowed");
    let run = shop.debug_auth(["user:deep", "viewer", "folder:0"]).run();
    run.code(1).stderr_has("cannot be decided").stderr_has("OPENFGA_RESOLVE_NODE_LIMIT");
    run.stderr_lacks("but by the tree it is");
}

fn a_condition_is_decided_by_the_server_or_names_the_missing_value() {
    let shop = set_up();
    let ask = |question: [&'static str; 3], context: Option<&'static str>| {
        let context: Vec<&str> = context.into_iter().flat_map(|values| ["--context", values]).collect();
        shop.debug_auth(question).args(context).run()
    };
    let guest = ["user:guest", "guest", "doc:plan"];
    let run = ask(guest, Some("{\"now\": 4}"));
    run.ok().stdout_has("✓ user:guest guest doc:plan with in_time\n").stdout_has("now < until  holds\n");
    // The condition of a tuple that leads on to another object is one to change, too.
    let run = ask(["user:anne", "viewer", "doc:paper"], Some("{\"now\": 20}"));
    run.code(1).stdout_has("change the condition of org:acme org doc:paper: delete it, write it without one\n");
    let run = ask(guest, Some("{\"now\": 10, \"other\": 1}"));
    run.code(1).stdout_has("now < until  does not hold\n").stdout_has("until = 10 (tuple), now = 10 (--context)\n");
    run.stdout_has(
        "It would be allowed by any one of these\n  \
         change the values of user:guest guest doc:plan: delete it, write it with in_time {\"until\":11}, for example\n  \
         change the condition of user:guest guest doc:plan: delete it, write it without one\n",
    );
    // A missing value is no denial.
    for context in [None, Some("{}"), Some("{\"ip\": \"10.0.0.1\"}")] {
        let run = ask(guest, context);
        run.code(1).stdout_has("⚠ user:guest guest doc:plan: cannot be decided: now is missing (condition in_time)\n");
        run.stderr_has("cannot be decided: now is missing").stderr_has("--context").stdout_lacks("denied");
    }
    // The tuple of an object leads on only while its condition holds.
    let signer = ["user:dora", "signer", "doc:paper"];
    ask(signer, Some("{\"now\": 1}")).code(1).stdout_has("It would be allowed by\n  write user:dora member org:acme\n");
    ask(signer, Some("{\"now\": 11}")).code(1).stdout_has("✗ org:acme org doc:paper with in_time\n");
    ask(signer, None).code(1).stdout_has("now is missing").stdout_lacks("denied");
    // What is decided without the value is decided.
    ask(["user:anne", "signer", "doc:paper"], None).code(1).stdout_has("⚠ org:acme org doc:paper with in_time\n");
    ask(guest, Some("{\"now\": \"soon\"}")).code(1).stdout_has("cannot be decided: condition in_time: ");
    let json = shop.debug_auth(guest).args(["--json"]).run().code(1).json();
    assert_eq!((&json["verdict"], &json["tree_agrees"]), (&json!("undecided"), &json!(true)));
    assert_eq!(json["why"], json!("now is missing (condition in_time)"));
}
