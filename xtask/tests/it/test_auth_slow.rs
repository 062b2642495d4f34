//! `test-auth` on a server that is slow, cuts its answers short, or cannot carry a test's tuples.

use crate::harness::store::{Got, Shop};
use crate::harness::{Sandbox, Test, Xtask, shared};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [] too_many_users_with_objects_are_refused_before_they_take_memory,
        [Stack, Openfga] a_batch_that_runs_out_of_time_is_asked_again_singly,
        [Stack, Openfga] a_server_that_takes_its_time_for_each_check_is_asked_in_small_batches,
        [Stack, Openfga] no_answer_is_no_failed_assertion,
        [Stack, Openfga] a_list_that_the_server_cut_is_named,
        [Stack, Openfga] a_list_that_was_cut_to_what_the_test_expects_is_no_success,
        [Stack, Openfga] a_test_with_many_tuples_runs_in_a_second_openfga,
        [Stack, Openfga, OpenfgaBin] without_a_stack_the_program_or_a_temporary_store_does,
        [Stack, Openfga] tests_alone_are_asked_of_the_live_model,
    ]
}

/// A store behind a proxy with 60 checks that hold and one that does not.
fn behind(instead: impl Fn(&Got) -> Option<(u16, String, String)> + Send + Sync + 'static) -> Sandbox {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let (sandbox, _) = shared().behind_proxy(instead);
    let users: Vec<String> = (0..60).map(|number| format!("'user:{number}'")).collect();
    let tuples = (0..60).map(|number| format!("  - {{user: 'user:{number}', relation: viewer, object: 'doc:1'}}\n"));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let text = format!(
        "name: slow-{number}\nmodel_file: model.fga\ntuples:\n{}tests:\n  - check:\n      - {{users: [{}], object: 'doc:1', assertions: {{viewer: true}}}}\n",
        tuples.collect::<String>(),
        users.join(", ")
    );
    sandbox.write("openfga/store.fga.yaml", text);
    sandbox
}

fn run(sandbox: &Sandbox, command: &str) -> Xtask {
    Xtask::new(sandbox).args([command])
}

/// As a server says it that ran out of time for every second check of more than ten.
fn out_of_time(got: &Got) -> Option<(u16, String, String)> {
    if !got.line.ends_with("/batch-check") {
        return None;
    }
    let body: Value = serde_json::from_str(&got.body).unwrap();
    let checks = body["checks"].as_array().unwrap();
    if checks.len() <= 10 {
        return None;
    }
    let error = json!({"error": {"internal_error": "deadline_exceeded", "message": "context deadline exceeded"}});
    let result = checks.iter().enumerate().map(|(index, check)| {
        let answer = if index % 2 == 0 { error.clone() } else { json!({"allowed": true}) };
        (check["correlation_id"].as_str().unwrap().to_owned(), answer)
    });
    Some((200, String::new(), json!({"result": result.collect::<serde_json::Map<_, _>>()}).to_string()))
}

fn too_many_users_with_objects_are_refused_before_they_take_memory() {
    let sandbox = Sandbox::new();
    sandbox.write("openfga/model.fga", crate::harness::store::MODEL);
    let list = |kind: &str| (0..3000).map(|number| format!("'{kind}:{number}'")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "name: s\nmodel_file: model.fga\ntests:\n  - check:\n      - users: [{}]\n        objects: [{}]\n        assertions: {{viewer: true}}\n",
        list("user"),
        list("doc")
    );
    sandbox.write("openfga/many.fga.yaml", &text);
    let run = Xtask::new(&sandbox).args(["test-auth", "--file", "openfga/many.fga.yaml"]).run();
    run.code(1).prints_nothing();
    run.stderr_has("openfga/many.fga.yaml:5:9: 9000000 users with objects: a test has at most 100000");
}

fn a_batch_that_runs_out_of_time_is_asked_again_singly() {
    let sandbox = behind(out_of_time);
    run(&sandbox, "setup-openfga").run().ok().stdout_has("60 assertions passed");
    run(&sandbox, "test-auth").run().ok().stdout_has("60 assertions passed");
    // A batch that gets no answer at all is asked in halves.
    let sandbox = behind(|got| {
        let many = got.line.ends_with("/batch-check") && got.body.matches("correlation_id").count() > 7;
        many.then(|| (500, String::new(), json!({"code": "deadline_exceeded", "message": "slow"}).to_string()))
    });
    let asked = run(&sandbox, "setup-openfga").run();
    asked.ok().stdout_has("60 assertions passed");
    asked.within(Duration::from_secs(30), "a batch is not repeated as it is");
}

