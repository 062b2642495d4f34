//! A server whose messages are German: exit codes, causes and hints are those that an English one gives.

use crate::harness::url::ServerByHand;
use crate::harness::{Local, Sandbox, Test, Xtask, needs, wait_until};
use std::process::{Child, Command, Stdio};

pub fn tests() -> Vec<Test> {
    tests![
        [German] a_table_that_stays_locked_is_no_fault_of_the_database,
        [German] a_login_that_is_refused_says_what_is_missing,
    ]
}

/// A superuser, and the owner of the database, who is none.
const USERS: [&str; 2] = ["postgres", "owner"];

struct German {
    server: ServerByHand,
    sandbox: Sandbox,
}

impl German {
    #[track_caller]
    fn start() -> Self {
        let local = Local::new();
        local.up();
        local.sql("postgres", "CREATE ROLE owner LOGIN CREATEDB PASSWORD 'secret'");
        local.sql("postgres", "CREATE DATABASE books TEMPLATE template0 OWNER owner");
        local.sql("books", "SET ROLE owner; CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE b AS SELECT 2 AS i");
        local.xtask(["down"]).run().ok();
        let server = ServerByHand::start(local, &["lc_messages=C.UTF-8"], &[("LANGUAGE", "de")]);
        let sandbox = Sandbox::new();
        sandbox.set("XTASK_TARGET", "url");
        if let Some(programs) = std::env::var_os("XTASK_PG_BIN") {
            sandbox.set("XTASK_PG_BIN", programs.to_str().unwrap());
        }
        let german = Self { server, sandbox };
        let (_, errors) = german.server.local.client("books", &["psql", "-Xc", "SELECT nothing"], b"");
        assert!(errors.contains("FEHLER:  Spalte"), "the server is not German: {errors}");
        german
    }

    fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.server.port)
    }

    fn xtask<'a>(&self, user: &str, args: impl IntoIterator<Item = &'a str>) -> Xtask {
        let own = self.server.local.password();
        let password = if user == "owner" { "secret" } else { &own };
        Xtask::new(&self.sandbox).env("DATABASE_URL", self.url(user, password, "books")).args(args)
    }

    /// A session of the owner that holds table `a`, until it is killed.
    #[track_caller]
    fn hold(&self) -> Child {
        let mut command = Command::new(needs::server_programs().unwrap().join("psql"));
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.server.port.to_string());
        command.env("PGUSER", "owner").env("PGPASSWORD", "secret");
        command.args(["-Xq", "books", "-c", "BEGIN; LOCK TABLE a; SELECT pg_sleep(600)"]);
        let holder = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let held = "SELECT count(*) FROM pg_locks WHERE relation = 'a'::regclass AND mode = 'AccessExclusiveLock'";
        wait_until("the table is held", || self.server.local.sql("books", held) == "1");
        holder
    }
}

fn a_table_that_stays_locked_is_no_fault_of_the_database() {
    let german = German::start();
    german.xtask("owner", ["db-backup"]).run().ok();
    let mut holder = german.hold();
    for user in USERS {
        let run = german.xtask(user, ["db-backup", "--lock-timeout", "1"]).run();
        run.code(5).stderr_has("A table stayed locked for 1 s").stderr_has("--lock-timeout SECONDS");
        run.stderr_has("table public.a is held by session").stderr_lacks("could not be dumped");
        let run = german.xtask(user, ["db-restore", "--yes"]).env("XTASK_LOCK_TIMEOUT", "1").run();
        run.code(5).stderr_has("table public.a is held by session").stderr_lacks("--no-safety-backup");
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    german.server.local.sql("books", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'a'::regclass");
    // A right that is missing is not waited for.
    german.server.local.sql("books", "ALTER TABLE b OWNER TO postgres");
    let run = german.xtask("owner", ["db-backup", "--lock-timeout", "1"]).run();
    run.code(1).stderr_has("books could not be dumped").stderr_lacks("stayed locked");
    let run = german.xtask("owner", ["db-restore", "--yes"]).run();
    run.code(1).stderr_has("--no-safety-backup");
    assert_eq!(german.sandbox.backups().len(), 1);
}

fn a_login_that_is_refused_says_what_is_missing() {
    let german = German::start();
    let own = german.server.local.password();
    let missing = german.url("postgres", &own, "not_there");
    let wrong = german.url("owner", "wrong", "books");
    for args in [&["db-backup"][..], &["db-stats"], &["up"]] {
        let on = |url: &str| german.xtask("postgres", args.iter().copied()).env("DATABASE_URL", url).run();
        on(&missing).code(4).stderr_has("PostgreSQL has no database not_there").stderr_has("DATABASE_URL");
        // The server cannot be asked what it means by this.
        let run = on(&wrong);
        run.code(4).stderr_has("refuses the connection").stderr_has("check user, password and database");
        run.stderr_has("Passwort-Authentifizierung").stderr_lacks("host and port");
    }
    german.server.local.sql("postgres", "REVOKE CONNECT ON DATABASE books FROM PUBLIC, owner");
    let run = german.xtask("owner", ["db-backup"]).run();
    run.code(4).stderr_has("User owner may not connect to database books").stderr_has("GRANT CONNECT ON DATABASE");
    german.server.local.sql("postgres", "ALTER DATABASE books ALLOW_CONNECTIONS false");
    german.xtask("postgres", ["db-backup"]).run().code(4).stderr_has("The database books accepts no connections");
}
