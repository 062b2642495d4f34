//! `db-restore --set`: the databases of a set take their live ones' places in one transaction, and go back in one.

use crate::harness::backup::sha256;
use crate::harness::restore::paused;
use crate::harness::stack::Database;
use crate::harness::url::UrlDatabase;
use crate::harness::{Health, Local, Outcome, Stack, Test, Xtask, shared_for_restores, wait_until};
use rustix::process::Signal;
use std::fs;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_set_is_restored_and_undone_as_one,
        [Compose] a_killed_run_leaves_all_databases_old_or_all_new,
        [Compose] a_killed_set_is_named_from_databases_that_are_not_in_it,
        [Compose] no_failure_swaps_some_and_leaves_others,
        [Compose] a_set_that_is_not_whole_or_not_of_this_server_is_refused,
        [Compose, Script] its_questions_are_answered_at_a_terminal,
        [OwnStack] services_of_any_of_the_databases_stop_once_and_start_once,
        [Postgres] a_server_comes_back_whole_on_a_new_one,
        [OwnStack] a_server_comes_back_whole_on_a_new_volume,
        [Postgres] an_owner_restores_a_set_of_its_own_databases,
    ]
}

/// Two databases, the file of a set of both, what the set holds of each, and what is live since; in the order of the set.
struct Pair<'a> {
    members: [Database<'a>; 2],
    file: String,
    restored: Vec<Vec<u8>>,
    old: Vec<Vec<u8>>,
}

impl<'a> Pair<'a> {
    fn new() -> Pair<'static> {
        Pair::of(shared_for_restores(), "")
    }

    /// With this SQL in the second one, too.
    fn of(stack: &'a Stack, sql: &str) -> Self {
        let mut members = [stack.database(), stack.database()];
        members.sort_by(|one, other| one.name.cmp(&other.name));
        for member in &members {
            member.sql("CREATE TABLE t AS SELECT i, current_database()::text FROM generate_series(1, 3) AS i");
        }
        members[1].sql(&format!("SELECT 1;\n{sql}"));
        let [one, two] = &members;
        let run = one.xtask(["db-backup", "--database", &one.name, "--database", &two.name]).run();
        let file = run.ok().text().trim_end().to_owned();
        let restored = members.iter().map(Database::dump).collect();
        for member in &members {
            member.sql("DELETE FROM t WHERE i = 2; CREATE TABLE later AS SELECT 1 AS a");
        }
        let old = members.iter().map(Database::dump).collect();
        Self { members, file, restored, old }
    }

    fn xtask(&self, args: &[&str]) -> Xtask {
        self.members[0].xtask(["db-restore"]).args(args)
    }

    fn restore(&self) -> Xtask {
        self.xtask(&["--set", &self.file, "--yes"])
    }

    /// What is live.
    fn live(&self) -> Vec<Vec<u8>> {
        self.members.iter().map(Database::dump).collect()
    }

    fn beside(&self, purpose: &str) -> Vec<String> {
        self.members.iter().flat_map(|member| member.beside(purpose)).collect()
    }

    fn are_open(&self) -> [bool; 2] {
        self.members.each_ref().map(Database::is_open)
    }

    /// All are old, or all are new, and open; a repair of the second mends what there is to mend of both.
    #[track_caller]
    fn whole_and_mended(&self, swapped: bool, point: &str) -> String {
        let live = if swapped { &self.restored } else { &self.old };
        assert_eq!((self.are_open(), &self.live() == live), ([true, true], true), "{point}: not whole");
        let said = self.mended(point);
        assert!(&self.live() == live, "{point}: the repair changed a live database");
        assert_eq!(self.beside("before").len(), if swapped { 2 } else { 0 }, "{point}");
        said
    }

    #[track_caller]
    fn mended(&self, point: &str) -> String {
        let said = self.members[1].repair();
        for member in self.members.iter().rev() {
            let again = member.repair();
            assert!(again.contains("✓ Nothing to repair"), "{point}: {again}");
        }
        assert_eq!((self.beside("staging"), self.are_open()), (Vec::new(), [true, true]), "{point}");
        said
    }

    /// As it was before anything was tried.
    #[track_caller]
    fn untouched(&self, run: &Outcome) {
        run.stderr_lacks("✓ Set restored");
        assert!(self.live() == self.old && self.are_open() == [true, true], "{}", run.stderr);
        assert_eq!((self.beside("staging"), self.beside("before")), (Vec::new(), Vec::new()), "{}", run.stderr);
    }
}

