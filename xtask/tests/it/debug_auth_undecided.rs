//! `debug-auth` where the server refuses a question for a tuple that leads nowhere: what is missing there is named, and no
//! bug of this program is suspected.

use crate::harness::store::{FakeServer, Got, Shop, tuple};
use crate::harness::{Outcome, Sandbox, Test, Xtask, shared};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] a_value_that_a_tuple_elsewhere_lacks_is_named_and_asked_for,
        [Stack, Openfga] a_value_that_a_tuple_elsewhere_cannot_take_is_reported_with_the_types,
        [Stack, Openfga] a_refusal_that_is_about_no_condition_blames_none,
        [Stack, Openfga] few_of_many_conditions_elsewhere_are_asked_for,
    ]
}

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, user with late, user:* with two]
type folder
  relations
    define viewer: [user, user with late]
type file
  relations
    define parent: [folder]
    define viewer: viewer from parent
type room
  relations
    define guest: [user, user with two]
type hall
  relations
    define room: [room]
    define guest: guest from room
type doc
  relations
    define viewer: [user, group#member]
    define both: viewer and owner
    define owner: [user]
    define other: owner but not viewer
condition late(hour: int, limit: int) {
  hour > limit
}
condition two(a: int, b: int) {
  a / b > 1
}
";

fn set_up<'a>(tuples: &[String]) -> Shop<'a> {
    let ways = [
        tuple("group:1#member", "viewer", "doc:1", ""),
        tuple("user:al", "owner", "doc:1", ""),
        tuple("folder:1", "parent", "file:1", ""),
    ];
    shared().shop_of(MODEL, &format!("tuples:\n{}{}", ways.concat(), tuples.concat()))
}

/// Runs it until the server refuses the question: it reads side by side, and answers where it knows enough before it has come
/// to the tuple that it cannot decide. Either answer is reported as it is. The server also learns, for each store and relation,
/// which way of looking is the faster one (its "planner"), and may never come to that tuple again: a new store begins anew.
fn until_refused(tuples: &[String], run: impl Fn(&Shop<'_>) -> Outcome) -> Outcome {
    for _ in 0..8 {
        let shop = set_up(tuples);
        for _ in 0..8 {
            let run = run(&shop);
            if run.text().contains("cannot be decided") || run.text().contains("\"undecided\"") {
                return run;
            }
            run.stderr_lacks("bug").stderr_lacks("by the tree");
        }
    }
    panic!("the server answered each time");
}

fn a_value_that_a_tuple_elsewhere_lacks_is_named_and_asked_for() {
    let limit = "{name: late, context: {limit: 3}}";
    let tuples = [
        tuple("user:al", "member", "group:2", limit),
        tuple("user:al", "viewer", "folder:2", limit),
        tuple("user:*", "member", "group:3", "{name: two, context: {b: 1}}"),
    ];
    let shop = set_up(&tuples);
    for (user, relation, object, tuple, name) in [
        ("user:al", "viewer", "file:1", "user:al viewer folder:2", "hour"),
        ("user:bo", "viewer", "doc:1", "user:* member group:3", "a"),
    ] {
        let question = [user, relation, object];
        let run = until_refused(&tuples, |shop| shop.debug_auth(question).run());
        let condition = if name == "a" { "two" } else { "late" };
        let why = format!("{name} is missing (condition {condition} of {tuple}, which the server reads, too)\n");
        run.code(1).stdout_has(&format!("cannot be decided: {why}")).stderr_has(&format!("cannot be decided: {why}"));
        run.stdout_has(&format!("⚠ {tuple} with {condition}\n")).stdout_has(&format!("⚠ {relation} of {object}"));
        let give = format!("→ give the value: --context '{{\"{name}\": VALUE}}'\n");
        run.stderr_has(&give).stderr_lacks("by the tree").stderr_lacks("bug");
        let json = until_refused(&tuples, |shop| shop.debug_auth(question).args(["--json"]).run()).code(1).json();
        assert_eq!(
            (&json["verdict"], &json["tree"]["verdict"], &json["tree_agrees"]),
            (&json!("undecided"), &json!("undecided"), &json!(true)),
            "{json:#}"
        );
        let given = format!("{{\"{name}\": 1}}");
        let run = shop.debug_auth(question).args(["--context", &given]).run();
        run.code(1).stdout_has(": denied\n").stdout_has("It would be allowed by").stderr_lacks("by the tree");
    }
    // Two of them; the server names one at a time. Behind `and` and `but not` likewise.
    for relation in ["viewer", "both", "other"] {
        let asked = ["user:al", relation, "doc:1", "--context", "{\"a\": 1}"];
        let run = until_refused(&tuples, |shop| shop.debug_auth(asked).run());
        run.code(1).stdout_has("cannot be decided: hour is missing (condition late of user:al member group:2");
        run.stderr_lacks("bug");
        let all = ["--context", "{\"a\": 1, \"hour\": 1}", "--json"];
        let json = shop.debug_auth(["user:al", relation, "doc:1"]).args(all).run().json();
        assert_eq!((&json["verdict"] == "undecided", &json["tree_agrees"]), (false, &json!(true)), "{json:#}");
    }
}

fn a_value_that_a_tuple_elsewhere_cannot_take_is_reported_with_the_types() {
    let tuples = [
        tuple("user:al", "member", "group:2", "{name: late, context: {limit: 3}}"),
        tuple("user:bo", "viewer", "folder:2", "{name: late, context: {limit: 3}}"),
    ];
    for (user, object, tuple) in
        [("user:al", "doc:1", "user:al member group:2"), ("user:bo", "file:1", "user:bo viewer folder:2")]
    {
        let asked = [user, "viewer", object, "--context", "{\"hour\": \"noon\"}"];
        let run = until_refused(&tuples, |shop| shop.debug_auth(asked).run());
        run.code(1).stdout_has(&format!("cannot be decided: condition late of {tuple}, which the server reads, too: "));
        run.stderr_has("expected a int64 value").stderr_lacks("bug");
        run.stderr_has("→ give values of the types that late takes: hour: int, limit: int\n");
    }
    // One of another type beside one that is missing: typed again it would be refused again.
    let two = tuple("user:al", "guest", "room:2", "{name: two, context: {}}");
    let tuples = [tuple("room:1", "room", "hall:1", ""), two];
    let asked = ["user:al", "guest", "hall:1", "--context", "{\"a\": \"noon\"}"];
    let run = until_refused(&tuples, |shop| shop.debug_auth(asked).run());
    run.code(1).stderr_has("→ give the value: --context '{\"a\": VALUE, \"b\": VALUE}'\n");
}

/// The shop's server behind a proxy that refuses the question about `doc:1` in these words.
fn refusing(status: u16, code: &str, words: &str) -> (Sandbox, FakeServer) {
    let answer = json!({ "code": code, "message": words }).to_string();
    let is_question = |got: &Got| {
        let asked: Value = serde_json::from_str(&got.body).unwrap_or_default();
        got.line.ends_with("/check") && asked["tuple_key"]["object"] == "doc:1"
    };
    shared().behind_proxy(move |got| is_question(got).then(|| (status, String::new(), answer.clone())))
}

fn a_refusal_that_is_about_no_condition_blames_none() {
    let shop = set_up(&[tuple("user:al", "member", "group:2", "{name: late, context: {limit: 3}}")]);
    let words = "authorization model not found";
    let (sandbox, _proxy) = refusing(404, "authorization_model_not_found", words);
    let id = shop.ids().remove(0);
    let ask = |more: &[&'static str]| {
        let run = Xtask::new(&sandbox).args(["debug-auth", "user:al", "viewer", "doc:1", "--store", &id]);
        run.args(more.iter().copied()).run()
    };
    let run = ask(&[]);
    run.code(1).stdout_has(&format!("user:al viewer doc:1: cannot be decided: {words} (HTTP 404"));
    run.stdout_lacks("is missing").stdout_has("\n✗ viewer of doc:1");
    run.stderr_has(&format!("by the tree it is denied, but the server refuses the question: {words} (HTTP 404"));
    run.stderr_has("→ the server's answer counts. The store or its model may have changed").stderr_lacks("bug");
    let json = ask(&["--json"]).code(1).json();
    assert_eq!((&json["verdict"], &json["tree_agrees"]), (&json!("undecided"), &json!(false)), "{json:#}");
}

fn few_of_many_conditions_elsewhere_are_asked_for() {
    let with = |user: &str, n: usize| {
        let limit = |limit: usize| format!("{{name: late, context: {{limit: {limit}}}}}");
        let (group, folder) = (format!("group:n{n}"), format!("folder:n{n}"));
        tuple(user, "member", &group, &limit(n)) + &tuple(user, "viewer", &folder, &limit(n + 1_000))
    };
    let many: Vec<String> = (0..80).map(|n| with("user:al", n)).collect();
    let shop = shared().shop_of(
        &MODEL.replace(
            "define viewer: [user, group#member]",
            "define viewer: [user, group#member] or viewer from seat\n    define seat: [folder]",
        ),
        &format!("tuples:\n{}", many.concat()),
    );
    let id = shop.ids().remove(0);
    let question = ["debug-auth", "user:al", "viewer", "doc:1", "--store", &id];
    for (context, asked_for, said) in
        [("{}", 2..6, "hour is missing"), ("{\"hour\": 1}", 90..106, "relationship condition")]
    {
        let (sandbox, proxy) =
            refusing(400, "validation_error", "failed to evaluate relationship condition: 'late' - x");
        let run = Xtask::new(&sandbox).args(question).args(["--context", context]).run();
        run.code(1).stdout_has("cannot be decided: ").stderr_lacks("by the tree");
        let asked = proxy.got().iter().filter(|got| got.line.ends_with("/check")).count();
        run.stdout_has(said);
        assert!(asked_for.contains(&asked), "{asked} checks with {context}");
    }
}
