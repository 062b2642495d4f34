//! `db-migrate verify`, `baseline` and `status --drift`: what files make, compared with what is there.

use crate::harness::migrations::versions;
use crate::harness::{Outcome, Test, UrlDatabase};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] verify_goes_on_after_a_failure_and_its_report_is_whole,
        [Postgres] the_order_of_columns_alone_is_no_failure,
        [Postgres] verify_can_start_at_what_is_pending,
        [Postgres] baseline_compares_before_it_records,
        [Postgres] drift_is_told_in_both_directions,
        [Postgres] baseline_names_rights_that_only_the_files_give,
        [Postgres] drift_of_grants_and_owners_is_a_verdict_of_its_own,
        [Postgres] openfgas_tables_alone_are_no_drift,
        [Postgres] a_name_of_others_is_no_grant_of_its_own,
        [Postgres] the_order_of_statements_in_a_body_counts,
        [Postgres] a_role_that_files_leave_on_the_server_is_named,
        [Postgres] settings_of_the_scratch_database_are_no_change,
        [Postgres] settings_of_the_live_database_are_named_beside_the_report,
    ]
}

fn migrate(database: &UrlDatabase, args: &[&str]) -> Outcome {
    database.xtask(["db-migrate"]).args(args.iter().copied()).run()
}

fn verify_goes_on_after_a_failure_and_its_report_is_whole() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    // The way back fails, a way up fails, the second up fails, one leaves half of itself, one is refused.
    database.sandbox.migration(2, "back", "CREATE TABLE t2 (a int);", Some("DROP TABLE nothing;"));
    database.sandbox.migration(3, "up", "SELECT nothing;", None);
    database.sandbox.migration(4, "again", "CREATE TABLE t4 (a int);", Some("SELECT 1;"));
    database.sandbox.migration(5, "half", "-- no-transaction\nCREATE TABLE half (a int);\nSELECT nothing;", None);
    database.sandbox.migration(6, "refused", "SELECT 1;\nCOMMIT;\nSELECT 2;", None);
    database.sandbox.migration(
        7,
        "well",
        "ALTER TABLE t4 ADD b int; ALTER TABLE t2 ADD b int; CREATE TABLE half (a int);",
        Some("ALTER TABLE t4 DROP b; ALTER TABLE t2 DROP b; DROP TABLE half;"),
    );
    let run = migrate(&database, &["verify", "--json"]);
    run.code(1).stderr_has("✗ 5 migrations have a file that fails");
    let document = run.json();
    let found: Vec<(i64, bool)> = document["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| (verdict["version"].as_i64().unwrap(), verdict["error"].is_string()))
        .collect();
    assert_eq!(found, [(1, false), (2, true), (3, true), (4, true), (5, true), (6, true), (7, false)]);
    assert_eq!(document["migrations"][6]["reversible"], true);
    assert_eq!(database.beside("verify").len(), 0);
}

fn the_order_of_columns_alone_is_no_failure() {
    let database = UrlDatabase::new();
    database.sandbox.migration(1, "table", "CREATE TABLE t (a int, b text, c int);", Some("DROP TABLE t;"));
    database.sandbox.migration(2, "column", "ALTER TABLE t DROP b;", Some("ALTER TABLE t ADD b text;"));
    let run = migrate(&database, &["verify"]);
    run.ok().stderr_has("⚠ 2 column: the columns have a different order after down: CREATE TABLE public.t");
    run.stdout_has("✓ 2 column: up, down, up").stderr_has("✓ 2 migrations verified");
    let run = migrate(&database, &["verify", "--json"]);
    assert_eq!(versions(&run), [1, 2]);
    let verdict = &run.json()["migrations"][1];
    assert_eq!((&verdict["reversible"], verdict["column_order"].as_array().unwrap().len()), (&true.into(), 1));
}

fn verify_can_start_at_what_is_pending() {
    let database = UrlDatabase::new();
    database.sandbox.tables(3);
    // Its way back would fail: it is not tried.
    database.sandbox.write("migrations/1_make a table.down.sql", "DROP TABLE nothing;");
    migrate(&database, &["up", "2"]).ok();
    let run = migrate(&database, &["verify", "--pending"]);
    run.ok().stdout_has("✓ 3 make a table: up, down, up").stdout_lacks("1 make").stderr_has("✓ 1 migration verified");
    migrate(&database, &["verify"]).code(1);
}

