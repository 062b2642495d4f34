//! A checkout with store files of its own, on a stack that tests share; and a server that answers as a test wants.

use super::openfga::Api;
use super::stack::Stack;
use super::{Sandbox, Xtask};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A model in which users view documents, directly, in time, or as members of a team.
pub const MODEL: &str = "model\n  schema 1.1\ntype user\ntype team\n  relations\n    define member: [user]\ntype doc\n  relations\n    \
    define viewer: [user, user with in_time, team#member]\ncondition in_time(now: int, until: int) {\n  now < until\n}\n";

/// A checkout of its own on a shared stack, and the name of a store that no other test has.
#[derive(Debug)]
pub struct Shop<'a> {
    pub stack: &'a Stack,
    pub sandbox: Sandbox,
    pub store: String,
}

impl Stack {
    /// A checkout on this stack without any store file.
    pub fn shop(&self) -> Shop<'_> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let sandbox = Sandbox::new();
        fs::remove_file(sandbox.path(".env")).unwrap();
        sandbox.set("COMPOSE_PROJECT_NAME", &self.sandbox.project);
        sandbox.write("openfga/model.fga", MODEL);
        Shop { stack: self, sandbox, store: format!("shop-{}", COUNT.fetch_add(1, Ordering::Relaxed)) }
    }

    /// A checkout on this stack whose store is set up: with this model, and what a store file says behind it.
    #[track_caller]
    pub fn shop_of(&self, model: &str, rest: &str) -> Shop<'_> {
        let shop = self.shop();
        shop.sandbox.write("openfga/model.fga", model);
        shop.file(rest);
        shop.setup([]).run().ok();
        shop
    }
}

/// A tuple of a store file; `condition` as YAML, or empty.
pub fn tuple(user: &str, relation: &str, object: &str, condition: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!(", condition: {condition}") };
    format!("  - {{user: '{user}', relation: {relation}, object: '{object}'{condition}}}\n")
}

impl Shop<'_> {
    /// Writes openfga/store.fga.yaml: this name, the model, and what follows.
    pub fn file(&self, rest: &str) {
        let text = format!("name: {}\nmodel_file: model.fga\n{rest}", self.store);
        self.sandbox.write("openfga/store.fga.yaml", text);
    }

    /// Writes a store file with tuples (user, relation, object).
    pub fn tuples(&self, tuples: &[(&str, &str, &str)]) {
        let tuples = tuples.iter().map(|(user, relation, object)| tuple(user, relation, object, ""));
        self.file(&format!("tuples:\n{}", tuples.collect::<String>()));
    }

    /// `setup-openfga` in this checkout.
    pub fn setup<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        Xtask::new(&self.sandbox).args(["setup-openfga"]).args(args)
    }

    /// `test-auth` in this checkout.
    pub fn test_auth<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        Xtask::new(&self.sandbox).args(["test-auth"]).args(args)
    }

    /// `openfga-export` in this checkout.
    pub fn export<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        Xtask::new(&self.sandbox).args(["openfga-export"]).args(args)
    }

    /// `debug-auth` in this checkout.
    pub fn debug_auth<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        Xtask::new(&self.sandbox).args(["debug-auth"]).args(args)
    }

    pub fn api(&self) -> Api {
        self.stack.openfga()
    }

    /// A value of `.env`.
    pub fn env(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.sandbox.path(".env")).unwrap();
        text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned)
    }

    /// The ids of the stores of this name that are not deleted.
    pub fn ids(&self) -> Vec<String> {
        let sql = format!("SELECT id FROM store WHERE name = '{}' AND deleted_at IS NULL ORDER BY id", self.store);
        self.stack.psql("openfga", &sql).lines().map(str::to_owned).collect()
    }

    /// Writes or deletes tuples in the store.
    #[track_caller]
    pub fn write(&self, body: &Value) {
        let (status, answer) = self.api().request(&format!("/stores/{}/write", self.ids()[0]), Some(body));
        assert_eq!(status, 200, "{body} {answer}");
    }

    /// Makes the changes of one set of `debug-auth --json` in the store.
    #[track_caller]
    pub fn carry_out(&self, set: &Value) {
        for change in set.as_array().unwrap() {
            let mut key = change["tuple"].clone();
            if change["action"] != "write" {
                self.write(&json!({ "deletes": { "tuple_keys": [key] } }));
            }
            if change["action"] != "delete" {
                if !change["condition"].is_null() {
                    key["condition"] = change["condition"].clone();
                }
                self.write(&json!({ "writes": { "tuple_keys": [key] } }));
            }
        }
    }

    /// How many rows each of OpenFGA's tables has for these stores: stores, models, tuples, changes, assertions.
    pub fn rows(&self) -> String {
        let own = format!("(SELECT id FROM store WHERE name = '{}')", self.store);
        let counts = ["authorization_model", "tuple", "changelog", "assertion"]
            .map(|table| format!("(SELECT count(*) FROM {table} WHERE store IN {own})"));
        self.stack.psql("openfga", &format!("SELECT (SELECT count(*) FROM {own} AS own), {}", counts.join(", ")))
    }
}

impl Stack {
    /// A checkout whose stack does not run, with a store file and `OPENFGA_API_URL`: this stack's OpenFGA behind a proxy,
    /// which answers itself where `instead` does.
    pub fn behind_proxy(
        &self,
        instead: impl Fn(&Got) -> Option<Reply> + Send + Sync + 'static,
    ) -> (Sandbox, FakeServer) {
        let url = self.openfga().url;
        let proxy = FakeServer::new(move |got| instead(got).unwrap_or_else(|| forwarded(&url, got)));
        let sandbox = Sandbox::new();
        sandbox.write("openfga/model.fga", MODEL);
        sandbox.set("OPENFGA_API_URL", &proxy.url);
        (sandbox, proxy)
    }
}

/// What the server at this address answers.
fn forwarded(url: &str, got: &Got) -> Reply {
    let (_, path) = got.line.split_once(' ').unwrap();
    let body = (!got.body.is_empty()).then(|| serde_json::from_str(&got.body).unwrap());
    let delete = got.line.starts_with("DELETE");
    let (status, answer) = if delete { Api::at(url).delete(path) } else { Api::at(url).request(path, body.as_ref()) };
    // A stream of answers is no one value.
    let body = if let serde_json::Value::String(text) = answer { text } else { answer.to_string() };
    (status, String::new(), body)
}

/// A request as a fake server got it.
#[derive(Debug, Clone)]
pub struct Got {
    /// `POST /stores`
    pub line: String,
    pub key: Option<String>,
    pub body: String,
}

/// What a fake server answers: status, more header lines, body.
pub type Reply = (u16, String, String);

/// A server that answers as a test wants.
#[derive(Debug)]
pub struct FakeServer {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl FakeServer {
    pub fn new(answer: impl Fn(&Got) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&got), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &kept, &*answer));
            }
        });
        Self { url, got }
    }

    /// The requests until now.
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// How many requests began with this.
    pub fn count(&self, line: &str) -> usize {
        self.got().iter().filter(|got| got.line.starts_with(line)).count()
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Got>>, answer: &dyn Fn(&Got) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let header = |name: &str| {
            let found = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
            found.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let line = lines[0].trim_end_matches(" HTTP/1.1").to_owned();
        let got = Got { line, key: header("authorization"), body: String::from_utf8(body).unwrap() };
        kept.lock().unwrap().push(got.clone());
        let (status, headers, body) = answer(&got);
        if status == 0 {
            // The connection breaks after the request.
            return;
        }
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}
