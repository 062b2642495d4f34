//! Which OpenFGA `setup-openfga` speaks to, and what it makes of one that misbehaves.

use crate::harness::store::{FakeServer, Got, MODEL, Reply};
use crate::harness::{Sandbox, Test, UrlDatabase, Xtask, shared, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] an_address_that_is_not_the_stacks_stops_it,
        [] a_request_that_may_have_made_something_is_not_repeated_blindly,
        [] a_server_that_has_no_time_is_asked_again,
        [] a_server_that_stays_down_is_exit_4,
        [] a_server_that_fails_for_a_moment_is_asked_again,
        [] a_key_that_is_refused_is_exit_4,
        [] a_redirect_does_not_get_the_key,
        [] another_programs_answers_are_recognised,
        [] an_answer_that_is_too_large_is_given_up,
        [] every_page_of_stores_is_read,
        [] a_list_that_does_not_end_is_given_up,
        [] what_is_too_long_for_openfga_is_not_its_answer,
        [] an_answer_takes_about_its_own_size,
        [] a_fat_list_is_given_up,
        [] an_id_that_is_none_gets_nowhere,
        [] a_name_with_a_line_break_in_it_is_no_line_of_ours,
        [] a_server_that_is_too_old_is_left_alone,
        [Postgres] on_a_server_of_ones_own_nothing_is_migrated,
    ]
}

/// How a server is asked for its age; no store has this id.
const AGE: &str = "POST /stores/00000000000000000000000000/write";

/// An OpenFGA of a few lines: its stores and models are what was made.
#[derive(Default)]
struct Made {
    stores: Mutex<Vec<String>>,
    models: Mutex<Vec<Value>>,
}

impl Made {
    fn answer(&self, got: &Got) -> Reply {
        let (method, path) = got.line.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let body: Value = serde_json::from_str(&got.body).unwrap_or_default();
        let stores = || -> Vec<Value> {
            let names = self.stores.lock().unwrap();
            names.iter().enumerate().map(|(id, name)| json!({"id": format!("S{id}"), "name": name})).collect()
        };
        let models = path.ends_with("/authorization-models");
        let answer = match (method, path) {
            ("GET", "/healthz") => json!({"status": "SERVING"}),
            ("GET", "/stores") => json!({"stores": stores(), "continuation_token": ""}),
            ("POST", "/stores") => {
                self.stores.lock().unwrap().push(body["name"].as_str().unwrap().to_owned());
                stores().pop().unwrap()
            }
            ("GET", _) if models => {
                json!({"authorization_models": self.models.lock().unwrap().iter().rev().collect::<Vec<_>>()})
            }
            ("POST", _) if models => {
                let mut model = body;
                let id = format!("M{}", self.models.lock().unwrap().len());
                model["id"] = json!(id);
                self.models.lock().unwrap().push(model);
                json!({"authorization_model_id": id})
            }
            ("POST", _) if path.ends_with("/read") => json!({"tuples": [], "continuation_token": ""}),
            ("POST", _) if path.ends_with("/write") => json!({}),
            _ => return (404, String::new(), json!({"code": "undefined_endpoint", "message": "?"}).to_string()),
        };
        (200, String::new(), answer.to_string())
    }
}

/// A checkout whose Compose project does not run, so that the address alone counts.
fn checkout(server: &FakeServer) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("openfga/model.fga", MODEL);
    let tuples = "tuples:\n  - {user: 'user:a', relation: viewer, object: 'doc:1'}\n";
    sandbox.write("openfga/store.fga.yaml", format!("name: shop\nmodel_file: model.fga\n{tuples}"));
    sandbox.set("OPENFGA_API_URL", &server.url);
    sandbox
}

fn setup(sandbox: &Sandbox) -> Xtask {
    Xtask::new(sandbox).args(["setup-openfga"])
}

