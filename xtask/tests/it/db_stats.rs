//! `db-stats` on real servers; the tests cause what it is to show.

use crate::harness::sandbox::free_port;
use crate::harness::screen::rendered;
use crate::harness::stack::Database;
use crate::harness::{Outcome, Stack, Test, UrlDatabase, shared, shared_for_restores, wait_until};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] sizes_tables_and_stores_are_those_of_the_server,
        [Compose] a_session_that_waits_for_a_prepared_transaction_is_named,
        [Stack] a_blocked_session_is_named_with_the_command_that_ends_its_wait,
        [Stack] a_statement_that_runs_is_to_be_cancelled_before_its_session_is_ended,
        [Stack] a_deadlock_and_rollbacks_are_counted,
        [Postgres] what_a_role_may_not_see_is_said_once,
        [Stack] a_partitioned_table_is_named_by_its_own_name,
        [Stack] the_questions_of_this_command_are_in_no_rate,
        [Stack, Openfga] requests_of_openfga_are_reported_and_other_metrics_are_not_taken_for_them,
        [OwnStack] slow_statements_are_shown_or_the_way_to_get_them,
        [Stack, Script] a_watch_needs_a_terminal_that_is_large_enough,
        [Stack, Script] no_line_is_wider_than_a_narrow_terminal,
    ]
}

fn report(database: &Database<'_>, words: &[&str]) -> Value {
    let run = database.xtask(["db-stats", "--json"]).args(words.iter().copied()).run();
    run.ok().says_nothing().json()
}

