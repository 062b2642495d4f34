//! `setup-openfga`: from a model file to working authorization, and nothing the second time.

use crate::harness::store::MODEL;
use crate::harness::{Test, shared};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] a_second_run_on_a_store_changes_nothing,
        [Stack, Openfga] a_store_with_every_construct_is_set_up_and_tested,
        [Stack, Openfga] a_dry_run_changes_nothing,
        [Stack, Openfga] a_changed_model_is_shown_and_written_once,
        [Stack, Openfga] a_changed_condition_is_written_again,
        [Stack, Openfga] tuples_of_others_stay_unless_they_are_pruned,
        [Stack, Openfga, Script] questions_are_answered_on_the_terminal,
        [Stack, Openfga] a_large_store_costs_no_more_than_its_file,
        [Stack, Openfga] failed_tests_leave_the_ids,
        [Stack, Openfga] an_id_counts_only_where_its_store_has_the_name,
        [Stack, Openfga] several_stores_of_one_name_stop_it,
        [Stack, Openfga] a_second_store_leaves_the_ids_alone,
    ]
}

fn a_second_run_on_a_store_changes_nothing() {
    let mut shop = shared().shop();
    shop.sandbox.copy_folder("openfga");
    shop.store = format!("{}-fresh", shop.sandbox.project);
    let name = shop.store.clone();
    let first = shop.setup(["--store", &name]).run();
    first.ok().stdout_has(&format!("✓ Store {name} is set up\n")).stdout_has("Tuples:  10 in the file, written: 10\n");
    first.stdout_has("Tests:   12 assertions passed\n").stderr_has("Setting up OpenFGA of compose service postgres");
    let store = shop.ids().pop().unwrap();
    assert_eq!(shop.env("OPENFGA_STORE_ID").unwrap(), store);
    for (user, relation, object, allowed) in [
        ("user:alice", "executor", "tool:chat", true),
        ("user:bob", "executor", "tool:chat", true),
        ("user:charlie", "executor", "tool:chat", false),
        ("user:alice", "owner", "conversation:thread_1", true),
        ("user:bob", "owner", "conversation:thread_1", false),
        ("user:bob", "viewer", "conversation:thread_1", true),
        ("user:alice", "editor", "conversation:thread_1", true),
    ] {
        assert_eq!(shop.api().check(&store, user, relation, object), allowed, "{user} {relation} {object}");
    }
    let (rows, env) = (shop.rows(), fs::read(shop.sandbox.path(".env")).unwrap());
    assert_eq!(rows, "1|1|10|10|0");
    let second = shop.setup(["--store", &name]).run();
    second.ok().stdout_has(&format!("✓ Store {name}: no changes\n")).stdout_lacks(".env:");
    assert_eq!((shop.rows(), fs::read(shop.sandbox.path(".env")).unwrap()), (rows, env));
    // A second alone; others use this machine, too.
    second.within(Duration::from_secs(5), "it does not wait");
    let json = shop.setup(["--store", &name, "--json"]).run().ok().json();
    assert_eq!(json["version"], 1);
    assert_eq!((&json["changed"], &json["env_written"]), (&json!(false), &json!(false)));
    assert_eq!(json["tuples"], json!({"in_file": 10, "written": 0, "rewritten": 0, "deleted": 0, "unchanged": 10}));
    assert_eq!((&json["store"]["id"], &json["tests"]), (&json!(store), &json!({"passed": 12, "failed": 0})));
}

