//! `test-auth`: the file's questions to the live store, exact where that can be, nothing left behind.

use crate::harness::store::Shop;
use crate::harness::{Test, shared};
use serde_json::json;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] each_assertion_shows_expected_and_actual,
        [Stack, Openfga] lists_are_exact_where_the_store_is_the_files,
        [Stack, Openfga] a_tests_own_tuples_leave_nothing_behind,
        [Stack, Openfga] many_checks_go_in_batches,
        [Stack, Openfga] the_store_and_model_of_the_settings_are_asked,
        [Stack, Openfga] a_file_without_tests_is_no_silent_success,
    ]
}

const TUPLES: &str = "tuples:\n  - {user: 'user:a', relation: viewer, object: 'doc:1'}\n  - {user: 'user:a', relation: viewer, object: 'doc:2'}\n  \
                      - {user: 'user:t', relation: member, object: 'team:x'}\n  - {user: 'team:x#member', relation: viewer, object: 'doc:1'}\n";

fn with_tests(shop: &Shop<'_>, tests: &str) {
    shop.file(&format!("{TUPLES}tests:\n{tests}"));
}

/// A store with its tuples, and a file with these tests.
fn set_up<'a>(tests: &str) -> Shop<'a> {
    let shop = shared().shop();
    shop.file(TUPLES);
    shop.setup([]).run().ok();
    with_tests(&shop, tests);
    shop
}

fn each_assertion_shows_expected_and_actual() {
    let shop = set_up(
        "  - name: <one> & \"two\"\n    check:\n      - users: ['user:a', 'user:b']\n        objects: ['doc:1', 'doc:2']\n        assertions: {viewer: true}\n  \
         - check: [{user: 'user:t', object: 'doc:1', assertions: {viewer: true}}]\n",
    );
    let run = shop.test_auth(["--junit", "results.xml"]).run();
    let lines = "<one> & \"two\"\n  ✓ check user:a viewer doc:1: yes\n  ✓ check user:a viewer doc:2: yes\n  \
                 ✗ check user:b viewer doc:1  (line 11, <one> & \"two\")\n      expected yes\n      got      no\n  \
                 ✗ check user:b viewer doc:2  (line 11, <one> & \"two\")\n      expected yes\n      got      no\n\n\
                 test 2\n  ✓ check user:t viewer doc:1: yes\n\n3 passed, 2 failed\n";
    run.code(1).stdout_has(lines).stderr_has("2 of 5 assertions failed");
    let xml = fs::read_to_string(shop.sandbox.path("results.xml")).unwrap();
    assert!(xml.contains("tests=\"5\" failures=\"2\""), "{xml}");
    assert!(xml.contains("name=\"&lt;one&gt; &amp; &quot;two&quot;\""), "{xml}");
    let run = shop.test_auth(["--json"]).run();
    let json = run.code(1).json();
    assert_eq!((&json["version"], &json["passed"], &json["failed"]), (&json!(1), &json!(3), &json!(2)));
    assert_eq!(json["store"]["name"], json!(shop.store));
    let first = &json["assertions"][2];
    assert_eq!((&first["kind"], &first["question"]), (&json!("check"), &json!("user:b viewer doc:1")));
    assert_eq!((&first["expected"], &first["actual"]), (&json!({"allowed": true}), &json!({"allowed": false})));
}

fn lists_are_exact_where_the_store_is_the_files() {
    let shop = set_up(
        "  - list_objects: [{user: 'user:a', type: doc, assertions: {viewer: ['doc:1']}}]\n  \
         - list_users:\n      - object: doc:1\n        user_filter: [{type: user}, {type: team, relation: member}]\n        \
         assertions: {viewer: {users: ['user:a', 'team:x#member', 'user:t']}}\n",
    );
    let run = shop.test_auth([]).run();
    run.code(1).stdout_has("\n      unexpected doc:2\n").stdout_lacks("missing").stdout_has("1 passed, 1 failed");
    // Another's tuple: what the file names must be there, more than that is named.
    let store = shop.ids().pop().unwrap();
    shop.api().write_tuples(&store, &[("user:z", "viewer", "doc:9")]);
    let run = shop.test_auth([]).run();
    run.ok().stdout_has("⚠ list_objects user:a viewer doc:…: doc:1; the store's other tuples also give doc:2");
    shop.test_auth(["--exact"]).run().code(1).stdout_has("1 passed, 1 failed");
    with_tests(&shop, "  - list_objects: [{user: 'user:a', type: doc, assertions: {viewer: ['doc:1', 'doc:3']}}]\n");
    shop.test_auth([]).run().code(1);
}

