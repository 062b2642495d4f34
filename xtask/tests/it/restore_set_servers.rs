//! A server's databases and roles come back whole by a set: on a new server, on a new volume, and as an owner of its own
//! databases.

use crate::harness::restore::paused;
use crate::harness::url::UrlDatabase;
use crate::harness::{Local, Stack, Test};
use rustix::process::Signal;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] a_server_comes_back_whole_on_a_new_one,
        [OwnStack] a_server_comes_back_whole_on_a_new_volume,
        [Postgres, OpenfgaBin] openfga_starts_again_for_its_own_database,
        [Postgres] an_owner_restores_a_set_of_its_own_databases,
    ]
}

const ROLES: &str = "CREATE ROLE app LOGIN; CREATE ROLE \"we ird\"; CREATE ROLE grp; GRANT grp TO app; \
                     ALTER ROLE app SET work_mem = '8MB'";
/// Databases of different owners, encodings and settings; two names differ in case alone.
const DATABASES: &str = r#"
CREATE DATABASE "APP" OWNER app TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE app OWNER grp CONNECTION LIMIT 7 TEMPLATE template0;
CREATE DATABASE "we ird""'ä" OWNER "we ird" TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C';
ALTER DATABASE app SET work_mem = '5MB';
ALTER ROLE app IN DATABASE app SET statement_timeout = '1h';
REVOKE CONNECT ON DATABASE "APP" FROM PUBLIC;
GRANT CONNECT ON DATABASE "APP" TO grp;
COMMENT ON DATABASE "we ird""'ä" IS 'it''s weird';
"#;

/// Runs SQL in this database, and gives what it prints.
type Sql<'a> = &'a dyn Fn(&str, &str) -> String;

/// Five databases with contents.
fn fill(sql: Sql<'_>) {
    sql("postgres", ROLES);
    sql("postgres", DATABASES);
    for name in ["APP", "app", "openfga", "postgres", "we ird\"'ä"] {
        sql(name, "CREATE TABLE own AS SELECT current_database()::text AS name; ALTER TABLE own OWNER TO app");
    }
    sql("app", "CREATE SCHEMA s AUTHORIZATION \"we ird\"; GRANT USAGE ON SCHEMA s TO grp");
}

/// What a server holds by `pg_dumpall`, without what differs each time.
fn whole((text, said): (Option<Vec<u8>>, String)) -> String {
    let text = String::from_utf8_lossy(&text.unwrap_or_else(|| panic!("{said}"))).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with("--") && !line.contains("restrict "));
    lines.collect::<Vec<_>>().join("\n")
}

const DUMPALL: [&str; 2] = ["pg_dumpall", "--no-role-passwords"];

/// What a swap kept is dropped, and with it this role's record.
fn drop_what_was_kept(sql: Sql<'_>) {
    let kept = sql("postgres", "SELECT datname FROM pg_database WHERE datname ~ '_before_|^xtask_record_'");
    for name in kept.lines() {
        sql("template1", &format!("DROP DATABASE {name}"));
    }
    assert_eq!(kept.lines().count(), 3, "{kept}");
}

