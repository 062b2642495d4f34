//! Extensions that a server has in one database alone, and their background workers.

use crate::harness::forge::{Forged, dump};
use crate::harness::{Health, Local, Test, wait_until};
use serde_json::json;
use std::fs::File;
use std::io::Write as _;

pub fn tests() -> Vec<Test> {
    tests![[Postgres, PgCron] a_backup_with_pg_cron_is_reported_refused_beforehand_and_restored_by_hand]
}

const WORKERS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = 'openfga' AND backend_type = 'pg_cron launcher'";
const ENDED: &str = "Background workers of openfga ended with the swap";
const IDLE: &str = "holds extension pg_cron, whose background worker does not run: pg_cron launcher";
const RESTART: &str = "cargo xtask down --target local && cargo xtask up --target local";

fn a_backup_with_pg_cron_is_reported_refused_beforehand_and_restored_by_hand() {
    let local = Local::new();
    local.up();
    local.sql("openfga", "CREATE TABLE t AS SELECT 1 AS a");
    let without = backup(&local, "⚠ db-restore", false);
    let body = "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog;\n";
    let forged = Forged::of(dump(body)).with("database", "openfga").write(&local.sandbox, "cron.sql");
    let run = local.xtask(["db-verify", "--restore"]).args([&forged]).run();
    run.code(1)
        .stderr_has("names extension pg_cron, whose library this server has not loaded (shared_preload_libraries)");
    std::fs::remove_file(forged).unwrap();

    restart_with_pg_cron(&local);
    local.sql("openfga", "CREATE EXTENSION pg_cron; SELECT cron.schedule('a job', '0 3 * * *', 'SELECT 1')");
    let one = "extension pg_cron can be in one database alone, openfga, which cron.database_name names";
    has_properties_of_its_own(&local);
    let told = backup(&local, one, true);
    names_alone(&told);
    refused(&local, one);
    // Another database cannot have the extension by hand either.
    local.sql("postgres", "CREATE DATABASE other");
    let run = local.xtask(["--database", "other", "db-restore", "--yes", &told.path]).run();
    run.code(1).stderr_has("other cannot have pg_cron while cron.database_name is openfga").stderr_lacks("RENAME TO");

    // A swap ends the worker for good: the server starts it again only with itself.
    let run = local.xtask(["db-restore", "--yes", "--dry-run", &without.path]).run();
    run.ok().stderr_has("Background workers that will end, perhaps until the server restarts: pg_cron launcher");
    let run = local.xtask(["db-restore", "--yes", &without.path]).run();
    run.ok().stderr_has(ENDED).stderr_has(RESTART);
    // The warning comes for a safety backup, too.
    run.stderr_has(one).stderr_has("pre_restore").stderr_has("by hand, while nothing uses it:");
    assert_eq!(local.sql("postgres", WORKERS), "0");
    restart(&local);
    local.xtask(["db-restore", "--undo", "--yes"]).run().ok().stderr_has(ENDED).stderr_has("pg_cron launcher");
    local.xtask(["db-restore", "--undo", "--yes"]).run().ok().stderr_lacks(ENDED).stderr_lacks(IDLE);
    // No worker ran before this one: what the database holds decides.
    let run = local.xtask(["db-restore", "--undo", "--yes"]).run();
    run.ok().stderr_lacks(ENDED).stderr_has(&format!("openfga {IDLE}")).stderr_has(RESTART);
    let health = || Health::of(local.xtask([]), &["--only", "postgres"]);
    health().says("postgres", "warn", "its background worker does not run: pg_cron launcher", RESTART);

    restart(&local);
    health().says("postgres", "ok", "database openfga", "");
    by_hand(&local, &told);
}

fn has_properties_of_its_own(local: &Local) {
    for own in [
        "ALTER DATABASE openfga CONNECTION LIMIT 50",
        "REVOKE CONNECT ON DATABASE openfga FROM PUBLIC",
        "COMMENT ON DATABASE openfga IS 'a person''s'",
        "ALTER DATABASE openfga SET statement_timeout TO '5min'",
        "ALTER DATABASE openfga SET app.mail_login TO 'hunter2'",
    ] {
        local.sql("postgres", own);
    }
}

/// What a backup prints may stay in a log: it has no value of a setting, and says what shows the rest.
fn names_alone(told: &Told) {
    let names = "the manifest of the file has their values: app.mail_login, statement_timeout */";
    let roles = "/* the roles that the server lacks come first; cargo xtask db-restore ";
    for words in [names, roles] {
        assert!(told.stderr.contains(words), "{words}\n{}", told.stderr);
    }
    for value in ["hunter2", "'5min'"] {
        assert!(!told.stderr.contains(value), "{}", told.stderr);
    }
}