fn a_store_with_every_construct_is_set_up_and_tested() {
    let mut shop = shared().shop();
    shop.sandbox.copy_folder("openfga");
    shop.store = format!("{}-documents", shop.sandbox.project);
    let name = shop.store.clone();
    let words = ["--file", "openfga/documents.fga.yaml", "--no-env", "--store", &name];
    shop.setup(words)
        .run()
        .ok()
        .stdout_has("Tuples:  16 in the file, written: 16\n")
        .stdout_has("20 assertions passed");
    assert_eq!((shop.rows().as_str(), shop.env("OPENFGA_STORE_ID")), ("1|1|16|16|0", None));
    shop.setup(words).run().ok().stdout_has("no changes");
    assert_eq!(shop.rows(), "1|1|16|16|0");
    let file = ["--file", "openfga/documents.fga.yaml", "--store", &name, "--exact"];
    shop.test_auth(file).run().ok().stdout_has("\n20 assertions passed\n");
}

fn a_dry_run_changes_nothing() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    let env = fs::read(shop.sandbox.path(".env")).unwrap();
    let fresh = shop.setup(["--dry-run"]).run();
    fresh.ok().stdout_has("would change").stdout_has("Store:   none yet, to be created\n");
    assert!(shop.ids().is_empty());
    assert_eq!(fs::read(shop.sandbox.path(".env")).unwrap(), env);
    shop.setup([]).run().ok();
    shop.tuples(&[("user:b", "viewer", "doc:1")]);
    // A warning shows its line below it.
    shop.sandbox.write("openfga/none.csv", "user_type,user_id,relation,object_type,object_id\n");
    shop.sandbox.write(
        "openfga/model.fga",
        format!(
            "{}    define editor: viewer or viewer\n",
            MODEL.split("condition").next().unwrap().replace("user with in_time, ", "")
        ),
    );
    shop.file("tuple_file: none.csv\n");
    let model = shop.setup(["--dry-run"]).run();
    model.ok().stdout_has(", another to be written\n").stdout_lacks("none yet");
    model.stderr_has(": none.csv holds no tuples\n    tuple_file: none.csv\n").stderr_lacks("\\n");
    shop.sandbox.write("openfga/model.fga", MODEL);
    shop.tuples(&[("user:b", "viewer", "doc:1")]);
    let json = shop.setup(["--dry-run", "--json"]).run().ok().json();
    assert_eq!(
        (&json["dry_run"], &json["changed"], &json["tuples"]["written"]),
        (&json!(true), &json!(true), &json!(1))
    );
    assert_eq!(shop.rows(), "1|1|1|1|0");
}

fn a_changed_model_is_shown_and_written_once() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    shop.setup([]).run().ok();
    let before = shop.env("OPENFGA_MODEL_ID").unwrap();
    // Another order and a comment are the same model.
    let model = "# the same\nmodel\n  schema 1.1\ntype team\n  relations\n    define member: [user]\ntype user\ntype doc\n  relations\n    \
                 define viewer: [team#member, user with in_time, user]\ncondition in_time(until: int, now: int) {\n  now < until\n}\n";
    shop.sandbox.write("openfga/model.fga", model);
    shop.setup([]).run().ok().stdout_has("no changes");
    shop.sandbox.write("openfga/model.fga", model.replace("type user\n", "type user\ntype robot\n"));
    let changed = shop.setup([]).run();
    changed.ok().stderr_has("The model changes:\n").stderr_has("robot").stdout_has(", written\n");
    assert_ne!(shop.env("OPENFGA_MODEL_ID").unwrap(), before);
    shop.setup([]).run().ok().stdout_has("no changes");
    assert_eq!(shop.rows(), "1|2|1|1|0");
}

fn a_changed_condition_is_written_again() {
    let shop = shared().shop();
    let tuple = |condition: &str| {
        shop.file(&format!("tuples:\n  - {{user: 'user:a', relation: viewer, object: 'doc:1'{condition}}}\n"));
    };
    tuple("");
    shop.setup([]).run().ok();
    for (condition, shown) in [
        (", condition: {name: in_time}", "none → in_time {}"),
        (", condition: {name: in_time, context: {until: 10}}", "in_time {} → in_time {\"until\":10}"),
        ("", "in_time {\"until\":10"),
    ] {
        tuple(condition);
        let run = shop.setup([]).run();
        run.ok().stderr_has("Conditions of tuples change:\n").stderr_has(&format!("user:a viewer doc:1: {shown}"));
        run.stdout_has("Tuples:  1 in the file, written again: 1\n");
        shop.setup([]).run().ok().stdout_has("no changes");
    }
    assert!(shop.rows().starts_with("1|1|1|"), "{}", shop.rows());
}

