//! What a manifest says of settings, roles and programs: nothing of it runs by itself or makes a superuser.

use crate::harness::forge::Forged;
use crate::harness::{Fakes, Local, Test, Xtask, shared, shared_local};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack] every_psql_of_ours_refuses_commands_to_itself,
        [Postgres] a_manifest_runs_no_program_and_makes_no_superuser,
        [Postgres] what_a_new_database_gets_is_shown_and_what_a_superuser_sets_wants_consent,
    ]
}

/// Before it reads anything that holds a name or a value from elsewhere.
fn every_psql_of_ours_refuses_commands_to_itself() {
    let database = shared().database();
    database.sql("CREATE TABLE t AS SELECT 1 AS i");
    database.backup();
    let inputs = database.sandbox.beside("inputs");
    fs::create_dir(&inputs).unwrap();
    let fakes =
        Fakes::new(&database.sandbox).docker_but("psql", &format!("tee \"{}/$$\" | real \"$@\"", inputs.display()));
    for args in [
        &["db-backup"][..],
        &["db-list"],
        &["db-verify", "--restore"],
        &["db-restore", "--dry-run"],
        &["db-migrate", "status"],
    ] {
        fakes.over(database.xtask(args.iter().copied())).run().ok();
    }
    let inputs: Vec<String> =
        fs::read_dir(&inputs).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    assert!(inputs.len() >= 5, "{inputs:#?}");
    for input in &inputs {
        let mut lines = input.lines();
        let before: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("\\restrict ")).collect();
        let (first, unset) = before.split_first().unwrap();
        assert_eq!(*first, "\\echo xtask-psql :VERSION_NAME", "{input}");
        assert!(unset.contains(&"\\unset DBNAME") && unset.iter().all(|line| line.starts_with("\\unset ")), "{input}");
        let commands: Vec<&str> = lines.filter(|line| line.starts_with('\\') && *line != "\\.").collect();
        assert!(commands.is_empty(), "{commands:?}");
    }
}

/// psql ends a line at a NUL: a quote that lost its end made what follows a command of psql's.
fn a_manifest_runs_no_program_and_makes_no_superuser() {
    let server = shared_local();
    let canary = server.sandbox.beside("canary");
    let command = format!("\n\\! touch '{}'\n", canary.display());
    let small = Forged::small;
    let superuser = "x=1; ALTER ROLE villain SUPERUSER; --";
    server.sql("postgres", "CREATE ROLE villain");
    let files = [
        small().with_property("ctype", "C.UTF-8\0").with_property("tablespace", &*command),
        small().with_property("tablespace", format!("pg_default\0{command}")),
        small().with_property("tablespace", &*command),
        small().with_property("owner", format!("postgres\0{command}")),
        small().with_property("collate", format!("C'{command}")),
        small().with_property("settings", json!([{ "role": null, "values": [superuser, "a\0=b"] }])),
        small().with_property("settings", json!([{ "role": null, "values": [format!("a=b\0'{superuser}")] }])),
        small().with_property("settings", json!([{ "role": format!("a\0{superuser}"), "values": ["a=b"] }])),
        small().with_property("grants", json!([format!("=T/postgres\0'{superuser}")])),
        small().with_property("comment", format!("a\0';{superuser}")),
        small().with_property("locale_provider", format!("icu\0{command}")),
    ];
    for (number, file) in files.iter().enumerate() {
        let name = format!("nul_{number}");
        let path = file.clone().with("database", &*name).write(&server.sandbox, &format!("{name}.sql"));
        for args in [&["db-verify", "--restore"][..], &["db-restore", "--yes"]] {
            let run = server.on(&name, args.iter().copied()).args([&path]).run();
            // A tablespace is no member of a manifest: it is ignored.
            let ignored = (1..=2).contains(&number);
            run.code(if ignored { 0 } else { 3 }).stderr_lacks("panicked");
        }
        fs::remove_file(path).unwrap();
        assert!(!canary.exists(), "{number} ran a program");
        assert_eq!(server.sql("postgres", "SELECT rolsuper FROM pg_roles WHERE rolname = 'villain'"), "f", "{number}");
        server.sql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }
    server.sql("postgres", "DROP ROLE villain");
}

/// A server with a role `keeper`, and backups of a database `fresh` that it has not: what they say of its settings.
struct Fresh {
    server: &'static Local,
    /// With settings that only a superuser may make, and with ordinary ones.
    hostile: PathBuf,
    honest: PathBuf,
}

/// Settings of the database, and one for `keeper` alone.
fn settings_and(more: &[&str]) -> Value {
    let values = [&["work_mem=8MB", "app.tenant=acme", "App.Jwt_Secret=hunter2"], more].concat();
    json!([{ "role": null, "values": values }, { "role": "keeper", "values": ["statement_timeout=9s"] }])
}

impl Fresh {
    fn new() -> Self {
        let server = shared_local();
        server.sql("postgres", "CREATE ROLE keeper");
        let file = Forged::small()
            .with("database", "fresh")
            .with_property("owner", "keeper")
            .with_property("grants", json!(["=c/keeper", "keeper=C*Tc/keeper"]))
            .with_property("connection_limit", 7)
            .with_property("comment", "two\nlines \u{1b}[31m");
        let hostile =
            ["session_preload_libraries=evil", "log_statement=none", "local_preload_libraries=evil", "role=postgres"];
        let of = |settings| file.clone().with_property("settings", settings);
        let hostile = of(settings_and(&hostile)).write(&server.sandbox, "hostile.sql");
        let honest = of(settings_and(&[])).write(&server.sandbox, "honest.sql");
        Self { server, hostile, honest }
    }