fn table<'a>(report: &'a Value, name: &str) -> &'a Value {
    let tables = report["tables"]["shown"].as_array().unwrap();
    tables.iter().find(|table| table["name"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

fn sizes_tables_and_stores_are_those_of_the_server() {
    let database = shared().openfga_database();
    database.sql(
        "CREATE TABLE big (id int PRIMARY KEY, text text); ALTER TABLE big ALTER text SET STORAGE EXTERNAL; \
         INSERT INTO big SELECT i, repeat('x', 3000) FROM generate_series(1, 1000) AS i; DELETE FROM big WHERE id <= 10; \
         CREATE SCHEMA s; CREATE TABLE s.small AS SELECT 1 AS i; ANALYZE; \
         CREATE TABLE fresh AS SELECT repeat('x', 1000) FROM generate_series(1, 10000)",
    );
    let report = report(&database, &["--top", "2"]);
    assert_eq!(report["version"], 1);
    let measured = "SELECT pg_database_size(current_database()), pg_total_relation_size('big'), pg_indexes_size('big'), \
        pg_total_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'big'::regclass";
    let big = table(&report, "big");
    let sizes = ["total_bytes", "index_bytes", "toast_bytes"].map(|key| big[key].to_string()).join("|");
    assert_eq!(format!("{}|{sizes}", report["database"]["size_bytes"]), database.sql(measured));
    let sum = ["table_bytes", "index_bytes", "toast_bytes"].iter().map(|key| big[*key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(big["total_bytes"], sum);
    assert_eq!((&big["estimated_rows"], &big["dead_rows"]), (&Value::from(990), &Value::from(10)));
    assert!(big["last_analyze_at"].is_string() && big["last_vacuum_at"].is_null(), "{big}");
    let shown = report["tables"]["shown"].as_array().unwrap();
    // The largest comes first, also where it was never analyzed.
    assert_eq!((shown.len(), &shown[0]["name"], &shown[1]["name"]), (2, &"fresh".into(), &"big".into()));
    assert_eq!(report["tables"]["total"].to_string(), database.sql("SELECT count(*) FROM pg_stat_user_tables"));
    let store = &report["stores"][0];
    let named = database.sql("SELECT id || ' ' || name FROM store");
    assert_eq!(format!("{} {}", store["id"].as_str().unwrap(), store["name"].as_str().unwrap()), named);
    assert_eq!((&store["models"], &store["tuples"]), (&Value::from(1), &Value::from(10)));
    assert_eq!(store["tuples_are_estimated"], false);
    assert!(report["rates"]["interval_seconds"].as_f64().unwrap() >= 1.0, "{report:#}");
    assert_eq!(report["hidden"], Value::Array(Vec::new()));
    // One row each for those that are named, with or without their schema; the others are not shown.
    let screen = database.xtask(["db-stats", "--table", "small", "public.big", "nosuch"]).run();
    screen.code(1).stderr_has("✗ There is no table nosuch").stderr_has("cargo xtask db-stats");
    for name in ["", " "] {
        let empty = database.xtask(["db-stats", "--table", name]).run();
        empty.code(2).prints_nothing().stderr_has("✗ --table has an empty name\n→ name a table: --table tuple; ");
    }
    screen.stdout_has("\ns.small ").stdout_has("\npublic.big ").stdout_lacks("public.tuple").stdout_has("≈990");
    screen.stdout_has(&format!("Database:     {}, ", database.name)).stdout_has("per second");
}

fn a_session_that_waits_for_a_prepared_transaction_is_named() {
    let database = shared_for_restores().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS i");
    database.sql("BEGIN; UPDATE t SET i = 2; PREPARE TRANSACTION 'left open'");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| database.sql("UPDATE t SET i = 3"));
        wait_until("the session waits", || {
            database.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'") != "0"
        });
        let run = database.xtask(["db-stats"]).run();
        run.ok().stdout_has("1 session waits for a prepared transaction\n").stdout_has(" waits for ");
        run.stdout_has(": UPDATE t …").stdout_has("The prepared transaction left open has been holding its locks");
        assert_eq!(report(&database, &[])["activity"]["blocked"][0]["waits_for"][0], 0);
        database.sql("ROLLBACK PREPARED 'left open'");
        waiter.join().unwrap();
    });
}

/// How many sessions wait for `t`.
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass";

fn a_blocked_session_is_named_with_the_command_that_ends_its_wait() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS i; CREATE TABLE other AS SELECT 2 AS i");
    // Its tables have the same object IDs.
    let copy = database.stack.database_with(&format!("TEMPLATE {}", database.quoted()));
    let mut holder = database.session();
    holder.try_sql("BEGIN; LOCK TABLE t").unwrap();
    let of_copy = copy.xtask(["db-stats"]).run();
    of_copy.ok().holds(row(&of_copy, "public.t").contains(" 8.2 kB"), "a lock in another database is none here");
    let pid = holder.try_sql("SELECT pg_backend_pid()").unwrap();
    let blocked = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| database.sql("SELECT count(*), 'hunter2' FROM t"));
        wait_until("the session waits", || database.sql(WAITING) == "1");
        let run = database.xtask(["db-stats"]).run();
        run.ok().stdout_has(&format!("1 session waits for session {pid} ("));
        // It runs no statement that could be cancelled.
        let ends = format!("cargo xtask db-shell -- -c 'SELECT pg_catalog.pg_terminate_backend({pid})'");
        run.stdout_has(&ends).stdout_lacks("pg_cancel_backend").stdout_has(": SELECT …").stdout_lacks("hunter2");
        // What is locked is not measured, and the others are.
        run.holds(row(&run, "public.t").contains("≈0 bytes"), "the locked table's size is estimated");
        run.holds(row(&run, "public.other").contains(" 8.2 kB"), "the other table is measured");
        let report = report(&database, &[]);
        assert_eq!(report["activity"]["blocked"][0]["waits_for"][0].to_string(), pid);
        assert_eq!(report["activity"]["blocking"][0]["statement"], "SELECT …");
        assert_eq!(table(&report, "t")["sizes_are_estimated"], true);
        let typed = format!("SELECT pg_catalog.pg_terminate_backend({pid})");
        database.xtask(["db-shell", "--", "-c", &typed]).run().ok();
        waiter.join().unwrap()
    });
    assert_eq!(blocked, "1|hunter2");
}