/// Each check takes its time, and a batch has room for a few of them: 800 ms and 3 s on a server with its defaults, here less.
fn a_server_that_takes_its_time_for_each_check_is_asked_in_small_batches() {
    let each = Duration::from_millis(250);
    let sandbox = behind(move |got| {
        if !got.line.contains("check") {
            return None;
        }
        let checks = got.body.matches("correlation_id").count().max(1);
        let (answered, took) = (checks.min(3), each * u32::try_from(checks).unwrap());
        std::thread::sleep(took.min(each * 4));
        if answered == checks {
            return None;
        }
        let body: Value = serde_json::from_str(&got.body).unwrap();
        let error = json!({"error": {"internal_error": "deadline_exceeded", "message": "context deadline exceeded"}});
        let result = body["checks"].as_array().unwrap().iter().enumerate().map(|(index, check)| {
            let answer = if index < answered { json!({"allowed": true}) } else { error.clone() };
            (check["correlation_id"].as_str().unwrap().to_owned(), answer)
        });
        Some((200, String::new(), json!({"result": result.collect::<serde_json::Map<_, _>>()}).to_string()))
    });
    let set = run(&sandbox, "setup-openfga").run();
    set.ok().stdout_has("60 assertions passed");
    // One check after the other takes 15 s.
    set.within(Duration::from_secs(60), "no check is asked more often than twice");
}

fn no_answer_is_no_failed_assertion() {
    let silent = |got: &Got| got.line.ends_with("check") && got.body.contains("user:33\"");
    let slow = json!({"code": "deadline_exceeded", "message": "Request Deadline Exceeded"}).to_string();
    let sandbox = behind(move |got| silent(got).then(|| (500, String::new(), slow.clone())));
    let set = run(&sandbox, "setup-openfga").run();
    set.code(4).prints_nothing().stderr_has("1 of 60 assertions have no answer; .env keeps the ids that it has");
    set.stderr_has("⚠ check user:33 viewer doc:1").stderr_lacks("failed");
    let asked = run(&sandbox, "test-auth").args(["--junit", "r.xml"]).run();
    asked.code(4).stdout_has("no answer: Request Deadline Exceeded").stdout_has("59 passed, 1 without an answer\n");
    let xml = std::fs::read_to_string(sandbox.path("r.xml")).unwrap();
    assert!(xml.contains("failures=\"0\" errors=\"1\""), "{xml}");
    let json = run(&sandbox, "test-auth").args(["--json"]).run().code(4).json();
    assert_eq!((&json["passed"], &json["failed"], &json["unanswered"]), (&json!(59), &json!(0), &json!(1)));
}

/// The tests of a store with more documents than a server lists.
fn a_list_that_the_server_cut_is_named() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:0")]);
    shop.setup([]).run().ok();
    let store = shop.ids().pop().unwrap();
    shop.stack.psql(
        "openfga",
        &format!(
            "INSERT INTO tuple (store, object_type, object_id, relation, _user, user_type, ulid, inserted_at) \
             SELECT '{store}', 'doc', g::text, 'viewer', 'user:a', 'user', upper(substr(md5(g::text || '{store}'), 1, 26)), now() \
             FROM generate_series(1, 1100) AS g"
        ),
    );
    let tuples = (0..=1100).map(|number| format!("user,a,viewer,doc,{number}\n"));
    let header = "user_type,user_id,relation,object_type,object_id\n";
    shop.sandbox.write("openfga/all.csv", format!("{header}{}", tuples.collect::<String>()));
    let expected: Vec<String> = (0..=1100).map(|number| format!("'doc:{number}'")).collect();
    let list = |more: &str| {
        shop.file(&format!(
            "tuple_file: all.csv\ntests:\n  - list_objects: [{{user: 'user:a', type: doc, assertions: {{viewer: [{}{more}]}}}}]\n",
            expected.join(", ")
        ));
        shop.test_auth([]).run()
    };
    let run = list("");
    run.code(1).stdout_has("the server cut the list at 1000 names: see OPENFGA_LIST_OBJECTS_MAX_RESULTS");
    run.stdout_has("… and 81 more").stdout_lacks("unexpected").stdout_lacks("expected ");
    run.holds(run.stdout.len() < 2_000, "only the difference is printed, and not all of it");
}