/// Answers as `Made` does, but for the first requests that begin with `line`.
fn failing(
    line: &'static str,
    times: usize,
    first: impl Fn(&Made, &Got) -> Reply + Send + Sync + 'static,
) -> FakeServer {
    let (made, count) = (Made::default(), AtomicUsize::new(0));
    FakeServer::new(move |got| {
        if got.line.starts_with(line) && !got.line.starts_with(AGE) && count.fetch_add(1, Ordering::Relaxed) < times {
            return first(&made, got);
        }
        made.answer(got)
    })
}

fn an_address_that_is_not_the_stacks_stops_it() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    let own = format!("http://127.0.0.1:{}", shop.stack.openfga_port);
    let other = FakeServer::new(|_| (200, String::new(), json!({"status": "SERVING"}).to_string()));
    let run = shop.setup([]).env("OPENFGA_API_URL", &other.url).run();
    run.code(2)
        .prints_nothing()
        .stderr_has(&format!("OPENFGA_API_URL is {} (environment)", other.url))
        .stderr_has(&own);
    assert!(other.got().is_empty(), "nothing is asked of a server that is not meant");
    shop.setup([]).env("OPENFGA_API_URL", "http://openfga:8080").run().code(2).stderr_has("http://openfga:8080");
    // The same address in other words is no contradiction.
    let spelled = format!("http://localhost:{}/", shop.stack.openfga_port);
    shop.setup([]).env("OPENFGA_API_URL", spelled).run().ok();
    let proxied = shop.setup([]).env("http_proxy", &other.url).env("ALL_PROXY", &other.url).run();
    proxied.ok().stdout_has("no changes");
    assert!(other.got().is_empty(), "no proxy is used for loopback");
    // Ours does not run: who is on its port is not meant.
    let sandbox = checkout(&other);
    sandbox.set("OPENFGA_HTTP_PORT", other.url.rsplit_once(':').unwrap().1);
    setup(&sandbox).run().code(4).stderr_has("✗ The openfga service is not running\n→ start it with: cargo xtask up\n");
    assert!(other.got().is_empty(), "a stranger is asked nothing");
}

fn a_request_that_may_have_made_something_is_not_repeated_blindly() {
    let made_but_failed = |made: &Made, got: &Got| {
        made.answer(got);
        (503, String::new(), String::new())
    };
    let made_but_cut = |made: &Made, got: &Got| {
        made.answer(got);
        (0, String::new(), String::new())
    };
    for (line, server) in [
        ("POST /stores", failing("POST /stores", 1, made_but_failed)),
        ("POST /stores", failing("POST /stores", 1, made_but_cut)),
        ("POST /stores/S0/authorization-models", failing("POST /stores/S0/authorization-models", 1, made_but_failed)),
        ("POST /stores/S0/authorization-models", failing("POST /stores/S0/authorization-models", 1, made_but_cut)),
    ] {
        let sandbox = checkout(&server);
        setup(&sandbox).run().ok().stdout_has("Store:   S0, created").stdout_has("Model:   M0, written");
        let posts = server.got().iter().filter(|got| got.line == line).count();
        assert_eq!(posts, 1, "{line}");
    }
    // Where it was not made, it is made once more.
    let server = failing("POST /stores", 1, |_, _| (503, String::new(), String::new()));
    setup(&checkout(&server)).run().ok().stdout_has("Store:   S0, created");
    assert_eq!(server.got().iter().filter(|got| got.line == "POST /stores").count(), 2);
}

