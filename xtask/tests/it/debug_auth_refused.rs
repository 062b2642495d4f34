//! `debug-auth` of a question that it cannot ask, or whose answer has no end.

use crate::debug_auth::set_up;
use crate::harness::{Sandbox, Test, Xtask};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] cycles_and_ten_thousand_members_are_bounded_and_said,
        [Stack, Openfga] what_the_model_does_not_know_is_refused_with_the_names_that_there_are,
        [Stack, Openfga] a_word_that_is_no_type_has_the_nearest_named,
        [] what_is_no_question_is_refused_before_a_server_is_asked,
    ]
}

fn cycles_and_ten_thousand_members_are_bounded_and_said() {
    let shop = set_up();
    let run = shop.debug_auth(["user:carl", "member", "team:loop1"]).run();
    run.code(1).stdout_has("✗ member of team:loop1: a cycle, it is looked at above\n");
    // A server lets no cycle allow anything, also behind `but not`.
    shop.debug_auth(["user:carl", "active", "team:loop1"]).run().code(1);
    let id = shop.ids().pop().unwrap();
    let many = format!(
        "INSERT INTO tuple (store, object_type, object_id, relation, _user, user_type, ulid, inserted_at) \
         SELECT '{id}', 'doc', 'many', 'org', 'org:o' || n, 'user', lpad(n::text, 26, '0'), now() \
         FROM generate_series(1, 10050) AS n"
    );
    shop.stack.psql("openfga", &many);
    shop.api().write_tuples(&id, &[("user:bob", "member", "org:o7777")]);
    let run = shop.debug_auth(["user:bob", "viewer", "doc:many"]).run();
    run.ok()
        .stdout_has("  user:bob member org:o7777\n")
        .stdout_has("… and 9,980 more are not shown: 9,800 were not decided, 180 do not allow it\n");
    run.stdout_has("⚠ tuples that were not read\n");
    // A way that goes on where nothing more is read.
    shop.api().write_tuples(&id, &[("user:eve", "member", "org:o10040")]);
    let run = shop.debug_auth(["user:eve", "viewer", "doc:many"]).run();
    run.ok().stdout_has(
        "Granted by\n  further tuples, which the tree does not decide: that they lead on is the server's answer\n",
    );
    let json = shop.debug_auth(["user:eve", "viewer", "doc:many", "--json"]).run().ok().json();
    assert_eq!(
        (&json["granted_by"], &json["granted_by_is_cut"]),
        (&json!([]), &json!(true)),
        "{:#}",
        json["granted_by"]
    );
    let run = shop.debug_auth(["user:carl", "viewer", "doc:many"]).run();
    run.code(1).stdout_has("this is the server's answer\n").stderr_has("✗ user:carl viewer doc:many is denied");
}

fn what_the_model_does_not_know_is_refused_with_the_names_that_there_are() {
    let shop = set_up();
    // The words in another order are another question, which the model may know.
    for question in [["doc:plan", "viewer", "user:anne"], ["viewer", "user:anne", "doc:plan"]] {
        let run = shop.debug_auth(question).run();
        run.code(2).prints_nothing().stderr_has("→ did you mean: cargo xtask debug-auth user:anne viewer doc:plan\n");
    }
    for (question, said, names) in [
        (["usr:anne", "viewer", "doc:plan"], "there is no type usr (did you mean user?)", "doc, org, team, user"),
        (["user:anne", "viewer", "dok:plan"], "there is no type dok (did you mean doc?)", "user"),
        (
            ["user:anne", "viever", "doc:plan"],
            "type doc has no relation viever (did you mean viewer?)",
            "editor, viewer",
        ),
        (["user:anne", "admin", "org:acme"], "type org has no relation admin", "there are: member"),
        (["team:staff#membr", "viewer", "doc:plan"], "has no relation membr (did you mean member?)", "member"),
        (["user:anne", "viewer", "user:bob"], "type user has no relation viewer", "it has none"),
    ] {
        let run = shop.debug_auth(question).run();
        run.code(2).prints_nothing().stderr_has(said).stderr_has("→ ");
        run.stderr_has("does not fit the model 01").stderr_has(&format!(" of the store {}: ", shop.store));
        for name in names.split(", ") {
            run.stderr_has(name);
        }
    }
    // A type alone: of this model, not of the manual.
    let alone = shop.debug_auth(["user:bob", "viewer", "doc"]).run();
    alone.code(2).stderr_has("→ write it so: cargo xtask debug-auth user:bob viewer doc:plan\n");
    shop.debug_auth(["user:anne", "viewer", "doc:plan", "--context", "[1]"])
        .run()
        .code(2)
        .stderr_has("not a JSON object");
    shop.debug_auth(["user:anne", "viewer"]).run().code(2);
    // The second is no name that a store could have.
    for name in ["no such store", "zz"] {
        let none = shop.debug_auth(["user:anne", "viewer", "doc:plan", "--store", name]).run();
        none.code(1).stderr_has(&format!("has no store {name}\n")).stderr_has("name one of these: --store NAME");
    }
}

