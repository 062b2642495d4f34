//! `db-stats` as a role from which other sessions are hidden.

use crate::harness::{Test, UrlDatabase, wait_until};
use serde_json::Value;
use std::thread;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] waits_of_hidden_sessions_have_no_time_and_no_command_that_this_role_may_not_type,
        [Postgres] sessions_of_the_roles_own_are_ended_by_what_is_shown,
    ]
}

/// Holds a row of `t`, has another session wait for it, and looks meanwhile. They log in to `place`.
fn while_one_waits(database: &UrlDatabase, place: &str, look: impl FnOnce(&str)) {
    let run = |sql: &str| {
        let words = ["psql", "-X", "-qAt", "-d", place, "-c", "SET application_name = 'of the test'", "-c", sql];
        database.server.client(&database.name, &words, b"")
    };
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    let pid = |state: &str| {
        database.sql(&format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'of the test' AND {state}"
        ))
    };
    thread::scope(|scope| {
        scope.spawn(|| run("BEGIN; UPDATE t SET i = 2; SELECT pg_sleep(120)"));
        wait_until("the row is held", || !pid("wait_event = 'PgSleep'").is_empty());
        scope.spawn(|| run("UPDATE t SET i = 3"));
        wait_until("a session waits", || !pid("wait_event_type = 'Lock'").is_empty());
        let _ended = Ended(database);
        look(&pid("wait_event = 'PgSleep'"));
    });
}

/// Both sessions end with it, also where the test fails.
struct Ended<'a>(&'a UrlDatabase);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let ours = "application_name = 'of the test' AND datname = current_database()";
        self.0.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"));
    }
}

fn waits_of_hidden_sessions_have_no_time_and_no_command_that_this_role_may_not_type() {
    let database = UrlDatabase::new();
    while_one_waits(&database, &database.name, |holder| {
        let run = database.xtask(["db-stats"]).run();
        run.ok().stdout_has(&format!("1 session waits for session {holder} (of the test of "));
        run.stdout_has(") waits\n").stdout_lacks("waits for 0 s").stdout_lacks("waits: ").stdout_has("Hidden from ");
        for function in ["pg_cancel_backend", "pg_terminate_backend"] {
            let statement = format!("SELECT pg_catalog.{function}({holder})");
            run.stdout_has(&format!("→ this role may not; as a superuser: {statement}\n"));
            run.stdout_lacks(&format!("db-shell -- -c '{statement}'"));
            // So it is.
            database.xtask(["db-shell", "--", "-c", &statement]).run().code(1);
        }
        let report = database.xtask(["db-stats", "--json"]).run().ok().json();
        let (blocked, blocking) = (&report["activity"]["blocked"][0], &report["activity"]["blocking"][0]);
        assert_eq!((&blocked["statement_seconds"], &blocking["transaction_seconds"]), (&Value::Null, &Value::Null));
        assert_eq!((&blocked["statement"], &blocking["statement"]), (&Value::Null, &Value::Null), "{report:#}");
    });
}

fn sessions_of_the_roles_own_are_ended_by_what_is_shown() {
    let database = UrlDatabase::new();
    while_one_waits(&database, &database.url(""), |holder| {
        let report = database.xtask(["db-stats", "--json"]).run().ok().json();
        let (blocked, blocking) = (&report["activity"]["blocked"][0], &report["activity"]["blocking"][0]);
        assert!(blocked["statement_seconds"].is_f64() && blocking["transaction_seconds"].is_f64(), "{report:#}");
        let run = database.xtask(["db-stats"]).run();
        let statement = format!("SELECT pg_catalog.pg_terminate_backend({holder})");
        run.ok().stdout_has(&format!("cargo xtask db-shell -- -c '{statement}'\n")).stdout_lacks("this role may not");
        database.xtask(["db-shell", "--", "-A", "-t", "-c", &statement]).run().ok().stdout_has("t\n");
    });
}
