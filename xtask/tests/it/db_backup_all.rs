//! `db-backup --all`, and `--database` more than once: a file for each database, and a set that proves which belong
//! together.

use crate::harness::backup::{manifest, sha256};
use crate::harness::{Health, Local, Test, UrlDatabase, shared, wait_until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [Postgres] all_takes_every_database_and_writes_their_set,
        [Postgres] a_database_that_may_not_be_read_is_named_and_the_others_are_taken,
        [Postgres] a_server_that_is_gone_in_between_leaves_what_was_taken_and_says_so,
        [Stack] named_databases_of_a_compose_service_become_a_set,
    ]
}

const NAMES: [&str; 4] = ["APP", "app", "openfga", "we ird/\"ä"];

/// A server with these databases, the name of each in its only row.
fn server() -> Local {
    let local = Local::new();
    // The dump of APP waits for a test that has made the file `halt`.
    let place = local.sandbox.beside("halting");
    fs::create_dir(&place).unwrap();
    let halt =
        "if [ \"$PGDATABASE\" = APP ] && [ -e halt ]; then : >middle; until [ -e go-on ]; do sleep 0.02; done; fi";
    let body = format!("cd '{}'; {halt}\nexec \"$real\" \"$@\"", place.display());
    let programs = local.programs_but("pg_dump", &body);
    local.sandbox.set("XTASK_PG_BIN", programs.to_str().unwrap());
    local.up();
    for name in NAMES.iter().filter(|name| **name != "openfga") {
        local.sql("postgres", &format!("CREATE DATABASE {}", quoted(name)));
    }
    for name in NAMES {
        local.sql(name, "CREATE TABLE own AS SELECT current_database()::text AS name");
    }
    local
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn of_set(set: &Path) -> Value {
    let text = fs::read_to_string(set).unwrap();
    assert!(text.ends_with("\"}\n") && text.lines().count() == 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn names<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap()).collect()
}

/// Sets of the folder, by name.
fn sets(local: &Local) -> Vec<String> {
    local.sandbox.backups().into_iter().filter(|name| name.starts_with("server_set_")).collect()
}

fn all_takes_every_database_and_writes_their_set() {
    let local = server();
    local.sql("postgres", "CREATE DATABASE scratch; CREATE DATABASE mould IS_TEMPLATE true");
    // A previous database that a swap kept, and with it this role's record.
    local.xtask(["db-backup"]).run().ok();
    local.xtask(["db-restore", "--yes"]).run().ok();
    let before = local.sql("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'openfga_before_%'");
    let run = local.xtask(["db-backup", "--all"]).env("XTASK_BACKUP_EXCLUDE", "scratch, nosuch").run();
    let path = run.ok().text();
    let path = path.trim_end();
    assert!(path.starts_with("backups/server_set_") && path.ends_with(".json"), "{path}");
    run.stderr_has("✓ 5 backups and their set created in backups/\n").stderr_has("they are not one snapshot");
    run.stderr_has(&format!("Left out:  {before} (the previous database of openfga)"));
    run.stderr_has("Left out:  xtask_record_postgres (this program's record)");
    run.stderr_has("Left out:  scratch (XTASK_BACKUP_EXCLUDE names it)").stderr_has("Left out:  mould (a template)");
    let set = of_set(&local.sandbox.path(path));
    assert_eq!(names(&set["databases"], "database"), ["APP", "app", "openfga", "postgres", "we ird/\"ä"]);
    let left_out: Vec<&str> = names(&set["not_taken"], "because");
    assert_eq!(left_out, ["template", "own", "excluded", "template", "template", "own"]);
    let identifier = local.sql("postgres", "SELECT system_identifier FROM pg_control_system()");
    assert_eq!(set["server"]["system_identifier"], identifier);
    let roles = fs::read(local.sandbox.path("backups").join(set["globals"]["file"].as_str().unwrap())).unwrap();
    assert_eq!(set["globals"]["sha256"], sha256(&roles));
    assert!(String::from_utf8(roles).unwrap().contains("CREATE ROLE postgres;"));
    each_file_holds_its_database(&local, &set);
    it_is_listed_with_its_files_and_proven(&local, path);
    refusals(&local, path);
    chosen(&local);
    what_changes_meanwhile(&local);
    sets_are_pruned_as_one(&local, path);
    health_names_what_has_no_backup(&local);
}

fn each_file_holds_its_database(local: &Local, set: &Value) {
    let mut folded = Vec::new();
    for database in set["databases"].as_array().unwrap() {
        let file = local.sandbox.path("backups").join(database["file"].as_str().unwrap());
        let bytes = fs::read(&file).unwrap();
        assert_eq!(
            (database["bytes"].as_u64(), &database["sha256"]),
            (Some(bytes.len() as u64), &sha256(&bytes).into())
        );
        assert_eq!(manifest(&file)["database"], database["database"]);
        let name = database["database"].as_str().unwrap();
        let own = name == "postgres" || String::from_utf8(bytes).unwrap().contains(&format!("\n{name}\n\\.\n"));
        assert!(own, "the file of {name} holds another database");
        folded.push(database["file"].as_str().unwrap().to_lowercase());
    }
    folded.dedup();
    assert_eq!(folded.len(), 5, "names that a Mac takes for one: {folded:?}");
}

fn it_is_listed_with_its_files_and_proven(local: &Local, path: &str) {
    let list = local.xtask(["db-list", "--check"]).run();
    let text = list.ok().text();
    let shown: Vec<&str> = text.lines().skip(1).take(7).collect();
    assert!(shown[0].starts_with(path) && shown[0].ends_with("  set, complete"), "{shown:?}");
    assert!(shown[1..6].iter().all(|line| line.starts_with("  backups/") && line.ends_with("  whole")), "{shown:?}");
    assert!(shown[6].ends_with("  whole, roles"), "{shown:?}");
    let json = local.xtask(["db-list", "--json"]).run().ok().json();
    assert_eq!(names(&json["sets"], "verdict"), ["complete"]);
    let with_set = json["backups"].as_array().unwrap().iter().filter(|one| one["set"].is_string()).count();
    assert_eq!(with_set, 6);
    local.xtask(["db-verify", path]).run().ok().stdout_has("APP_backup_");
}

/// Side by side, with no more sessions than `--jobs` says; one database is dropped and one is made meanwhile.
fn what_changes_meanwhile(local: &Local) {
    let place = local.sandbox.beside("halting");
    local.sql("postgres", "CREATE DATABASE dropped");
    fs::write(place.join("halt"), "").unwrap();
    let run = local.xtask(["db-backup", "--all", "--json"]).spawn();
    wait_until("the first dump has begun", || place.join("middle").exists());
    local.sql("postgres", "DROP DATABASE dropped; CREATE DATABASE made TEMPLATE app");
    fs::write(place.join("go-on"), "").unwrap();
    let run = run.wait();
    let report = run.ok().json();
    let taken = names(&report["databases"], "database");
    assert_eq!(taken, ["APP", "app", "made", "openfga", "postgres", "scratch", "we ird/\"ä"]);
    let gone = report["not_taken"].as_array().unwrap().iter().find(|one| one["database"] == "dropped").unwrap();
    assert_eq!(gone["because"], "dropped");
    fs::remove_file(place.join("halt")).unwrap();
    let run = local.xtask(["db-backup", "--all", "--jobs", "3", "--json"]).spawn();
    // One that has ended is listed until the server has cleared it up: a session is one that is there twice.
    let sessions = || -> BTreeSet<String> {
        let pids = "SELECT pid FROM pg_stat_activity WHERE application_name ~ '^xtask-'";
        local.sql("postgres", pids).lines().map(str::to_owned).collect()
    };
    let most = (0..20).map(|_| sessions().intersection(&sessions()).count()).max().unwrap();
    assert_eq!(names(&run.wait().ok().json()["databases"], "database"), taken);
    assert!(most <= 3, "{most} sessions for --jobs 3");
    let alone = local.xtask(["db-backup", "--jobs", "2"]).run();
    alone.code(2).stderr_has("--jobs goes with --all").stderr_has("→ name several databases: --all --jobs N");
    for (typed, why) in [("x", "\"x\" is not a number"), ("0", "it must be 1 to 64"), ("65", "it must be 1 to 64")] {
        local.xtask(["db-backup", "--all", "--jobs", typed]).run().code(2).prints_nothing().stderr_has(why);
    }
    local.sql("postgres", "DROP DATABASE made");
}

/// A set goes with all its files; a set of other databases, and files of none, go by rules of their own.
fn sets_are_pruned_as_one(local: &Local, oldest: &str) {
    let file = |path: &str| of_set(&local.sandbox.path(path))["databases"][0]["file"].as_str().unwrap().to_owned();
    let (old, alone) = (file(oldest), local.xtask(["db-backup", "--database", "app", "--quiet"]).run());
    let alone = alone.ok().text();
    let plan = local.xtask(["db-prune", "--keep-last", "1", "--dry-run", "--json"]).run().ok().json();
    let of = |name: &str| {
        let found = plan["files"].as_array().unwrap().iter().find(|one| one["file"].as_str().unwrap().ends_with(name));
        found.map(|one| (one["keep"].as_bool().unwrap(), one["reason"].as_str().unwrap().to_owned())).unwrap()
    };
    assert_eq!(of(oldest), (false, "no rule keeps it".to_owned()));
    assert_eq!(of(&old), (false, format!("it goes with {}", oldest.trim_start_matches("backups/"))));
    assert!(of(alone.trim_end()).0);
    // By one database's rules no file of a set goes.
    let one = local.xtask(["db-prune", "--database", "APP", "--keep-last", "1", "--yes"]).run();
    one.ok().stdout_has("needs it");
    assert!(local.sandbox.path("backups").join(&old).exists());
    let run = local.xtask(["db-backup", "--all", "--keep-last", "1"]).run();
    let newest = run.ok().stderr_has(&format!("✓ Removed {oldest}")).text();
    assert!(!local.sandbox.path("backups").join(&old).exists() && !local.sandbox.path(oldest).exists());
    let list = local.xtask(["db-list", "--check", "--json"]).run();
    let list = list.ok().json();
    let left = names(&list["sets"], "file");
    assert!(left[0].ends_with(newest.trim_end()) && left.len() > 1, "{left:?}");
    assert!(names(&list["sets"], "verdict").iter().all(|verdict| *verdict == "complete"));
}

fn health_names_what_has_no_backup(local: &Local) {
    let look = |excluded: &str| {
        Health::of(local.xtask([]).env("XTASK_BACKUP_EXCLUDE", excluded), &["--only", "backups/others"])
    };
    look("").says("backups/others", "ok", "no other database with rows is known to lack a fresh backup", "");
    local.sql("postgres", "CREATE DATABASE unsaved TEMPLATE app; CREATE DATABASE empty TEMPLATE template0");
    look("").says("backups/others", "warn", "no fresh backup of unsaved", "db-backup --all");
    look("unsaved").says("backups/others", "ok", "", "");
    let whole = Health::of(local.xtask([]), &["--only", "backups"]);
    assert_eq!(whole.names(), ["backups", "backups/others"]);
}

/// On the `url` target, as an owner that is no superuser.
/// The last dump is whole when the server goes: which databases there are now is not known.
fn a_server_that_is_gone_in_between_leaves_what_was_taken_and_says_so() {
    let local = Local::new();
    let pid = local.folder().join("data/postmaster.pid");
    let pid = pid.display();
    let stop = format!("kill -INT \"$(head -n 1 '{pid}')\"; while [ -e '{pid}' ]; do sleep 0.05; done");
    let body = format!("\"$real\" \"$@\" || exit; if [ \"$PGDATABASE\" = postgres ]; then {stop}; fi");
    let programs = local.programs_but("pg_dump", &body);
    local.sandbox.set("XTASK_PG_BIN", programs.to_str().unwrap());
    local.up();
    local.sql("openfga", "CREATE TABLE own AS SELECT 1 AS a");
    let run = local.xtask(["db-backup", "--all"]).run();
    run.code(6)
        .prints_nothing()
        .stderr_has("the server could not be asked for its databases again, so there is no set");
    run.stderr_has("Written:   backups/openfga_backup_").stderr_has("cargo xtask up").stderr_has("db-backup --all");
    assert!(sets(&local).is_empty(), "{:?}", local.sandbox.backups());
    let kept = local.sandbox.backups().into_iter().find(|name| name.starts_with("openfga_")).unwrap();
    local.up();
    local.xtask(["db-verify", &format!("backups/{kept}")]).run().ok();
}

fn a_database_that_may_not_be_read_is_named_and_the_others_are_taken() {
    let database = UrlDatabase::new();
    database.own("CREATE TABLE t AS SELECT 1 AS i");
    let [locked, shut, own] = ["locked", "shut", "own"].map(|what| format!("{}_{what}", database.name));
    for name in [&locked, &shut] {
        database.admin(&format!("CREATE DATABASE {name} TEMPLATE template0"));
    }
    database.admin(&format!("CREATE DATABASE {own} OWNER @role TEMPLATE template0"));
    database.admin(&format!("REVOKE CONNECT ON DATABASE {shut} FROM PUBLIC"));
    database.server.sql(&locked, "CREATE TABLE secret AS SELECT 1 AS i");
    let all =
        |names: &[&str]| database.xtask(["db-backup", "--all", "--json"]).env("XTASK_DATABASES", names.join(",")).run();
    let run = all(&[&database.name, &locked, &shut, &own]);
    run.code(6).stderr_has(&format!("⚠ {locked} was not backed up: "));
    run.stderr_has("permission denied for table secret").stderr_has(&format!("⚠ {shut} was not backed up: "));
    run.stderr_has("2 of 4 databases could not be backed up").stderr_has("XTASK_BACKUP_EXCLUDE");
    let report = run.json();
    assert_eq!(names(&report["databases"], "database"), [&database.name, &own]);
    assert_eq!(names(&report["not_taken"], "database"), [&locked, &shut]);
    all(&[&locked, &shut]).code(1).prints_nothing().stderr_has("None of the 2 databases could be backed up");
    let run = all(&[&database.name, &own]);
    let set = run.ok().json()["set"].as_str().unwrap().to_owned();
    database.xtask(["db-verify", &set]).run().ok();
    for name in [locked, shut, own] {
        database.admin(&format!("DROP DATABASE {name}"));
    }
}

fn named_databases_of_a_compose_service_become_a_set() {
    let (one, two) = (shared().database(), shared().database());
    one.sql("CREATE TABLE t AS SELECT 1 AS a");
    two.sql("CREATE TABLE t AS SELECT 2 AS a");
    let run = one.xtask(["db-backup", "--database", &one.name, "--database", &two.name, "--jobs", "2"]).run();
    let set = of_set(&one.sandbox.path(run.ok().text().trim_end()));
    run.stderr_has("compose service postgres");
    let mut expected = [one.name.as_str(), &two.name];
    expected.sort_unstable();
    assert_eq!(names(&set["databases"], "database"), expected);
    one.xtask(["db-list", "--check"]).run().ok().stdout_has("set, complete");
    one.xtask(["db-verify", run.text().trim_end()]).run().ok();
}

/// A set or a file that is not what it was.
fn refusals(local: &Local, path: &str) {
    let set = local.sandbox.path(path);
    let text = fs::read(&set).unwrap();
    let file = local.sandbox.path("backups").join(of_set(&set)["databases"][0]["file"].as_str().unwrap());
    let bytes = fs::read(&file).unwrap();
    let says = |why: &str| {
        local.xtask(["db-verify", path]).run().code(3).stderr_has(why);
        let list = local.xtask(["db-list", "--check"]).run();
        list.code(3).stderr_has(why);
    };
    fs::write(&set, &text[..text.len() - 1]).unwrap();
    says("the set does not match its own checksum");
    fs::write(&set, [&text[..], b"\n"].concat()).unwrap();
    says("the set does not match its own checksum");
    fs::write(&set, &text).unwrap();
    fs::remove_file(&file).unwrap();
    says("it is missing");
    // A whole backup of that database, but another one.
    let other = local.xtask(["db-backup", "--database", "APP", "--quiet"]).run();
    fs::rename(local.sandbox.path(other.ok().text().trim_end()), &file).unwrap();
    let other = fs::read(&file).unwrap();
    let why = if other.len() == bytes.len() { "its SHA-256 is not the one" } else { "bytes and should have" };
    says(why);
    fs::write(&file, &bytes).unwrap();
    local.xtask(["db-verify", path]).run().ok();
}

/// Which databases several options mean, and what goes wrong with some.
fn chosen(local: &Local) {
    let before = sets(local).len();
    let two = local.xtask(["db-backup", "--database", "app", "--database", "APP", "--database", "app", "--json"]).run();
    let report = two.ok().json();
    assert_eq!(names(&report["databases"], "database"), ["APP", "app"]);
    assert!(Path::new(report["set"].as_str().unwrap()).is_file() && report["not_taken"].as_array().unwrap().is_empty());
    let setting = local.xtask(["db-backup", "--all", "--json"]).env("XTASK_DATABASES", "openfga,nosuch,app").run();
    setting.code(6).stderr_has("⚠ nosuch was not backed up: PostgreSQL has no database nosuch");
    setting.stderr_has("1 of 3 databases could not be backed up: nosuch");
    let report = setting.json();
    assert_eq!(names(&report["databases"], "database"), ["app", "openfga"]);
    assert_eq!(names(&report["not_taken"], "because"), ["failed"]);
    assert_eq!(sets(local).len(), before + 2);
    let none = local.xtask(["db-backup", "--all"]).env("XTASK_DATABASES", "nosuch").run();
    none.code(4).prints_nothing().stderr_has("PostgreSQL has no database nosuch");
    for (args, words) in [
        (&["--all", "--output", "one.sql"][..], "is one file; each database gets its own"),
        (&["--all", "--database", "app"], "--all and --database do not go together"),
        (&["--all", "--table", "own"], "--table goes with one database"),
    ] {
        let run = local.xtask(["db-backup"]).args(args).run();
        run.code(2).prints_nothing().stderr_has(words).stderr_has("\n→ ");
    }
    let list = local.xtask(["db-list", "--database", "app", "--database", "APP"]).run();
    list.code(2).stderr_has("the argument '--database <NAME>' cannot be used multiple times");
    assert_eq!(sets(local).len(), before + 2);
    let folder = local.xtask(["db-backup", "--all", "--output", "elsewhere/"]).env("XTASK_DATABASES", "app").run();
    folder.ok().holds(folder.text().starts_with("elsewhere/server_set_"), "the folder that was named");
}
