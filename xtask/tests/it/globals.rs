//! `db-backup --globals` and `db-restore --globals`: a server's roles in a file of their own, and back.

use crate::harness::backup::sha256;
use crate::harness::forge::Forged;
use crate::harness::url::UrlDatabase;
use crate::harness::{Local, Sandbox, Stack, Test, Xtask, needs, shared_local};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] roles_come_back_as_they_were_and_a_file_alone_makes_nobody_mighty,
        [OwnStack, Postgres17] memberships_keep_the_options_of_newer_servers,
        [Postgres] a_role_that_may_not_create_roles_saves_them_and_creates_none,
        [Postgres] a_hostile_file_of_roles_is_refused_with_its_line,
        [] each_kind_is_shown_and_proven_as_what_it_is,
        [Postgres] each_kind_is_refused_in_the_others_place,
    ]
}

const ROLES: &str = r#"
CREATE ROLE app LOGIN PASSWORD 'sEcReT' VALID UNTIL '2030-01-01';
CREATE ROLE "we ird""'\r" LOGIN CONNECTION LIMIT 5;
CREATE ROLE grp NOLOGIN NOINHERIT;
CREATE ROLE boss CREATEROLE CREATEDB;
CREATE ROLE sup SUPERUSER;
CREATE ROLE repl REPLICATION LOGIN BYPASSRLS;
GRANT grp TO app WITH ADMIN OPTION;
GRANT app TO "we ird""'\r";
GRANT sup TO grp;
GRANT pg_monitor TO boss WITH ADMIN OPTION;
ALTER ROLE app SET work_mem = '8MB';
ALTER ROLE app SET search_path = app, "a b", public;
ALTER ROLE grp SET log_min_duration_statement = 5;
ALTER ROLE grp SET app.tenant = E'a\nb''\\c';
COMMENT ON ROLE app IS E'the app\nline 2; DROP ROLE x; -- it''s \\';
GRANT SET ON PARAMETER log_min_messages TO app;
"#;
const NAMES: [&str; 6] = ["app", r#"we ird"'\r"#, "grp", "boss", "sup", "repl"];
const DROPPED: &str = r#"
REVOKE SET ON PARAMETER log_min_messages FROM app;
DROP ROLE IF EXISTS app, "we ird""'\r", grp, boss, sup, repl;
"#;
const OPENING: &str = "--\n-- PostgreSQL database cluster dump\n--\n\n\
    SET default_transaction_read_only = off;\n\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n\n";
const CLOSING: &str = "--\n-- PostgreSQL database cluster dump complete\n--\n\n";
const HEAD: &str = "-- xtask backup, format 2, globals: it is whole only if its last line is a manifest that fits\n";

/// `--role NAME` for each role.
fn all_named() -> Vec<&'static str> {
    let named = NAMES.into_iter().flat_map(|name| ["--role", name]);
    named
        .chain(["log_min_duration_statement", "app.tenant"].into_iter().flat_map(|name| ["--allow-setting", name]))
        .collect()
}

/// The roles as the server's own pg_dumpall tells them, without comments, the lines that differ each time, and what is not
/// restored.
fn dumped(output: (Option<Vec<u8>>, String)) -> String {
    let text = String::from_utf8(output.0.unwrap_or_else(|| panic!("{}", output.1))).unwrap();
    let differs = |line: &str| line.starts_with("--") || line.contains("restrict ") || line.contains("ON PARAMETER");
    let lines = text.lines().filter(|line| !line.is_empty() && !differs(line));
    lines.collect::<Vec<_>>().join("\n")
}

const DUMPALL: [&str; 3] = ["pg_dumpall", "--globals-only", "--no-role-passwords"];

fn saved(run: Xtask, sandbox: &Sandbox) -> PathBuf {
    let run = run.run();
    run.ok().stderr_has("Saving the server's roles...\n").stderr_has(", without passwords\n");
    let path = sandbox.path(run.text().trim_end());
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("server_globals_2") && name.ends_with(".sql"), "{name}");
    path
}

const PREVIEW: &str = "\
Roles that will be created, without passwords:
  app (INHERIT, LOGIN; 2 settings)
    work_mem = 8MB
    search_path = app, a b, public
  boss (INHERIT, CREATEDB)
  grp (no attributes)
  repl (INHERIT, LOGIN)
  sup (INHERIT)
  we ird\"'\\r (INHERIT, LOGIN)
Memberships that will be created:
  we ird\"'\\r in app
  app in grp, which it may grant to others (ADMIN)
  grp in sup