fn tuples_of_others_stay_unless_they_are_pruned() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    shop.setup([]).run().ok();
    let store = shop.ids().pop().unwrap();
    shop.api().write_tuples(&store, &[("user:b", "viewer", "doc:1"), ("user:c", "viewer", "doc:2")]);
    shop.setup([]).run().ok().stdout_has("no changes");
    let asked = shop.setup(["--prune"]).run();
    asked
        .code(1)
        .stderr_has("  user:b viewer doc:1\n")
        .stderr_has(&format!("Delete 2 tuples of the store {}?", shop.store));
    assert!(shop.rows().starts_with("1|1|3|"));
    shop.setup(["--prune", "--yes"]).run().ok().stdout_has("deleted: 2\n");
    assert!(shop.rows().starts_with("1|1|1|"));
    assert!(shop.api().check(&store, "user:a", "viewer", "doc:1"));
    shop.setup(["--prune"]).run().ok().stdout_has("no changes");
}

fn questions_are_answered_on_the_terminal() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    shop.setup([]).run().ok();
    let store = shop.ids().pop().unwrap();
    shop.api().write_tuples(&store, &[("user:b", "viewer", "doc:1")]);
    let mut no = shop.setup(["--prune"]).terminal();
    no.shows("Delete 1 tuple of the store").types("n\n");
    no.wait().code(1).stdout_has("Declined; nothing was changed");
    let mut yes = shop.setup(["--prune"]).terminal();
    yes.shows("Delete 1 tuple of the store").types("yes\n");
    yes.wait().ok().stdout_has("deleted: 1");
    assert!(shop.rows().starts_with("1|1|1|"));
}

/// A store that holds far more than the file is not read to its end.
fn a_large_store_costs_no_more_than_its_file() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    shop.setup([]).run().ok();
    let store = shop.ids().pop().unwrap();
    // Newer than the file's own, so that those would come first or last in any order.
    shop.stack.psql(
        "openfga",
        &format!(
            "INSERT INTO tuple (store, object_type, object_id, relation, _user, user_type, ulid, inserted_at) \
             SELECT '{store}', 'doc', 'many-' || g, 'viewer', 'user:x', 'user', upper(substr(md5(g::text), 1, 26)), now() \
             FROM generate_series(1, 6000) AS g"
        ),
    );
    shop.tuples(&[
        ("user:a", "viewer", "doc:1"),
        ("user:x", "viewer", "doc:many-4711"),
        ("user:new", "viewer", "doc:1"),
    ]);
    shop.setup([]).run().ok().stdout_has("Tuples:  3 in the file, written: 1\n");
    shop.setup([]).run().ok().stdout_has("no changes");
    assert!(shop.rows().starts_with("1|1|6002|"), "{}", shop.rows());
}

fn failed_tests_leave_the_ids() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    shop.setup([]).run().ok();
    let env = fs::read_to_string(shop.sandbox.path(".env")).unwrap();
    shop.sandbox
        .write("openfga/model.fga", crate::harness::store::MODEL.replace("type user\n", "type user\ntype robot\n"));
    let check = "  - check: [{user: 'user:b', object: 'doc:1', assertions: {viewer: true}}]\n";
    shop.file(&format!("tuples:\n  - {{user: 'user:a', relation: viewer, object: 'doc:1'}}\ntests:\n{check}"));
    let failed = shop.setup([]).run();
    failed
        .code(6)
        .prints_nothing()
        .stderr_has("✗ check user:b viewer doc:1")
        .stderr_has("expected yes\n    got      no");
    failed.stderr_has("1 of 1 assertion failed; .env keeps the ids that it has");
    // Nothing is left to write: now it is only a failure.
    shop.setup([]).run().code(1).stderr_has(".env keeps the ids");
    assert_eq!(fs::read_to_string(shop.sandbox.path(".env")).unwrap(), env);
}