/// The limits of a list are the server's own: here 2 of 4 names come, and the file expects these two.
fn a_list_that_was_cut_to_what_the_test_expects_is_no_success() {
    let (sandbox, proxy) = shared().behind_proxy(|got| {
        let cut = if got.line.ends_with("/list-objects") {
            json!({ "objects": ["doc:1", "doc:2"] })
        } else if got.line.ends_with("/list-users") {
            let user = |id: &str| json!({ "object": { "type": "user", "id": id } });
            json!({ "users": [user("a"), user("b")] })
        } else {
            return None;
        };
        Some((200, String::new(), cut.to_string()))
    });
    let tuple = |user: &str, doc: u32| format!("  - {{user: 'user:{user}', relation: viewer, object: 'doc:{doc}'}}\n");
    let tuples: String =
        [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 1), ("c", 1)].map(|(a, b)| tuple(a, b)).concat();
    sandbox.write(
        "openfga/cut.fga.yaml",
        format!(
            "name: cut-{}\nmodel_file: model.fga\ntuples:\n{tuples}tests:\n  \
             - list_objects: [{{user: 'user:a', type: doc, assertions: {{viewer: ['doc:1', 'doc:2']}}}}]\n    \
             list_users: [{{object: 'doc:1', user_filter: [{{type: user}}], assertions: {{viewer: {{users: ['user:a', 'user:b']}}}}}}]\n",
            sandbox.project
        ),
    );
    let run = |command: &str| run(&sandbox, command).args(["--file", "openfga/cut.fga.yaml"]).run();
    run("setup-openfga").code(6).stderr_has("2 of 2 assertions failed");
    let asked = run("test-auth");
    asked.code(1).stdout_has("      unexpected doc:3, doc:4\n").stdout_has("      unexpected user:c\n");
    asked.stdout_has("the server cut the list at 2 names: see OPENFGA_LIST_OBJECTS_MAX_RESULTS");
    asked.stdout_has("the server cut the list at 2 names: see OPENFGA_LIST_USERS_MAX_RESULTS");
    // The settings name no store: what is to be typed next names it.
    asked.stderr_has("cargo xtask debug-auth --store 01");
    // A file without a model leads to the same file.
    sandbox.write(
        "openfga/tests.fga.yaml",
        "tests:\n  - check: [{user: 'user:a', object: 'doc:1', assertions: {viewer: true}}]\n",
    );
    let alone = Xtask::new(&sandbox).args(["setup-openfga", "-f", "openfga/tests.fga.yaml"]).run();
    alone.code(1).stderr_has("cargo xtask test-auth --file openfga/tests.fga.yaml");
    drop(proxy);
}

/// A test with 120 tuples of its own, as the `fga` tool's example has.
fn with_many(shop: &Shop<'_>) {
    let lines: String = (0..120).map(|number| format!("user,u{number},member,team,x\n")).collect();
    shop.sandbox.write("openfga/members.csv", format!("user_type,user_id,relation,object_type,object_id\n{lines}"));
    shop.file(&tests_with_many());
}

fn tests_with_many() -> String {
    "tuples:\n  - {user: 'team:x#member', relation: viewer, object: 'doc:1'}\ntests:\n  - name: few\n    check: [{user: 'user:u7', object: 'doc:1', assertions: {viewer: false}}]\n  \
     - name: many\n    tuple_file: members.csv\n    check: [{user: 'user:u7', object: 'doc:1', assertions: {viewer: true}}, {user: 'user:x', object: 'doc:1', assertions: {viewer: false}}]\n    \
     list_objects: [{user: 'user:u119', type: doc, assertions: {viewer: ['doc:1']}}]\n"
        .to_owned()
}

