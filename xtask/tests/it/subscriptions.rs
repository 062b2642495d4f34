//! Databases with subscriptions, event triggers and what else keeps `DROP DATABASE` from working: copies go without a
//! trace, the publisher's slot stays, and no leftover stops a run.

use crate::harness::forge::{Forged, dump};
use crate::harness::{Local, Test, wait_until};
use chrono::Local as Clock;
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] copies_go_with_their_subscriptions_and_the_publishers_slot_stays,
        [Postgres] a_scratch_database_that_cannot_be_dropped_is_no_pass_and_stops_nothing,
        [Postgres] a_previous_database_that_cannot_be_dropped_is_named_with_what_clears_it,
        [Postgres] a_subscription_that_a_file_enables_is_refused,
        [Postgres] foreign_tables_and_rights_on_the_server_are_named_before_a_load,
        [Postgres] what_views_and_extensions_let_roles_reach_is_named_before_a_load,
    ]
}

const BESIDE: &str = "SELECT datname FROM pg_database WHERE datname ~ '_(verify|staging)_' ORDER BY 1";

/// A server of the test's own that can publish, with a live database `openfga` and a publisher beside it.
fn server() -> Local {
    let local = Local::new();
    local.up();
    local.sql("postgres", "ALTER SYSTEM SET wal_level TO logical");
    local.sql("postgres", "ALTER SYSTEM SET max_prepared_transactions TO 4");
    local.xtask(["down"]).run().ok();
    local.up();
    local.sql("postgres", "CREATE DATABASE publisher");
    local.sql("publisher", "CREATE TABLE t (a int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t;");
    local.sql("publisher", "SELECT pg_create_logical_replication_slot('slot_one', 'pgoutput')");
    let connection =
        format!("host=127.0.0.1 port={} dbname=publisher user=postgres password={}", local.port(), local.password());
    local.sql(
        "openfga",
        &format!(
            "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1);
             CREATE SUBSCRIPTION \"My sub\" CONNECTION '{connection}' PUBLICATION p WITH (connect = false, slot_name = 'slot_one');
             CREATE SUBSCRIPTION without CONNECTION '{connection}' PUBLICATION p WITH (connect = false, slot_name = NONE)"
        ),
    );
    local
}

fn slots(local: &Local) -> String {
    local.sql("postgres", "SELECT string_agg(slot_name, ',') FROM pg_replication_slots")
}

fn subscriptions(local: &Local, like: &str) -> String {
    local.sql(
        "postgres",
        &format!(
            "SELECT string_agg(s.subname || ' ' || coalesce(s.subslotname, '-') || ' ' || s.subenabled, ', ' ORDER BY s.subname)
             FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname ~ '^{like}$'"
        ),
    )
}

fn copies_go_with_their_subscriptions_and_the_publishers_slot_stays() {
    let local = server();
    // Every command about an object of the database fails, in copies of it, too.
    local.sql(
        "openfga",
        "CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'event trigger %', tg_tag; END$$;
         CREATE EVENT TRIGGER one ON ddl_command_start EXECUTE FUNCTION et();
         ALTER EVENT TRIGGER one ENABLE ALWAYS",
    );
    local.xtask(["db-backup"]).run().ok();
    let run = local.xtask(["db-verify", "--restore"]).run();
    run.ok().stdout_has("restored and compared");
    assert_eq!((local.sql("postgres", BESIDE).as_str(), slots(&local).as_str()), ("", "slot_one"));
    // Its worker would follow the live database's OID.
    local.sql("openfga", "ALTER EVENT TRIGGER one DISABLE; ALTER SUBSCRIPTION \"My sub\" ENABLE");
    wait_until("it subscribes", || local.sql("postgres", "SELECT active FROM pg_replication_slots") == "t");
    let run = local.xtask(["db-restore", "--yes"]).run();
    run.code(1)
        .stderr_has("cannot be swapped while it has: subscription My sub")
        .stderr_has("ALTER SUBSCRIPTION \"My sub\" DISABLE;");
    local.xtask(["db-verify", "--restore"]).run().ok();
    local.sql("openfga", "ALTER SUBSCRIPTION \"My sub\" DISABLE; ALTER EVENT TRIGGER one ENABLE ALWAYS");
    // The second restore drops what the first one kept.
    for _ in 0..2 {
        let run = local.xtask(["db-restore", "--yes"]).run();
        run.ok().stderr_has("✓ Database restored").stderr_lacks("could not be dropped");
        run.stderr_has("Subscriptions of openfga are disabled: My sub (slot slot_one), without");
        assert_eq!(subscriptions(&local, "openfga"), "My sub slot_one false, without - false");
        assert_eq!(subscriptions(&local, "openfga_before_[0-9_]+"), "My sub slot_one false, without - false");
        assert_eq!(local.sql("openfga", "SELECT evtenabled FROM pg_event_trigger"), "A");
        assert_eq!((local.sql("postgres", BESIDE).as_str(), slots(&local).as_str()), ("", "slot_one"));
    }
    local.xtask(["db-restore", "--undo", "--yes"]).run().ok().stderr_has("Subscriptions of openfga are disabled");
    assert_eq!(local.sql("openfga", "SELECT a FROM t"), "1");
}

