//! What a role that is no superuser lacks is said before anything is made, with the words to ask for it.

use crate::harness::{Health, Outcome, Test, UrlDatabase};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] without_the_right_to_make_databases_a_restore_is_refused,
        [Postgres] sessions_that_may_only_read_are_refused,
        [Postgres] a_database_of_a_group_is_restored_by_its_member,
        [Postgres] sessions_of_others_need_the_right_to_end_them,
        [Postgres] objects_of_others_need_membership_in_their_role,
        [Postgres] no_membership_in_a_powerful_role_is_asked_for,
        [Postgres] objects_of_a_role_without_rights_in_their_schema_are_refused,
        [Postgres] what_belongs_to_the_database_goes_along,
        [Postgres] limits_of_a_role_are_not_for_this,
        [Postgres] a_setting_of_superusers_is_not_offered_to_another_role,
    ]
}

fn backed_up() -> UrlDatabase {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.xtask(["db-backup"]).run().ok();
    database.own("INSERT INTO t VALUES (2)");
    database
}

/// Nothing was made.
#[track_caller]
fn refused(database: &UrlDatabase, command: &[&str]) -> Outcome {
    let run = database.xtask(command.iter().copied()).run();
    run.code(1).stderr_lacks("✓");
    assert_eq!((database.beside("staging").len(), database.beside("before").len()), (0, 0));
    assert_eq!(database.sql("SELECT count(*) FROM t"), "2");
    run
}

/// Runs each statement that a refusal asks for.
#[track_caller]
fn grant_what_is_asked(database: &UrlDatabase, run: &Outcome) {
    let asked = run.stderr.split("ask a superuser for:\n").nth(1).unwrap();
    let lines = asked.lines().map(str::trim).take_while(|line| line.contains(';'));
    for line in lines {
        database.server.sql("postgres", line);
    }
}

fn without_the_right_to_make_databases_a_restore_is_refused() {
    let database = backed_up();
    database.admin("ALTER ROLE @role NOCREATEDB");
    for command in [&["db-restore", "--yes"][..], &["db-restore", "--dry-run"], &["db-verify", "--restore"]] {
        let run = refused(&database, command);
        let said = format!("{}{}", run.text(), run.stderr);
        assert!(said.contains("may not create a database"), "{said}");
        run.stderr_has(&format!("ALTER ROLE \"{}\" CREATEDB;", database.role));
        run.stderr_has("restore by hand").stderr_has("cargo xtask db-shell -- -d EMPTY_DATABASE -f ");
    }
    refused(&database, &["db-reset", "--yes"]).stderr_has("CREATEDB;");
    // The way by hand is a way.
    database.admin("CREATE DATABASE @name_by_hand TEMPLATE template0 OWNER @role");
    let file = format!("backups/{}", database.sandbox.backups()[0]);
    database.xtask(["db-shell", "--", "-d", &format!("{}_by_hand", database.name), "-f", &file]).run().ok();
    assert_eq!(database.server.sql(&format!("{}_by_hand", database.name), "SELECT count(*) FROM t"), "1");
    let run = refused(&database, &["db-restore", "--yes"]);
    grant_what_is_asked(&database, &run);
    database.xtask(["db-restore", "--yes"]).run().ok();
}

fn sessions_that_may_only_read_are_refused() {
    let database = backed_up();
    database.admin("ALTER ROLE @role SET default_transaction_read_only TO on");
    for command in [&["db-restore", "--yes"][..], &["db-restore", "--dry-run"], &["db-reset", "--yes"]] {
        let run = refused(&database, command);
        run.stderr_has(&format!("Sessions of user {} are read-only here; nothing was changed", database.role));
        let whose = format!(
            "for user '{}'; to remove it: BEGIN READ WRITE; ALTER ROLE \"{}\" RESET",
            database.role, database.role
        );
        run.stderr_has(&format!("→ default_transaction_read_only is on, {whose} default_transaction_read_only;"));
    }
    assert_eq!(database.sandbox.backups().len(), 1);
    database.admin("ALTER ROLE @role RESET default_transaction_read_only");
    database.xtask(["db-restore", "--yes"]).run().ok();
}