fn a_tests_own_tuples_leave_nothing_behind() {
    let shop = set_up(
        "  - tuples: [{user: 'user:new', relation: member, object: 'team:x'}, {user: 'user:b', relation: viewer, object: 'doc:2', condition: {name: in_time, context: {until: 5}}}]\n    \
         check:\n      - {user: 'user:new', object: 'doc:1', assertions: {viewer: true}}\n      - {user: 'user:b', object: 'doc:2', context: {now: 4}, assertions: {viewer: true}}\n      \
         - {user: 'user:b', object: 'doc:2', context: {now: 5}, assertions: {viewer: false}}\n    \
         list_objects: [{user: 'user:new', type: doc, assertions: {viewer: ['doc:1']}}]\n    \
         list_users: [{object: 'team:x', user_filter: [{type: user}], assertions: {member: {users: ['user:t', 'user:new']}}}]\n  \
         - check: [{user: 'user:new', object: 'doc:1', assertions: {viewer: false}}]\n",
    );
    let before = shop.rows();
    shop.test_auth([]).run().ok().stdout_has("6 assertions passed");
    assert_eq!(shop.rows(), before);
}

fn many_checks_go_in_batches() {
    let users: Vec<String> = (0..60).map(|number| format!("'user:{number}'")).collect();
    let shop = set_up(&format!(
        "  - check:\n      - {{users: ['user:a', {}], object: 'doc:1', assertions: {{viewer: false}}}}\n      - {{user: 'user:a', object: 'doc:2', assertions: {{viewer: true}}}}\n",
        users.join(", ")
    ));
    let run = shop.test_auth([]).run();
    run.code(1).stdout_has("61 passed, 1 failed").stdout_has("✗ check user:a viewer doc:1");
}

fn the_store_and_model_of_the_settings_are_asked() {
    let shop = set_up("  - check: [{user: 'user:a', object: 'doc:1', assertions: {viewer: true}}]\n");
    let (store, model) = (shop.env("OPENFGA_STORE_ID").unwrap(), shop.env("OPENFGA_MODEL_ID").unwrap());
    let newer = shop.api().write_model(&store);
    // The id of .env counts for its store alone; elsewhere the newest does.
    shop.test_auth([])
        .run()
        .ok()
        .stdout_has(&format!("Store {} ({store})", shop.store))
        .stdout_has(&format!("Model {model}\n"));
    let newest = shop.test_auth([]).env("OPENFGA_MODEL_ID", "01ARZ3NDEKTSV4RRFFQ69G5FAV").run();
    newest.code(1).stdout_has(&format!("Model {newer}\n")).stdout_has("got      an error:");
    let other = shop.api().create_store("another name");
    let by_name = shop.test_auth([]).env("OPENFGA_STORE_ID", &other).run();
    by_name.code(1).stdout_has(&format!("({store})")).stdout_has(&format!("Model {newer}\n"));
    shop.test_auth(["--store", "no such store"]).run().code(1).stderr_has("has no store called no such store");
    let empty = format!("{}-empty", shop.store);
    shop.api().create_store(&empty);
    shop.test_auth(["--store", &empty])
        .run()
        .code(1)
        .stderr_has("has no model")
        .stderr_has("cargo xtask setup-openfga");
}

fn a_file_without_tests_is_no_silent_success() {
    let shop = shared().shop();
    shop.file(TUPLES);
    shop.setup([]).run().ok();
    let run = shop.test_auth([]).run();
    run.ok().stdout_has("The file has no tests\n").stdout_lacks("✓").stderr_lacks("✓");
    run.stderr_has("⚠ The file has no tests: nothing was asked, and nothing is proven");
    let json = shop.test_auth(["--json"]).run();
    json.ok().stderr_has("⚠ The file has no tests");
    assert_eq!(json.json()["passed"], json!(0));
    with_tests(&shop, "  - check: [{user: 'user:a', object: 'doc:1', assertions: {viewer: true}}]\n");
    shop.test_auth([]).run().ok().stderr_lacks("no tests");
}