fn baseline_compares_before_it_records() {
    let database = UrlDatabase::new();
    database.sandbox.tables(2);
    database.own("CREATE TABLE t1 (a int)");
    let run = migrate(&database, &["baseline", "2", "--yes"]);
    run.code(1).stderr_has("✗ The schema differs from the one that these files make; nothing was recorded");
    run.stderr_has("⚠ only the files make: CREATE TABLE public.t2 ( a integer );").stderr_has("--no-compare");
    assert_eq!(database.sql("SELECT to_regclass('_sqlx_migrations') IS NULL"), "t");
    // What it has beside that, and the order of columns, stop nothing.
    database.own("CREATE TABLE more (a int)");
    migrate(&database, &["baseline", "1", "--yes"]).ok().stderr_has("✓ 1 migration recorded as applied");
    database.own("DROP TABLE _sqlx_migrations");
    migrate(&database, &["baseline", "2", "--yes", "--no-compare"]).ok().stderr_has("✓ 2 migrations recorded");
}

fn drift_is_told_in_both_directions() {
    let database = UrlDatabase::new();
    database.sandbox.tables(2);
    migrate(&database, &["up"]).ok();
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
    database.own("ALTER TABLE t1 ADD by_hand int; CREATE INDEX i ON t2 (a)");
    let run = migrate(&database, &["status", "--drift"]);
    run.ok().stderr_has("⚠ only the files make: CREATE TABLE public.t1 ( a integer );");
    run.stderr_has("⚠ only the database has: CREATE INDEX i ON public.t2 USING btree (a);");
    migrate(&database, &["status", "--drift", "--check"])
        .code(1)
        .stderr_has("✗ The schema differs from the applied files");
    let run = migrate(&database, &["status", "--drift", "--json"]);
    let drift = run.ok().json()["drift"].clone();
    assert_eq!((drift["missing"].as_array().unwrap().len(), drift["extra"].as_array().unwrap().len()), (1, 2));
    migrate(&database, &["status", "--json"]).ok().stdout_lacks("drift");
}

/// A role that the database's own may act as; it goes with what it has.
struct Role<'a> {
    database: &'a UrlDatabase,
    name: String,
}

impl<'a> Role<'a> {
    fn new(database: &'a UrlDatabase) -> Self {
        let name = format!("{}_app", database.name);
        database.admin(&format!("CREATE ROLE {name}; GRANT {name} TO @role"));
        Self { database, name }
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.database.drop_databases();
        self.database.admin(&format!("DROP ROLE {}", self.name));
    }
}

fn baseline_names_rights_that_only_the_files_give() {
    let database = UrlDatabase::new();
    let role = Role::new(&database);
    let app = &role.name;
    database.sandbox.migration(1, "a", "CREATE SCHEMA s; CREATE TABLE s.t (a int); CREATE TABLE s.u (a int);", None);
    let rights = format!(
        "GRANT USAGE, CREATE ON SCHEMA s TO {app};\nGRANT SELECT ON s.t TO {app};\nGRANT SELECT (a) ON s.u TO PUBLIC;\n\
         ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO {app};\nALTER TABLE s.u OWNER TO {app};\n"
    );
    database.sandbox.migration(2, "grant", &rights, None);
    database.own("CREATE SCHEMA s; CREATE TABLE s.t (a int); CREATE TABLE s.u (a int)");
    let run = migrate(&database, &["baseline", "2", "--yes"]);
    run.ok().stderr_has(&format!("⚠ only the files give: GRANT SELECT ON TABLE s.t TO {app};"));
    run.stderr_has(&format!("⚠ only the files give: ALTER TABLE s.u OWNER TO {app};"));
    run.stderr_has("⚠ only the files give: GRANT SELECT(a) ON TABLE s.u TO PUBLIC;");
    run.stderr_has("⚠ only the files give: ALTER DEFAULT PRIVILEGES FOR ROLE").stderr_lacks("only the files make");
    run.stderr_has("⚠ Recorded files are not run any more: run the statements above yourself");
    run.stderr_has("✓ 2 migrations recorded as applied");
    // By hand, as the warning says, and nothing differs.
    database.own(&rights);
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches").stderr_lacks("only");
    database.own("DROP TABLE _sqlx_migrations");
    migrate(&database, &["baseline", "2", "--yes"]).ok().stderr_lacks("give");
}