struct Told {
    path: String,
    stderr: String,
}

#[track_caller]
fn backup(local: &Local, words: &str, says: bool) -> Told {
    let run = local.xtask(["db-backup"]).run();
    run.ok().holds(run.stderr.contains(words) == says, words);
    Told { path: run.text().trim_end().to_owned(), stderr: run.stderr }
}

#[track_caller]
fn refused(local: &Local, words: &str) {
    let backups = local.sandbox.backups();
    for args in [&["db-verify", "--restore"][..], &["db-restore", "--yes"], &["db-restore", "--yes", "--dry-run"]] {
        let run = local.xtask(args.iter().copied()).run();
        run.code(1).prints_nothing().stderr_has(words).stderr_has("ALTER DATABASE \"openfga\" RENAME TO");
        run.stderr_has("nothing was changed").stderr_lacks("Safety backup");
        let typed = "ALTER DATABASE \"openfga\" SET \"statement_timeout\" TO '5min';";
        run.holds(run.stderr.lines().any(|line| line.trim() == typed), typed);
        run.stderr_has("/* app.mail_login is not set: this server does not know it, ").stderr_lacks("hunter2");
        assert_eq!(local.sandbox.backups(), backups);
        let names = "SELECT count(*) FROM pg_database WHERE datname ~ '^openfga_(staging|verify|before)_'";
        assert_eq!(local.sql("postgres", names), "0");
    }
}

fn restart_with_pg_cron(local: &Local) {
    local.xtask(["down"]).run().ok();
    let mut settings = File::options().append(true).open(local.folder().join("data/postgresql.auto.conf")).unwrap();
    writeln!(settings, "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'openfga'").unwrap();
    local.up();
    has_launcher(local);
}

fn restart(local: &Local) {
    local.xtask(["down"]).run().ok();
    local.up();
    has_launcher(local);
}

fn has_launcher(local: &Local) {
    wait_until("the launcher is there", || local.sql("postgres", WORKERS) == "1");
}

/// What the backup's run told, typed.
fn by_hand(local: &Local, told: &Told) {
    type_statements(local, told);
    local.xtask(["db-shell", "--", "-q", "-v", "ON_ERROR_STOP=1", "-f", &told.path]).run().ok();
    assert_eq!(local.sql("openfga", "SELECT (SELECT a FROM t), (SELECT jobname FROM cron.job)"), "1|a job");
    // What belongs to the database itself is there, too.
    let own = "SELECT datconnlimit, (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(datacl) AS a),
        shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'openfga'";
    assert_eq!(local.sql("postgres", own), "50|=T/postgres postgres=CTc/postgres|a person's");
    // Its settings were named alone.
    let settings = "SELECT setconfig FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = setdatabase WHERE datname = 'openfga'";
    assert_eq!(local.sql("postgres", settings), "");
    restart(local);
    local.xtask(["db-reset", "--yes"]).run().ok().stderr_has(ENDED).stderr_has("✓ Database reset");
    migrations(local, told);
}

/// The statements that put an empty database in the live one's place, in their order.
fn type_statements(local: &Local, told: &Told) {
    let lines = told.stderr.lines().map(str::trim).skip_while(|line| !line.ends_with(", then")).skip(1);
    let statements: Vec<&str> = lines.take_while(|line| *line != "\\q").collect();
    assert!(statements.iter().any(|line| line.starts_with("CREATE DATABASE")), "{}", told.stderr);
    for statement in statements {
        local.sql("postgres", statement);
    }
}

