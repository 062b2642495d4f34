//! Names that are other bytes in the encoding of the database that is restored, or of the maintenance database.

use crate::harness::stack::Database;
use crate::harness::{Local, Test, shared_for_restores};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] roles_of_a_dump_that_is_not_utf8_are_found_and_made,
        [Postgres] names_in_utf8_are_known_in_a_maintenance_database_of_another_encoding,
    ]
}

/// Names whose bytes are letters in every encoding of the shared server: a role of any database is seen by all.
const NAMES: [(&str, &str, &str); 2] = [("LATIN1", "Zäö", "läö"), ("EUC_JP", "所有者", "読者")];

fn roles_of_a_dump_that_is_not_utf8_are_found_and_made() {
    let stack = shared_for_restores();
    for (encoding, owner, reader) in NAMES {
        let database = stack.database_with(&format!("TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"));
        let (owner, reader) = (&format!("{owner} {}", database.name), &format!("{reader} {}", database.name));
        // The server keeps a name in the bytes of the database that made it.
        database.sql(&format!(
            "CREATE ROLE \"{owner}\"; CREATE ROLE \"{reader}\"; CREATE TABLE t AS SELECT 1 AS a;
             ALTER TABLE t OWNER TO \"{owner}\"; GRANT SELECT ON t TO \"{reader}\""
        ));
        database.backup();
        let state = database.dump();
        roles_that_are_there_are_known(&database, owner);
        database.sql(&format!("DROP TABLE t; DROP ROLE \"{owner}\", \"{reader}\""));
        // The same letters in UTF-8 are another role.
        let in_utf8 = encoding == "LATIN1";
        if in_utf8 {
            stack.admin(&format!("CREATE ROLE \"{owner}\""));
        }
        roles_that_are_missing_are_named_and_made(&database, owner, reader);
        assert_eq!(database.dump(), state);
        for before in database.beside("before") {
            stack.admin(&format!("DROP DATABASE {before}"));
        }
        database.sql(&format!("DROP OWNED BY \"{owner}\", \"{reader}\"; DROP ROLE \"{owner}\", \"{reader}\""));
        if in_utf8 {
            stack.admin(&format!("DROP ROLE \"{owner}\""));
        }
    }
}

#[track_caller]
fn nothing_was_made(database: &Database<'_>) {
    assert!(database.safety_backups().is_empty() && database.beside("staging").is_empty());
}

fn roles_that_are_there_are_known(database: &Database<'_>, owner: &str) {
    let stack = database.stack;
    database.xtask(["db-verify", "--restore"]).run().ok().stdout_has("restored and compared");
    // A role that may not act as the owner is refused before anything is made.
    let app = format!("app_{}", database.name);
    stack.admin(&format!("CREATE ROLE {app} LOGIN CREATEDB PASSWORD 'x'"));
    let url = format!("postgres://{app}:x@127.0.0.1:{}/{}", stack.postgres_port, database.name);
    let run = database.xtask(["--target", "url", "db-verify", "--restore"]).env("DATABASE_URL", url).run();
    run.code(1).stderr_has(&format!("GRANT \"{owner}\" TO \"{app}\"")).stderr_has("nothing was changed");
    // The maintenance database cannot name the owner of what it would make.
    database.sql(&format!("ALTER DATABASE {} OWNER TO \"{owner}\"", database.name));
    for args in [&["db-restore", "--yes"][..], &["db-reset", "--yes"]] {
        let run = database.xtask(args.iter().copied()).run();
        run.code(1).stderr_has("has a name that is not in UTF-8").stderr_has("RENAME TO");
        nothing_was_made(database);
    }
    database.sql(&format!("ALTER DATABASE {} OWNER TO postgres", database.name));
    stack.admin(&format!("DROP ROLE {app}"));
}

fn roles_that_are_missing_are_named_and_made(database: &Database<'_>, owner: &str, reader: &str) {
    for args in [&["db-verify", "--restore"][..], &["db-restore", "--yes"]] {
        let run = database.xtask(args.iter().copied()).run();
        run.code(1).stderr_has("The server lacks roles that the backup names: ").stderr_has(owner);
        run.stderr_has("SET client_encoding TO 'UTF8';").stderr_has(reader);
        nothing_was_made(database);
    }
    let run = database.restore(["--create-roles", "--dry-run", "--json"]).run();
    let mut to_make = run.ok().json()["roles_to_make"].as_array().unwrap().clone();
    to_make.sort_by_key(|name| *name != json!(owner));
    assert_eq!(to_make, [json!(owner), json!(reader)]);
    let run = database.restore(["--create-roles"]).run();
    run.ok().stderr_has("Roles that will be created, without login: ").stderr_has("✓ Roles created: ");
    run.stderr_has(owner).stderr_has("✓ Database restored");
    let made = format!("SELECT count(*) FROM pg_roles WHERE rolname IN ('{owner}', '{reader}') AND NOT rolcanlogin");
    assert_eq!(database.sql(&made), "2");
}

fn names_in_utf8_are_known_in_a_maintenance_database_of_another_encoding() {
    let local = Local::new();
    local.up();
    local.sql(
        "template1",
        "CREATE ROLE \"Jürgen\"; CREATE DATABASE \"zähler\" TEMPLATE template0 OWNER \"Jürgen\"; \
         COMMENT ON DATABASE \"zähler\" IS 'für alle'",
    );
    local.sql("zähler", "CREATE TABLE \"ü\" AS SELECT 1 AS a; ALTER TABLE \"ü\" OWNER TO \"Jürgen\"");
    local.on("zähler", ["db-backup"]).run().ok();
    let properties = "SELECT pg_get_userbyid(datdba), shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'zähler'";
    for encoding in ["LATIN1", "EUC_JP"] {
        local.sql("template1", "DROP DATABASE postgres WITH (FORCE)");
        local
            .sql("template1", &format!("CREATE DATABASE postgres TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'"));
        local.sql("zähler", "DELETE FROM \"ü\"");
        local.on("zähler", ["db-verify", "--restore"]).run().ok();
        local.on("zähler", ["db-restore", "--yes"]).run().ok().stderr_has("public.ü");
        assert_eq!(
            local.sql("zähler", "SELECT count(*), tableowner FROM \"ü\", pg_tables WHERE tablename = 'ü' GROUP BY 2"),
            "1|Jürgen"
        );
        local.on("zähler", ["db-restore", "--undo", "--yes"]).run().ok();
        assert_eq!(local.sql("zähler", "SELECT count(*) FROM \"ü\""), "0");
        assert_eq!(local.sql("template1", properties), "Jürgen|für alle");
    }
}