fn drift_of_grants_and_owners_is_a_verdict_of_its_own() {
    let database = UrlDatabase::new();
    let role = Role::new(&database);
    let app = &role.name;
    let text = format!("CREATE TABLE t (a int); CREATE TABLE u (a int); GRANT SELECT ON t TO {app};");
    database.sandbox.migration(1, "a", &text, None);
    migrate(&database, &["up"]).ok();
    let check = ["status", "--drift", "--check"];
    migrate(&database, &check).ok().stderr_has("✓ The schema matches the applied files").stderr_lacks("differ");
    // What only the database gives may be for a role that no file knows.
    database.own(&format!("GRANT SELECT ON u TO PUBLIC; GRANT CREATE ON SCHEMA public TO {app}"));
    database.own(&format!("ALTER TABLE u OWNER TO {app}"));
    let run = migrate(&database, &check);
    run.ok().stderr_has("⚠ only the database gives: GRANT SELECT ON TABLE public.u TO PUBLIC;");
    run.stderr_has(&format!("⚠ only the database gives: ALTER TABLE public.u OWNER TO {app};"));
    run.stderr_has("✓ The schema matches the applied files")
        .stderr_has("--check fails only where the database lacks one that the files give");
    database.own(&format!("REVOKE SELECT ON t FROM {app}"));
    let run = migrate(&database, &check);
    run.code(1).stderr_has(&format!("⚠ only the files give: GRANT SELECT ON TABLE public.t TO {app};"));
    run.stderr_has("✗ The database lacks rights or owners that the applied files give").stderr_lacks("✓");
    let run = migrate(&database, &["status", "--drift", "--json"]);
    let drift = run.ok().json()["drift"].clone();
    let count = |list: &serde_json::Value| list.as_array().unwrap().len();
    assert_eq!((count(&drift["missing"]), count(&drift["extra"]), count(&drift["rights"]["missing"])), (0, 0, 1));
    assert_eq!(count(&drift["rights"]["extra"]), 3);
    // A service that owns the table needs no grant on it.
    database.own(&format!("ALTER TABLE t OWNER TO {app}"));
    let run = migrate(&database, &["status", "--drift"]);
    run.ok().stderr_lacks("only the files give").stderr_has(&format!("gives: ALTER TABLE public.t OWNER TO {app};"));
}

/// A role's name may hold what looks like a statement, and a table's name blanks that count.
fn a_name_of_others_is_no_grant_of_its_own() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let role = Role::new(&database);
    let app = &role.name;
    let text = format!("CREATE TABLE t (a int); CREATE TABLE \"a  b\" (a int); GRANT SELECT ON t TO {app};");
    database.sandbox.migration(1, "a", &text, None);
    migrate(&database, &["up"]).ok();
    let forged = Role { database: &database, name: format!("\"r;\nGRANT SELECT ON TABLE public.t TO {app};\nz\"") };
    database.admin(&format!("CREATE ROLE {}", forged.name));
    database.own(&format!("REVOKE SELECT ON t FROM {app}; GRANT SELECT ON \"a  b\" TO {}", forged.name));
    let run = migrate(&database, &["status", "--drift", "--check"]);
    run.code(1).stderr_has(&format!("⚠ only the files give: GRANT SELECT ON TABLE public.t TO {app};"));
    run.stderr_has("⚠ only the database gives: GRANT SELECT ON TABLE public.\"a  b\" TO \"r;\\nGRANT SELECT ON");
    run.stderr_lacks("compared");
    // A file names the database in such a grant, and a scratch database has another name.
    database.own(&format!("GRANT SELECT ON t TO {app}; GRANT CONNECT ON DATABASE {} TO {app}", database.name));
    let run = migrate(&database, &["status", "--drift", "--check"]);
    run.ok().stderr_has("Grants on the database itself are not compared: the files were run in a scratch database");
    drop(forged);
}

