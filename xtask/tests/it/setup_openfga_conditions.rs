//! Conditions that change: no more than one batch is ever absent, and none stays so.

use crate::harness::restore::paused;
use crate::harness::store::{Got, Shop};
use crate::harness::{Sandbox, Test, Xtask, shared};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] a_killed_run_leaves_one_batch_recorded_and_the_next_completes_it,
        [Stack, Openfga] a_signal_waits_for_the_batch,
        [Stack, Openfga] a_condition_that_the_server_refuses_deletes_nothing,
        [Stack, Openfga] a_long_context_is_shown_by_its_beginning_and_its_length,
        [Stack, Openfga] a_record_of_another_server_is_left_alone,
        [Stack, Openfga] a_forged_record_writes_nothing_unasked,
    ]
}

/// 250 tuples, three batches, each under this condition.
fn many(until: u32) -> String {
    let lines =
        (0..250).map(|number| format!("user,u{number},viewer,doc,{number},in_time,\"{{\"\"until\"\": {until}}}\"\n"));
    let header = "user_type,user_id,relation,object_type,object_id,condition_name,condition_context\n";
    format!("{header}{}", lines.collect::<String>())
}

fn set_up<'a>() -> Shop<'a> {
    let shop = shared().shop();
    shop.file("tuple_file: many.csv\n");
    shop.sandbox.write("openfga/many.csv", many(1));
    shop.setup([]).run().ok();
    shop.sandbox.write("openfga/many.csv", many(2));
    shop
}

/// How many tuples the store has.
fn count(shop: &Shop<'_>) -> usize {
    let sql = format!("SELECT count(*) FROM tuple WHERE store = '{}'", shop.ids()[0]);
    shop.stack.psql("openfga", &sql).parse().unwrap()
}

fn records(sandbox: &Sandbox) -> Vec<PathBuf> {
    let folder = sandbox.path(".xtask/openfga");
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("pending-")).collect()
}

fn a_killed_run_leaves_one_batch_recorded_and_the_next_completes_it() {
    for (point, left) in [("recorded", 250), ("absent", 150), ("replaced", 250)] {
        let shop = set_up();
        let running = paused(shop.setup([]), point);
        assert_eq!(count(&shop), left, "{point}");
        running.signal(Signal::KILL);
        running.wait();
        let kept = records(&shop.sandbox);
        assert_eq!(kept.len(), 1, "{point}");
        assert_eq!(fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o777, 0o600);
        // test-auth and a dry run say it, and write nothing.
        shop.setup(["--dry-run"]).run().ok().stderr_has("100 tuples may be missing");
        shop.test_auth([]).run().ok().stderr_has("setup-openfga was interrupted: 100 tuples may be missing");
        let id = &shop.ids()[0];
        let export = shop.export(["--store", id]).run();
        export.code(6).stderr_has("⚠ setup-openfga was interrupted: 100 tuples may be missing");
        export
            .stderr_has("✗ The store is exported, but 100 tuples may be missing in it")
            .stderr_has("→ write them first");
        let debug = shop.debug_auth(["user:nobody", "viewer", "doc:1", "--store", id]).run();
        debug.code(1).stderr_has("⚠ setup-openfga was interrupted: 100 tuples may be missing");
        assert_eq!(count(&shop), left, "{point}");
        if point == "absent" {
            named_no_more(&shop);
        }
        let run = shop.setup([]).run();
        run.ok().stderr_has("at most 100 at a time");
        shop.setup([]).run().ok().stdout_has("no changes");
        let until =
            format!("SELECT count(*) FROM tuple WHERE store = '{}' AND condition_name = 'in_time'", shop.ids()[0]);
        assert_eq!(shop.stack.psql("openfga", &until), "250", "{point}");
        assert!(records(&shop.sandbox).is_empty(), "{point}");
    }
}