fn a_server_that_has_no_time_is_asked_again() {
    let busy = |status| move |_: &Made, _: &Got| (status, "Retry-After: 1\r\n".to_owned(), String::new());
    for (line, status) in [("POST /stores", 429), ("POST /stores/S0/write", 503), ("POST /stores/S0/write", 409)] {
        let server = failing(line, 1, busy(status));
        let run = setup(&checkout(&server)).run();
        run.ok().holds(run.took >= Duration::from_secs(1), "Retry-After should be waited for");
    }
    let server = failing("POST /stores/S0/write", 1, busy(501));
    let run = setup(&checkout(&server)).run();
    run.code(4)
        .stderr_has("✗ The connection to OpenFGA was lost when part of it was done; .env is as before\n")
        .stderr_has("HTTP 501");
    assert_eq!(server.count("POST /stores/S0/write"), 1);
    let server = failing("POST /stores/S0/write", 9, |_, _| (429, "Retry-After: 3600\r\n".to_owned(), String::new()));
    let run = setup(&checkout(&server)).run();
    run.code(4)
        .stderr_has("limits the rate of requests (HTTP 429)")
        .holds(run.took < Duration::from_secs(20), "an hour is too long to wait");
    // OpenFGA's own status for a list that is full of conflicts.
    let server = failing("POST /stores/S0/write", 9, |_, _| (422, String::new(), String::new()));
    setup(&checkout(&server)).run().code(4).stderr_has("limits the rate of requests (HTTP 422)");
    let refused =
        |_: &Made, _: &Got| (400, String::new(), json!({"code": "some_code", "message": "not so"}).to_string());
    let server = failing("POST /stores/S0/write", 9, refused);
    setup(&checkout(&server))
        .run()
        .code(6)
        .stderr_has("not so (HTTP 400, some_code)")
        .stderr_has("Only part of it is done");
}

fn a_server_that_stays_down_is_exit_4() {
    let server = FakeServer::new(|_| (500, String::new(), "no\u{1b}[2J connection".to_owned()));
    let sandbox = checkout(&server);
    let run = setup(&sandbox).run();
    run.code(4)
        .prints_nothing()
        .stderr_has("is not serving (HTTP 500)")
        .stderr_has("and that it answers: curl http")
        .stderr_has(r"it answered: no\u{1b}[2J connection");
    let nobody = Xtask::new(&sandbox).args(["test-auth"]).env("OPENFGA_API_URL", "http://127.0.0.1:9").run();
    nobody.code(4).stderr_has("http://127.0.0.1:9 does not answer").stderr_has("connection refused");
    setup(&sandbox).env("OPENFGA_API_URL", "nonsense").run().code(2).stderr_has("OPENFGA_API_URL is not an address");
    let login = setup(&sandbox).env("OPENFGA_API_URL", "http://user:hunter2@127.0.0.1:9").run();
    login.code(2).stderr_lacks("hunter2");
    let silent = FakeServer::new(|_| {
        std::thread::sleep(Duration::from_secs(60));
        (200, String::new(), String::new())
    });
    let run = setup(&sandbox).env("OPENFGA_API_URL", &silent.url).run();
    run.code(4).stderr_has("no answer within 5 s");
    // Without an address the stack's own is meant, and it does not run.
    setup(&sandbox).env("OPENFGA_API_URL", "").run().code(4);
}

/// OpenFGA answers so while it connects to its database anew.
fn a_server_that_fails_for_a_moment_is_asked_again() {
    let server = failing("GET /healthz", 2, |_, _| (500, String::new(), String::new()));
    setup(&checkout(&server)).run().ok().stdout_has("is set up");
    assert_eq!(server.count("GET /healthz"), 3);
}

fn a_key_that_is_refused_is_exit_4() {
    let server = FakeServer::new(|got| match (got.line.as_str(), got.key.as_deref()) {
        ("GET /healthz", _) => (200, String::new(), json!({"status": "SERVING"}).to_string()),
        (_, Some("Bearer right")) => Made::default().answer(got),
        _ => (401, String::new(), json!({"code": "bearer_token_missing", "message": "no"}).to_string()),
    });
    let sandbox = checkout(&server);
    setup(&sandbox).run().code(4).stderr_has("key refused (it requires a key)");
    let wrong = setup(&sandbox).args(["--verbose"]).env("OPENFGA_API_TOKEN", "hunter2").run();
    wrong.code(4).stderr_has("key refused (it does not know the key that was sent)").stderr_lacks("hunter2");
    let right = Xtask::new(&sandbox).args(["setup-openfga", "--dry-run"]).env("OPENFGA_API_TOKEN", "right").run();
    right.ok();
    assert!(server.got().iter().filter(|got| got.line == "GET /healthz").all(|got| got.key.is_none()));
}