/// An object by hand whose text only names a table of OpenFGA is drift.
fn openfgas_tables_alone_are_no_drift() {
    let database = UrlDatabase::new();
    database.sandbox.tables(1);
    migrate(&database, &["up"]).ok();
    database.own(include_str!("harness/openfga.sql"));
    database
        .own("CREATE INDEX of_store ON store (name); COMMENT ON TABLE store IS 'x'; GRANT SELECT ON store TO PUBLIC");
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
    database.own(
        "CREATE FUNCTION leak() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT count(*) FROM public.t1 -- public.store\n$$;
         CREATE TABLE backdoor (i int DEFAULT length('public.store'));
         CREATE VIEW stores AS SELECT id FROM public.store",
    );
    let run = migrate(&database, &["status", "--drift", "--check", "--json"]);
    let extra = run.code(1).json()["drift"]["extra"].to_string();
    for named in ["CREATE FUNCTION public.leak()", "CREATE TABLE public.backdoor", "CREATE VIEW public.stores"] {
        assert!(extra.contains(named), "{named}: {extra}");
    }
    // One of them alone is a table as any other.
    database.own("DROP TABLE tuple; DROP TABLE backdoor; DROP VIEW stores; DROP FUNCTION leak()");
    migrate(&database, &["status", "--drift", "--check"]).code(1).stderr_has("CREATE TABLE public.store (");
}

/// The steps of a function in this order, each below a comment.
fn function(steps: &[&str]) -> String {
    let lines: String = steps.iter().map(|step| format!("-- {step}\nINSERT INTO log VALUES ('{step}');\n")).collect();
    format!("CREATE OR REPLACE FUNCTION pay() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n{lines}-- done\nEND\n$$;")
}

fn the_order_of_statements_in_a_body_counts() {
    let database = UrlDatabase::new();
    let [first, second] = [["check", "book", "notify"], ["book", "notify", "check"]].map(|steps| function(&steps));
    database.sandbox.migration(1, "a", &format!("CREATE TABLE log (w text); {first}"), None);
    database.sandbox.migration(2, "b", &second, Some("-- PostgreSQL cannot revert it"));
    let run = migrate(&database, &["verify"]);
    run.code(1).stderr_has("✗ 1 migration is not reverted by the .down.sql file");
    run.stderr_has("after down missing: CREATE FUNCTION public.pay()");
    migrate(&database, &["up"]).ok();
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
    database.own(&function(&["notify", "check", "book"]));
    let run = migrate(&database, &["status", "--drift", "--check"]);
    run.code(1).stderr_has("⚠ only the files make: CREATE FUNCTION public.pay()");
    run.stderr_has("⚠ only the database has: CREATE FUNCTION public.pay()");
    // A step that is there twice is not there once.
    database.own(&function(&["book", "notify", "check", "check"]));
    migrate(&database, &["status", "--drift", "--check"]).code(1);
}

const REACHED: &str = "✗ The migrations were tried in a scratch database, and objects outside of it changed meanwhile";

fn a_role_that_files_leave_on_the_server_is_named() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    database.admin("ALTER ROLE @role CREATEROLE");
    let role = format!("{}_made", database.name);
    let is_there = || database.admin(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'")) == "1";
    let made = format!("CREATE ROLE {role}; CREATE TABLE t (a int); GRANT SELECT ON t TO {role};");
    database.sandbox.migration(1, "role", &made, None);
    let run = migrate(&database, &["verify"]);
    run.code(6).stderr_has(REACHED).stderr_has(&format!("role {role}: new")).stderr_lacks("✓");
    run.stderr_has("DO $$BEGIN IF NOT EXISTS").stdout_has("1 role: up; it cannot be reverted");
    database.admin(&format!("DROP ROLE {role}"));
    // What the file's own .down.sql removes does not stay.
    let dropped = format!("DROP TABLE t; DROP ROLE {role};");
    database.sandbox.migration(1, "role", &made, Some(&dropped));
    database.sandbox.migration(2, "more", "ALTER TABLE t ADD b int;", Some("ALTER TABLE t DROP b;"));
    for args in [&["verify"][..], &["verify", "--pending"]] {
        migrate(&database, args).ok().stderr_has("✓ 2 migrations verified").stderr_lacks("role");
        assert!(!is_there());
    }
    // Also where a later file fails. If that is not rolled back, a second database makes the role again.
    let later = database.sandbox.migration(4, "later", "ALTER TABLE t ADD c int;", Some("ALTER TABLE t DROP c;"));
    for wrong in ["SELECT nothing;", "-- no-transaction\nCREATE TABLE half (a int);\nSELECT nothing;"] {
        let wrong = database.sandbox.migration(3, "wrong", wrong, None);
        let run = migrate(&database, &["verify"]);
        run.code(1).stderr_has("✗ 1 migration has a file that fails").stderr_lacks(REACHED);
        assert!(!is_there());
        std::fs::remove_file(wrong).unwrap();
    }
    std::fs::remove_file(later.with_file_name("4_later.down.sql")).unwrap();
    std::fs::remove_file(later).unwrap();
    migrate(&database, &["up"]).ok();
    // Once it is applied the role is there, and the file cannot be applied beside it as it is.
    let run = migrate(&database, &["status", "--drift"]);
    run.code(1).stderr_has("✗ 1 role cannot be applied to an empty database").stderr_has("already exists");
    run.stderr_has("accept the changed file: cargo xtask db-migrate repair VERSION");
    migrate(&database, &["verify"]).code(1).stderr_has("let the file make it only where it is missing");
    let missing = format!("DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{role}') THEN ");
    let again =
        made.replacen(&format!("CREATE ROLE {role};"), &format!("{missing}CREATE ROLE {role}; END IF; END$$;"), 1);
    database.sandbox.migration(1, "role", &again, Some("DROP TABLE t;"));
    migrate(&database, &["repair", "1", "--yes"]).ok();
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
    migrate(&database, &["verify"]).ok().stderr_has("✓ 2 migrations verified");
    database.drop_databases();
    database.admin(&format!("DROP ROLE {role}"));
}

