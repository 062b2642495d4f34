//! Our ledger against the real sqlx-cli: what one applied is installed for the other.

use crate::harness::stack::Database;
use crate::harness::{Outcome, Test, needs, shared};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Sqlx] what_we_applied_is_installed_for_sqlx,
        [Stack, Sqlx] what_sqlx_applied_is_applied_for_us,
        [Stack, Sqlx] beside_a_running_sqlx_each_version_is_applied_once,
        [Stack, Sqlx] a_transaction_in_a_file_means_the_same_to_both,
        [Stack, Sqlx] single_words_of_a_transaction_mean_the_same_to_both,
        [Stack, Sqlx] sqlx_toml_means_the_same_to_both,
        [Stack, Sqlx] a_sqlx_toml_that_one_refuses_is_refused_by_the_other,
    ]
}

/// sqlx-cli on this database and its checkout's migrations.
fn sqlx(database: &Database<'_>, args: &[&str]) -> crate::harness::Xtask {
    let url = format!("postgres://postgres:postgres@127.0.0.1:{}/{}", database.stack.postgres_port, database.name);
    let words = ["migrate"].iter().chain(args).copied();
    database.xtask(words).program(needs::sqlx().unwrap()).env("DATABASE_URL", url)
}

#[track_caller]
fn info(database: &Database<'_>) -> String {
    let run = sqlx(database, &["info"]).run();
    run.ok();
    run.text()
}

/// Versions of every kind: with and without a way back, in and outside of a transaction.
fn prepared(database: &Database<'_>) {
    database.sandbox.tables(2);
    let up = "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (a);\n";
    database.sandbox.migration(3, "an_index", up, Some("-- no-transaction\nDROP INDEX CONCURRENTLY i;\n"));
    database.sandbox.migration(4, "it's_über", "SELECT 'é';", Some("SELECT 1;"));
}

fn what_we_applied_is_installed_for_sqlx() {
    let database = shared().database();
    prepared(&database);
    database.migrate([]).run().ok();
    let info = info(&database);
    assert_eq!(info.lines().filter(|line| line.contains("/installed ")).count(), 4, "{info}");
    assert!(!info.contains("pending") && !info.contains("different"), "{info}");
    sqlx(&database, &["run"]).run().ok();
    sqlx(&database, &["revert"]).run().ok();
    assert_eq!(database.states(), ["applied", "applied", "applied", "pending"]);
    // A version that we left dirty is dirty for it.
    database.sandbox.migration(4, "it's_über", "-- no-transaction\nSELECT nothing;", Some("SELECT 1;"));
    database.migrate([]).run().code(6);
    let run = sqlx(&database, &["run"]).run();
    run.code(1).stdout_has("partially applied");
    // A file that changed is changed for both.
    database.migrate(["repair", "--yes"]).run().ok();
    let path = database.sandbox.path("migrations/1_make a table.up.sql");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace('\n', "\r\n")).unwrap();
    sqlx(&database, &["run"]).run().code(1).stdout_has("previously applied but has been modified");
    database.migrate([]).run().code(1).stderr_has("Changed since it was applied: 1 make a table");
}

fn what_sqlx_applied_is_applied_for_us() {
    let database = shared().database();
    prepared(&database);
    sqlx(&database, &["run"]).run().ok();
    let run = database.migrate(["status", "--check"]).run();
    run.ok().says_nothing().stdout_has("it's über").stdout_lacks("pending");
    database.migrate(["down", "2", "--yes"]).run().ok();
    let info = info(&database);
    assert_eq!(info.lines().filter(|line| line.contains("/pending ")).count(), 2, "{info}");
    database.migrate([]).run().ok();
    assert_eq!(database.ledger(), "1 2 3 4");
}

fn a_transaction_in_a_file_means_the_same_to_both() {
    for by_sqlx in [true, false] {
        let database = shared().database();
        let before =
            "SET LOCAL search_path TO public;\nCREATE TABLE a (x int);\nBEGIN;\nCREATE TABLE b (x int);\nCOMMIT;\n";
        database.sandbox.migration(1, "before", before, None);
        database.sandbox.migration(2, "reads", "BEGIN READ ONLY;\nSELECT count(*) FROM b;\nCOMMIT;\n", None);
        if by_sqlx {
            sqlx(&database, &["run"]).run().ok();
        } else {
            let run = database.migrate([]).run();
            run.ok().stderr_has("⚠ migrations/1_before.up.sql:3: BEGIN and COMMIT");
        }
        assert_eq!(database.sql("SELECT to_regclass('a'), to_regclass('b')"), "a|b");
        database.migrate(["status", "--check"]).run().ok();
        // What is READ ONLY writes nothing under either.
        database.sandbox.migration(3, "writes", "BEGIN READ ONLY;\nCREATE TABLE c (x int);\nCOMMIT;\n", None);
        if by_sqlx {
            sqlx(&database, &["run"]).run().stdout_has("read-only transaction");
        } else {
            let run = database.migrate(["--no-backup"]).run();
            run.code(1).stderr_has("3_writes.up.sql:2 failed; nothing was applied").stderr_has("read-only transaction");
        }
        assert_eq!(
            (database.ledger(), database.sql("SELECT to_regclass('c') IS NULL")),
            ("1 2".to_owned(), "t".to_owned())
        );
    }
}