fn a_set_is_restored_and_undone_as_one() {
    let pair = Pair::new();
    let [one, two] = &pair.members;
    let mut names = [one.name.as_str(), &two.name];
    names.sort_unstable();
    let run = pair.restore().run();
    let both = names.join(", ");
    let place = format!("compose service postgres (target compose, databases {both}, user postgres)");
    run.ok().holds(
        run.stderr.starts_with(&format!("Restoring a set of databases into {place}\n")),
        "the first line names target, host and all databases",
    );
    run.stderr_has("✓ Set restored\n").stderr_has("Undo:      cargo xtask db-restore --undo --set\n");
    run.stderr_has(&format!("Databases: {both} (unreachable for "));
    assert_eq!(pair.live(), pair.restored);
    assert_eq!((pair.beside("before").len(), pair.beside("staging").len()), (2, 0));
    assert_eq!(one.safety_backups().len(), 2);

    let alone = one.xtask(["db-restore", "--undo", "--yes"]).run();
    alone.code(1).stderr_has(&format!("{} was restored together with others: {both}", one.name));
    alone.stderr_has("cargo xtask db-restore --undo --set\n").stderr_has(&format!(
        "or restore this one alone, from its safety backup: cargo xtask db-restore backups/{}_pre_restore_",
        one.name
    ));
    let shown = pair.xtask(&["--undo", "--set", "--dry-run"]).run();
    shown.ok().prints_nothing().stderr_has(&format!("Undoing the last restore of a set of {place}\n"));
    let undone = pair.xtask(&["--undo", "--set", "--yes"]).run();
    undone.ok().stderr_has("✓ Restore of the set undone\n");
    assert_eq!(pair.live(), pair.old);
    let again = pair.xtask(&["--undo", "--set", "--yes", "--json"]).run();
    assert_eq!(again.ok().json()["databases"].as_array().unwrap().len(), 2);
    assert_eq!(pair.live(), pair.restored);
    assert_eq!(pair.beside("before").len(), 2);
}

fn a_killed_run_leaves_all_databases_old_or_all_new() {
    let pair = Pair::new();
    let [one, two] = &pair.members;
    let staged = [one, two].map(|member| format!("staged {}", member.name));
    for (point, signal) in [
        ("named", Signal::KILL),
        ("unmarked", Signal::KILL),
        (&staged[0], Signal::KILL),
        (&staged[0], Signal::TERM),
        (&staged[1], Signal::KILL),
        ("marked", Signal::KILL),
        ("stopped", Signal::INT),
    ] {
        let run = paused(pair.restore(), point).ended_by(signal);
        if signal != Signal::KILL {
            run.code(128 + signal.as_raw()).stderr_has("nothing was changed");
            assert!(pair.beside("staging").is_empty(), "{point}: the run itself drops its staging databases");
        }
        pair.whole_and_mended(false, point);
    }
    within_the_exchange(&pair);
    let run = paused(pair.restore(), "swapped").ended_by(Signal::KILL);
    run.holds(run.signal == Some(9), "it should be killed");
    pair.whole_and_mended(true, "swapped");
    let marked = paused(pair.xtask(&["--undo", "--set", "--yes"]), "marked").ended_by(Signal::KILL);
    marked.holds(marked.signal == Some(9), "it should be killed");
    let said = pair.whole_and_mended(true, "an undo");
    assert!(said.contains("an undo was killed before the databases were swapped"), "{said}");
    pair.xtask(&["--undo", "--set", "--yes"]).run().ok();
    assert!(pair.live() == pair.old);
}