fn a_database_of_a_group_is_restored_by_its_member() {
    let database = backed_up();
    let group = format!("group of {}", database.name);
    database.admin(&format!("CREATE ROLE \"{group}\""));
    database.admin(&format!("ALTER DATABASE @name OWNER TO \"{group}\""));
    database.sql(&format!("ALTER TABLE t OWNER TO \"{group}\""));
    let run = refused(&database, &["db-restore", "--yes"]);
    run.stderr_has(&format!("GRANT \"{group}\" TO \"{}\";", database.role)).stderr_lacks("CREATEDB;");
    refused(&database, &["db-reset", "--yes"]).stderr_has("GRANT \"group of");
    grant_what_is_asked(&database, &run);
    database.xtask(["db-backup"]).run().ok();
    database.sql("DELETE FROM t");
    database.xtask(["db-restore", "--yes"]).run().ok();
    assert_eq!(database.sql("SELECT count(*) FROM t"), "2");
    assert_eq!(database.sql("SELECT tableowner FROM pg_tables WHERE tablename = 't'"), group);
    let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '@name'";
    assert_eq!(database.admin(owner), group);
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    assert_eq!(database.admin(owner), group);
    database.drop_databases();
    database.admin(&format!("DROP ROLE \"{group}\""));
}

fn sessions_of_others_need_the_right_to_end_them() {
    let database = backed_up();
    let other = format!("other_{}", database.name);
    database.admin(&format!("CREATE ROLE {other} LOGIN PASSWORD 'other'; GRANT CONNECT ON DATABASE @name TO {other}"));
    let url = format!("postgres://{other}:other@127.0.0.1:{}/{}", database.server.port(), database.name);
    let connect = |url: &str| {
        let session = database.xtask(["db-shell", "--", "-c", "SELECT pg_sleep(60)"]).env("DATABASE_URL", url).spawn();
        crate::harness::wait_until("the other session is there", || {
            database.admin("SELECT count(*) FROM pg_stat_activity WHERE datname = '@name' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()") != "0"
        });
        session
    };
    let session = connect(&url);
    // Nothing is said of what this user may not see, and no session is left out of the count.
    let health = Health::of(database.xtask([]), &["--only", "connections", "transactions"]);
    health.says("transactions", "ok", "none open that ", "").says("transactions", "ok", "pg_read_all_stats", "");
    health.outcome.stdout_lacks("\"1 of ");
    let run = refused(&database, &["db-restore", "--yes"]);
    run.stderr_has("GRANT pg_signal_backend TO ");
    grant_what_is_asked(&database, &run);
    database.xtask(["db-restore", "--yes"]).run().ok();
    let cut = session.wait();
    cut.holds(cut.code != Some(0), "the other session should have been cut");
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    database.drop_beside();
    // Only a superuser may end a superuser's session.
    let password = database.server.password();
    let superuser =
        connect(&format!("postgres://postgres:{password}@127.0.0.1:{}/{}", database.server.port(), database.name));
    let run = refused(&database, &["db-restore", "--yes"]);
    run.stderr_has("A superuser is connected").stderr_has(": postgres").stderr_has("disconnect");
    drop(superuser);
    database.admin(&format!("ALTER ROLE {other} CONNECTION LIMIT 0"));
    let full = Health::of(database.xtask([]).env("DATABASE_URL", &url), &["--only", "postgres"]);
    full.says("postgres", "fail", "has no free connection", "the CONNECTION LIMIT of the role");
    database.admin(&format!("REVOKE ALL ON DATABASE @name FROM {other}; DROP ROLE {other}"));
}