fn single_words_of_a_transaction_mean_the_same_to_both() {
    let forms = [
        "BEGIN;\nCREATE TABLE @ (x int);\n",
        "CREATE TABLE @ (x int);\nCOMMIT;\n",
        "BEGIN;\nBEGIN;\nCREATE TABLE @ (x int);\nCOMMIT;\nCOMMIT;\n",
        "BEGIN WORK;\nCREATE TABLE @ (x int);\nCOMMIT AND CHAIN;\nINSERT INTO @ VALUES (1);\nCOMMIT;\n",
        "BEGIN;\nCREATE TABLE @ (x int);\nCOMMIT AND CHAIN;\n",
        "CREATE TABLE @ (x int);\nCOMMIT AND CHAIN;\n",
        "BEGIN;\nCREATE TABLE @ (x int);\nCOMMIT;\nBEGIN;\nINSERT INTO @ VALUES (1);\n",
        "BEGIN;\n",
        "COMMIT;\n",
    ];
    for by_sqlx in [true, false] {
        let database = shared().database();
        for (version, form) in (1..).zip(forms) {
            database.sandbox.migration(version, "form", &form.replace('@', &format!("t{version}")), None);
        }
        if by_sqlx {
            sqlx(&database, &["run"]).run().ok();
        } else {
            let run = database.migrate(["--no-backup"]).run();
            run.ok()
                .stderr_has("⚠ 9 files, each: BEGIN and COMMIT, which are no pairs here, are not sent")
                .stderr_has("migrations/2_form.up.sql");
        }
        assert_eq!(
            (database.ledger(), database.tables()),
            ("1 2 3 4 5 6 7 8 9".to_owned(), "t1 t2 t3 t4 t5 t6 t7".to_owned())
        );
        assert_eq!(database.sql("SELECT (SELECT count(*) FROM t4) + (SELECT count(*) FROM t7)"), "2");
        database.migrate(["status", "--check"]).run().ok();
        // One that writes its row in a transaction that is READ ONLY is refused by both.
        let writes = "BEGIN READ ONLY;\nSELECT 1;\n";
        database.sandbox.migration(10, "reads", writes, None);
        if by_sqlx {
            sqlx(&database, &["run"]).run().stdout_has("read-only transaction");
        } else {
            database.migrate(["--no-backup"]).run().code(1).stderr_has("10_reads.up.sql:1: BEGIN in a file that runs");
        }
    }
}

/// sqlx-cli takes no lock: each version stands once all the same, and the slower run says so.
fn beside_a_running_sqlx_each_version_is_applied_once() {
    let database = shared().database();
    database.sandbox.tables(40);
    let [ours, theirs] =
        [database.migrate([]).spawn(), sqlx(&database, &["run"]).spawn()].map(|running| running.wait());
    let one_worked = |run: &Outcome| run.code == Some(0);
    assert!(one_worked(&ours) || one_worked(&theirs), "{}\n{}", ours.stderr, theirs.stderr);
    ours.holds(matches!(ours.code, Some(0 | 5 | 6)), "done, or another program was faster");
    database.migrate([]).run().ok();
    assert_eq!(database.sql("SELECT count(*) FILTER (WHERE success), count(*) FROM _sqlx_migrations"), "40|40");
    sqlx(&database, &["run"]).run().ok();
    database.migrate(["status", "--check"]).run().ok();
}

/// A database with a `sqlx.toml`, whose programs find it by a setting of that file.
struct WithSqlxToml {
    database: Database<'static>,
    url: String,
}

impl WithSqlxToml {
    fn new(text: &str) -> Self {
        let database = shared().database();
        let url = format!("postgres://postgres:postgres@127.0.0.1:{}/{}", database.stack.postgres_port, database.name);
        database.sandbox.write("sqlx.toml", text);
        Self { database, url }
    }