fn an_id_counts_only_where_its_store_has_the_name() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    // No store at all, and none any more.
    shop.sandbox.set("OPENFGA_STORE_ID", "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let gone = shop.setup([]).run();
    gone.ok().stderr_has("OPENFGA_STORE_ID=01ARZ3NDEKTSV4RRFFQ69G5FAV (.env) names no store of http://127.0.0.1:");
    let first = shop.ids();
    assert_eq!(shop.env("OPENFGA_STORE_ID").as_ref(), first.first());
    shop.setup([]).run().ok().stdout_has("no changes");
    // A store of another name.
    let other = shop.api().create_store("another ones");
    let env = fs::read_to_string(shop.sandbox.path(".env")).unwrap().replace(&first[0], &other);
    shop.sandbox.write(".env", &env);
    let asked = shop.setup([]).run();
    asked.code(1).stderr_has(&format!(
        "OPENFGA_STORE_ID (.env) is the store another ones ({other}); the file's is {}",
        shop.store
    ));
    assert_eq!(fs::read_to_string(shop.sandbox.path(".env")).unwrap(), env);
    shop.setup(["--yes"]).run().ok();
    assert_eq!((shop.env("OPENFGA_STORE_ID").as_ref(), shop.ids()), (first.first(), first.clone()));
    // The environment wins over .env, and the run says so.
    let warned = shop.setup(["--yes"]).env("OPENFGA_STORE_ID", &other).run();
    warned.ok().stderr_has(&format!("⚠ OPENFGA_STORE_ID is {other} in this environment, which wins over .env"));
    // An id that is deleted, of a store whose name is taken again.
    shop.stack.psql("openfga", &format!("UPDATE store SET deleted_at = now() WHERE id = '{}'", first[0]));
    shop.setup([]).run().ok().stderr_has("names no store");
    assert_ne!(shop.ids(), first);
}

fn several_stores_of_one_name_stop_it() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    let (one, two) = (shop.api().create_store(&shop.store), shop.api().create_store(&shop.store));
    let stopped = shop.setup([]).run();
    stopped.code(1).prints_nothing().stderr_has(&format!("2 stores are called \"{}\"", shop.store));
    stopped.stderr_has(&one).stderr_has(&two);
    shop.test_auth([]).run().code(1).stderr_has(&one);
    // The hint works.
    shop.setup([]).env("OPENFGA_STORE_ID", &two).run().ok();
    assert_eq!(shop.env("OPENFGA_STORE_ID").unwrap(), two);
}

fn a_second_store_leaves_the_ids_alone() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    fs::remove_file(shop.sandbox.path(".env")).unwrap();
    let project = shop.sandbox.project.clone();
    let compose = &shop.stack.sandbox.project;
    let ours = |words: &[&'static str]| shop.setup(words.iter().copied()).env("COMPOSE_PROJECT_NAME", compose);
    ours(&["--no-env"]).run().ok().stdout_lacks(".env:");
    assert!(!shop.sandbox.path(".env").exists(), "{project}");
    ours(&[]).run().ok().stdout_has(".env:    OPENFGA_STORE_ID and OPENFGA_MODEL_ID written");
    let mode = fs::metadata(shop.sandbox.path(".env")).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, shop.env("OPENFGA_STORE_ID").as_ref()), (0o600, shop.ids().first()));
    // With --no-env the .env's id of another store is not even asked about.
    let store = format!("{}-second", shop.store);
    ours(&["--no-env"]).args(["--store", &store]).run().ok().stderr_lacks("OPENFGA_STORE_ID");
}