fn objects_of_others_need_membership_in_their_role() {
    let database = UrlDatabase::new();
    let other = format!("maker_{}", database.name);
    database.admin(&format!("CREATE ROLE {other}; GRANT {other} TO @role"));
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.sql(&format!("SELECT lo_create(4711); ALTER LARGE OBJECT 4711 OWNER TO {other}"));
    database.xtask(["db-backup"]).run().ok();
    database.own("INSERT INTO t VALUES (2)");
    // The backup names an owner in whose name this role may not act any more.
    database.admin(&format!("REVOKE {other} FROM @role"));
    let run = refused(&database, &["db-restore", "--yes"]);
    run.stderr_has(&format!("GRANT \"{other}\" TO"));
    grant_what_is_asked(&database, &run);
    database.xtask(["db-restore", "--yes"]).run().ok();
    assert_eq!(database.sql("SELECT pg_get_userbyid(lomowner) FROM pg_largeobject_metadata"), other);
    database.sql(&format!("DROP OWNED BY {other}"));
    database.drop_beside();
    database.admin(&format!("DROP ROLE {other}"));
}

/// A dump grants CREATE on a schema after it has given objects of it away.
fn objects_of_a_role_without_rights_in_their_schema_are_refused() {
    let database = UrlDatabase::new();
    let (group, writer) = (format!("group_{}", database.name), format!("writer_{}", database.name));
    database.admin(&format!("CREATE ROLE {group}; CREATE ROLE {writer}; GRANT {group}, {writer} TO @role"));
    database.admin(&format!("ALTER DATABASE @name OWNER TO {group}"));
    database.sql(&format!("CREATE TABLE t AS SELECT generate_series(1, 2) AS i; ALTER TABLE t OWNER TO {group}"));
    database.xtask(["db-backup"]).run().ok();
    // The owner of the database may make objects in its public, also in a scratch one.
    database.xtask(["db-verify", "--restore"]).run().ok();
    database.sql(&format!("CREATE VIEW v AS SELECT 1; ALTER VIEW v OWNER TO {writer}"));
    database.xtask(["db-backup"]).run().ok();
    let is_private = database.admin("SELECT current_setting('server_version_num')::int >= 150000") == "t";
    for command in [&["db-restore", "--yes"][..], &["db-verify", "--restore"]].into_iter().filter(|_| is_private) {
        let run = refused(&database, command);
        run.stderr_has(&format!("gives role {writer} an object in schema public, where {writer} may make none"));
        run.stderr_has(&format!("GRANT \"{group}\" TO \"{writer}\";")).stderr_has("restore by hand");
        assert_eq!(database.sandbox.backups().len(), 2);
    }
    database.admin(&format!("GRANT {group} TO {writer}"));
    database.xtask(["db-restore", "--yes"]).run().ok();
    assert_eq!(database.sql("SELECT viewowner FROM pg_views WHERE viewname = 'v'"), writer);
    database.drop_databases();
    database.admin(&format!("DROP ROLE {writer}; DROP ROLE {group}"));
}

const PROPERTIES: &str = "SELECT pg_get_userbyid(datdba), datacl, datconnlimit, shobj_description(d.oid, 'pg_database'), \
     (SELECT json_agg(s ORDER BY s) FROM (SELECT setrole, unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = d.oid) AS s) \
     FROM pg_database AS d WHERE datname = '@name'";

