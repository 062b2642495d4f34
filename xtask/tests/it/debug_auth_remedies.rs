//! What `debug-auth` names as a change that would allow a denied question, where conditions stand in the way: it is carried
//! out, and the server allows it.

use crate::harness::store::{Shop, tuple};
use crate::harness::{Outcome, Test, shared};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] changes_on_both_sides_of_a_condition_that_does_not_hold_are_found_together,
        [Stack, Openfga] a_value_of_a_tuple_that_would_make_its_condition_hold_is_found_and_tried,
        [Stack, Openfga] values_that_a_person_has_to_choose_are_named_as_not_verified,
        [Stack, Openfga] a_smaller_set_that_needs_values_is_named_beside_a_verified_one,
        [Stack, Openfga] the_hint_of_an_undecided_question_has_the_names_or_the_types,
        [Stack, Openfga] links_beyond_the_limit_are_not_left_out_silently,
        [Stack, Openfga] a_search_that_was_cut_says_so,
    ]
}

const MODEL: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user]
type folder
  relations
    define viewer: [user]
    define owner: [user]
    define editor: viewer and owner
    define parent: [folder with late]
    define reader: [group#member with late] or reader from parent
type doc
  relations
    define parent: [folder, folder with late]
    define strict: [folder with late]
    define blocked: [user]
    define viewer: viewer from parent
    define editor: editor from parent
    define reader: [group#member, group#member with late]
    define free: viewer from parent but not blocked
    define deep: reader from parent
    define guarded: viewer from strict
    define team: [group#member]
    define owner: [user with same]
    define timed: [user with window]
    define open: [user with is_on]
    define either: owner or viewer from parent
condition late(hour: int) {
  hour > 17
}
condition same(a: string, b: string) {
  a == b
}
condition window(now: int, until: int, ip: ipaddress) {
  now < until && ip.in_cidr(\"10.0.0.0/8\")
}
condition is_on(on: bool) {
  on
}
";

fn set_up<'a>(tuples: &str) -> Shop<'a> {
    shared().shop_of(MODEL, &format!("tuples:\n{tuples}"))
}

/// A relation and an object that USER does not have while it is early, and the changes that give them. Each object has a
/// user of its own: what one has already could be linked.
const TOGETHER: [(&str, &str, &[&str]); 6] = [
    // What the user is in already is what can be linked.
    ("team", "doc:v", &["write group:his#member team doc:v"]),
    (
        "viewer",
        "doc:v",
        &[
            "write USER viewer folder:v",
            "change the condition of folder:v parent doc:v: delete it, write it without one",
        ],
    ),
    (
        "reader",
        "doc:r",
        &[
            "write USER member group:r",
            "change the condition of group:r#member reader doc:r: delete it, write it without one",
        ],
    ),
    (
        "editor",
        "doc:e",
        &[
            "write USER owner folder:e",
            "write USER viewer folder:e",
            "change the condition of folder:e parent doc:e: delete it, write it without one",
        ],
    ),
    (
        "free",
        "doc:f",
        &[
            "write USER viewer folder:f",
            "change the condition of folder:f parent doc:f: delete it, write it without one",
            "delete USER blocked doc:f",
        ],
    ),
    // The condition alone is enough.
    ("viewer", "doc:only", &["change the condition of folder:only parent doc:only: delete it, write it without one"]),
];

fn changes_on_both_sides_of_a_condition_that_does_not_hold_are_found_together() {
    let shop = set_up(
        &[
            tuple("folder:v", "parent", "doc:v", "{name: late}"),
            tuple("folder:e", "parent", "doc:e", "{name: late}"),
            tuple("group:r#member", "reader", "doc:r", "{name: late}"),
            tuple("folder:f", "parent", "doc:f", "{name: late}"),
            tuple("user:f", "blocked", "doc:f", ""),
            tuple("user:only", "viewer", "folder:only", ""),
            tuple("folder:only", "parent", "doc:only", "{name: late}"),
            tuple("user:v", "member", "group:his", ""),
        ]
        .concat(),
    );
    for (relation, object, said) in TOGETHER {
        let user = object.replace("doc:", "user:");
        let ask = |more: &[&'static str]| {
            let question = [user.as_str(), relation, object, "--context", "{\"hour\": 5}"];
            shop.debug_auth(question).args(more.iter().copied()).run()
        };
        let together = if said.len() > 1 { " these together" } else { "" };
        let lines: String = said.iter().map(|line| format!("  {}\n", line.replace("USER", &user))).collect();
        ask(&[]).code(1).stdout_has(&format!("It would be allowed by{together}\n{lines}"));
        let json = ask(&["--json"]).code(1).json();
        assert_eq!((&json["open_remedies"], &json["remedies_are_cut"]), (&json!([]), &json!(false)), "{json:#}");
        shop.carry_out(&json["remedies"][0]);
        ask(&[]).ok();
    }
}

/// A store whose conditions have values, and a question to it.
fn with_values<'a>() -> Shop<'a> {
    set_up(
        &[
            tuple("user:bob", "owner", "doc:1", "{name: same, context: {b: 'y'}}"),
            tuple("user:bob", "timed", "doc:1", "{name: window, context: {until: 10}}"),
            tuple("user:bob", "open", "doc:1", "{name: is_on, context: {'on': false}}"),
            tuple("folder:s", "strict", "doc:1", "{name: late}"),
        ]
        .concat(),
    )
}

fn ask(shop: &Shop<'_>, relation: &str, object: &str, context: &str, more: &[&str]) -> Outcome {
    shop.debug_auth(["user:bob", relation, object, "--context", context]).args(more.iter().copied()).run()
}

fn a_value_of_a_tuple_that_would_make_its_condition_hold_is_found_and_tried() {
    let shop = with_values();
    let run = ask(&shop, "owner", "doc:1", "{\"a\": \"x\"}", &[]);
    run.code(1).stdout_has("a == b  does not hold\n").stdout_has("it would hold with a = \"y\", or with b = \"x\"\n");
    run.stdout_has(
        "It would be allowed by\n  change the values of user:bob owner doc:1: delete it, write it with same {\"b\":\"x\"}, for example\n",
    );
    for (relation, context, holds) in [
        ("owner", "{\"a\": \"x\"}", "b"),
        ("timed", "{\"now\": 20, \"ip\": \"10.0.0.3\"}", "until"),
        ("open", "{}", "on"),
    ] {
        let json = ask(&shop, relation, "doc:1", context, &["--json"]).code(1).json();
        let change = &json["remedies"][0][0];
        assert_eq!(change["action"], "change_values", "{json:#}");
        assert!(!change["condition"]["context"][holds].is_null(), "{change}");
        shop.carry_out(&json["remedies"][0]);
        ask(&shop, relation, "doc:1", context, &[]).ok();
    }
}

fn values_that_a_person_has_to_choose_are_named_as_not_verified() {
    let shop = with_values();
    // A value of the request: only that one is named.
    let run = ask(&shop, "timed", "doc:1", "{\"now\": 2, \"ip\": \"11.0.0.3\"}", &[]);
    run.code(1)
        .stdout_has("it would hold with ip = \"10.0.0.0\"\n")
        .stdout_has("(not verified) it would be allowed by\n");
    run.stdout_has("    ip = \"11.0.0.3\" of --context: ask with another ip, for example \"10.0.0.0\"\n");
    run.stdout_lacks("of --context: ask with another now").stdout_lacks("No change");
    // A tuple that has yet to be written needs values, too; and so does one beside another change.
    let run = ask(&shop, "owner", "doc:2", "{}", &[]);
    run.code(1)
        .stdout_has("  write user:bob owner doc:2 with same\n    same: a == b\n")
        .stdout_has("a (string), b (string)");
    let run = ask(&shop, "guarded", "doc:1", "{\"hour\": 5}", &[]);
    run.code(1).stdout_has("(not verified) it would be allowed by these together\n  write user:bob viewer folder:s\n");
    run.stdout_has("  change the values of the condition of folder:s strict doc:1\n    late: hour > 17\n");
    let json = ask(&shop, "guarded", "doc:1", "{\"hour\": 5}", &["--json"]).code(1).json();
    assert_eq!(json["remedies"], json!([]));
    assert_eq!(json["open_remedies"][0][1]["action"], "choose_values", "{json:#}");
}

fn a_smaller_set_that_needs_values_is_named_beside_a_verified_one() {
    let shop = set_up(&tuple("folder:v", "parent", "doc:v", "{name: late}"));
    let json = ask(&shop, "either", "doc:v", "{\"hour\": 5}", &["--json"]).code(1).json();
    assert_eq!(json["remedies"][0].as_array().unwrap().len(), 2, "{json:#}");
    let open = json["open_remedies"][0].as_array().unwrap();
    assert_eq!((open.len(), open[0]["tuple"]["relation"].as_str()), (1, Some("owner")), "{json:#}");
    let run = ask(&shop, "either", "doc:v", "{\"hour\": 5}", &[]);
    run.code(1).stdout_has("  write user:bob viewer folder:v\n").stdout_has("  write user:bob owner doc:v with same\n");
}

fn the_hint_of_an_undecided_question_has_the_names_or_the_types() {
    let shop = with_values();
    for (context, hint) in [
        ("{\"now\": 2}", "→ give the value: --context '{\"now\": 2, \"ip\": VALUE}'\n"),
        ("{\"now\": \"soon\", \"ip\": \"10.0.0.1\"}", "→ give values of the types that window takes: "),
    ] {
        let run = ask(&shop, "timed", "doc:1", context, &[]);
        run.code(1).stderr_has("cannot be decided: ").stderr_has(hint).stdout_lacks("denied");
    }
    ask(&shop, "timed", "doc:1", "{\"now\": 2, \"untl\": 3, \"ip\": \"10.0.0.1\"}", &[])
        .stderr_has("⚠ --context: no condition of the model takes untl (did you mean until?)\n");
}

fn links_beyond_the_limit_are_not_left_out_silently() {
    for (groups, are_cut) in [(3, false), (4, true)] {
        let member = |group| tuple("user:bob", "member", &format!("group:g{group}"), "");
        let shop = set_up(&(0..groups).map(member).collect::<String>());
        let json = shop.debug_auth(["user:bob", "team", "doc:many", "--json"]).run().code(1).json();
        assert_eq!(json["remedies"].as_array().unwrap().len(), 3, "{json:#}");
        assert_eq!(json["remedies_are_cut"], json!(are_cut), "{json:#}");
        let run = shop.debug_auth(["user:bob", "team", "doc:many"]).run();
        let words = "Not every change was looked for";
        if are_cut {
            run.stdout_has(words)
        } else {
            run.stdout_lacks(words)
        };
    }
}

fn a_search_that_was_cut_says_so() {
    // 15 folders behind a condition, each with 15 groups behind one.
    let folders = (0..15).map(|folder| {
        let groups = (0..15).map(|group| {
            let user = format!("group:g{folder}x{group}#member");
            tuple(&user, "reader", &format!("folder:f{folder}"), "{name: late}")
        });
        tuple(&format!("folder:f{folder}"), "parent", "doc:many", "{name: late}") + &groups.collect::<String>()
    });
    let shop = set_up(&folders.collect::<String>());
    let run = shop.debug_auth(["user:bob", "deep", "doc:many", "--context", "{\"hour\": 5}"]).run();
    run.code(1).stdout_has("(not verified) it would be allowed by these together\n  write user:bob member group:");
    run.stdout_has("Not every change was looked for: the search has limits, and there may be others.\n");
}