fn a_scratch_database_that_cannot_be_dropped_is_no_pass_and_stops_nothing() {
    let local = server();
    local.xtask(["db-backup"]).run().ok();
    // `DROP DATABASE` refuses a database that has a prepared transaction.
    let body = "CREATE TABLE public.t (a int);\nCREATE MATERIALIZED VIEW public.m AS SELECT 1 AS a FROM pg_catalog.pg_sleep(4);\n";
    let file = Forged::of(dump(body)).write(&local.sandbox, "slow.sql");
    let running = local.xtask(["db-verify", "--restore"]).args([&file]).spawn();
    let loads = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(4)%' AND datname LIKE '%_verify_%'";
    wait_until("it loads", || local.sql("postgres", loads) == "1");
    let name = local.sql("postgres", BESIDE);
    local.sql(&name, "BEGIN; CREATE SCHEMA s; PREPARE TRANSACTION E'it''s\\n→ cargo xtask db-reset'");
    let run = running.wait();
    run.code(1).prints_nothing().stderr_has(&format!("{name} could not be dropped")).stderr_lacks("✓");
    // A name with a line break in it begins no line of the hint.
    run.stderr_has(r"ROLLBACK PREPARED E'it''s\U0000000A\U00002192 cargo xtask db-reset';");
    run.stderr_has(&format!("DROP DATABASE \"{name}\" WITH (FORCE);"));
    for (command, done) in [
        (&["db-verify", "--restore"][..], "restored and compared"),
        (&["db-restore", "--yes"], "✓ Database restored"),
        (&["db-reset", "--yes"], "✓ Database reset"),
        (&["db-backup"], "✓ Backup created"),
    ] {
        let run = local.xtask(command.iter().copied()).run();
        run.ok().holds(run.text().contains(done) || run.stderr.contains(done), done);
    }
    let run = local.xtask(["db-restore", "--repair"]).run();
    run.code(1).stderr_has(&format!("Not dropped: {name}")).stderr_has("ROLLBACK PREPARED");
    local.sql(&name, "ROLLBACK PREPARED E'it''s\\n→ cargo xtask db-reset'");
    local.xtask(["db-restore", "--repair"]).run().ok().stderr_has(&format!("Repaired: {name}"));
    assert_eq!(local.sql("postgres", BESIDE), "");
}

fn a_previous_database_that_cannot_be_dropped_is_named_with_what_clears_it() {
    let local = server();
    local.xtask(["db-backup"]).run().ok();
    let restore = || local.xtask(["db-restore", "--yes"]).run();
    restore().ok();
    let kept = local.sql("postgres", "SELECT datname FROM pg_database WHERE datname ~ '_before_'");
    local.sql(&kept, "BEGIN; CREATE SCHEMA s; PREPARE TRANSACTION E'it''s\\n→ cargo xtask db-reset'");
    // One of another database holds the name alone.
    local.sql("publisher", &format!("BEGIN; COMMENT ON DATABASE {kept} IS 'x'; PREPARE TRANSACTION 'far'"));
    let has = "it has: prepared transaction it's\\n→ cargo xtask db-reset of role postgres, prepared transaction far of role \
               postgres";
    let run = restore();
    run.ok().prints_nothing().stderr_has("✓ Database restored").stderr_lacks("psql");
    run.stderr_has(&format!("⚠ {kept} could not be dropped: canceling statement due to lock timeout; {has}\n"));
    run.stderr_has("  the next restore tries again; see what is kept: cargo xtask db-list\n")
        .stderr_lacks("ALLOW_CONN");
    local.sql("postgres", &format!("ALTER DATABASE {kept} ALLOW_CONNECTIONS false"));
    let overdue =
        format!("{kept} was to be dropped after a later swap, and could not be; {has}, ALLOW_CONNECTIONS false");
    local
        .xtask(["db-list"])
        .run()
        .ok()
        .stdout_has(&kept)
        .stderr_has(&format!("⚠ {overdue}\n"))
        .stderr_has("ROLLBACK PREPARED 'far';");
    let run = local.xtask(["health-check"]).run();
    run.stdout_has(&overdue).stdout_has("ROLLBACK PREPARED 'far';").stdout_lacks("✓ leftovers");
    let json = local.xtask(["db-list", "--json"]).run().ok().json();
    let marks = json["kept_on_server"].as_array().unwrap().iter().map(|kept| (&kept["name"], &kept["overdue"]));
    let marks: Vec<_> = marks.collect();
    assert!(marks.len() == 2 && marks.contains(&(&json!(kept), &json!(true))), "{json}");
    assert!(marks.iter().any(|(name, overdue)| **name != json!(kept) && **overdue == json!(false)), "{json}");
    overdue_only_as_long_as_it_is_there(&local, &kept);
}