fn what_belongs_to_the_database_goes_along() {
    let database = backed_up();
    let reader = format!("reader_{}", database.name);
    database.admin(&format!("CREATE ROLE {reader}"));
    for sql in [
        "REVOKE ALL ON DATABASE @name FROM PUBLIC",
        "GRANT CONNECT ON DATABASE @name TO @reader WITH GRANT OPTION",
        "COMMENT ON DATABASE @name IS 'it''s ours'",
        "ALTER DATABASE @name SET search_path TO \"$user\", public",
        "ALTER DATABASE @name SET work_mem TO '5MB'",
        "ALTER DATABASE @name CONNECTION LIMIT 17",
    ] {
        database.admin(&format!("SET ROLE @role;\n{}", sql.replace("@reader", &reader)));
    }
    let before = database.admin(PROPERTIES);
    database.xtask(["db-restore", "--yes"]).run().ok();
    assert_eq!(database.admin(PROPERTIES), before);
    database.xtask(["db-reset", "--yes"]).run().ok();
    assert_eq!(database.admin(PROPERTIES), before);
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    assert_eq!(database.admin(PROPERTIES), before);
    // What only more rights could carry over is asked for first.
    database.xtask(["db-backup"]).run().ok();
    for sql in [
        "ALTER ROLE @reader IN DATABASE @name SET work_mem TO '6MB'",
        "ALTER ROLE postgres IN DATABASE @name SET work_mem TO '7MB'",
        "ALTER DATABASE @name SET log_statement TO 'none'",
    ] {
        database.admin(&sql.replace("@reader", &reader));
    }
    let run = database.xtask(["db-restore", "--yes"]).run();
    run.code(1).stderr_has("log_statement").stderr_has("or restore as a superuser, who keeps the setting");
    run.stderr_has(&format!("IN DATABASE \"{}\" RESET ALL;", database.name)).stderr_lacks("GRANT \"postgres\"");
    grant_what_is_asked(&database, &run);
    let wanted = database.admin(PROPERTIES);
    database.xtask(["db-restore", "--yes"]).run().ok();
    assert_eq!(database.admin(PROPERTIES), wanted);
    if run.stderr.contains("GRANT SET ON PARAMETER") {
        database.admin("REVOKE SET ON PARAMETER log_statement FROM @role");
    }
    database.drop_databases();
    database.admin(&format!("DROP ROLE {reader}"));
}

/// Servers that are rented often come with such limits.
fn limits_of_a_role_are_not_for_this() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT generate_series(1, 300000) AS i, repeat('x', 100) AS text");
    for limit in ["statement_timeout", "lock_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout"] {
        database.admin(&format!("ALTER ROLE @role SET {limit} TO '60ms'"));
    }
    let old = database.dump();
    database.xtask(["db-backup"]).run().ok();
    database.admin("ALTER DATABASE @name SET statement_timeout TO '70ms'");
    database.xtask(["db-verify", "--restore"]).run().ok();
    database.xtask(["db-restore", "--yes"]).run().ok().stderr_has("public.t").stderr_lacks("⚠ The live database");
    assert!(database.dump() == old);
    database.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    assert!(database.dump() == old);
}

/// A file names roles as it likes.
fn no_membership_in_a_powerful_role_is_asked_for() {
    let database = backed_up();
    let group = format!("admins of {}", database.name);
    database.admin(&format!("CREATE ROLE \"{group}\"; GRANT pg_read_all_data TO \"{group}\""));
    for owner in ["postgres", &group] {
        database.sql(&format!(
            "CREATE TABLE theirs (a integer); ALTER TABLE theirs OWNER TO \"{owner}\"; GRANT SELECT ON theirs TO PUBLIC"
        ));
        database.xtask(["db-backup"]).run().ok();
        for command in [&["db-restore", "--yes"][..], &["db-verify", "--restore"]] {
            let run = refused(&database, command);
            run.stderr_has(&format!("may not give anything to {owner}, which this needs; nothing was changed"));
            run.stderr_has("restore as a superuser").stderr_lacks("GRANT ").stderr_lacks("ask a superuser");
        }
        database.sql("DROP TABLE theirs");
    }
    database.admin(&format!("DROP ROLE \"{group}\""));
}

/// Consent would not help: the role may not set it.
fn a_setting_of_superusers_is_not_offered_to_another_role() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    database.admin("ALTER DATABASE @name SET log_min_duration_statement TO 5");
    database.xtask(["db-backup"]).run().ok();
    database.admin("DROP DATABASE @name WITH (FORCE)");
    let run = database.xtask(["db-restore", "--yes"]).run();
    run.code(1).stderr_has("log_min_duration_statement: a superuser alone may set it").stderr_lacks("--allow-setting");
    run.stderr_has("→ create an empty database first");
    database.admin("CREATE DATABASE @name TEMPLATE template0 OWNER @role");
    database.xtask(["db-restore", "--yes"]).run().ok();
    assert_eq!(database.sql("SELECT i FROM t"), "1");
}
