//! `db-migrate status --drift` and `baseline`: the live database compared with what the files make.

use crate::harness::migrations::migrate;
use crate::harness::url::Role;
use crate::harness::{Test, UrlDatabase};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] baseline_compares_before_it_records,
        [Postgres] drift_is_reported_in_both_directions,
        [Postgres] baseline_names_rights_that_only_the_files_give,
        [Postgres] drift_of_grants_and_owners_is_a_verdict_of_its_own,
        [Postgres] openfgas_tables_alone_are_no_drift,
        [Postgres] a_name_of_others_is_no_grant_of_its_own,
        [Postgres] the_order_of_statements_in_a_body_counts,
    ]
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

fn drift_is_reported_in_both_directions() {
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
    let forged = Role::named(&database, format!("\"r;\nGRANT SELECT ON TABLE public.t TO {app};\nz\""));
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