/// What was deleted is written again where the file does not name it any more, too.
fn named_no_more(shop: &Shop<'_>) {
    let file = fs::read(shop.sandbox.path("openfga/many.csv")).unwrap();
    shop.sandbox.write("openfga/many.csv", "user_type,user_id,relation,object_type,object_id\nuser,new,viewer,doc,1\n");
    let dry = shop.setup(["--dry-run"]).run();
    dry.ok().stdout_has("would change").stdout_has(", again\n").stdout_has("  + user:u");
    // Nobody asked for them: they are named before they are written.
    let run = shop.setup([]).run();
    run.code(1).stderr_has("did not write again:\n").stderr_has("… and 80 more");
    run.stderr_has(&format!("Write 100 tuples of the store {} again?", shop.store));
    assert_eq!(count(shop), 150);
    let run = shop.setup(["--json", "--yes"]).run();
    run.ok().stderr_has("100 tuples written again");
    let report = run.json();
    assert_eq!((&report["changed"], &report["tuples"]["rewritten"]), (&true.into(), &100.into()));
    assert_eq!(count(shop), 251);
    shop.sandbox.write("openfga/many.csv", file);
}

fn a_signal_waits_for_the_batch() {
    let shop = set_up();
    let running = paused(shop.setup([]), "absent");
    running.signal(Signal::INT);
    running.signal(Signal::CONT);
    // The fault point stands still at each batch: the second one is never begun.
    let run = running.wait();
    run.code(6).prints_nothing().stderr_has("Ended by Ctrl-C (SIGINT); part of it is done; .env is unchanged");
    assert_eq!(count(&shop), 250);
    assert!(records(&shop.sandbox).is_empty());
    let run = shop.setup([]).run();
    run.ok().stdout_has("written again: 150\n");
}

/// Behind a proxy that refuses: the sandbox, with a store whose tuples are to change, and what the server holds.
fn refusing(refuses: impl Fn(&Got) -> bool + Send + Sync + 'static) -> (Sandbox, String) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let refusal = json!({"code": "validation_error", "message": "no such thing"}).to_string();
    let (sandbox, _proxy) =
        shared().behind_proxy(move |got| refuses(got).then(|| (400, String::new(), refusal.clone())));
    let name = format!("refusing-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    sandbox.write("openfga/store.fga.yaml", format!("name: {name}\nmodel_file: model.fga\ntuple_file: many.csv\n"));
    sandbox.write("openfga/many.csv", many(1));
    setup(&sandbox).run().ok();
    sandbox.write("openfga/many.csv", many(2));
    (sandbox, name)
}

fn setup(sandbox: &Sandbox) -> Xtask {
    Xtask::new(sandbox).args(["setup-openfga"])
}

/// A context may have 32 kB, twice for each of the twenty tuples that are named.
fn a_long_context_is_shown_by_its_beginning_and_its_length() {
    let shop = set_up();
    let long = |until: u32| {
        let context = format!("{{\"\"until\"\": {until}, \"\"note\"\": \"\"{}\"\"}}", "ä".repeat(9_000));
        many(until).replace(&format!("{{\"\"until\"\": {until}}}"), &context)
    };
    let model = fs::read_to_string(shop.sandbox.path("openfga/model.fga")).unwrap();
    let model = model.replace("in_time(", "in_time(note: string, ").replace("note: string, )", "note: string)");
    shop.sandbox.write("openfga/model.fga", model);
    shop.sandbox.write("openfga/many.csv", long(2));
    let run = shop.setup(["--dry-run"]).run();
    run.ok()
        .stderr_has("ä… (9,029 characters)")
        .stderr_has("user:u0 viewer doc:0: in_time {\"until\":1} → in_time {\"note\":\"ä");
    let longest = run.stderr.lines().map(|line| line.chars().count()).max().unwrap();
    run.holds(longest < 600, "no line is as long as a context");
}

fn a_condition_that_the_server_refuses_deletes_nothing() {
    let tuples = |name: &str| {
        let sql = format!(
            "SELECT count(*), count(DISTINCT condition_context) FROM tuple WHERE store = (SELECT id FROM store WHERE name = '{name}')"
        );
        shared().psql("openfga", &sql)
    };
    // Before anything is deleted.
    let (sandbox, name) = refusing(|got| got.line.ends_with("/check"));
    let run = setup(&sandbox).run();
    run.code(1)
        .stderr_has("does not accept a tuple with its new condition; nothing was changed")
        .stderr_has("no such thing");
    assert_eq!(tuples(&name), "250|1");
    assert!(records(&sandbox).is_empty());
    // When they are deleted: they are put back as they were.
    let (sandbox, name) = refusing(|got| got.line.ends_with("/write") && got.body.contains("\"until\":2"));
    let run = setup(&sandbox).run();
    run.code(1).stderr_has("no such thing");
    assert_eq!(tuples(&name), "250|1");
    assert!(records(&sandbox).is_empty());
}

fn a_record_of_another_server_is_left_alone() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    let tuple = |user: &str| json!({"user": user, "relation": "viewer", "object": "doc:1"});
    let record = json!({
        "version": 1, "server": "http://other:8080", "store": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "tuples": [{"before": tuple("user:x"), "after": tuple("user:x")}],
    });
    let path = shop.sandbox.write(".xtask/openfga/pending-1.json", record.to_string());
    let chmod = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    chmod(0o644);
    let run = shop.setup([]).run();
    run.code(1).stderr_has("pending-1.json is not private").stderr_has("→ check what it says, then: chmod 600");
    fs::rename(&path, path.with_file_name("pending-$(touch PWN).json")).unwrap();
    let run = shop.setup(["--dry-run"]).run();
    run.code(1).stderr_has("then: chmod 600 '").stderr_has("pending-$(touch PWN).json'");
    fs::rename(path.with_file_name("pending-$(touch PWN).json"), &path).unwrap();
    chmod(0o600);
    // Behind a link it would be another checkout's.
    let (own, moved) = (shop.sandbox.path(".xtask"), shop.sandbox.beside("moved"));
    fs::rename(&own, &moved).unwrap();
    symlink(&moved, &own).unwrap();
    shop.setup(["--yes"]).run().code(1).stderr_has(".xtask is a symbolic link").stderr_has("→ remove the link");
    fs::remove_file(&own).unwrap();
    fs::rename(&moved, &own).unwrap();
    let run = shop.setup([]).run();
    run.ok().stderr_has("is left alone: it is about the store 01ARZ3NDEKTSV4RRFFQ69G5FAV of http://other:8080");
    assert!(path.exists());
    shop.sandbox.write(".xtask/openfga/pending-1.json", "{\"version\": 1");
    let run = shop.setup([]).run();
    run.code(6).stderr_has("pending-1.json cannot be understood").stderr_has("then remove it");
}

