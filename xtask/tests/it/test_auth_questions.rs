//! What the tests of a store file ask and expect, judged with their lines before any request; what a server takes is taken.

use crate::harness::{Test, shared};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] questions_that_no_server_takes_are_reported_before_any_request,
        [Stack, Openfga] questions_that_a_server_takes_are_asked,
    ]
}

const WRONG: &str = "tests:\n  - check:
      - {user: 'nope:a', object: 'doc:1', assertions: {viewer: true}}
      - {user: user, object: 'doc:1', assertions: {viewer: true}}
      - {user: 'team:x#nope', object: 'doc:1', assertions: {viewer: true}}
      - {user: 'user:a', object: 'doc:*', assertions: {viewer: true}}
      - {users: [], object: 'doc:1', assertions: {viewer: true}}
      - {user: 'user:a', objects: [], assertions: {viewer: true}}
    list_objects:
      - {user: 'nope:a', type: doc, assertions: {viewer: []}}
      - {user: 'user:a', type: doc, assertions: {viewer: ['team:1', '1', 'doc:1']}}
    list_users:
      - {object: doc, user_filter: [{type: user}], assertions: {viewer: {users: []}}}
      - {object: 'doc:1', user_filter: [{type: nope}], assertions: {viewer: {users: []}}}
      - {object: 'doc:1', user_filter: [{type: team, relation: nope}], assertions: {viewer: {users: []}}}
      - {object: 'doc:1', user_filter: [{type: user}], assertions: {viewer: {users: ['doc:5', 'user:a']}}}
  - check: [{user: 'user:a', object: 'doc:1', assertions: {}}]
    list_objects: [{user: 'user:a', type: doc, assertions: {}}]
    list_users: [{object: 'doc:1', user_filter: [{type: user}], assertions: {}}]\n";

/// The line of each fault of [`WRONG`], below the two that each store file begins with.
const TOLD: [(u32, &str); 16] = [
    (5, "there is no type nope"),
    (6, "\"user\" is not a user"),
    (7, "type team has no relation nope"),
    (8, "\"doc:*\" is not a single object"),
    (9, "users is empty: nothing would be asked"),
    (10, "objects is empty: nothing would be asked"),
    (12, "there is no type nope"),
    (13, "\"team:1\" can never be in this list, which holds objects of type doc"),
    (13, "\"1\" is not an object"),
    (15, "\"doc\" is not an object"),
    (16, "there is no type nope"),
    (17, "type team has no relation nope"),
    (18, "\"doc:5\" can never be in this list: no user_filter finds it"),
    (19, "assertions is empty: nothing would be asked"),
    (20, "assertions is empty: nothing would be asked"),
    (21, "assertions is empty: nothing would be asked"),
];

fn questions_that_no_server_takes_are_reported_before_any_request() {
    let shop = shared().shop();
    shop.file(WRONG);
    for run in [shop.setup(["--yes"]).run(), shop.test_auth([]).run()] {
        run.code(1).stderr_has("has 16 errors; nothing was changed").prints_nothing();
        for (line, words) in TOLD {
            let told = |text: &str| text.contains(&format!("store.fga.yaml:{line}:")) && text.contains(words);
            run.holds(run.stderr.lines().any(told), &format!("line {line}: {words}"));
        }
    }
    assert_eq!(shop.ids(), [""; 0]);
    // Without a model only the form of what is asked is known, and what the file itself says.
    shop.sandbox.write("openfga/store.fga.yaml", WRONG.replacen("tests:", "name: nothing\ntests:", 1));
    shop.test_auth([]).run().code(1).stderr_has("has 11 errors; nothing was changed");
}

fn questions_that_a_server_takes_are_asked() {
    let shop = shared().shop();
    shop.file(
        "tuples:\n  - {user: 'user:a', relation: viewer, object: 'doc:1'}\n  - {user: 'team:x#member', relation: viewer, object: 'doc:1'}\n\
         tests:\n  - check:
      - {users: ['user:a', 'team:x#member'], object: 'doc:1', assertions: {viewer: true}}
      - {users: ['user:*', 'team:x', 'doc:1', 'user:é|/@+=.~'], objects: ['doc:1', 'doc:a*b'], assertions: {viewer: false}}
    list_objects:
      - {user: 'team:x#member', type: doc, assertions: {viewer: ['doc:1']}}
      - {user: 'user:*', type: doc, assertions: {viewer: ~}}
      - {user: 'team:x', type: doc, assertions: {viewer: []}}
    list_users:
      - {object: 'doc:1', user_filter: [{type: user}], assertions: {viewer: {users: ['user:a']}}}
      - {object: 'doc:1', user_filter: [{type: team, relation: member}], assertions: {viewer: {users: ['team:x#member']}}}
      - {object: 'doc:2', user_filter: [{type: user}], assertions: {viewer: ~}}
      - {object: 'doc:2', user_filter: [{type: team}], assertions: {viewer: {users: ~}}}
      - {object: 'doc:1', user_filter: [{type: user}, {type: team, relation: member}], assertions: {viewer: {users: ['user:a', 'team:x#member']}}}
  - {name: nothing, check: []}\n",
    );
    let run = shop.setup(["--yes"]).run();
    run.ok().stderr_has("store.fga.yaml:20:5: this test asks nothing\n");
    run.stderr_has("store.fga.yaml:19:").stderr_has("a server and fga take one user_filter");
    shop.test_auth([]).run().ok().stdout_has("18 assertions passed");
    // What only the server knows is a failed assertion, as before.
    let alone = format!(
        "name: {}\ntests:\n  - check: [{{user: 'nope:a', object: 'doc:1', assertions: {{viewer: true}}}}]\n    \
         list_objects: [{{user: 'user:a', type: doc, assertions: {{nope: []}}}}]\n",
        shop.store
    );
    shop.sandbox.write("openfga/alone.fga.yaml", alone);
    let run = shop.test_auth(["--file", "openfga/alone.fga.yaml"]).run();
    run.code(1).stdout_has("0 passed, 2 failed").stdout_has("got      an error:");
}
