//! Pings to servers that are slow or have a certificate of a private CA; a schedule whose password expires.

use crate::db_schedule::{INSTALL, request};
use crate::harness::sandbox::free_port;
use crate::harness::{Sandbox, Test, UrlDatabase, Xtask, shared};
use std::io::{Read as _, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] a_ping_server_that_is_slow_fails_no_backup,
        [Stack, Openssl] a_ping_server_of_a_private_ca_is_trusted_by_its_certificate_alone,
        [Stack, Openssl] a_run_by_hand_believes_the_certificates_of_its_plan,
        [Openssl] what_keeps_tls_from_a_ping_server_is_reported_as_it_is,
        [Postgres] a_password_that_expired_is_reported_with_the_way_to_install_again,
        [Postgres] a_restore_that_fails_at_night_is_reported_with_its_cause,
    ]
}

fn a_ping_server_that_is_slow_fails_no_backup() {
    let database = shared().database();
    // It takes requests, and answers none.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hunter2", listener.local_addr().unwrap());
    let run = database.xtask(["db-backup"]).env("XTASK_PING_URL", url).run();
    run.ok().stderr_has("⚠ The ping was not taken: no answer within ").stderr_lacks("hunter2");
    run.within(Duration::from_secs(45), "a ping is bounded in time");
    assert!(database.sandbox.backups().iter().any(|name| name.ends_with(".sql")));
    drop(listener);
}

/// OpenSSL's own server, with a certificate of a CA that this host does not know.
struct TlsPings {
    url: String,
    authority: PathBuf,
    got: Arc<Mutex<Vec<String>>>,
    server: Child,
}

impl TlsPings {
    fn listen(sandbox: &Sandbox) -> Self {
        let file = |name: &str| sandbox.home.join(name);
        let (authority, authority_key) = (file("ca.crt"), file("ca.key"));
        certificate(&authority, &authority_key, &["-subj", "/CN=A CA of our own"]);
        let (leaf, key) = (file("leaf.crt"), file("leaf.key"));
        let by = ["-CA", authority.to_str().unwrap(), "-CAkey", authority_key.to_str().unwrap()];
        let of = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
        certificate(&leaf, &key, &[&by[..], &of, &["-addext", "basicConstraints=CA:FALSE"]].concat());
        let port = free_port();
        let mut server = Command::new("openssl")
            .args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
            .arg(&leaf)
            .arg("-key")
            .arg(&key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut to_client, mut from_client) = (server.stdin.take().unwrap(), server.stdout.take().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&got);
        std::thread::spawn(move || {
            while let Some((path, _)) = request(&mut from_client) {
                heard.lock().unwrap().push(path);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = to_client.write_all(answer).and_then(|()| to_client.flush());
            }
        });
        Self { url: format!("https://localhost:{port}/hunter2"), authority, got, server }
    }
}