/// The exchange is one script on the server. Somebody holds the name of the second database: the first is renamed by then,
/// in the same transaction.
fn within_the_exchange(pair: &Pair<'_>) {
    let [_, two] = &pair.members;
    let halted = || {
        let running = paused(pair.restore(), "stopped");
        let mut holder = two.stack.session("postgres");
        holder.sql(&format!("BEGIN; COMMENT ON DATABASE {} IS 'held'", two.name));
        running.signal(Signal::CONT);
        wait_until("both databases are locked out", || pair.are_open() == [false, false]);
        (running, holder)
    };
    // It is held for longer than the exchange waits.
    let (running, mut holder) = halted();
    let run = running.wait();
    run.code(1).stderr_has("could not be swapped; all of them are unchanged").stderr_has("pg_terminate_backend");
    holder.sql("ROLLBACK");
    pair.untouched(&run);
    // The run is killed, and its session on the server is ended.
    let (running, mut holder) = halted();
    running.signal(Signal::KILL);
    running.wait();
    let swapping = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'xtask-%-swap'";
    two.stack.admin(swapping);
    holder.sql("ROLLBACK");
    assert_eq!((pair.are_open(), pair.beside("before").len()), ([false, false], 0));
    let said = pair.mended("an ended exchange");
    for member in &pair.members {
        assert!(said.contains(&format!("✓ Repaired: {} accepts no connections", member.name)), "{said}");
    }
    assert!(pair.live() == pair.old);
    // The run alone is killed: the server goes on to the end.
    let (running, mut holder) = halted();
    running.signal(Signal::KILL);
    running.wait();
    holder.sql("ROLLBACK");
    wait_until("the exchange has ended", || pair.are_open() == [true, true] && pair.beside("before").len() == 2);
    pair.whole_and_mended(true, "exchange");
    pair.xtask(&["--undo", "--set", "--yes"]).run().ok();
    for name in pair.beside("before") {
        two.stack.admin(&format!("DROP DATABASE {name}"));
    }
}

/// A run for another database repairs none of it, and says what does.
fn a_killed_set_is_named_from_databases_that_are_not_in_it() {
    let pair = Pair::new();
    let [one, two] = &pair.members;
    let other = one.stack.database();
    fs::remove_dir_all(other.sandbox.path("backups")).ok();
    std::os::unix::fs::symlink(one.sandbox.path("backups"), other.sandbox.path("backups")).unwrap();
    other.sql("CREATE TABLE t AS SELECT 1 AS a");
    let repair = format!("repair it with: cargo xtask db-restore --repair --database {}", one.name);
    let named = format!("⚠ a restore of the set of {}, {}, or its undo, was killed; {repair}\n", one.name, two.name);
    paused(other.xtask(["db-restore", "--set", &pair.file, "--yes"]), "marked").ended_by(Signal::KILL);
    for words in
        [&["db-list"][..], &["db-backup", "--quiet"], &["db-restore", "--dry-run"], &["db-restore", "--repair"]]
    {
        wait_until("the set is named", || other.xtask(words.iter().copied()).run().ok().stderr.contains(&named));
        assert_eq!(pair.beside("staging").len(), 2, "it is only looked at");
    }
    assert!(other.repair().contains("✓ Nothing to repair"));
    let health = Health::of(other.xtask([]), &["--only", "leftovers"]);
    let (detail, hint) =
        (format!("the set of {}, {}", one.name, two.name), repair.trim_start_matches("repair it with: "));
    health.says("leftovers", "warn", &detail, hint);
    // The preview of the set says each thing once.
    let run = other.xtask(["db-restore", "--set", &pair.file, "--dry-run"]).run();
    for staging in pair.beside("staging") {
        assert_eq!(run.ok().stderr.matches(&format!("⚠ {staging} was left behind")).count(), 1, "{}", run.stderr);
    }
    let run = other.xtask(["db-restore", "--repair", "--database", &one.name]).run();
    run.ok().stderr_has("✓ Repaired: ").stderr_lacks(&named);
    assert!(pair.beside("staging").is_empty() && pair.live() == pair.old);
    // The way back names the set by one of its databases, and so does a failure after the swap.
    let run = other.xtask(["db-restore", "--set", &pair.file, "--yes"]).run();
    let undo = format!("cargo xtask db-restore --undo --set --database {}", one.name);
    run.ok().stderr_has(&format!("Undo:      {undo}\n"));
    let run = other.xtask(["db-restore", "--undo", "--set", "--yes"]).run();
    run.code(1).stderr_has(&undo);
    other.xtask(["db-restore", "--undo", "--set", "--yes", "--database", &one.name]).run().ok();
    assert!(pair.live() == pair.old);
}