fn a_statement_that_runs_is_to_be_cancelled_before_its_session_is_ended() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS i");
    let mut busy = database.session();
    let pid = busy.try_sql("SELECT pg_backend_pid()").unwrap();
    std::thread::scope(|scope| {
        let running = scope.spawn(move || busy.try_sql("BEGIN; LOCK TABLE t; SELECT pg_sleep(60)"));
        let sleeping = format!("SELECT wait_event FROM pg_stat_activity WHERE pid = {pid}");
        wait_until("it sleeps", || database.sql(&sleeping) == "PgSleep");
        let waiter = scope.spawn(|| database.sql("SELECT count(*) FROM t"));
        wait_until("the session waits", || database.sql(WAITING) == "1");
        let run = database.xtask(["db-stats"]).run();
        let text = run.ok().text();
        let at = |word: &str| text.find(&format!("SELECT pg_catalog.{word}({pid})")).unwrap_or_else(|| run.fail(word));
        run.holds(at("pg_cancel_backend") < at("pg_terminate_backend"), "cancel comes before terminate");
        database.sql(&format!("SELECT pg_cancel_backend({pid})"));
        assert!(running.join().unwrap().is_err());
        database.sql(&format!("SELECT pg_terminate_backend({pid})"));
        waiter.join().unwrap();
    });
}

#[track_caller]
fn row(run: &Outcome, table: &str) -> String {
    let text = run.text();
    text.lines().find(|line| line.split(' ').next() == Some(table)).unwrap_or_else(|| run.fail(table)).to_owned()
}

fn a_deadlock_and_rollbacks_are_counted() {
    let database = shared().database();
    database.sql("CREATE TABLE a (i int); CREATE TABLE b (i int)");
    let before = report(&database, &[]);
    let (mut one, mut two) = (database.session(), database.session());
    one.try_sql("BEGIN; LOCK TABLE a").unwrap();
    two.try_sql("SET deadlock_timeout TO '50ms'; BEGIN; LOCK TABLE b").unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(move || one.try_sql("LOCK TABLE b"));
        wait_until("the first waits", || {
            database.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'b'::regclass") == "1"
        });
        let second = two.try_sql("LOCK TABLE a; ROLLBACK");
        assert!(second.unwrap_err().contains("deadlock"));
        drop(two);
        first.join().unwrap().unwrap();
    });
    wait_until("the server counts it", || {
        let report = report(&database, &[]);
        let more = |key: &str| report["counters"][key].as_u64().unwrap() - before["counters"][key].as_u64().unwrap();
        more("deadlocks") == 1 && more("rollbacks") >= 1
    });
    database.xtask(["db-stats"]).run().ok().stdout_has("1 deadlock, ");
}

