//! Which OpenFGA `setup-openfga` speaks to, with which key, and how often it asks.

use crate::harness::store::{FakeServer, Got, MODEL, Reply};
use crate::harness::{Sandbox, Test, UrlDatabase, Xtask, shared};
use serde_json::{Value, json};
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
        [] a_server_that_is_too_old_is_left_alone,
        [Postgres] on_a_server_of_ones_own_nothing_is_migrated,
    ]
}

/// How a server is asked for its age; no store has this id.
const AGE: &str = "POST /stores/00000000000000000000000000/write";

/// An OpenFGA of a few lines: its stores and models are what was made.
#[derive(Default)]
pub struct Made {
    stores: Mutex<Vec<String>>,
    models: Mutex<Vec<Value>>,
}

impl Made {
    pub fn answer(&self, got: &Got) -> Reply {
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
pub fn checkout(server: &FakeServer) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("openfga/model.fga", MODEL);
    let tuples = "tuples:\n  - {user: 'user:a', relation: viewer, object: 'doc:1'}\n";
    sandbox.write("openfga/store.fga.yaml", format!("name: shop\nmodel_file: model.fga\n{tuples}"));
    sandbox.set("OPENFGA_API_URL", &server.url);
    sandbox
}

pub fn setup(sandbox: &Sandbox) -> Xtask {
    Xtask::new(sandbox).args(["setup-openfga"])
}

/// Answers as `Made` does, but for the first requests that begin with `line`.
pub fn failing(
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
    run.code(4).stderr_has("✗ The connection to OpenFGA was lost half-way; .env is unchanged\n").stderr_has("HTTP 501");
    assert_eq!(server.count("POST /stores/S0/write"), 1);
    let server = failing("POST /stores/S0/write", 9, |_, _| (429, "Retry-After: 3600\r\n".to_owned(), String::new()));
    let run = setup(&checkout(&server)).run();
    run.code(4)
        .stderr_has("limits the rate of requests (HTTP 429)")
        .within(Duration::from_secs(20), "an hour is too long to wait");
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
    let got = server.got();
    let asked: Vec<_> = got.iter().filter(|got| got.line == "GET /healthz").collect();
    assert!(!asked.is_empty() && asked.iter().all(|got| got.key.is_none()), "its health is asked without a key");
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
