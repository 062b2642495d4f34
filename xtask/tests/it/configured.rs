//! What `ALTER ROLE … SET` and `ALTER DATABASE … SET` do to the sessions of this program: none of them ends or changes
//! one where that can be helped; else the setting is named, with the statement that takes it away.

use crate::harness::{Test, UrlDatabase, shared_for_restores};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] no_limit_of_a_role_or_database_ends_a_session_of_ours,
        [Postgres] what_is_in_the_way_is_named_with_the_statement_that_takes_it_away,
        [Stack] a_superuser_acts_as_itself,
    ]
}

/// Settings that end a session before its first statement, at it, or after it; and some that change what it means.
const ENDING: [(&str, &str); 9] = [
    ("statement_timeout", "1"),
    ("lock_timeout", "1"),
    ("idle_in_transaction_session_timeout", "1"),
    ("idle_session_timeout", "1"),
    ("transaction_timeout", "1"),
    ("local_preload_libraries", "nosuch"),
    ("exit_on_error", "on"),
    ("default_transaction_isolation", "serializable"),
    ("client_encoding", "latin1"),
];

/// Gives it those that this server knows.
fn set(database: &UrlDatabase, whose: &str) {
    let known = database.admin("SELECT string_agg(name, ' ') FROM pg_settings");
    let known: Vec<&str> = known.split(' ').collect();
    for (name, value) in ENDING.iter().filter(|(name, _)| known.contains(name)) {
        database.admin(&format!("{whose} SET {name} TO '{value}'"));
    }
}

fn no_limit_of_a_role_or_database_ends_a_session_of_ours() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 'é' AS a");
    let old = database.dump();
    let all: [&[&str]; 8] = [
        &["db-backup"],
        &["db-list"],
        &["db-verify", "--restore"],
        &["db-restore", "--dry-run"],
        &["db-restore", "--yes"],
        &["db-restore", "--undo", "--yes"],
        &["db-restore", "--repair"],
        &["health-check", "--only", "postgres", "leftovers"],
    ];
    for (whose, commands) in [
        ("ALTER ROLE @role", &all[..]),
        ("ALTER DATABASE @name", &all[..1]),
        ("ALTER ROLE @role IN DATABASE @name", &all[..1]),
    ] {
        set(&database, whose);
        for command in commands {
            database.xtask(command.iter().copied()).run().ok().stderr_lacks("✗");
        }
        database.admin(&format!("{whose} RESET ALL"));
        assert!(database.dump() == old, "{whose}");
    }
}

fn what_is_in_the_way_is_named_with_the_statement_that_takes_it_away() {
    let database = UrlDatabase::new();
    let (role, name) = (database.role.as_str(), database.name.as_str());
    database.own("CREATE TABLE t AS SELECT 1 AS a");
    database.xtask(["db-backup"]).run().ok();
    // Migrations run under what is configured.
    database.sandbox.migration(1, "slow", "SELECT pg_catalog.pg_sleep(5);", None);
    for (whose, shown) in [
        (format!("ALTER ROLE \"{role}\""), format!("user '{role}'")),
        (format!("ALTER DATABASE \"{name}\""), format!("database {name}")),
        (format!("ALTER ROLE \"{role}\" IN DATABASE \"{name}\""), format!("user '{role}' in database {name}")),
    ] {
        for (setting, value) in [("statement_timeout", "300ms"), ("default_transaction_read_only", "on")] {
            database.admin(&format!("{whose} SET {setting} TO '{value}'"));
            let run = database.xtask(["db-migrate", "up", "--no-backup"]).run();
            run.code(1).stderr_has(&format!("{setting} is {value}, for {shown}"));
            let statement = format!("{whose} RESET {setting};");
            run.stderr_has(&statement);
            // As it says, in a session that has the setting, too.
            let typed = run.stderr.lines().find_map(|line| line.split_once("to remove it: ")).unwrap().1;
            let way = database.sandbox.write("typed.sql", typed);
            database.xtask(["db-shell", "--", "-v", "ON_ERROR_STOP=1", "-f", way.to_str().unwrap()]).run().ok();
            database.xtask(["db-shell", "--", "-v", "ON_ERROR_STOP=1", "-c", typed]).run().ok();
            let left = "SELECT count(*) FROM pg_db_role_setting AS s LEFT JOIN pg_roles AS r ON r.oid = s.setrole LEFT JOIN \
                pg_database AS d ON d.oid = s.setdatabase WHERE r.rolname = '@role' OR d.datname = '@name'";
            assert_eq!(database.admin(&left.replace("@role", role)), "0", "{typed}");
        }
        // Another role's rights, where this one is no superuser: they may be what it needs.
        database.admin(&format!("CREATE ROLE \"{name} reader\"; GRANT \"{name} reader\" TO @role"));
        database.admin(&format!("{whose} SET role TO '{name} reader'"));
        let run = database.xtask(["db-backup"]).run();
        run.code(1).stderr_has("permission denied").stderr_has(&format!("role is '{name} reader', for {shown}"));
        run.stderr_has(&format!("{whose} RESET role;")).stderr_lacks("✓");
        database.admin(&format!("{whose} RESET role; DROP ROLE \"{name} reader\""));
        // Only a superuser may set it, also for the sessions that would do without it.
        database.admin(&format!("{whose} SET session_preload_libraries TO nosuch"));
        let run = database.xtask(["db-backup"]).run();
        run.code(4)
            .stderr_has("could not access file")
            .stderr_has(&format!("{whose} RESET session_preload_libraries;"));
        database.admin(&format!("{whose} RESET session_preload_libraries"));
    }
}

/// The owner of a database may give its sessions any role.
fn a_superuser_acts_as_itself() {
    let database = shared_for_restores().database();
    let role = format!("owner_of_{}", database.name);
    database.stack.admin(&format!("CREATE ROLE {role}; ALTER DATABASE {} OWNER TO {role}", database.name));
    let old = database.dump();
    database.stack.admin(&format!("ALTER DATABASE {} SET role TO {role}", database.name));
    for command in [&["db-backup"][..], &["db-restore", "--yes"], &["db-restore", "--undo", "--yes"]] {
        database.xtask(command.iter().copied()).run().ok();
    }
    database.stack.admin(&format!("ALTER DATABASE {} RESET role", database.name));
    assert!(database.dump() == old);
    // pg_dump, too, where that role may not read everything.
    let other = format!("other_of_{}", database.name);
    database.sql("CREATE TABLE only_the_superusers AS SELECT 1 AS a");
    database.stack.admin(&format!("CREATE ROLE {other}; ALTER DATABASE {} SET role TO {other}", database.name));
    database.xtask(["db-backup"]).run().ok();
    database.xtask(["db-restore", "--yes"]).run().ok();
    database.stack.admin(&format!("ALTER DATABASE {} RESET role", database.name));
}