fn a_test_with_many_tuples_runs_in_a_second_openfga() {
    let shop = shared().shop();
    with_many(&shop);
    shop.setup([]).run().ok().stdout_has("Tests:   4 assertions passed\n");
    let asked = shop.test_auth([]).run();
    asked.ok().stdout_has("many (asked in a second OpenFGA, of the file's tuples)\n").stdout_has("4 assertions passed");
    assert_eq!(shop.rows(), "1|1|1|1|0");
    let json = shop.test_auth(["--json"]).run().ok().json();
    let own: Vec<&Value> = json["assertions"].as_array().unwrap().iter().map(|it| &it["own_store"]).collect();
    assert_eq!(own, [&json!(false), &json!(true), &json!(true), &json!(true)]);
}

fn without_a_stack_the_program_or_a_temporary_store_does() {
    let (sandbox, _proxy) = shared().behind_proxy(|_| None);
    let stores = "SELECT count(*) FROM store WHERE name = 'xtask temporary store'";
    let lines: String = (0..120).map(|number| format!("user,u{number},member,team,x\n")).collect();
    sandbox.write("openfga/members.csv", format!("user_type,user_id,relation,object_type,object_id\n{lines}"));
    sandbox.write("openfga/store.fga.yaml", format!("name: elsewhere\nmodel_file: model.fga\n{}", tests_with_many()));
    let none = run(&sandbox, "setup-openfga").run();
    none.code(1).stderr_has("The tests need a second OpenFGA, and there is none here").stderr_has("--temporary-store");
    assert_eq!(shared().psql("openfga", "SELECT count(*) FROM store WHERE name = 'elsewhere'"), "0");
    run(&sandbox, "setup-openfga").args(["--temporary-store"]).run().ok().stdout_has("4 assertions passed");
    let temporary = run(&sandbox, "test-auth").args(["--temporary-store"]).run();
    temporary
        .ok()
        .stdout_has("4 assertions passed")
        .stderr_has("it is deleted afterwards, its rows stay in the database");
    assert_eq!(shared().psql("openfga", &format!("{stores} AND deleted_at IS NOT NULL")), "2");
    sandbox.set_openfga_program();
    run(&sandbox, "test-auth").run().ok().stdout_has("4 assertions passed");
    assert_eq!(shared().psql("openfga", stores), "2");
    let left = std::fs::read_dir(sandbox.path(".xtask/openfga")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["second-openfga.log"]);
    // One that cannot start says why.
    let broken = sandbox.write("openfga-broken", "#!/bin/sh\necho no luck >&2\nexit 3\n");
    std::fs::set_permissions(&broken, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let run = run(&sandbox, "test-auth").env("XTASK_OPENFGA_BIN", &broken).run();
    run.code(1).stderr_has("cannot be started").stderr_has("no luck");
}

fn tests_alone_are_asked_of_the_live_model() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    shop.setup([]).run().ok();
    // Empty entries are passed over, with a word.
    let text = format!(
        "name: {}\ntests:\n  -\n  - check:\n      -\n      - {{users: ['user:a', ~], object: 'doc:1', assertions: {{viewer: true}}}}\n    list_objects: [{{user: 'user:b', type: doc, assertions: {{viewer: [~]}}}}]\n",
        shop.store
    );
    shop.sandbox.write("openfga/only.fga.yaml", &text);
    let asked = shop.test_auth(["--file", "openfga/only.fga.yaml"]).run();
    asked.ok().stdout_has("2 assertions passed").stderr_has("an empty entry in users is ignored");
    shop.setup(["--file", "openfga/only.fga.yaml"]).run().code(1).stderr_has("neither model nor model_file");
    // From a pipe: files that it names are those of where one stands.
    let piped = shop.test_auth(["--file", "-"]).stdin(&text).run();
    piped.ok().stdout_has("2 assertions passed").stderr_has("<stdin>:3:4: an empty entry in tests is ignored");
    let nameless = "model_file: model.fga\ntuples: [{user: 'user:a', relation: viewer, object: 'doc:1'}]\n";
    let here = shop.sandbox.path("openfga");
    shop.setup(["--file", "-"]).stdin(nameless).here(&here).run().code(2).stderr_has("has no name for the store");
    let named = shop.setup(["--file", "-", "--store", &shop.store]).stdin(nameless).here(&here).run();
    named.ok().stdout_has("no changes");
}