fn a_server_comes_back_whole_on_a_new_one() {
    let (first, second) = (Local::new(), Local::new());
    first.up();
    second.up();
    fill(&|database, sql| first.sql(database, sql));
    let before = whole(first.client("postgres", &DUMPALL, b""));
    first.xtask(["db-backup", "--all"]).run().ok();
    for name in first.sandbox.backups() {
        let bytes = fs::read(first.sandbox.path("backups").join(&name)).unwrap();
        second.sandbox.write(format!("backups/{name}"), bytes);
    }
    let named = |start: &str| {
        let name = second.sandbox.backups().into_iter().find(|name| name.starts_with(start)).unwrap();
        format!("backups/{name}")
    };
    let (set, roles) = (named("server_set_"), named("server_globals_"));
    let restore = |args: &[&str]| second.xtask(["db-restore", "--set", &set, "--yes"]).args(args).run();
    restore(&[]).code(1).stderr_has("The server lacks roles").stderr_has(&format!("db-restore --globals {roles}"));
    assert_eq!(second.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname IN ('app', 'APP')"), "0");
    second.xtask(["db-restore", "--globals", &roles, "--yes"]).run().ok();
    let consent = ["--allow-setting", "statement_timeout"];
    let preview = restore(&[&["--dry-run"], &consent[..]].concat());
    preview.ok().stderr_has("Database APP (new), from ").stderr_has("Database postgres, from ");
    let run = restore(&consent);
    run.ok().stderr_has("is a set of another server").stderr_has("✓ Set restored");
    drop_what_was_kept(&|database, sql| second.sql(database, sql));
    assert_eq!(whole(second.client("postgres", &DUMPALL, b"")), before);
}

/// The volume is gone with all databases and roles; the files are not.
fn a_server_comes_back_whole_on_a_new_volume() {
    let stack = Stack::postgres_only();
    stack.up();
    fill(&|database, sql| stack.psql(database, sql));
    let before = whole(stack.client(&DUMPALL, ""));
    let set = stack.xtask(["db-backup", "--all"]).run().ok().text();
    let set = set.trim_end();
    stack.forget_sessions();
    stack.xtask([]).program("docker").args(["compose", "down", "--volumes"]).run().ok();
    stack.up();
    assert_eq!(stack.psql("postgres", "SELECT count(*) FROM pg_database WHERE datname IN ('app', 'APP')"), "0");
    let roles = stack.sandbox.backups().into_iter().find(|name| name.starts_with("server_globals_")).unwrap();
    stack.xtask(["db-restore", "--yes"]).args(["--globals", &format!("backups/{roles}")]).run().ok();
    // A new volume is another server: the set is named.
    let run = stack.xtask(["db-restore", "--set", "latest", "--yes"]).run();
    run.code(1).stderr_has("only sets of others").stderr_has(&format!("db-restore --set {set}"));
    let run = stack.xtask(["db-restore", "--yes", "--allow-setting", "statement_timeout"]).args(["--set", set]).run();
    run.ok().stderr_has("is a set of another server").stderr_has("✓ Set restored");
    drop_what_was_kept(&|database, sql| stack.psql(database, sql));
    assert_eq!(whole(stack.client(&DUMPALL, "")), before);
}

/// On the `url` target, as an owner that is no superuser and may make databases; one of them is gone.
fn an_owner_restores_a_set_of_its_own_databases() {
    let database = UrlDatabase::new();
    let other = format!("{}_other", database.name);
    database.admin(&format!("CREATE DATABASE \"{other}\" OWNER @role TEMPLATE template0"));
    let own = |name: &str, sql: &str| database.server.sql(name, &format!("SET ROLE \"{}\";\n{sql}", database.role));
    let names = [database.name.as_str(), &other];
    for name in names {
        own(name, "CREATE TABLE t AS SELECT current_database()::text AS name");
    }
    let set = database.xtask(["db-backup", "--database", names[0], "--database", names[1]]).run();
    let set = set.ok().text().trim_end().to_owned();
    own(names[0], "DROP TABLE t");
    database.admin(&format!("DROP DATABASE \"{other}\""));
    let run = database.xtask(["db-restore", "--set", &set, "--yes", "--json"]).run();
    let report = run.ok().json();
    let databases = report["databases"].as_array().unwrap();
    assert!(databases[0]["before"].is_string() && databases[1]["before"].is_null(), "{report}");
    for name in names {
        assert_eq!(own(name, "SELECT name FROM t"), name);
    }
    let owner = format!("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{other}'");
    assert_eq!(database.admin(&owner), database.role);
    let run = database.xtask(["db-restore", "--undo", "--set", "--yes"]).run();
    run.ok().stderr_has(&format!("{other} was created by that restore, and stays as it is"));
    assert_eq!(own(names[0], "SELECT to_regclass('t') IS NULL"), "t");
    assert_eq!(own(names[1], "SELECT name FROM t"), other);
    database.drop_databases();
}

/// It is not the first one of the set.
fn openfga_starts_again_for_its_own_database() {
    let local = Local::new();
    local.sandbox.set_openfga_program();
    local.up();
    local.sql("postgres", "CREATE DATABASE app");
    local.sql("app", "CREATE TABLE own AS SELECT 1 AS a");
    let tables = || local.sql("app", "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace");
    local.xtask(["db-backup", "--database", "app", "--database", "openfga"]).run().ok();
    let run = local.xtask(["db-restore", "--set", "--yes"]).run();
    run.ok().stderr_has("Services that will be stopped: openfga\n");
    local.openfga().seed("acme");
    assert_eq!(tables(), "1");
    let run = paused(local.xtask(["db-restore", "--undo", "--set", "--yes"]), "stopped").ended_by(Signal::KILL);
    run.holds(run.signal == Some(9), "it should be killed");
    let run = local.xtask(["db-restore", "--repair", "--database", "app"]).run();
    run.ok().stderr_has("stopped for a swap and not started again: openfga");
    local.openfga().seed("other");
    assert_eq!((tables().as_str(), local.sql("openfga", "SELECT count(*) FROM store").as_str()), ("1", "2"));
}
