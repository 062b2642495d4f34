//! `setup-openfga --print-model`: from the DSL to JSON and back, without a server.

use crate::harness::{Sandbox, Test, Xtask};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    tests![
        [] a_model_goes_both_ways,
        [] modules_become_one_file,
        [] what_the_dsl_cannot_express_is_named,
        [] a_condition_that_no_tuple_can_have_is_named_at_its_place,
    ]
}

/// What `--print-model` says of this checkout's store file.
fn printed(sandbox: &Sandbox, file: &str, form: &str) -> String {
    // A server that does not exist: it must not be asked.
    let run = Xtask::new(sandbox).env("DOCKER_HOST", "tcp://127.0.0.1:1");
    let run = run.args(["setup-openfga", "--file", file, "--print-model", form]).run();
    run.ok().says_nothing();
    run.text()
}

fn a_model_goes_both_ways() {
    let sandbox = Sandbox::new();
    sandbox.copy_folder("openfga");
    let json = printed(&sandbox, "openfga/store.fga.yaml", "json");
    let model: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(model["schema_version"], "1.1");
    sandbox.write("there/model.json", &json);
    sandbox.write("there/store.fga.yaml", "name: there\nmodel_file: model.json\n");
    let dsl = printed(&sandbox, "there/store.fga.yaml", "dsl");
    assert!(dsl.starts_with("model\n  schema 1.1\n"), "{dsl}");
    assert!(dsl.contains("    define executor: [user] or owner or member from organization\n"), "{dsl}");
    sandbox.write("back/model.fga", &dsl);
    sandbox.write("back/store.fga.yaml", "name: back\nmodel_file: model.fga\n");
    assert_eq!(printed(&sandbox, "back/store.fga.yaml", "json"), json);
}

fn modules_become_one_file() {
    let sandbox = Sandbox::new();
    sandbox.copy_folder("openfga");
    let dsl = printed(&sandbox, "openfga/documents.fga.yaml", "dsl");
    assert!(dsl.contains("  schema 1.2\n"), "{dsl}");
}

fn what_the_dsl_cannot_express_is_named() {
    let sandbox = Sandbox::new();
    let late =
        json!({ "difference": { "base": { "computedUserset": { "relation": "owner" } }, "subtract": { "this": {} } } });
    let user = json!([{ "type": "user" }]);
    let model = json!({ "schema_version": "1.1", "type_definitions": [
        { "type": "user" },
        { "type": "doc", "relations": { "owner": { "this": {} }, "x": late },
          "metadata": { "relations": { "owner": { "directly_related_user_types": user }, "x": { "directly_related_user_types": user } } } },
    ] });
    sandbox.write("model.json", model.to_string());
    sandbox.write("store.fga.yaml", "name: late\nmodel_file: model.json\n");
    let run = Xtask::new(&sandbox).args(["setup-openfga", "--file", "store.fga.yaml", "--print-model", "dsl"]).run();
    run.code(1).stderr_has("The DSL cannot express this model\n").prints_nothing();
    run.stderr_has("  doc#x: the directly assignable types do not come first\n").stderr_has("--print-model json");
    // No store is asked, so that the file's name may be one that no store has.
    sandbox.write("x.fga.yaml", "model_file: model.json\n");
    let run = Xtask::new(&sandbox).args(["setup-openfga", "--file", "x.fga.yaml", "--print-model", "json"]).run();
    run.ok().stdout_has("\"doc\"");
}

fn a_condition_that_no_tuple_can_have_is_named_at_its_place() {
    let sandbox = Sandbox::new();
    let text = "name: shop\nmodel: |\n  model\n    schema 1.1\n  type user\n  type doc\n    relations\n      \
         define a: [user, user with c]\n  condition c(x: int) {\n    x > 1\n  }\n";
    sandbox.write("store.fga.yaml", text);
    let print =
        || Xtask::new(&sandbox).args(["setup-openfga", "--file", "store.fga.yaml", "--print-model", "dsl"]).run();
    print().ok().stderr_has(
        "store.fga.yaml:9:13: no tuple can have the condition `c`: there its name needs 2 characters; rename it",
    );
    // One mistake is one error, at its own place, however many tuples have the condition.
    let tuple = |number: u32| {
        format!("  - user: user:{number}\n    relation: a\n    object: doc:1\n    condition:\n      name: c\n")
    };
    let tuples: String = (0..300).map(tuple).collect();
    let wrong = "  - user: user:1\n    relation: b\n    object: doc:1\n";
    sandbox.write("store.fga.yaml", format!("{text}tuples:\n{tuples}{wrong}"));
    let run = print();
    run.code(1).stderr_has("store.fga.yaml has 2 errors").stderr_has(
        "store.fga.yaml:9:13: no tuple can have the condition `c`: there its name needs 2 characters; rename it (300 tuples \
         have it, the first in store.fga.yaml, line 13)",
    );
    run.stderr_has("store.fga.yaml:1513:5: the model does not allow user:1 b doc:1");
    // A mistake of the tuples' own is theirs.
    sandbox.write("store.fga.yaml", format!("{text}tuples:\n{}", tuple(1).replace("name: c", "name: d")));
    print()
        .code(1)
        .stderr_has("the condition's name has 1 character; in a tuple it needs 2 to 256: rename the condition");
}
