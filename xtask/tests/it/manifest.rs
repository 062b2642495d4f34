//! What a manifest says is input: a file that lies is refused, plainly, and hides no other one.

use crate::harness::forge::{Forged, HEAD, dump};
use crate::harness::{Fakes, Local, Sandbox, Test, Xtask, shared, shared_local};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [] a_lying_manifest_is_damage_and_hides_no_other_file,
        [] a_file_is_read_only_until_its_verdict_is_decided,
        [] only_the_last_line_is_a_manifest,
        [] letters_that_a_terminal_obeys_are_shown_escaped,
        [Stack] a_backup_by_0_1_0_is_restored,
        [Stack] every_psql_of_ours_refuses_commands_to_itself,
        [Postgres] a_manifest_runs_no_program_and_makes_no_superuser,
        [Postgres] what_a_new_database_gets_is_shown_and_what_a_superuser_sets_wants_consent,
    ]
}

const MOST: u64 = 9_223_372_036_854_775_807;

/// Manifests that fit themselves and say what no backup says.
fn liars() -> Vec<(&'static str, Forged)> {
    let small = Forged::small;
    let rows = |rows: &[u64]| {
        rows.iter().map(|rows| json!({ "schema": "public", "name": "t", "rows": rows })).collect::<Value>()
    };
    let settings = |value: &str| json!([{ "role": null, "values": [value] }]);
    vec![
        ("bytes", small().with("bytes", u64::MAX)),
        ("more-bytes", small().with("bytes", MOST)),
        ("rows", small().with("copied", rows(&[u64::MAX, 2]))),
        ("more-rows", small().with("copied", rows(&[MOST, MOST, 2]))),
        ("negative-rows", small().with("copied", json!([{ "schema": "public", "name": "t", "rows": -2 }]))),
        ("openfga", small().with("openfga", json!({ "stores": u64::MAX, "authorization_models": 1, "tuples": 1 }))),
        (
            "openfga-of-no-table",
            small().with("openfga", json!({ "stores": 0, "authorization_models": 0, "tuples": 1 })),
        ),
        ("year", small().with("started_at", "+262143-01-01T00:00:00Z")),
        ("late", small().with("started_at", "9999-12-31T23:59:59-23:59")),
        ("seconds", small().with("seconds", -1)),
        ("name", small().with("database", "\u{1b}[31mred")),
        ("nameless", small().with("database", "")),
        ("format", small().with("format", 7)),
        ("limit", small().with_property("connection_limit", 1u64 << 40)),
        ("size", small().with_property("size_bytes", u64::MAX)),
        ("ctype", small().with_property("ctype", "C.UTF-8\0")),
        ("encoding", small().with_property("encoding", "SJIS")),
        ("grants", small().with_property("grants", json!(["a=T/b\0"]))),
        ("settings", small().with_property("settings", settings("a\"; ALTER ROLE b SUPERUSER; --=c"))),
        ("nested", small().with("database", nested(1000))),
    ]
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

fn a_lying_manifest_is_damage_and_hides_no_other_file() {
    let sandbox = Sandbox::new();
    let liars = liars();
    for (name, file) in &liars {
        file.write(&sandbox, &format!("openfga_backup_20250101_000000_{name}.sql"));
        file.write(&sandbox, &format!("{name}.sql"));
    }
    Forged::small().with("database", "openfga").write(&sandbox, "openfga_backup_20240101_000000.sql");
    for check in [&["--check"][..], &[]] {
        let run = Xtask::new(&sandbox).args(["db-list", "--json"]).args(check).run();
        run.code(if check.is_empty() { 0 } else { 3 }).stderr_lacks("panicked");
        let report = run.json();
        let backups = report["backups"].as_array().unwrap();
        assert_eq!(backups.len(), 2 * liars.len() + 1);
        for backup in backups {
            let file = backup["file"].as_str().unwrap();
            let good = file.ends_with("openfga_backup_20240101_000000.sql");
            // Bytes that are missing were cut off.
            let cut = file.ends_with("more-bytes.sql");
            let unfit = if cut { "cut" } else { "damaged" };
            let well = if check.is_empty() { "complete" } else { "whole" };
            assert_eq!(backup["verdict"], if good { well } else { unfit }, "{backup}");
            let reason = backup["reason"].as_str().unwrap_or_default();
            assert!(good || (!reason.is_empty() && reason.len() < 2000), "{backup}");
        }
        let table = Xtask::new(&sandbox).args(["db-list"]).args(check).run();
        table.stdout_has("openfga_backup_20240101_000000.sql").stderr_has("format 7 is newer than this program");
        table.stderr_has(
            "ctype.sql: the manifest cannot be read: \"C.UTF-8\\0\" holds U+0000, which no line of text holds",
        );
        assert!(!table.stderr.contains('\u{1b}') && !table.stderr.contains('\0'));
    }
    every_proof_tells_it_and_nothing_is_pruned(&sandbox, &liars);
}

fn every_proof_tells_it_and_nothing_is_pruned(sandbox: &Sandbox, liars: &[(&str, Forged)]) {
    let verify = Xtask::new(sandbox).args(["db-verify", "--all", "--json"]).run();
    verify.code(3).stderr_lacks("panicked");
    assert_eq!(verify.json()["files"].as_array().unwrap().len(), 2 * liars.len() + 1);
    for (name, _) in liars {
        let run = Xtask::new(sandbox).args(["db-verify", &format!("backups/{name}.sql")]).run();
        run.code(3).prints_nothing().stderr_has("db-list --check").stderr_lacks("panicked");
    }
    let prune = Xtask::new(sandbox).args(["db-prune", "--keep-last", "1", "--yes", "--json"]).run();
    prune.ok().stderr_has("Nothing to remove");
    assert_eq!(prune.json()["files"].as_array().unwrap().len(), 2 * liars.len() + 1);
    assert_eq!(sandbox.backups().len(), 2 * liars.len() + 1);
}

/// A terabyte of which nearly nothing is there; what it begins with already tells what it is.
fn a_file_is_read_only_until_its_verdict_is_decided() {
    const SIZE: u64 = 1_000_000_000_000;
    let sandbox = Sandbox::new();
    let manifest = Forged::small().line(SIZE, &"0".repeat(64));
    let opening = String::from_utf8(dump("")).unwrap();
    let (head, trailer) = opening.split_at(opening.find("--\n-- PostgreSQL database dump complete").unwrap());
    let cases = [
        ("zeroes.sql", String::new(), String::new(), "binary"),
        ("ours.sql", format!("{HEAD}{head}"), manifest, "a zero byte"),
        ("elsewhere.sql", head.to_owned(), trailer.to_owned(), "a zero byte"),
    ];
    for (name, start, end, _) in &cases {
        let mut file = File::create(sandbox.path("backups").join(name)).unwrap();
        file.write_all(start.as_bytes()).unwrap();
        file.set_len(SIZE).unwrap();
        file.seek(SeekFrom::Start(SIZE - 1)).unwrap();
        file.write_all(b"\n").unwrap();
        file.write_all(end.as_bytes()).unwrap();
    }
    for args in [&["db-list", "--check"][..], &["db-verify", "--all"], &["db-prune", "--keep-last", "1", "--dry-run"]] {
        let run = Xtask::new(&sandbox).args(args).run();
        run.holds(run.took < Duration::from_secs(30), "a terabyte was read in vain").stderr_lacks("panicked");
        if args[0] != "db-prune" {
            run.code(3);
            for (name, .., why) in &cases {
                run.stderr_has(name).stderr_has(why);
            }
        }
    }
}

fn only_the_last_line_is_a_manifest() {
    let sandbox = Sandbox::new();
    let whole = Forged::small().bytes();
    let end = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let line = String::from_utf8(whole[end..].to_vec()).unwrap();
    let row = format!("CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n{line}\\.\n");
    sandbox.write("backups/in-a-row.sql", Forged::of(dump(&row)).bytes());
    sandbox.write("backups/in-a-comment.sql", Forged::of(dump(&line)).bytes());
    // The second one vouches for the first one, too: no pg_dump wrote that.
    let first = String::from_utf8(Forged::small().bytes()).unwrap();
    sandbox.write("backups/two.sql", Forged::of(first.strip_prefix(HEAD).unwrap()).bytes());
    sandbox.write("backups/twice.sql", [&whole, line.as_bytes()].concat());
    // Cut behind a row that is a manifest.
    let file = Forged::of(dump(&row)).bytes();
    let cut = String::from_utf8(file).unwrap();
    let at = cut.find(&line).unwrap();
    sandbox.write("backups/cut.sql", &cut[..at + line.len()]);
    let sum = crate::harness::backup::sha256(&cut.as_bytes()[..at]);
    let fits = Forged::small().line(at as u64, &sum);
    sandbox.write("backups/cut-where-it-fits.sql", format!("{}{fits}", &cut[..at]));
    let run = Xtask::new(&sandbox).args(["db-list", "--check", "--json"]).run();
    let report = run.code(3).json();
    let mut found: Vec<(String, String)> = report["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|backup| {
            let file = backup["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            (file, backup["verdict"].as_str().unwrap().to_owned())
        })
        .collect();
    found.sort();
    let expected = [
        ("cut-where-it-fits.sql", "cut"),
        ("cut.sql", "cut"),
        ("in-a-comment.sql", "whole"),
        ("in-a-row.sql", "whole"),
        ("twice.sql", "damaged"),
        ("two.sql", "damaged"),
    ];
    let expected: Vec<_> = expected.map(|(file, verdict)| (file.to_owned(), verdict.to_owned())).into();
    assert_eq!(found, expected);
}

fn letters_that_a_terminal_obeys_are_shown_escaped() {
    let sandbox = Sandbox::new();
    // A name that is read backwards, of several lines, and with a letter that has no shape.
    let spoofed = "open\u{202e}agf\u{2066}\n\u{2028}\u{200b}x";
    Forged::small().with("database", spoofed).write(&sandbox, "a.sql");
    let table = Xtask::new(&sandbox).args(["db-list"]).run();
    table.ok().stdout_has("open\\u{202e}agf\\u{2066}\\n\\u{2028}\\u{200b}x");
    let json = Xtask::new(&sandbox).args(["db-list", "--json"]).run();
    json.ok().stdout_has("open\\u202eagf\\u2066\\n\\u2028\\u200bx");
    let report = json.json();
    assert_eq!(report["backups"][0]["database"], spoofed);
    let error = Xtask::new(&sandbox).args(["db-list", "--database", "no\u{202e}such"]).run();
    error.ok().stderr_has("no\\u{202e}such");
}

fn a_backup_by_0_1_0_is_restored() {
    let file = include_bytes!("../files/format_1_by_0_1_0.sql");
    let database = shared().database();
    database.sandbox.write("backups/old.sql", file);
    database.xtask(["db-list", "--check"]).run().ok().stdout_has("  whole").stdout_has(" 7    22  whole");
    let run = database.xtask(["db-verify", "--restore", "backups/old.sql"]).run();
    // Its roles are not on this server.
    run.code(1).stderr_has("The server lacks roles").stderr_has("CREATE ROLE \"app\" NOLOGIN;");
    database.stack.admin("CREATE ROLE app");
    let run = database.xtask(["db-verify", "--restore", "backups/old.sql"]).run();
    database.stack.admin("DROP ROLE app");
    run.ok().stdout_has("whole (7 tables, 22 rows), restored and compared");
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
        assert_eq!(before, ["\\echo xtask-psql :VERSION_NAME"], "{input}");
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
    "statement_timeout: it is for role keeper alone",
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