fn a_word_that_is_no_type_has_the_nearest_named() {
    let shop = set_up();
    for (question, near) in [
        (["user:bob", "viewer", "teem"], "(or is the type team meant by \"teem\"?)"),
        (["usr", "viewer", "doc:plan"], "(or is the type user meant by \"usr\"?)"),
    ] {
        shop.debug_auth(question).run().code(2).stderr_has("This is no question: ").stderr_has(near);
    }
    // What was typed beside it is typed again: another store may lack the type.
    let options = ["--context", "{\"now\": 4}", "--store", shop.store.as_str()];
    let run = shop.debug_auth(["usr", "viewer", "doc:plan"]).args(options).run();
    let typed = format!("viewer doc:plan --context '{{\"now\": 4}}' --store={}\n", shop.store);
    run.code(2).stderr_has(&format!("→ write it so: cargo xtask debug-auth user:usr {typed}"));
    run.stderr_has(&format!("\n  or, with the type user: cargo xtask debug-auth user:alice {typed}"));
    // A store without a model: what is advised writes one there, whatever the store file is called.
    let bare = format!("{}-bare", shop.store);
    shop.api().create_store(&bare);
    let ask = || shop.debug_auth(["user:bob", "viewer", "doc:plan", "--store", bare.as_str()]).run();
    let run = ask();
    run.code(1).stderr_has("has no model").stderr_has("→ write one: OPENFGA_STORE_ID=");
    let hint = run.stderr.lines().find_map(|line| line.split_once("OPENFGA_STORE_ID=")).unwrap().1;
    let (id, words) = hint.split_once(" cargo xtask ").unwrap();
    let ids = shop.env("OPENFGA_STORE_ID");
    Xtask::new(&shop.sandbox).args(words.split(' ')).env("OPENFGA_STORE_ID", id).run().ok();
    let run = ask();
    run.stderr_lacks("has no model").stdout_has("user:bob viewer doc:plan: ");
    assert!(ids.is_some() && ids == shop.env("OPENFGA_STORE_ID"), "the checkout's own store stays");
}

fn what_is_no_question_is_refused_before_a_server_is_asked() {
    let sandbox = Sandbox::new();
    for (question, said, meant) in [
        (["anne", "viewer", "doc:plan"], "\"anne\" is not a user", "user:anne viewer doc:plan"),
        (["user:anne", "reads", "doc:*"], "is not a single object", "user:anne reads doc:plan"),
        (["user:anne", "viewer", "doc"], "is not an object", "user:anne viewer document:doc"),
        (["user:an ne", "viewer", "doc:plan"], "has a blank in it", "user:alice viewer doc:plan"),
        (["user:", "viewer", "doc:plan"], "is not a user", "user:alice viewer doc:plan"),
        (["user:a\u{1b}[31m", "viewer", "doc:plan"], "control character", "user:alice viewer doc:plan"),
    ] {
        let run = Xtask::new(&sandbox).args(["debug-auth"]).args(question).run();
        run.code(2).prints_nothing().stderr_has("✗ This is no question: ").stderr_has(said);
        run.stderr_has(&format!("→ write it so: cargo xtask debug-auth {meant}\n"));
    }
}