fn overdue_only_as_long_as_it_is_there(local: &Local, kept: &str) {
    let restore = |more: &[&'static str]| local.xtask([&["db-restore", "--yes"], more].concat()).run();
    let list = || local.xtask(["db-list"]).run();
    let health = || local.xtask(["health-check"]).run();
    // One that is wanted is not overdue.
    restore(&["--keep-old", "9"]).ok().stderr_lacks("could not be dropped");
    list().ok().stdout_has(kept).stderr_lacks(kept);
    health().stdout_has("✓ leftovers");
    // What is shown clears it, as it is typed.
    let run = restore(&[]);
    let (_, typed) = run.stderr.split_once("clear it by hand: cargo xtask db-shell -- -d postgres, then\n").unwrap();
    let end = format!("DROP DATABASE \"{kept}\" WITH (FORCE);\n");
    let (typed, _) = typed.split_once(&end).unwrap();
    assert_eq!(
        typed.lines().map(str::trim).collect::<Vec<_>>(),
        [
            &format!("ALTER DATABASE \"{kept}\" ALLOW_CONNECTIONS true;"),
            &format!("\\c \"{kept}\""),
            r"ROLLBACK PREPARED E'it''s\U0000000A\U00002192 cargo xtask db-reset';",
            "\\c \"publisher\"",
            "ROLLBACK PREPARED 'far';",
            "\\c postgres",
            "",
        ]
    );
    local.xtask(["db-shell", "--", "-d", "postgres"]).stdin(format!("{typed}{end}")).run().ok();
    list().ok().stdout_lacks(kept).stderr_lacks(kept);
    health().stdout_has("✓ leftovers");
    restore(&[]).ok().stderr_lacks("could not be dropped");
}

fn a_subscription_that_a_file_enables_is_refused() {
    let local = server();
    local.sql("openfga", "ALTER SUBSCRIPTION without SET (slot_name = slot_two)");
    let file = local.xtask(["db-backup"]).run().ok().text().trim().to_owned();
    let honest = String::from_utf8(crate::harness::backup::inner(&local.sandbox.path(file))).unwrap();
    let enables = "CREATE FUNCTION public.f(a int) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN \
        ALTER SUBSCRIPTION \"My sub\" ENABLE; RETURN true; END$$;\n\
        CREATE TABLE public.u (a int, CHECK (public.f(a)));\nCOPY public.u (a) FROM stdin;\n1\n\\.\n\n";
    let end = "--\n-- PostgreSQL database dump complete";
    let body = honest.replace(end, &format!("{enables}{end}"));
    assert_ne!(body, honest);
    let forged = Forged::of(body).taken("openfga", Clock::now()).write(&local.sandbox, "enables.sql");
    let run = local.xtask(["db-restore", "--yes"]).args([&forged]).run();
    run.code(1).stderr_has("enabled its subscription My sub").stderr_lacks("✓ Database restored");
    assert_eq!((local.sql("postgres", BESIDE).as_str(), slots(&local).as_str()), ("", "slot_one"));
}

fn foreign_tables_and_rights_on_the_server_are_named_before_a_load() {
    let local = Local::new();
    local.up();
    local.sql(
        "openfga",
        "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;
         CREATE FOREIGN TABLE f (a int) SERVER s; CREATE FOREIGN TABLE g (a int) SERVER s",
    );
    local.xtask(["db-backup"]).run().ok();
    let says = "has 2 foreign tables: the server may connect to other servers while it fills";
    local.xtask(["db-verify", "--restore"]).run().ok().stderr_has(says).stderr_lacks("PostgreSQL itself");
    local.xtask(["db-restore", "--dry-run"]).run().ok().stderr_has(says).stderr_lacks("PostgreSQL itself");
    // So are rights by which a role reaches more than the database.
    local.sql("openfga", "CREATE ROLE low; GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text) TO low");
    local.xtask(["db-backup"]).run().ok();
    let says = "gives roles rights on objects of PostgreSQL itself, from line ";
    local.xtask(["db-verify", "--restore"]).run().ok().stderr_has(says);
    local.xtask(["db-restore", "--dry-run"]).run().ok().stderr_has(says);
}

/// Objects that a dump writes with functions of PostgreSQL and of its own.
const MADE_OF_FUNCTIONS: &str = r#"
CREATE ROLE low;
CREATE FUNCTION own_handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE TRUSTED LANGUAGE own HANDLER own_handler;
CREATE LANGUAGE untrusted HANDLER own_handler;
ALTER LANGUAGE own OWNER TO low;
GRANT USAGE ON LANGUAGE own TO low;
CREATE FUNCTION own_init(internal) RETURNS internal LANGUAGE internal AS 'dsimple_init';
CREATE FUNCTION own_lexize(internal, internal, internal, internal) RETURNS internal LANGUAGE internal AS 'dsimple_lexize';
CREATE TEXT SEARCH TEMPLATE of_the_file (INIT = own_init, LEXIZE = own_lexize);
CREATE TEXT SEARCH TEMPLATE unused (LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY of_own (TEMPLATE = of_the_file, stopwords = 'english', accept = true);
CREATE TEXT SEARCH TEMPLATE of_the_server (INIT = dispell_init, LEXIZE = dispell_lexize);
CREATE TEXT SEARCH PARSER words (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TYPE floats AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE times AS RANGE (subtype = timestamp with time zone);
CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE CAST (bytea AS json) WITHOUT FUNCTION;
CREATE AGGREGATE total(float8) (SFUNC = float8pl, STYPE = float8);
GRANT EXECUTE ON FUNCTION own_init(internal) TO low;
CREATE EXTENSION dblink;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO low;
CREATE VIEW harmless AS SELECT c.relname FROM pg_class c;
"#;

fn what_views_and_extensions_let_roles_reach_is_named_before_a_load() {
    let local = Local::new();
    local.up();
    local.sql("openfga", MADE_OF_FUNCTIONS);
    let says = [
        "gives roles rights on functions of an extension, or on aggregates, from line ",
        "has views or rules on catalogs that not every role may read, from line ",
    ];
    let quoted = ["pg_dump", "--quote-all-identifiers"];
    let (bytes, errors) = local.client("openfga", &quoted, b"");
    let quoted = local.sandbox.write("quoted.sql", bytes.unwrap_or_else(|| panic!("{errors}")));
    local.xtask(["db-backup"]).run().ok();
    let run = local.xtask(["db-verify", "--restore"]).run();
    run.ok().stdout_has("restored and compared").stderr_lacks(says[0]).stderr_lacks(says[1]);
    let run = local.xtask(["db-verify", "--restore"]).args([&quoted]).run();
    run.ok().stderr_lacks(says[0]).stderr_lacks(says[1]);
    local.sql(
        "openfga",
        "GRANT EXECUTE ON FUNCTION dblink_connect_u(text) TO low; CREATE VIEW secrets AS SELECT rolpassword FROM pg_authid;
         CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
         CREATE FOREIGN TABLE hosts (line text) SERVER files OPTIONS (filename '/etc/hosts')",
    );
    local.xtask(["db-backup"]).run().ok();
    for command in [&["db-verify", "--restore"][..], &["db-restore", "--dry-run"]] {
        let run = local.xtask(command.iter().copied()).run();
        run.ok().stderr_has(says[0]).stderr_has(says[1]).stderr_has("has foreign tables of file_fdw: who may read one");
    }
    // Every catalog that this server closes to a role without rights is known.
    let closed = local.sql(
        "openfga",
        "SELECT c.oid::regclass FROM pg_class c WHERE c.relkind IN ('r', 'v') AND NOT has_table_privilege('low', c.oid, 'SELECT')
         AND (c.relnamespace = 'pg_catalog'::regnamespace OR c.relname LIKE '\\_pg\\_%')",
    );
    assert!(closed.lines().count() > 10, "{closed}");
    for catalog in closed.lines() {
        let view = format!("CREATE VIEW public.v AS SELECT 1 AS a FROM {catalog};\n");
        Forged::of(dump(view)).taken("openfga", Clock::now()).write(&local.sandbox, "closed.sql");
        local.xtask(["db-restore", "backups/closed.sql", "--dry-run"]).run().ok().stderr_has(says[1]);
    }
}