    fn sqlx(&self, args: &[&str]) -> Outcome {
        let run = self.database.xtask(["migrate"].iter().chain(args).copied()).program(needs::sqlx().unwrap());
        run.env("APP_DATABASE", &self.url).run()
    }

    fn ours(&self, args: &[&str]) -> Outcome {
        self.database.migrate(args.iter().copied()).env("APP_DATABASE", &self.url).run()
    }

    fn step(&self, version: i64, text: &str) {
        self.database.sandbox.write(format!("db/steps/{version}_step.sql"), text);
    }

    /// How many versions the ledger has, and how many of them are applied.
    fn ledger(&self) -> String {
        self.database.sql("SELECT count(*), count(*) FILTER (WHERE success) FROM ledger.\"Done\"")
    }
}

const SQLX_TOML: &str = "[common]\ndatabase-url-var = 'APP_DATABASE'\n[drivers]\n[macros]\n[migrate]\n\
    table-name = 'Ledger.\"Done\"'\ncreate-schemas = ['ledger', '\"Two Words\"']\nmigrations-dir = 'db/steps'\n\
    ignored-chars = [\"\\r\", \"\\uFEFF\", \" \"]\n";
const MADE_SCHEMAS: &str = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('ledger', 'Two Words')";

/// sqlx-cli without its feature `sqlx-toml` would pass over the file, and fail here: see `.ci/sqlx`.
fn sqlx_toml_means_the_same_to_both() {
    let both = WithSqlxToml::new(SQLX_TOML);
    both.step(1, "CREATE TABLE a (a int);\n");
    both.sqlx(&["run"]).ok();
    assert_eq!(both.database.sql(MADE_SCHEMAS), "2");
    // Letters that do not count, in a file that sqlx applied, and in one that we did.
    both.step(1, "CREATE  TABLE a (a int);\r\n");
    both.ours(&["status", "--check"]).ok().stdout_lacks("pending");
    both.step(2, "CREATE TABLE b (a int);\r\n");
    both.ours(&["up"]).ok().stderr_has("✓ 2 step");
    both.step(2, "CREATE TABLE b (a int);\n");
    let info = both.sqlx(&["info"]);
    info.ok();
    assert_eq!(info.text().matches("/installed ").count(), 2, "{}", info.text());
    both.sqlx(&["run"]).ok();
    assert_eq!(both.ledger(), "2|2");
    assert_eq!(both.database.sql("SELECT to_regclass('public._sqlx_migrations') IS NULL"), "t");
    // Letters that count.
    both.step(2, "CREATE TABLE b (b int);\n");
    both.sqlx(&["run"]).code(1).stdout_has("has been modified");
    both.ours(&["up"]).code(1).stderr_has("Changed since it was applied: 2 step");
    both.step(2, "CREATE TABLE b (a int);\n");
    // We make what sqlx makes.
    both.database.sql("DROP TABLE ledger.\"Done\", a, b; DROP SCHEMA ledger, \"Two Words\"");
    both.ours(&["up"]).ok();
    assert_eq!(both.database.sql(MADE_SCHEMAS), "2");
    both.sqlx(&["run"]).ok();
    assert_eq!(both.ledger(), "2|2");
}

/// Texts of `sqlx.toml`, and whether both take them.
const ACCEPTED: [(&str, bool); 9] = [
    ("[migrate]\nmigrations-dir = 'db/steps'\n[macros]\npreferred-crates.date-time = 'chrono'\n", true),
    (
        "[migrate]\nmigrations-dir = 'db/steps'\n[migrate.defaults]\nmigration-type = 'simple'\nmigration-versioning = 'sequential'\n",
        true,
    ),
    ("[migrate.defaults]\nmigration-type = 'both'\n", false),
    ("[migrate]\ntable = 'x'\n", false),
    ("[common]\nurl = 'x'\n", false),
    ("[migrate]\nignored-chars = ['ab']\n", false),
    ("[migrate]\ncreate-schemas = 'ledger'\n", false),
    ("[other]\nx = 1\n", false),
    ("[migrate\n", false),
];

fn a_sqlx_toml_that_one_refuses_is_refused_by_the_other() {
    let database = shared().database();
    database.sandbox.write("db/steps/1_step.sql", "CREATE TABLE a (a int);\n");
    for (text, accepted) in ACCEPTED {
        database.sandbox.write("sqlx.toml", text);
        let theirs = sqlx(&database, &["info"]).run();
        let ours = database.migrate(["status"]).run();
        assert_eq!((theirs.code == Some(0), ours.code == Some(0)), (accepted, accepted), "{text}\n{}", theirs.text());
    }
}