fn no_failure_swaps_some_and_leaves_others() {
    // A materialized view whose function names a table without its schema cannot be loaded.
    let sql = "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t'; \
               CREATE MATERIALIZED VIEW m AS SELECT f()";
    let pair = Pair::of(shared_for_restores(), sql);
    let run = pair.restore().run();
    run.code(1).stderr_has("--search-path");
    pair.untouched(&run);
    let [one, two] = &pair.members;
    let backup = two.backup();
    let held = two.hold("t");
    let run = pair.restore().args(["--lock-timeout", "1"]).run();
    run.code(5);
    drop(held);
    pair.untouched(&run);
    // Another run changes one of them.
    let running = paused(two.restore([]), "locked");
    let run = pair.restore().run();
    run.code(5).stderr_has(&format!("The database {} is being changed by session", two.name));
    running.ended_by(Signal::TERM);
    pair.untouched(&run);
    let run = pair.restore().args(["--search-path", "public"]).run();
    run.ok().stderr_has("✓ Set restored");
    assert!(pair.live() == pair.restored);
    // One of them is restored again: they are no set any more, and each goes back alone.
    two.restore([backup.to_str().unwrap(), "--search-path", "public"]).run().ok();
    let run = pair.xtask(&["--undo", "--set", "--yes"]).run();
    run.code(1).stderr_has("cannot be undone as one").stderr_has(&format!("{} was changed since", two.name));
    one.xtask(["db-restore", "--undo", "--yes"]).run().ok();
    assert!(one.dump() == pair.old[0]);
}

/// A set of these words, with a checksum that fits.
fn sealed(words: &str) -> String {
    let (body, _) = words.split_once(",\"checksum\":").unwrap();
    format!("{body},\"checksum\":\"{}\"}}\n", sha256(body.as_bytes()))
}

/// Options, the exit code, and a part of what is said.
const REFUSED: &[(&[&str], i32, &str)] = &[
    (&["x.sql", "--set"], 2, "cannot be used with"),
    (&["--set", "--repair"], 2, "cannot be used with"),
    (&["--set", "--globals", "x"], 2, "cannot be used with"),
    (&["--set", "--database", "x"], 2, "--set and --database do not go together"),
    (&["--undo", "--set", "x.json"], 2, "--undo --set takes no FILE"),
    (&["--undo", "--set", "--yes"], 1, "There is no restored set with "),
    (&["--set"], 1, "--yes"),
    (&["--set", "nosuch.json"], 1, "→ list the sets there are: cargo xtask db-list"),
];

fn a_set_that_is_not_whole_or_not_of_this_server_is_refused() {
    let pair = Pair::new();
    let [one, two] = &pair.members;
    let untouched = |run: &Outcome| {
        pair.untouched(run);
        assert!(one.safety_backups().is_empty(), "{}", run.stderr);
    };
    for (args, code, words) in REFUSED {
        untouched(pair.xtask(args).run().code(*code).stderr_has(words).prints_nothing());
    }
    untouched(pair.xtask(&[&pair.file, "--yes"]).run().code(3).stderr_has("db-restore --set backups/server_set_"));
    let dry = pair.xtask(&["--set", "latest", "--dry-run"]).run();
    untouched(dry.ok());
    for member in &pair.members {
        dry.stderr_has(&format!("Database {}, from backups/{}_backup_", member.name, member.name));
    }
    let json = pair.xtask(&["--set", "--dry-run", "--json"]).run().ok().json();
    let databases = json["databases"].as_array().unwrap();
    assert_eq!((databases.len(), &databases[1]["database"]), (2, &two.name.as_str().into()));

    let set = one.sandbox.path(&pair.file);
    let words = fs::read_to_string(&set).unwrap();
    let file = one.sandbox.backups().into_iter().find(|name| name.starts_with(&two.name)).unwrap();
    let file = one.sandbox.path("backups").join(file);
    let bytes = fs::read(&file).unwrap();
    let refused = |why: &str| untouched(pair.restore().run().code(3).stderr_has(why));
    fs::write(&file, [&bytes[..bytes.len() - 1], b" "].concat()).unwrap();
    refused(file.file_name().unwrap().to_str().unwrap());
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    refused(&format!("it has {} bytes and should have {}", bytes.len() - 1, bytes.len()));
    fs::remove_file(&file).unwrap();
    refused("it is missing");
    fs::write(&file, &bytes).unwrap();
    fs::write(&set, &words[..words.len() - 2]).unwrap();
    refused("is not a set that is whole");
    pair.xtask(&["--set", "latest", "--yes"]).run().code(3).stderr_has("is the newest set, but");
    fs::write(&set, sealed(&words.replace(&two.name, "template1"))).unwrap();
    refused("The set holds template1");
    fs::write(&set, sealed(&words.replace(&two.name, "xtask_record_postgres"))).unwrap();
    refused("is not the file that");

    another_servers_set_is_named_and_asked_for(&pair, &set, &words);
}