/// What a file changes of the database that it runs in goes with the scratch database.
fn settings_of_the_scratch_database_are_no_change() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let execute = |statement: &str| {
        format!("DO $$BEGIN EXECUTE pg_catalog.format('{statement}', pg_catalog.current_database()); END$$;")
    };
    let (set, reset) = ("ALTER DATABASE %I SET timezone TO UTC", "ALTER DATABASE %I RESET timezone");
    database.sandbox.migration(1, "set", &execute(set), Some(&execute(reset)));
    database.sandbox.migration(2, "comment", &execute("COMMENT ON DATABASE %I IS $c$x$c$"), None);
    migrate(&database, &["verify"]).ok().stderr_has("✓ 2 migrations verified");
    migrate(&database, &["up"]).ok();
    migrate(&database, &["status", "--drift", "--check"]).ok().stderr_has("✓ The schema matches the applied files");
}

fn settings_of_the_live_database_are_named_beside_the_report() {
    let database = UrlDatabase::new();
    let _alone = database.alone();
    let name = &database.name;
    let settings = || {
        database.admin(
            "SELECT count(*) FROM pg_db_role_setting AS s JOIN pg_database AS d \
        ON d.oid = s.setdatabase WHERE d.datname = '@name'",
        )
    };
    let reset = || database.own(&format!("ALTER DATABASE {name} RESET statement_timeout"));
    let named = format!("settings of database {name}: new");
    database.sandbox.migration(
        1,
        "set",
        &format!("CREATE TABLE t (a int); ALTER DATABASE {name} SET statement_timeout TO '5min';"),
        None,
    );
    migrate(&database, &["verify", "--pending"]).code(6).stderr_has(REACHED).stderr_has(&named).stderr_lacks("✓");
    assert_eq!(settings(), "1");
    reset();
    database.own("CREATE TABLE t (a int)");
    let run = migrate(&database, &["baseline", "1", "--yes"]);
    run.code(6).stderr_has(REACHED).stderr_has(&named).stderr_lacks("✓");
    assert_eq!(database.sql("SELECT to_regclass('_sqlx_migrations') IS NULL"), "t");
    // What a file sets that is set already is no change.
    migrate(&database, &["baseline", "1", "--yes"]).ok().stderr_has("✓ 1 migration recorded as applied");
    reset();
    database.own("CREATE TABLE by_hand (a int)");
    let run = migrate(&database, &["status", "--drift"]);
    run.code(6).stderr_has(REACHED).stderr_has(&named).stdout_has("applied").stderr_lacks("✓");
    run.stderr_has("⚠ only the database has: CREATE TABLE public.by_hand ( a integer );");
    reset();
    let run = migrate(&database, &["status", "--drift", "--json"]);
    let drift = run.code(6).stderr_has(&named).json()["drift"].clone();
    assert_eq!(drift["extra"].as_array().unwrap().len(), 1);
    migrate(&database, &["status", "--drift"]).ok().stderr_lacks("meanwhile");
}