/// Files that make the extension run in no database beside the live one; by hand they run in its place.
fn migrations(local: &Local, told: &Told) {
    restart(local);
    local.sandbox.migration(1, "jobs", "-- jobs\nCREATE EXTENSION IF NOT EXISTS pg_cron;", None);
    local.xtask(["db-migrate", "up"]).run().ok();
    let backups = local.sandbox.backups();
    let place = "migrations/1_jobs.up.sql:2 cannot run beside openfga: extension pg_cron can be in one database alone, openfga,";
    let mut by_hand = String::new();
    for args in [
        &["db-migrate", "verify"][..],
        &["db-migrate", "status", "--drift"],
        &["db-reset", "--yes", "--dry-run"],
        &["db-reset", "--yes"],
    ] {
        let run = local.xtask(args.iter().copied()).run();
        run.code(1).stderr_has(place).stderr_has("nothing was changed").stderr_lacks("Safety backup");
        let is_reset = args[0] == "db-reset";
        run.holds(run.stderr.contains("DO $$ BEGIN IF current_database()") != is_reset, "the way for a file");
        by_hand = run.stderr;
    }
    local.sql("openfga", "DROP TABLE _sqlx_migrations");
    let run = local.xtask(["db-migrate", "baseline", "1", "--yes"]).run();
    run.code(1).stderr_has(place).stderr_has("record it anyway: --no-compare");
    local.xtask(["db-migrate", "baseline", "1", "--yes", "--no-compare"]).run().ok();
    assert_eq!(local.sandbox.backups(), backups);

    local.sql("postgres", "DROP DATABASE openfga_old");
    type_statements(local, &Told { path: told.path.clone(), stderr: by_hand });
    local.xtask(["db-migrate", "up"]).run().ok();
    assert_eq!(local.sql("openfga", "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'"), "pg_cron");
    roles_that_are_gone(local);
}

/// On a new volume the roles of the old one are made first.
fn roles_that_are_gone(local: &Local) {
    local.sql("postgres", "DROP DATABASE openfga_old");
    let body = "CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog;\nCREATE TABLE public.t (a integer);\n\
        ALTER TABLE public.t OWNER TO e_tables;\n";
    let settings = json!([
        { "role": null, "values": ["statement_timeout=5min", "session_preload_libraries=evil", "app.api_secret=hunter2",
            "log_statement=none", "app.dsn=postgres://u:hunter2@h/d", "application_name=host=h password=hunter2"] },
        { "role": "e_set", "values": ["work_mem=9MB"] },
    ]);
    let forged = Forged::of(dump(body)).with("database", "openfga").with_property("owner", "e_own");
    let forged = forged.with_property("grants", json!(["e_own=CTc/e_own", "e_app=c/e_own"]));
    let forged = forged.with_property("settings", settings).write(&local.sandbox, "gone.sql");
    let path = forged.to_str().unwrap();
    let run = local.xtask(["db-restore", "--yes", path]).run();
    run.code(1).stderr_has("nothing was changed").stderr_lacks("hunter2").stderr_lacks("--create-roles");
    settings_that_need_consent(&run.stderr);
    let run_with =
        local.xtask(["db-restore", "--yes", "--allow-setting", "LOG_STATEMENT", "--allow-setting", "app.dsn", path]);
    let allowed = run_with.run();
    let typed = "ALTER DATABASE \"openfga\" SET \"log_statement\" TO ";
    allowed.code(1).holds(allowed.stderr.lines().any(|line| line.trim().starts_with(typed)), typed);
    allowed.stderr_has("/* app.dsn is not set: it may be a secret; ").stderr_lacks("hunter2");
    let told = Told { path: path.to_owned(), stderr: run.stderr };
    local.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'openfga'");
    type_statements(local, &told);
    local.xtask(["db-shell", "--", "-q", "-v", "ON_ERROR_STOP=1", "-f", path]).run().ok();
    let own = "SELECT pg_get_userbyid(datdba), (SELECT string_agg(s.setconfig::text, ' ' ORDER BY setrole) FROM \
        pg_db_role_setting AS s WHERE s.setdatabase = d.oid), has_database_privilege('e_app', d.oid, 'CONNECT') \
        FROM pg_database AS d WHERE datname = 'openfga'";
    assert_eq!(local.sql("postgres", own), "e_own|{statement_timeout=5min}|t");
    assert_eq!(local.sql("openfga", "SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "e_tables");
}

/// Each is a comment of one line, with its name and the reason.
#[track_caller]
fn settings_that_need_consent(stderr: &str) {
    for (name, why) in [
        ("session_preload_libraries", Some("it decides what code runs or who acts")),
        ("log_statement", Some("a superuser alone may set it")),
        ("work_mem", Some("it is for a single role")),
        ("app.api_secret", Some("this server does not know it")),
        ("app.dsn", Some("this server does not know it")),
        ("application_name", None),
    ] {
        let why = why.map_or_else(
            || "it may be a secret".to_owned(),
            |why| format!("{why}, so only if you know it (db-restore --allow-setting {name})"),
        );
        let comment = format!("/* {name} is not set: {why}; the manifest of the file has its value */");
        assert!(stderr.lines().any(|line| line.trim() == comment), "{comment}\n{stderr}");
        assert!(!stderr.contains(&format!(" SET \"{}", name.split('.').next().unwrap_or(name))), "{name}\n{stderr}");
    }
}