impl Drop for TlsPings {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[track_caller]
fn certificate(certificate: &Path, key: &Path, words: &[&str]) {
    let made = Command::new("openssl")
        .args(["req", "-new", "-x509", "-days", "2", "-nodes", "-newkey", "rsa:2048", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn a_ping_server_of_a_private_ca_is_trusted_by_its_certificate_alone() {
    let database = shared().database();
    let pings = TlsPings::listen(&database.sandbox);
    let backup = || database.xtask(["db-backup"]).env("XTASK_PING_URL", &pings.url);
    let unknown = backup().run();
    unknown.ok().stderr_has("⚠ The ping was not taken: no TLS connection: ").stderr_lacks("hunter2");
    unknown.stderr_has("name the certificate of a private CA in SSL_CERT_FILE");
    assert_eq!(*pings.got.lock().unwrap(), [""; 0]);
    backup().env("SSL_CERT_FILE", &pings.authority).run().ok().stderr_lacks("ping");
    assert_eq!(*pings.got.lock().unwrap(), ["/start", ""]);
    // A file that is not there is named.
    let absent = backup().env("SSL_CERT_FILE", "/nowhere/ca.crt").run();
    absent.ok().stderr_has("; SSL_CERT_FILE=/nowhere/ca.crt has no certificate that can be read");
}

/// The day of installation has the certificate in its environment; a run by hand has not.
fn a_run_by_hand_believes_the_certificates_of_its_plan() {
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let database = shared().database();
        let pings = TlsPings::listen(&database.sandbox);
        let folder = database.sandbox.home.join("certificates");
        std::fs::create_dir(&folder).unwrap();
        // As OpenSSL names it; only the form of the name is looked at.
        std::fs::copy(&pings.authority, folder.join("0a1b2c3d.0")).unwrap();
        let value = if variable == "SSL_CERT_DIR" { &folder } else { &pings.authority };
        let install = database.xtask(INSTALL).args(["--timer", "paste"]).env("XTASK_PING_URL", &pings.url);
        install.env(variable, value).run().ok();
        database.xtask(["db-schedule", "run"]).run().ok().stderr_lacks("ping");
        assert_eq!(*pings.got.lock().unwrap(), ["/start", ""], "{variable}");
    }
}

fn what_keeps_tls_from_a_ping_server_is_reported_as_it_is() {
    let sandbox = Sandbox::new();
    // It takes the beginning of TLS for a request.
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/hunter2", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in plain.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let failing = |url: &str| {
        let run = Xtask::new(&sandbox).args(["db-backup", "--target", "url"]).env("XTASK_PING_URL", url);
        run.env("DATABASE_URL", "postgres://me@127.0.0.1:1/x").run()
    };
    let run = failing(&url);
    run.stderr_has("The ping was not taken: no TLS connection: ").stderr_has("the server speaks no TLS there");
    run.stderr_lacks("SSL_CERT_FILE");
    let tls = TlsPings::listen(&sandbox);
    let run = failing(&tls.url.replace("https://", "http://"));
    run.stderr_has("⚠ The ping was not taken: ").stderr_has("; a server that expects https:// does so\n");
}

fn a_password_that_expired_is_reported_with_the_way_to_install_again() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE note AS SELECT 1 AS id");
    database.xtask(INSTALL).args(["--timer", "paste"]).run().ok();
    // The run has the address from its plan.
    let night = || database.xtask(["db-schedule", "run"]).unset("DATABASE_URL").run();
    night().ok();
    database.admin("ALTER ROLE @role VALID UNTIL '2020-01-01'");
    let expired = night();
    expired.code(4).prints_nothing().stderr_has("db-backup failed (exit code 4)");
    // The program's own hint stands behind our arrow; what the server said is no line of ours.
    expired.stderr_has("\n→ the password is in DATABASE_URL").stderr_lacks("| →");
    expired.stderr_has("the schedule keeps DATABASE_URL as ").stderr_lacks("p@ss");
    expired.stderr_has("install it again: cargo xtask db-schedule install --at 03:00");
    let status = database.xtask(["db-schedule", "status"]).unset("DATABASE_URL").run();
    status.ok().stdout_has("the last run failed").stdout_lacks("p@ss");
    let flaw = status.text().lines().find(|line| line.contains("the last run failed")).unwrap().to_owned();
    status.holds(!flaw.contains('→') && flaw.contains("refuses the password"), "a sentence, without the hint");
    let report = database.xtask(["db-schedule", "status", "--json"]).unset("DATABASE_URL").run().json();
    let last = report["runs"].as_array().unwrap().last().unwrap();
    assert!(last["hint"].as_str().unwrap().contains("DATABASE_URL"), "{last}");
    database.admin("ALTER ROLE @role VALID UNTIL 'infinity'");
    night().ok();
}

fn a_restore_that_fails_at_night_is_reported_with_its_cause() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE note AS SELECT 1 AS id");
    database.xtask(INSTALL).args(["--timer", "paste", "--verify", "daily"]).run().ok();
    database.admin("ALTER ROLE @role NOCREATEDB");
    let night = database.xtask(["db-schedule", "run"]).run();
    database.admin("ALTER ROLE @role CREATEDB");
    let cause = format!("User {} may not create a database", database.role);
    night.code(1).stderr_has("db-verify --restore failed (exit code 1)").stderr_has("1 backup of 1 did not pass");
    night
        .stderr_has(&cause)
        .stderr_has(&format!("ALTER ROLE \"{}\" CREATEDB;", database.role))
        .stderr_lacks("see above");
    // So it is kept: for the morning, the ping and the log.
    let report = database.xtask(["db-schedule", "status", "--json"]).run().json();
    let last = report["runs"].as_array().unwrap().last().unwrap();
    assert!(last["message"].as_str().unwrap().contains(&cause), "{last:#}");
    assert!(last["hint"].as_str().unwrap().contains("CREATEDB;"), "{last:#}");
    let log = std::fs::read_to_string(database.sandbox.path(".xtask/schedule/schedule.log")).unwrap();
    assert!(log.contains(&cause), "{log}");
}