Roles that exist and stay as they are: postgres
Not done by this program:
  CREATEROLE of role boss: a file alone does not give it; with --role boss it is done
";
/// What the preview says of those who would get it, too.
const BY_HAND: &str = "\
  SUPERUSER of role sup: a file alone does not give it; with --role sup it is done
    SUPERUSER of role sup: by hand, members of sup get it, too: app, grp, we ird\"'\\r
";

/// How many roles may do more than an ordinary one.
const MIGHTY: &str = "SELECT count(*) FROM pg_roles WHERE rolname <> 'postgres' AND (rolsuper OR rolcreaterole OR rolreplication \
     OR rolbypassrls OR pg_has_role(oid, 'pg_monitor', 'MEMBER')) AND rolname !~ '^pg_'";

fn roles_come_back_as_they_were_and_a_file_alone_makes_nobody_mighty() {
    let local = Local::new();
    local.up();
    local.sql("postgres", ROLES);
    let before = dumped(local.client("postgres", &DUMPALL, b""));
    let file = saved(local.xtask(["db-backup", "--globals"]), &local.sandbox);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(HEAD) && !text.contains("sEcReT") && !text.contains("SCRAM"), "{text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let restore =
        |more: &[&str]| local.xtask(["db-restore", "--globals", file.to_str().unwrap()]).args(more.iter().copied());
    let nothing = restore(&["--yes"]).run();
    nothing.ok().prints("✓ Nothing to do: every role of the file exists\n");

    local.sql("postgres", DROPPED);
    let preview = restore(&["--dry-run"]).run();
    preview.ok().prints_nothing().stderr_has(PREVIEW).stderr_has(BY_HAND);
    for line in [
        "  setting log_min_duration_statement of role grp: a superuser alone may set it; with --allow-setting",
        "  setting app.tenant of role grp: this server does not know it; with --allow-setting app.tenant",
        "In the file and not restored:\n  privileges of app on the setting log_min_messages\n",
    ] {
        preview.stderr_has(line);
    }
    restore(&[]).run().code(1).stderr_has("--yes");
    restore(&["--role", "nobody", "--yes"]).run().code(2).stderr_has("--role nobody");
    assert_eq!(local.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname IN ('app', 'sup')"), "0");
    restore(&["--yes"]).run().ok().stdout_has("✓ Created 6 roles and 3 memberships\n").stdout_has(
        "Need a password (cargo xtask db-shell, then \\password NAME): app, repl, we ird\"'\\r\n\
         SUPERUSER of role sup: by hand, members of sup get it, too: app, grp, we ird\"'\\r\n\
         To do the rest by hand (cargo xtask db-shell):\n  ALTER ROLE \"boss\" CREATEROLE;\n",
    );
    assert_eq!(local.sql("postgres", MIGHTY), "0");
    let report = restore(&["--yes", "--role", "sup", "--json"]).run().ok().json();
    assert_eq!((&report["roles_created"], &report["done"]), (&json!([]), &json!(true)));
    assert_eq!(local.sql("postgres", MIGHTY), "0", "a role that exists is never changed");

    local.sql("postgres", "DROP ROLE app, \"we ird\"\"'\\r\", grp, boss, sup, repl");
    let named = restore(&["--yes"]).args(all_named()).run();
    named.ok().stdout_has("✓ Created 6 roles and 4 memberships\n").stdout_lacks("by hand");
    assert_eq!(dumped(local.client("postgres", &DUMPALL, b"")), before);
    assert_eq!(local.sql("postgres", "SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL"), "1");
}

fn memberships_keep_the_options_of_newer_servers() {
    let stack = Stack::postgres_only();
    stack.sandbox.set("POSTGRES_IMAGE", &needs::postgres_17_image().unwrap());
    stack.up();
    stack.admin(ROLES);
    stack.admin("GRANT grp TO repl WITH ADMIN FALSE, INHERIT FALSE, SET FALSE");
    stack.admin("GRANT grp TO boss WITH INHERIT FALSE GRANTED BY app");
    let dump = || dumped(stack.exec(&DUMPALL, ""));
    let before = dump();
    assert!(before.contains("GRANT grp TO boss WITH INHERIT FALSE GRANTED BY app;"), "{before}");
    let file = saved(stack.xtask(["db-backup", "--globals"]), &stack.sandbox);
    stack.admin("DROP OWNED BY app");
    stack.admin(DROPPED);
    let word = file.to_str().unwrap();
    let restored = stack.xtask(["db-restore", "--globals", word, "--yes"]).args(all_named()).run();
    restored.ok().stdout_has("✓ Created 6 roles and 6 memberships\n").stdout_lacks("by hand");
    assert_eq!(dump(), before);
    let nothing = stack.xtask(["db-restore", "--globals", word, "--yes"]).args(all_named()).run();
    nothing.ok().prints("✓ Nothing to do: every role of the file exists\n");
}

fn a_role_that_may_not_create_roles_saves_them_and_creates_none() {
    let database = UrlDatabase::new();
    let file = saved(database.xtask(["db-backup", "--globals"]), &database.sandbox);
    let more = forged(&format!("{}{}", made("xtask_globals_a"), made("xtask_globals_b")), &json!({ "roles": 2 }));
    fs::write(&file, more).unwrap();
    let refused = database.xtask(["db-restore", "--globals", file.to_str().unwrap(), "--yes"]).run();
    refused
        .code(1)
        .prints_nothing()
        .stderr_has("The roles could not be created; nothing was changed")
        .stderr_has("CREATEROLE");
    assert_eq!(database.admin("SELECT count(*) FROM pg_roles WHERE rolname ~ '^xtask_globals_'"), "0");
}

/// The statements that make a role.
fn made(name: &str) -> String {
    format!(
        "CREATE ROLE {name};\nALTER ROLE {name} WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION \
         NOBYPASSRLS;\n"
    )
}

/// A file of globals with these statements, whole in every way but for what `facts` says otherwise.
fn forged(statements: &str, facts: &serde_json::Value) -> Vec<u8> {
    let text = format!("{HEAD}{OPENING}{statements}{CLOSING}");
    let mut manifest = json!({
        "format": 2, "kind": "globals", "tool": "xtask 0.2.0", "server_version": "15.18",
        "started_at": "2025-10-21T14:30:22+02:00", "seconds": 0.1, "bytes": text.len(), "sha256": sha256(text.as_bytes()),
        "roles": 0, "memberships": 0,
    });
    manifest.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
    let line = format!("-- xtask manifest: {manifest}");
    let line = line.strip_suffix('}').unwrap();
    format!("{text}{line},\"checksum\":\"{}\"}}\n", sha256(line.as_bytes())).into_bytes()
}

#[track_caller]
fn is_one_word_in_a_hint(local: &Local, sandbox: &Sandbox) {
    let path = sandbox.beside("g$(touch PWN).sql");
    fs::write(&path, forged("", &json!({}))).unwrap();
    let run = local.xtask(["db-restore", path.to_str().unwrap(), "--yes"]).run();
    run.code(3).stderr_has("→ create those that are missing: cargo xtask db-restore --globals '");
    run.stderr_has("g$(touch PWN).sql'");
}

fn a_hostile_file_of_roles_is_refused_with_its_line() {
    let local = shared_local();
    let sandbox = Sandbox::new();
    is_one_word_in_a_hint(local, &sandbox);
    let path = sandbox.beside("roles.sql");
    for (statement, words) in [
        ("DROP ROLE postgres;", "line 13: DROP ROLE …, which pg_dumpall does not write"),
        (
            "ALTER ROLE postgres SET search_path TO 'x';",
            "line 13: it is about role postgres, which the file does not create",
        ),
        ("\\! touch /tmp/x", "line 13: a psql meta-command"),
        ("COPY pg_authid FROM stdin;", "line 13: COPY …, which pg_dumpall does not write"),
        ("CREATE ROLE \"x\";\u{0} \\! id", "line 13: text that pg_dumpall does not write: '\\0'"),
        ("DO $$BEGIN END$$;", "line 13: text that pg_dumpall does not write: '$'"),
        (
            "ALTER ROLE a WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS PASSWORD 'md5abc';",
            "line 13: a password: it is not read from a file",
        ),
    ] {
        fs::write(&path, forged(&format!("{}{statement}\n", made("a")), &json!({ "roles": 1 }))).unwrap();
        let refused = local.xtask(["db-restore", "--globals", path.to_str().unwrap(), "--yes"]).run();
        refused.code(3).prints_nothing().stderr_has(words).stderr_lacks("md5abc");
    }
    for (facts, words) in [
        (json!({ "roles": 2 }), "other numbers of roles"),
        (json!({ "bytes": 7 }), "bytes precede its manifest, which says 7"),
        (json!({ "format": 3 }), "format 3 is newer than this program"),
        (json!({ "kind": "set" }), "the manifest cannot be read"),
        (json!({ "sha256": "0".repeat(64) }), "do not match the manifest's SHA-256"),
    ] {
        fs::write(&path, forged(&made("a"), &facts)).unwrap();
        let refused = local.xtask(["db-restore", "--globals", path.to_str().unwrap(), "--yes"]).run();
        refused.code(3).prints_nothing().stderr_has(words);
    }
    let whole = forged(&made("a"), &json!({ "roles": 1 }));
    for cut in [0, 1, HEAD.len() - 1, HEAD.len(), whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).unwrap();
        local.xtask(["db-restore", "--globals", path.to_str().unwrap(), "--yes"]).run().code(3).prints_nothing();
    }
    // Other tests make roles meanwhile.
    assert_eq!(local.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname IN ('a', 'x')"), "0");
}

const OWN: &str = "server_globals_20251021_143022.sql";
const ROLES_FILE: &str = "roles.sql";
/// Each holds what its name does not say: a server's roles, a database.
const AS_A_DATABASE: &str = "openfga_backup_20251021_143022.sql";
const AS_GLOBALS: &str = "server_globals_20251022_143022.sql";

/// A checkout with those files as its backups.
fn with_each_kind() -> Sandbox {
    let sandbox = Sandbox::new();
    let globals = forged(&made("a"), &json!({ "roles": 1 }));
    for name in [OWN, ROLES_FILE, AS_A_DATABASE] {
        sandbox.write(Path::new("backups").join(name), &globals);
    }
    Forged::small().with("database", "openfga").write(&sandbox, AS_GLOBALS);
    sandbox
}

fn each_kind_is_shown_and_proven_as_what_it_is() {
    let sandbox = with_each_kind();
    let xtask = |words: &[&str]| Xtask::new(&sandbox).args(words).run();
    let list = xtask(&["db-list", "--check", "--json"]).code(3).json();
    let entries = list["backups"].as_array().unwrap();
    let entry = |name: &str| entries.iter().find(|entry| entry["file"].as_str().unwrap().ends_with(name)).unwrap();
    for name in [OWN, ROLES_FILE] {
        let entry = entry(name);
        assert_eq!(
            (&entry["database"], &entry["purpose"], &entry["verdict"], &entry["full"]),
            (&json!(null), &json!("globals"), &json!("whole"), &json!(false)),
            "{name}"
        );
    }
    for (name, reason) in [
        (AS_A_DATABASE, "it holds a server's roles, but is named like a backup of openfga"),
        (AS_GLOBALS, "it holds a database, but is named like a file with a server's roles"),
    ] {
        let misnamed = entry(name);
        assert_eq!((&misnamed["verdict"], &misnamed["full"]), (&json!("damaged"), &json!(false)));
        assert_eq!(misnamed["reason"], reason);
    }
    xtask(&["db-list"]).ok().stdout_has("complete, roles\n");

    let proven = xtask(&["db-verify", &format!("backups/{OWN}")]);
    proven.ok().prints(&format!("✓ backups/{OWN}: whole (1 role)\n"));
    let misnamed = xtask(&["db-verify", &format!("backups/{AS_A_DATABASE}")]);
    misnamed.code(3).stderr_has("is named like a backup of openfga");
    xtask(&["db-verify", &format!("backups/{AS_GLOBALS}")]).code(3).stderr_has("it holds a database");
    let pruned = xtask(&["db-prune", "--keep-last", "1", "--yes"]);
    pruned.ok().stdout_has("the server's roles\n").stderr_has("Nothing to remove");
}

fn each_kind_is_refused_in_the_others_place() {
    let sandbox = with_each_kind();
    let xtask = |words: &[&str]| shared_target(&sandbox, words);
    let refused = xtask(&["db-restore", &format!("backups/{OWN}"), "--yes"]);
    refused.code(3).stderr_has("holds a server's roles, not a database").stderr_has("db-restore --globals");
    xtask(&["db-restore", "--yes"])
        .code(1)
        .stderr_has("There is no full backup of openfga")
        .stderr_has("→ name a file:");
    let refused = xtask(&["db-restore", "--globals", &format!("backups/{AS_GLOBALS}"), "--yes"]);
    refused.code(3).stderr_has("does not hold a server's roles");
}

/// The binary with this checkout's backups on the shared local server.
fn shared_target(sandbox: &Sandbox, words: &[&str]) -> crate::harness::Outcome {
    let local = shared_local();
    let url = format!("postgres://postgres:{}@127.0.0.1:{}/openfga", local.password(), local.port());
    Xtask::new(sandbox).env("XTASK_TARGET", "url").env("DATABASE_URL", url).args(words.iter().copied()).run()
}