fn a_redirect_does_not_get_the_key() {
    let thief = FakeServer::new(|_| (200, String::new(), json!({"status": "SERVING", "stores": []}).to_string()));
    let there = thief.url.clone();
    let server = FakeServer::new(move |got| (307, format!("Location: {there}{}\r\n", &got.line[4..]), String::new()));
    let run = setup(&checkout(&server)).env("OPENFGA_API_TOKEN", "hunter2").run();
    run.code(4).stderr_has(&format!("redirects to {}", thief.url)).stderr_lacks("hunter2");
    let there = thief.url.clone();
    let server =
        failing("GET /stores?name", 9, move |_, _| (302, format!("Location: {there}/stores\r\n"), String::new()));
    let run = setup(&checkout(&server)).env("OPENFGA_API_TOKEN", "hunter2").run();
    run.code(4).stderr_has("redirects to").stderr_has("OPENFGA_API_URL");
    assert!(thief.got().is_empty());
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
    setup(&checkout(&server)).run().code(4).stderr_has("larger than request limit");
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

/// A field that OpenFGA never gives, and members that nobody reads.
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

/// Each entry is one that OpenFGA could give; the pages have members that nobody reads.
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

fn a_server_that_is_too_old_is_left_alone() {
    // The words of OpenFGA 1.9.5.
    let old = json!({"code": "validation_error",
        "message": "invalid WriteRequestWrites.TupleKeys: value must contain at least 1 item(s)"});
    let made = Made::default();
    let server =
        FakeServer::new(
            move |got| {
                if got.line == AGE { (400, String::new(), old.to_string()) } else { made.answer(got) }
            },
        );
    let sandbox = checkout(&server);
    for args in [&["--yes"][..], &["--dry-run"]] {
        let run = setup(&sandbox).args(args.iter().copied()).run();
        run.code(1)
            .prints_nothing()
            .stderr_has("is older than 1.10")
            .stderr_has("upgrade that server to 1.10 or newer");
    }
    assert!(server.got().iter().all(|got| got.line.starts_with("GET ") || got.line == AGE), "nothing is made");
    // A newer one, as 1.18.1 says it.
    let new =
        json!({"code": "validation_error", "message": "(line 1:43): invalid value for string field on_duplicate: 0"});
    let made = Made::default();
    let server =
        FakeServer::new(
            move |got| {
                if got.line == AGE { (400, String::new(), new.to_string()) } else { made.answer(got) }
            },
        );
    setup(&checkout(&server)).run().ok();
}

fn on_a_server_of_ones_own_nothing_is_migrated() {
    let database = UrlDatabase::new();
    let made = Made::default();
    let server = FakeServer::new(move |got| made.answer(got));
    let files = checkout(&server);
    let file = files.path("openfga/store.fga.yaml");
    let setup = || database.xtask(["setup-openfga", "--file"]).args([file.to_str().unwrap()]);
    setup()
        .run()
        .code(2)
        .stderr_has("OPENFGA_API_URL is not set")
        .stderr_has("OPENFGA_API_URL=https://fga.example.com");
    let run = setup().env("OPENFGA_API_URL", &server.url).run();
    run.ok().stdout_has("Store:   S0, created").stderr_has("(target url, database ");
    setup().env("OPENFGA_API_URL", &server.url).run().ok().stdout_has("Store:   S0\n").stdout_has("Model:   M0\n");
    database.own("CREATE TABLE goose_db_version AS SELECT 5::bigint AS version_id, true AS is_applied");
    let behind = setup().env("OPENFGA_API_URL", &server.url).run();
    behind
        .code(1)
        .stderr_has("OpenFGA's tables are out of date (revision 5, 6 is the newest)")
        .stderr_has("openfga migrate");
    assert_eq!(database.own("SELECT count(*), max(version_id) FROM goose_db_version"), "1|5");
}
