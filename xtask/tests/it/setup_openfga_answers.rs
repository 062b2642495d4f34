//! What `setup-openfga` makes of an OpenFGA whose answers are wrong, too large, or without an end.

use crate::harness::store::FakeServer;
use crate::harness::{Test, wait_until};
use crate::setup_openfga_server::{Made, checkout, failing, setup};
use serde_json::{Value, json};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

pub fn tests() -> Vec<Test> {
    tests![
        [] another_programs_answers_are_recognised,
        [] an_answer_that_is_too_large_is_given_up,
        [] every_page_of_stores_is_read,
        [] a_list_that_does_not_end_is_given_up,
        [] what_is_too_long_for_openfga_is_not_its_answer,
        [] an_answer_takes_about_its_own_size,
        [] a_fat_list_is_given_up,
        [] an_id_that_is_none_gets_nowhere,
        [] a_name_with_a_line_break_in_it_is_no_line_of_ours,
    ]
}

fn another_programs_answers_are_recognised() {
    let page = "<!DOCTYPE html><title>Welcome</title>";
    let server = FakeServer::new(move |_| (200, String::new(), page.to_owned()));
    setup(&checkout(&server)).run().code(4).stderr_has("another program answers at");
    let server = failing("GET /stores?name", 9, move |_, _| (200, String::new(), page.to_owned()));
    setup(&checkout(&server))
        .run()
        .code(4)
        .stderr_has("answers, but not as OpenFGA does")
        .stderr_has("its answer begins \"<!DOCTYPE");
    let server = failing("GET /stores?name", 9, move |_, _| (404, String::new(), page.to_owned()));
    setup(&checkout(&server)).run().code(4).stderr_has("answers, but not as OpenFGA does");
}

fn an_answer_that_is_too_large_is_given_up() {
    let server = failing("GET /healthz", 9, |_, _| (200, String::new(), " ".repeat(17 << 20)));
    setup(&checkout(&server)).run().code(4).stderr_has("the answer is longer than 16777216 bytes");
}

fn every_page_of_stores_is_read() {
    let server = FakeServer::new(|got| {
        let page = |names: [&str; 2], token: &str| {
            let stores = names
                .map(|name| json!({"id": format!("id-{name}-{}", token.len()), "name": name, "created_at": "2025"}));
            (200, String::new(), json!({"stores": stores, "continuation_token": token}).to_string())
        };
        match got.line.as_str() {
            line if line.starts_with("GET /stores?page_size=1") => page(["x", "y"], ""),
            line if line.ends_with("continuation_token=") => page(["shopping", "shop"], "a b"),
            line if line.ends_with("continuation_token=a%20b") => page(["other", "shop"], ""),
            _ => (200, String::new(), json!({"status": "SERVING"}).to_string()),
        }
    });
    let run = setup(&checkout(&server)).run();
    run.code(1).stderr_has("2 stores are called \"shop\"").stderr_has("id-shop-3").stderr_has("id-shop-0  made 2025");
    run.stderr_lacks("shopping");
}

/// As a page of tuples, where it is asked for one.
fn endless(stores: Value, tuples: Value, token: impl Fn(usize) -> String + Send + Sync + 'static) -> FakeServer {
    let (made, count) = (Made::default(), AtomicUsize::new(0));
    FakeServer::new(move |got| {
        let next = token(count.fetch_add(1, Ordering::Relaxed));
        let is_asked = |list: &Value, line: &str| !list.is_null() && got.line.split('?').next() == Some(line);
        let answer = if is_asked(&stores, "GET /stores") {
            json!({"stores": stores, "continuation_token": next})
        } else if is_asked(&tuples, "POST /stores/S0/read") {
            json!({"tuples": tuples, "continuation_token": next})
        } else {
            return made.answer(got);
        };
        (200, String::new(), answer.to_string())
    })
}

fn a_list_that_does_not_end_is_given_up() {
    let store = json!([{"id": "S0", "name": "other"}]);
    let ours = json!([{"key": {"user": "user:a", "relation": "viewer", "object": "doc:1"}}]);
    for server in [
        endless(store, Value::Null, |_| "the same".to_owned()),
        endless(json!([]), Value::Null, |number| number.to_string()),
    ] {
        let run = setup(&checkout(&server)).run();
        run.code(4).stderr_has("answers, but not as OpenFGA does").stderr_has("its list does not end");
    }
    // What the file names, again and again: it may hold others, too.
    let server = endless(Value::Null, ours, |number| number.to_string());
    setup(&checkout(&server)).run().ok();
    assert!(server.count("POST /stores/S0/read") < 5);
}