    fn restore(&self, file: &Path, args: &[&str]) -> Xtask {
        self.server.on("fresh", [&["db-restore"], args].concat()).args([file])
    }

    fn exists(&self) -> bool {
        self.server.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname ~ '^fresh'") != "0"
    }

    /// Its owner, connection limit, grants and settings.
    fn facts(&self) -> String {
        let sql = "SELECT pg_get_userbyid(datdba), datconnlimit, datacl, (SELECT json_agg(setconfig ORDER BY setrole) \
             FROM pg_db_role_setting WHERE setdatabase = d.oid) FROM pg_database AS d WHERE datname = 'fresh'";
        self.server.sql("postgres", sql)
    }
}

const REASONS: [&str; 7] = [
    "app.jwt_secret: this server does not know it",
    "app.tenant: this server does not know it",
    "local_preload_libraries: it decides what code runs or who acts",
    "log_statement: a superuser alone may set it",
    "role: it decides what code runs or who acts",
    "session_preload_libraries: it decides what code runs or who acts",
    "statement_timeout: it is for a single role",
];
const ALLOWED: [&str; 6] =
    ["--allow-setting", "app.tenant", "--allow-setting", "app.jwt_secret", "--allow-setting", "statement_timeout"];
const SHOWN: [&str; 9] = [
    "Owner:       keeper",
    "Encoding:    UTF8, collate C, ctype C",
    "Grant:       CONNECT to PUBLIC, by keeper",
    "Grant:       CREATE with grant option, TEMPORARY, CONNECT to keeper, by keeper",
    "Setting:     work_mem = 8MB",
    "Setting:     App.Jwt_Secret = ***",
    "Setting:     statement_timeout = 9s, for role keeper",
    "Connections: at most 7",
    "Comment:     two\\nlines \\u{1b}[31m",
];

fn what_a_new_database_gets_is_shown_and_what_a_superuser_sets_wants_consent() {
    let fresh = Fresh::new();
    each_setting_wants_consent(&fresh);
    let shown = fresh.restore(&fresh.honest, &[&["--dry-run"], &ALLOWED[..]].concat()).run();
    shown.ok().stderr_has("The database will be created with the backup's properties:");
    for line in SHOWN {
        shown.stderr_has(&format!("\n  {line}\n"));
    }
    let report = fresh.restore(&fresh.honest, &[&["--dry-run", "--json"], &ALLOWED[..]].concat()).run().ok().json();
    let new = &report["new_database"];
    assert_eq!((&new["owner"], &new["connection_limit"]), (&json!("keeper"), &json!(7)), "{report}");
    assert_eq!(new["settings"][3], json!({ "name": "statement_timeout", "value": "9s", "role": "keeper" }));
    assert_eq!(new["settings"][2]["value"], "***");
    assert!(!fresh.exists());
    let made = fresh.restore(&fresh.honest, &[&["--yes"], &ALLOWED[..]].concat()).run();
    made.ok().stderr_has("✓ Database restored");
    let facts = fresh.facts();
    let grants = "keeper|7|{=c/keeper,keeper=C*Tc/keeper}|";
    assert!(facts.starts_with(grants) && facts.contains("\"work_mem=8MB\""), "{facts}");
    nothing_of_a_manifest_goes_into_a_database_that_exists(&fresh);
    for name in fresh.server.sql("postgres", "SELECT datname FROM pg_database WHERE datname ~ '^fresh'").lines() {
        fresh.server.sql("postgres", &format!("DROP DATABASE \"{name}\" WITH (FORCE)"));
    }
    fresh.server.sql("postgres", "DROP ROLE keeper");
    for file in [fresh.hostile, fresh.honest] {
        fs::remove_file(file).unwrap();
    }
}

/// Consent is given on the command line alone.
fn each_setting_wants_consent(fresh: &Fresh) {
    for args in [&["--yes"][..], &["--dry-run"], &["--dry-run", "--json"]] {
        let run = fresh.restore(&fresh.hostile, args).env("XTASK_ALLOW_SETTING", "role").run();
        run.code(1).prints_nothing().stderr_lacks("work_mem").stderr_has("--allow-setting log_statement");
        for reason in REASONS {
            run.stderr_has(reason);
        }
        assert!(!fresh.exists());
    }
    let some = ["--yes", "--allow-setting", "LOG_STATEMENT", "--allow-setting", "role"];
    let run = fresh.restore(&fresh.hostile, &some).run();
    run.code(1).stderr_lacks("log_statement").stderr_has("local_preload_libraries: ");
}

/// And nothing is asked.
fn nothing_of_a_manifest_goes_into_a_database_that_exists(fresh: &Fresh) {
    let before = fresh.facts();
    let lying = Forged::small().with("database", "fresh").with_property("owner", "postgres");
    let lying = lying.with_property("settings", settings_and(&["session_preload_libraries=evil"]));
    let lying = lying.with_property("connection_limit", 1).write(&fresh.server.sandbox, "lying.sql");
    let preview = fresh.restore(&lying, &["--dry-run", "--json"]).run().ok().json();
    assert_eq!(preview["new_database"], Value::Null);
    let restored = fresh.restore(&lying, &["--yes"]).run();
    restored.ok().stderr_lacks("The database will be created with the backup's properties");
    assert_eq!(fresh.facts(), before);
    fs::remove_file(lying).unwrap();
}