/// Its rows are in its partitions, also in those of a partition that is partitioned itself.
fn a_partitioned_table_is_named_by_its_own_name() {
    let database = shared().database();
    database.sql(
        "CREATE TABLE part (i int) PARTITION BY RANGE (i); CREATE TABLE low PARTITION OF part FOR VALUES FROM (0) TO (9); \
         CREATE TABLE high PARTITION OF part FOR VALUES FROM (9) TO (99) PARTITION BY RANGE (i); \
         CREATE TABLE higher PARTITION OF high FOR VALUES FROM (9) TO (20); \
         CREATE SCHEMA \"S 1\"; CREATE TABLE \"S 1\".\"T \"\"q\" (i int); CREATE TABLE other (i int); \
         CREATE TABLE bare (i int) PARTITION BY RANGE (i); CREATE INDEX ON bare (i)",
    );
    let shown = |names: &[&str]| {
        let words: Vec<&str> = ["--table"].iter().chain(names).copied().collect();
        let report = report(&database, &words);
        let tables = report["tables"]["shown"].as_array().unwrap();
        let mut names: Vec<String> = tables.iter().map(|table| table["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(shown(&["part"]), ["higher", "low"]);
    // One without partitions has nothing else that could stand for it.
    assert_eq!(shown(&["bare"]), ["bare"]);
    let report = report(&database, &["--table", "bare"]);
    assert_eq!((&table(&report, "bare")["total_bytes"], &report["tables"]["total"]), (&json!(0), &json!(1)));
    assert_eq!(shown(&["public.high"]), ["higher"]);
    for name in ["S 1.T \"q", "T \"q", "\"S 1\".\"T \"\"q\"", "\"T \"\"q\""] {
        assert_eq!(shown(&[name]), ["T \"q"], "{name}");
    }
    assert_eq!(shown(&["\"public\".\"other\"", "public.\"other\""]).len(), 1);
    database.xtask(["db-stats", "--table", "pg_class"]).run().code(1).stderr_has("There is no table pg_class");
}

/// No other session works in this database: what is counted would be the command's own.
fn the_questions_of_this_command_are_in_no_rate() {
    let database = shared().database();
    let rates: Vec<f64> =
        (0..6).map(|_| report(&database, &[])["rates"]["transactions_per_second"].as_f64().unwrap()).collect();
    // autovacuum may look in, and on a busy machine a session ends late.
    let quiet = rates.iter().filter(|rate| **rate < 8.0).count();
    assert!(quiet >= 4, "{rates:?}");
}

fn what_a_role_may_not_see_is_said_once() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    let run = database.xtask(["db-stats"]).run();
    // A managed server takes no ALTER SYSTEM.
    database.admin("GRANT pg_read_all_settings TO @role");
    let settings = database.xtask(["db-stats"]).run();
    database.admin("REVOKE pg_read_all_settings FROM @role");
    settings.ok().stdout_has("add pg_stat_statements to shared_preload_libraries").stdout_lacks("ALTER SYSTEM");
    let hidden = format!("Hidden from {}: ", database.role);
    run.ok().stdout_has("\npublic.t ").stdout_has(&hidden).says_nothing();
    run.holds(run.text().matches("GRANT pg_monitor TO").count() == 1, "it is said once");
    let report = database.xtask(["db-stats", "--json"]).run().ok().json();
    assert_eq!(report["hidden"].as_array().unwrap().len(), 1, "{report:#}");
    // The statement works.
    let typed = run.text().lines().find_map(|line| line.split_once("GRANT ")).map(|(_, rest)| format!("GRANT {rest}"));
    database.admin(&typed.unwrap());
    let granted = database.xtask(["db-stats"]).run();
    database.admin("REVOKE pg_monitor FROM @role");
    granted.ok().stdout_lacks("Hidden");
}

fn no_line_is_wider_than_a_narrow_terminal() {
    let database = shared().openfga_database();
    let narrow = ["sh", "-c", "stty columns 40; exec \"$@\"", "sh"];
    let screen = database.xtask(["db-stats", "--top", "2"]).through(narrow).terminal().wait();
    let shown = rendered(&screen.ok().text());
    let fits = |line: &String| line.chars().count() <= 40 || !line.trim().contains(' ');
    screen.holds(shown.iter().all(fits), "no line is wider than the terminal");
    screen.stdout_has("public.tuple").stdout_has("CHANGED");
    // Where a command fits into a line it stays whole, and the words before it are folded.
    let usual = ["sh", "-c", "stty columns 80; exec \"$@\"", "sh"];
    let screen = database.xtask(["db-stats", "--top", "2"]).through(usual).terminal().wait();
    let shown = rendered(&screen.ok().text());
    let is_command = |line: &str| line.trim().starts_with("cargo xtask ");
    let fits = |line: &String| line.chars().count() <= 80 || is_command(line);
    screen.holds(shown.iter().all(fits), "no line but a command is wider than the terminal");
    let whole = |line: &String| is_command(line) && line.ends_with("'CREATE EXTENSION pg_stat_statements'");
    screen.holds(shown.iter().any(whole), "the command stands in one line");
}

/// A program that answers each request with these metrics; its address.
fn metrics_of_another(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
            let _ = stream.into_inner().write_all(format!("{head}{text}").as_bytes());
        }
    });
    address
}