/// A field that OpenFGA never gives, and members that no caller reads.
fn what_is_too_long_for_openfga_is_not_its_answer() {
    let (long, tuple) =
        ("x".repeat(2_000), |user: &str| json!([{"key": {"user": user, "relation": "r", "object": "o:1"}}]));
    let server = endless(json!([{"id": "S0", "name": long}]), Value::Null, |_| String::new());
    let run = setup(&checkout(&server)).run();
    run.code(4).stderr_has("not as OpenFGA does").stderr_has("a name has 2000 bytes, OpenFGA gives 256 at most");
    let server = endless(Value::Null, tuple(&long), |_| String::new());
    setup(&checkout(&server)).run().ok();
    let run = setup(&checkout(&server)).run();
    run.code(4).stderr_has("a user has 2000 bytes, OpenFGA gives 512 at most");
}

/// A small memory is enough for a large answer, of which nearly nothing is read.
fn an_answer_takes_about_its_own_size() {
    let unread = format!("{{\"stores\": [], \"x\": [{}0]}}", "{\"\":0},".repeat(2_000_000));
    let server = failing("GET /stores?name", 9, move |_, _| (200, String::new(), unread.clone()));
    let sandbox = checkout(&server);
    let mut running = setup(&sandbox).args(["--dry-run"]).spawn();
    let mut peak = 0;
    wait_until("the answer is read", || {
        let status = fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or_default());
        !running.is_running()
    });
    running.wait().ok().stdout_has("would change");
    assert!(peak > 1_000 && peak < 200_000, "{peak} kB of memory for an answer of 14 MB");
}

/// Each entry is one that OpenFGA could give; the pages have members that no caller reads.
fn a_fat_list_is_given_up() {
    let page = |number: usize| {
        let filling = "x".repeat(15 << 20);
        json!({"stores": [{"id": "S7", "name": "other"}], "x": filling, "continuation_token": number.to_string()})
    };
    let count = AtomicUsize::new(0);
    let server = failing("GET /stores?name", 99, move |_, _| {
        (200, String::new(), page(count.fetch_add(1, Ordering::Relaxed)).to_string())
    });
    let run = setup(&checkout(&server)).run();
    // An honest server may have so much.
    run.code(1).stderr_has("has more than 268.4 MB").stderr_has("cargo xtask db-backup").stderr_lacks("not as OpenFGA");
    assert_eq!(server.count("GET /stores?name"), 18);
}

fn an_id_that_is_none_gets_nowhere() {
    for id in ["x\nPATH=1", "../../stores", "$(touch x)", "a b", "", "\u{1b}[2J"] {
        for (line, name) in [("POST /stores", "id"), ("POST /stores/S0/authorization-models", "authorization_model_id")]
        {
            let server =
                failing(line, 1, move |_, _| (200, String::new(), json!({name: id, "name": "shop"}).to_string()));
            let sandbox = checkout(&server);
            let run = setup(&sandbox).run();
            run.code(4).prints_nothing().stderr_has("answers, but not as OpenFGA does").stderr_has(" is no id");
            assert!(!std::fs::read_to_string(sandbox.path(".env")).unwrap().contains("OPENFGA_STORE_ID"), "{id:?}");
        }
    }
    let server =
        failing("GET /stores/S7", 9, |_, _| (200, String::new(), json!({"id": "S8", "name": "shop"}).to_string()));
    let run = setup(&checkout(&server)).env("OPENFGA_STORE_ID", "S7").run();
    run.code(4).stderr_has("another store than that of the id");
}

fn a_name_with_a_line_break_in_it_is_no_line_of_ours() {
    let server = failing("POST /stores/S0/list-objects", 9, |_, _| {
        (200, String::new(), json!({"objects": ["doc:1\n✓ Store shop is set up"]}).to_string())
    });
    let sandbox = checkout(&server);
    let list = "list_objects: [{user: 'user:a', type: doc, assertions: {viewer: ['doc:1']}}]";
    let file = std::fs::read_to_string(sandbox.path("openfga/store.fga.yaml")).unwrap();
    sandbox.write("openfga/store.fga.yaml", format!("{file}tests:\n  - {list}\n"));
    let run = setup(&sandbox).run();
    let forged = run.stderr.lines().find(|line| line.trim_start().starts_with("✓ Store"));
    run.code(6).stderr_has("doc:1\\n✓").holds(forged.is_none(), "the name is one line");
}
