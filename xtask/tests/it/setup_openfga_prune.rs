//! `setup-openfga --prune`: what would go is listed, tried beforehand in a second OpenFGA, and kept.

use crate::harness::restore::paused;
use crate::harness::store::Shop;
use crate::harness::{Test, shared};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] a_dry_run_lists_what_would_be_deleted,
        [Stack, Openfga] a_file_without_tuples_is_a_question_of_its_own,
        [Stack, Openfga] the_outcome_is_tested_before_anything_is_deleted,
        [Stack, Openfga] deleted_tuples_are_kept_and_come_back,
        [Stack, Openfga] a_model_that_strands_live_tuples_is_a_question,
        [Stack, Openfga] a_model_that_is_refused_changes_nothing,
    ]
}

const OURS: (&str, &str, &str) = ("user:a", "viewer", "doc:1");

/// A store with one tuple of the file's and two of another program's; its id.
fn crowded<'a>() -> (Shop<'a>, String) {
    let shop = shared().shop();
    shop.tuples(&[OURS]);
    shop.setup([]).run().ok();
    let store = shop.ids().pop().unwrap();
    shop.api().write_tuples(&store, &[("user:b", "viewer", "doc:1"), ("user:c", "viewer", "doc:2")]);
    (shop, store)
}

/// The files of deleted tuples.
fn kept(shop: &Shop<'_>) -> Vec<PathBuf> {
    let entries = fs::read_dir(shop.sandbox.path("backups")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

/// Containers of second servers that the shared stack's project has, running or not.
fn second_containers(shop: &Shop<'_>) -> String {
    let project = format!("label=com.docker.compose.project={}", shop.stack.sandbox.project);
    let names = ["ps", "--all", "--filter", &project, "--filter", "name=openfga-memory", "--format", "{{.Names}}"];
    String::from_utf8(Command::new("docker").args(names).output().unwrap().stdout).unwrap()
}

fn a_dry_run_lists_what_would_be_deleted() {
    let (shop, _) = crowded();
    let dry = shop.setup(["--prune", "--dry-run"]).run();
    dry.ok().stdout_has("would change\n").stdout_has("Tuples:  1 in the file, to be deleted: 2\n");
    dry.stdout_has("  - user:b viewer doc:1\n").stdout_has("  - user:c viewer doc:2\n");
    let json = shop.setup(["--prune", "--dry-run", "--json"]).run().ok().json();
    assert_eq!((&json["changed"], &json["tuples"]["deleted"]), (&json!(true), &json!(2)));
    assert_eq!(json["deletions"], json!(["user:b viewer doc:1", "user:c viewer doc:2"]));
    assert_eq!(json["deletions_kept_in"], Value::Null);
    // Without --prune they count for nothing.
    let json = shop.setup(["--dry-run", "--json"]).run().ok().json();
    assert_eq!((&json["changed"], &json["deletions"]), (&json!(false), &json!([])));
    assert!(shop.rows().starts_with("1|1|3|") && kept(&shop).is_empty());
}

fn a_file_without_tuples_is_a_question_of_its_own() {
    let (shop, _) = crowded();
    shop.sandbox.write("openfga/empty.csv", "user_type,user_id,relation,object_type,object_id\n");
    shop.file("tuple_file: empty.csv\n");
    let run = shop.setup(["--prune", "--yes"]).run();
    run.code(1).prints_nothing().stderr_has("empty.csv holds no tuples");
    run.stderr_has(&format!("The file names no tuples. Delete all 3 tuples of the store {}?", shop.store));
    run.stderr_has("--prune --allow-empty --yes");
    shop.file("");
    shop.setup(["--prune", "--yes"]).run().code(1).stderr_has("The file names no tuples");
    shop.setup(["--prune", "--allow-empty"]).run().code(1).stderr_has("Delete 3 tuples of the store");
    assert!(shop.rows().starts_with("1|1|3|"), "{}", shop.rows());
    shop.setup(["--allow-empty"]).run().code(2);
    shop.setup(["--prune", "--allow-empty", "--yes"]).run().ok().stdout_has("deleted: 3\n");
    assert!(shop.rows().starts_with("1|1|0|"), "{}", shop.rows());
}

fn the_outcome_is_tested_before_anything_is_deleted() {
    let (shop, _) = crowded();
    let tests = |wanted: &str| {
        let robot = crate::harness::store::MODEL.replace("type user\n", "type user\ntype robot\n");
        shop.sandbox.write("openfga/model.fga", robot);
        shop.file(&format!(
            "tuples:\n  - {{user: 'user:a', relation: viewer, object: 'doc:1'}}\n  - {{user: 'user:d', relation: viewer, object: 'doc:1'}}\n\
             tests:\n  - check:\n      - {{user: 'user:b', object: 'doc:1', assertions: {{viewer: {wanted}}}}}\n    \
             list_users: [{{object: 'doc:1', user_filter: [{{type: user}}], assertions: {{viewer: {{users: ['user:a', 'user:d']}}}}}}]\n"
        ));
    };
    // The live store would say yes until it is too late.
    tests("true");
    let run = shop.setup(["--prune", "--yes"]).run();
    run.code(1).prints_nothing().stderr_has("✗ check user:b viewer doc:1");
    run.stderr_has("1 of 2 assertions failed with the file's tuples alone; nothing was changed");
    assert!(shop.rows().starts_with("1|1|3|"), "{}", shop.rows());
    assert!(kept(&shop).is_empty());
    assert_eq!(second_containers(&shop), "");
    tests("false");
    let run = shop.setup(["--prune", "--yes"]).run();
    run.ok().stderr_has("2 assertions passed in a second OpenFGA that holds what the file says");
    run.stdout_has("Tuples:  2 in the file, written: 1, deleted: 2\n").stdout_has("Tests:   2 assertions passed\n");
    assert!(shop.rows().starts_with("1|2|2|"), "{}", shop.rows());
    assert_eq!(second_containers(&shop), "");
}

fn deleted_tuples_are_kept_and_come_back() {
    let (shop, store) = crowded();
    let odd = json!({"user": "user:c", "relation": "viewer", "object": "doc:é\"", "condition": {"name": "in_time", "context": {"until": 10}}});
    let body = json!({"writes": {"tuple_keys": [odd]}});
    assert_eq!(shop.api().request(&format!("/stores/{store}/write"), Some(&body)).0, 200);
    // Killed when they are kept and before they are deleted, and while they are.
    for point in ["kept", "deleting"] {
        let running = paused(shop.setup(["--prune", "--yes"]), point);
        running.signal(Signal::KILL);
        running.wait();
        let file = kept(&shop).pop().unwrap_or_else(|| panic!("{point}: nothing is kept"));
        let tuples: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(tuples.as_array().unwrap().len(), 3, "{point}: {tuples}");
        assert!(tuples.as_array().unwrap().contains(&odd), "{point}: {tuples}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // The file is a file of tuples: what went comes back from it.
        fs::rename(&file, shop.sandbox.path("openfga/kept.json")).unwrap();
        shop.file("tuple_file: kept.json\ntuples:\n  - {user: 'user:a', relation: viewer, object: 'doc:1'}\n");
        shop.setup([]).run().ok();
        assert!(shop.rows().starts_with("1|1|4|"), "{point}: {}", shop.rows());
        shop.tuples(&[OURS]);
    }
    let run = shop.setup(["--prune", "--yes"]).run();
    run.ok().stdout_has("Deleted: kept in backups/").stderr_has("The tuples to be deleted are saved in backups/");
    assert!(shop.rows().starts_with("1|1|1|"), "{}", shop.rows());
}

fn a_model_that_strands_live_tuples_is_a_question() {
    let (shop, _) = crowded();
    let narrow = crate::harness::store::MODEL.replace("[user, user with in_time, team#member]", "[user with in_time]");
    shop.sandbox.write("openfga/model.fga", narrow);
    shop.file("");
    let asked = shop.setup([]).run();
    asked.code(1).stderr_has(
        "checks ignore them, and lists of their users may fail (--prune deletes them):\n  doc#viewer: 3 tuples\n",
    );
    asked.stderr_has("Write a model that 3 live tuples will no longer fit?");
    assert!(shop.rows().starts_with("1|1|3|"), "{}", shop.rows());
    let json = shop.setup(["--dry-run", "--json"]).run().ok().json();
    assert_eq!(json["model"]["stranded"], json!([{"type": "doc", "relation": "viewer", "tuples": 3}]));
    // The live model is not the file's, and that is said.
    let told = shop.test_auth([]).run();
    told.ok().stderr_has("is not the file's: 1 difference (~ doc#viewer: [user with in_time]");
    told.stderr_has("  → write the file's: cargo xtask setup-openfga");
    let text = std::fs::read_to_string(shop.sandbox.path("openfga/store.fga.yaml")).unwrap();
    let piped = shop.test_auth(["--file", "-"]).stdin(text).here(shop.sandbox.path("openfga")).run();
    piped
        .ok()
        .stderr_has("  → write the file's with setup-openfga: save the text as a file first, or pipe it in once more");
    piped.stderr_lacks("--file");
    shop.setup(["--yes"]).run().ok();
    assert!(shop.rows().starts_with("1|2|3|"), "{}", shop.rows());
    // They were stranded before: no question again.
    shop.sandbox
        .write("openfga/model.fga", crate::harness::store::MODEL.replace("type user\n", "type user\ntype robot\n"));
    shop.setup([]).run().ok();
    shop.test_auth([]).run().ok().stderr_lacks("is not the file's");
}

fn a_model_that_is_refused_changes_nothing() {
    let large = |types: usize, relations: usize| {
        let relation = |number| format!("    define {}{number}: [user]\n", "r".repeat(40));
        let relations: String = (0..relations).map(relation).collect();
        let types = (0..types).map(|number| format!("type t{number}\n  relations\n{relations}"));
        format!("model\n  schema 1.1\ntype user\n{}", types.collect::<String>())
    };
    // Beyond the server's limit for models, and beyond the one for requests.
    for (types, relations, limit) in [(90, 50, "vs 262144 bytes"), (90, 100, "vs. 616448")] {
        let shop = shared().shop();
        shop.sandbox.write("openfga/model.fga", large(types, relations));
        shop.file("");
        let run = shop.setup([]).run();
        run.code(1)
            .prints_nothing()
            .stderr_has("The model could not be written; nothing was changed")
            .stderr_has(limit);
        assert!(shop.ids().is_empty(), "the store that was made for it is taken away again");
        shop.sandbox.write("openfga/model.fga", crate::harness::store::MODEL);
        shop.setup([]).run().ok();
        shop.sandbox.write("openfga/model.fga", large(types, relations));
        shop.setup(["--yes"]).run().code(1).stderr_has("nothing was changed").stderr_has(limit);
        assert_eq!(shop.ids().len(), 1);
        let models = format!("SELECT count(*) FROM authorization_model WHERE store = '{}'", shop.ids()[0]);
        assert_eq!(shop.stack.psql("openfga", &models), "1");
    }
}