fn requests_of_openfga_are_reported_and_other_metrics_are_not_taken_for_them() {
    let stack = shared();
    let database = stack.openfga_database();
    let store = database.sql("SELECT id FROM store");
    let check = json!({ "tuple_key": { "user": "user:alice", "relation": "member", "object": "organization:acme" } });
    (0..5).for_each(|_| drop(stack.openfga().request(&format!("/stores/{store}/check"), Some(&check))));
    let report = report(&database, &[]);
    let methods = report["openfga"]["methods"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let check = methods.iter().find(|method| method["method"] == "Check").unwrap_or_else(|| panic!("{report:#}"));
    assert!(check["requests"].as_u64().unwrap() >= 5 && check["requests_per_second"].is_number(), "{check}");
    let times = ["p50_ms", "p95_ms", "p99_ms"].map(|key| check[key].as_f64().unwrap());
    assert!(times[0] > 0.0 && times.is_sorted() && check["datastore_queries_per_request"].is_number(), "{check}");
    health_probes_are_no_requests(&database);
    database.xtask(["db-stats"]).run().ok().stdout_has(" requests per second, ").stdout_has("\nCheck ");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let orders = "x\u{1b}[31m 1\ngrpc_server_handled_total{grpc_method=\"Check\"} 7\n";
    for (address, why) in [
        (nobody.as_str(), "do not answer at "),
        (&metrics_of_another(orders), "Another program's metrics are at "),
        (&format!("http://127.0.0.1:{}", stack.openfga_port), "answers HTTP 404"),
        ("nonsense", "XTASK_OPENFGA_METRICS_URL is not an address"),
    ] {
        let run = database.xtask(["db-stats"]).env("XTASK_OPENFGA_METRICS_URL", address).run();
        run.ok().stdout_has("OpenFGA's requests are not known: ").stdout_has(why).stdout_lacks("\nCheck ");
        run.stdout_lacks("\u{1b}").stdout_has("XTASK_OPENFGA_METRICS_URL");
    }
}

/// Their method is named `Check`, too. Other tests ask the same server meanwhile, but not so often.
fn health_probes_are_no_requests(database: &Database<'_>) {
    const PROBES: u64 = 1_000;
    let checks = || {
        let report = report(database, &[]);
        let methods = report["openfga"]["methods"].as_array().unwrap();
        methods.iter().find(|method| method["method"] == "Check").unwrap()["requests"].as_u64().unwrap()
    };
    let before = checks();
    (0..PROBES).for_each(|_| assert_eq!(shared().openfga().request("/healthz", None).0, 200));
    let more = checks() - before;
    assert!(more < PROBES, "{more} checks");
}

fn slow_statements_are_shown_or_the_way_to_get_them() {
    let stack = Stack::postgres_only();
    stack.up();
    let screen = || stack.xtask(["db-stats"]).run();
    let state = || stack.xtask(["db-stats", "--json"]).run().ok().json()["slow_statements"].clone();
    let create = "cargo xtask db-shell -- -d postgres -c 'CREATE EXTENSION pg_stat_statements'";
    screen()
        .ok()
        .stdout_has("does not load pg_stat_statements")
        .stdout_has("→ as a superuser: cargo xtask db-shell -- -c 'ALTER SYSTEM SET shared_preload_libraries = pg_stat_statements'\n")
        .stdout_has("→ then restart the server: docker compose restart ")
        .stdout_has(create);
    what_the_server_loads_already_stays(&stack);
    assert_eq!(state()["state"], "not_preloaded");
    stack.admin("CREATE EXTENSION pg_stat_statements");
    assert_eq!(state()["state"], "extension_not_preloaded");
    let typed = "ALTER SYSTEM SET shared_preload_libraries = auto_explain, '$libdir/pg_prewarm', pg_stat_statements";
    stack.xtask(["db-shell", "--", "-c", typed]).run().ok();
    a_change_that_waits_needs_a_restart_alone(&stack);
    stack.forget_sessions();
    stack.docker(&["restart", stack.postgres()]);
    stack.up();
    stack.psql("openfga", "SELECT pg_sleep(0.3), 'hunter2' AS slow");
    stack.psql("openfga", "CREATE ROLE app LOGIN PASSWORD 'hunter2'");
    stack.psql("openfga", "CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor");
    let told = state();
    assert_eq!(
        (&told["state"], &told["slowest"][0]["statement"]),
        (&"readable".into(), &"SELECT pg_sleep($1), $2 AS slow".into())
    );
    assert!(told["slowest"][0]["mean_ms"].as_f64().unwrap() >= 300.0, "{told:#}");
    screen().ok().stdout_has("SELECT pg_sleep($1)").stdout_lacks("hunter2").stdout_lacks("not known");
    a_role_sees_the_text_of_its_own_statements_alone(&stack);
    stack.admin("DROP EXTENSION pg_stat_statements");
    screen().ok().stdout_has("its extension is missing").stdout_has(create);
    stack.exec(&["sh", "-c", "rm $(pg_config --sharedir)/extension/pg_stat_statements*"], "");
    assert_eq!(state()["state"], "not_installed");
    // The library is loaded already.
    screen()
        .ok()
        .stdout_has("→ install PostgreSQL's contrib package beside the server\n→ then: ")
        .stdout_lacks("ALTER SYSTEM");
}

fn a_role_sees_the_text_of_its_own_statements_alone(stack: &Stack) {
    let hidden = stack.xtask(["db-stats"]).env("POSTGRES_USER", "app").run();
    hidden.ok().stdout_has("(hidden)").stdout_has("the statements of other users").stdout_lacks("pg_sleep");
    let seen = stack.xtask(["db-stats"]).env("POSTGRES_USER", "monitor").run();
    seen.ok().stdout_has("pg_sleep").stdout_lacks("Hidden");
}

/// Typed again the hint would change nothing; and what another change left in the file stays there.
fn a_change_that_waits_needs_a_restart_alone(stack: &Stack) {
    let wait = "→ restart the server, for which a change of shared_preload_libraries waits: docker compose restart ";
    let screen = stack.xtask(["db-stats"]).run();
    screen.ok().stdout_has("its library is not loaded").stdout_has(wait).stdout_lacks("ALTER SYSTEM");
    // A role that may not read the server's files knows it once the server has read them.
    stack.admin("GRANT pg_read_all_settings TO reader");
    stack.admin("SELECT pg_reload_conf()");
    let reader = || stack.xtask(["db-stats"]).env("POSTGRES_USER", "reader").run();
    wait_until("the server has read its files", || reader().ok().text().contains(wait));
    stack.admin("REVOKE pg_read_all_settings FROM reader");
}

/// As a role that may not see it, the file is for others to change.
fn what_the_server_loads_already_stays(stack: &Stack) {
    stack.admin("ALTER SYSTEM SET shared_preload_libraries TO auto_explain, '$libdir/pg_prewarm'");
    let both = "shared_preload_libraries = auto_explain, '\\''$libdir/pg_prewarm'\\'', pg_stat_statements'\n";
    // Before the restart, which they wait for, and after it.
    for is_restarted in [false, true] {
        if is_restarted {
            stack.forget_sessions();
            stack.docker(&["restart", stack.postgres()]);
            stack.up();
        }
        let screen = stack.xtask(["db-stats"]).run();
        let both = screen.ok().text().lines().any(|line| format!("{line}\n").ends_with(both));
        screen.holds(both, "the libraries of the file are kept");
    }
    stack.psql("openfga", "CREATE ROLE reader LOGIN");
    let reader = stack.xtask(["db-stats"]).env("POSTGRES_USER", "reader").run();
    reader.ok().stdout_has("→ add pg_stat_statements to shared_preload_libraries, where that is set\n");
}

fn a_watch_needs_a_terminal_that_is_large_enough() {
    let database = shared().database();
    database.xtask(["db-stats", "--watch"]).run().code(2).prints_nothing().stderr_has("--watch needs a terminal");
    let small = ["sh", "-c", "stty rows 8 columns 30; exec \"$@\"", "sh"];
    let refused = database.xtask(["db-stats", "--watch", "5"]).through(small).terminal().wait();
    let text = refused.code(1).text();
    refused.holds(text.contains("The terminal is too small") && !text.contains("\u{1b}[?1049h"), "nothing is drawn");
    database.xtask(["db-stats", "--watch", "0"]).run().code(2);
    database.xtask(["db-stats", "--watch", "1", "--json"]).run().code(2);
}