/// A record is a file: a user who could write one must not thereby write tuples.
fn a_forged_record_writes_nothing_unasked() {
    let (shop, another) = (shared().shop(), shared().shop());
    for shop in [&shop, &another] {
        shop.tuples(&[("user:a", "viewer", "doc:1")]);
        shop.setup([]).run().ok();
    }
    let server = shop.setup(["--json", "--dry-run"]).run().json()["server"].as_str().unwrap().to_owned();
    let write = |store: &str, before: serde_json::Value, after: serde_json::Value| {
        let record =
            json!({"version": 1, "server": server, "store": store, "tuples": [{"before": before, "after": after}]});
        let path = shop.sandbox.write(".xtask/openfga/pending-1.json", record.to_string());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let tuple = |user: &str| json!({"user": user, "relation": "viewer", "object": "doc:payroll"});
    let (own, other) = (shop.ids().remove(0), another.ids().remove(0));
    // Another store of the same server.
    let path = write(&other, tuple("user:mallory"), tuple("user:mallory"));
    shop.setup(["--yes"]).run().ok().stderr_has(&format!("is left alone: it is about the store {other}"));
    assert_eq!((count(&another), path.exists()), (1, true));
    // This one: it is named, and asked for.
    write(&own, tuple("user:mallory"), tuple("user:mallory"));
    shop.setup(["--dry-run"]).run().ok().stdout_has("  + user:mallory viewer doc:payroll, again\n");
    shop.setup([]).run().code(1).stderr_has("  user:mallory viewer doc:payroll\n").stderr_has("again?");
    assert_eq!(count(&shop), 1);
    // What the model does not take, what is no tuple, and a pair of two tuples.
    write(&own, tuple("robot:x"), tuple("robot:x"));
    let run = shop.setup(["--yes"]).run();
    run.code(6)
        .stderr_has("cannot be written: robot:x viewer doc:payroll")
        .stderr_has("the store's model does not take it");
    for (before, after) in
        [(tuple("user:a"), tuple("user:b")), (json!({}), tuple("user:b")), (json!({"user": ["x"]}), json!(1))]
    {
        write(&own, before, after);
        shop.setup(["--yes"]).run().code(6).stderr_has("pending-1.json cannot be understood");
    }
    assert_eq!(count(&shop), 1);
}