fn another_servers_set_is_named_and_asked_for(pair: &Pair<'_>, set: &Path, words: &str) {
    let [one, _] = &pair.members;
    let untouched = |run: &Outcome| pair.untouched(run);
    let identifier = one.stack.admin("SELECT system_identifier FROM pg_control_system()");
    fs::write(set, sealed(&words.replace(&identifier, "7300000000000000001"))).unwrap();
    let run = pair.xtask(&["--set", "latest", "--yes"]).run();
    untouched(run.code(1).stderr_has("holds no set of this server").stderr_has("db-restore --set backups/server_set_"));
    let run = pair.xtask(&["--set", &pair.file]).run();
    untouched(run.code(1).stderr_has("is a set of another server"));
    pair.restore().run().ok().stderr_has("is a set of another server").stderr_has("✓ Set restored");
    assert!(pair.live() == pair.restored);
}

fn its_questions_are_answered_at_a_terminal() {
    let pair = Pair::new();
    let [one, two] = &pair.members;
    let asks = |args: &[&str], keys: &str, code: i32, words: &str| {
        let mut terminal = pair.xtask(args).terminal();
        terminal.shows("Continue? (y/n) ").types(keys);
        let run = terminal.wait();
        run.code(code).stdout_has(words);
        run.text()
    };
    let restore = ["--set", &pair.file];
    let untouched = || {
        assert!(pair.live() == pair.old && pair.are_open() == [true, true]);
        assert!(
            pair.beside("staging").is_empty() && pair.beside("before").is_empty() && one.safety_backups().is_empty()
        );
    };
    for (keys, code, words) in [
        ("n\n", 1, "nothing was changed"),
        ("\n", 1, "nothing was changed"),
        ("\x04", 1, "nothing was changed"),
        ("\x03", 130, "nothing was changed"),
    ] {
        let screen = asks(&restore, keys, code, words);
        assert!(screen.contains("This will replace 2 databases, all together"), "{screen}");
        untouched();
    }
    let screen = asks(&restore, "y\n", 0, "Set restored");
    assert!(screen.matches("(y/n)").count() == 1 && pair.live() == pair.restored, "there is one question: {screen}");
    for (keys, code) in [("n\n", 1), ("\x03", 130)] {
        asks(&["--undo", "--set"], keys, code, "nothing was changed");
        assert!(pair.live() == pair.restored);
    }
    let screen = asks(&["--undo", "--set"], "y\n", 0, "Restore of the set undone");
    assert!(pair.live() == pair.old && screen.contains(&format!("{} will be as it was before", two.name)), "{screen}");
    // A set of another server is asked about first.
    let set = one.sandbox.path(&pair.file);
    let identifier = one.stack.admin("SELECT system_identifier FROM pg_control_system()");
    let words = fs::read_to_string(&set).unwrap();
    fs::write(&set, sealed(&words.replace(&identifier, "7300000000000000001"))).unwrap();
    for (keys, code) in [("n\n", 1), ("\x03", 130)] {
        let mut terminal = pair.xtask(&restore).terminal();
        terminal.shows("Restore the set of another server into this one? (y/n) ").types(keys);
        let run = terminal.wait();
        run.code(code).stdout_has("nothing was changed").stdout_lacks("Continue?");
        assert!(pair.live() == pair.old);
    }
}

fn services_of_any_of_the_databases_stop_once_and_start_once() {
    let stack = Stack::postgres_only();
    stack.with_a_client();
    stack.up();
    let pair = Pair::of(&stack, "");
    let services = fs::read(stack.sandbox.path("docker-compose.override.yml")).unwrap();
    for member in &pair.members {
        member.sandbox.write("docker-compose.override.yml", &services);
    }
    let run = pair.restore().args(["--verbose"]).run();
    run.ok().stderr_has("Services that will be stopped: client\n").stderr_has("Services:  stopped for ");
    for what in [" stop --timeout 10 -- client", " start -- client"] {
        let count = run.stderr.lines().filter(|line| line.ends_with(what)).count();
        run.holds(count == 1, &format!("{what} should be run once"));
    }
    assert!(stack.runs("client"));
    let run = paused(pair.xtask(&["--undo", "--set", "--yes"]), "swapped").ended_by(Signal::KILL);
    run.holds(run.signal == Some(9) && !stack.runs("client"), "it should be killed while the service is stopped");
    assert!(pair.live() == pair.old);
    let said = pair.mended("swapped");
    assert!(said.contains("stopped for a swap and not started again: client") && stack.runs("client"), "{said}");
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
