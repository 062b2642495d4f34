//! `db-restore --set`: the databases of a set take their live ones' places in one transaction, and go back in one.

use crate::harness::restore::{jobs, paused};
use crate::harness::stack::Database;
use crate::harness::{Health, Outcome, Stack, Test, Xtask, shared_for_restores, wait_until};
use rustix::process::Signal;
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_set_is_restored_and_undone_as_one,
        [Compose] a_killed_run_leaves_all_databases_old_or_all_new,
        [Compose] a_killed_set_is_named_from_databases_that_are_not_in_it,
        [Compose] no_failure_swaps_some_and_leaves_others,
        [OwnStack] services_of_any_of_the_databases_stop_once_and_start_once,
    ]
}

/// Two databases, the file of a set of both, what the set holds of each, and what is live since; in the order of the set.
pub struct Pair<'a> {
    pub members: [Database<'a>; 2],
    pub file: String,
    pub restored: Vec<Vec<u8>>,
    pub old: Vec<Vec<u8>>,
}

impl<'a> Pair<'a> {
    pub fn new() -> Pair<'static> {
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

    pub fn xtask(&self, args: &[&str]) -> Xtask {
        self.members[0].xtask(["db-restore"]).args(args).args(jobs(args))
    }

    pub fn restore(&self) -> Xtask {
        self.xtask(&["--set", &self.file, "--yes"])
    }

    /// What is live.
    pub fn live(&self) -> Vec<Vec<u8>> {
        self.members.iter().map(Database::dump).collect()
    }

    pub fn beside(&self, purpose: &str) -> Vec<String> {
        self.members.iter().flat_map(|member| member.beside(purpose)).collect()
    }

    pub fn are_open(&self) -> [bool; 2] {
        self.members.each_ref().map(Database::is_open)
    }

    /// All are old, or all are new, and open; a repair of the second repairs both.
    #[track_caller]
    fn whole_and_repaired(&self, swapped: bool, point: &str) -> String {
        let live = if swapped { &self.restored } else { &self.old };
        assert_eq!((self.are_open(), &self.live() == live), ([true, true], true), "{point}: not whole");
        let said = self.repaired(point);
        assert!(&self.live() == live, "{point}: the repair changed a live database");
        assert_eq!(self.beside("before").len(), if swapped { 2 } else { 0 }, "{point}");
        said
    }

    #[track_caller]
    fn repaired(&self, point: &str) -> String {
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
    pub fn untouched(&self, run: &Outcome) {
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
        pair.whole_and_repaired(false, point);
    }
    within_the_exchange(&pair);
    let run = paused(pair.restore(), "swapped").ended_by(Signal::KILL);
    run.holds(run.signal == Some(9), "it should be killed");
    pair.whole_and_repaired(true, "swapped");
    let marked = paused(pair.xtask(&["--undo", "--set", "--yes"]), "marked").ended_by(Signal::KILL);
    marked.holds(marked.signal == Some(9), "it should be killed");
    let said = pair.whole_and_repaired(true, "an undo");
    assert!(said.contains("an undo was killed before the databases were swapped"), "{said}");
    pair.xtask(&["--undo", "--set", "--yes"]).run().ok();
    assert!(pair.live() == pair.old);
}

/// The exchange is one script on the server. Another session holds the name of the second database: the first is renamed by then,
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
    let said = pair.repaired("an ended exchange");
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
    pair.whole_and_repaired(true, "exchange");
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
    for what in ["+ docker stop -t 10 ", "+ docker start "] {
        let count = run.stderr.lines().filter(|line| line.starts_with(what)).count();
        run.holds(count == 1, &format!("{what} should be run once"));
    }
    assert!(stack.runs("client"));
    let run = paused(pair.xtask(&["--undo", "--set", "--yes"]), "swapped").ended_by(Signal::KILL);
    run.holds(run.signal == Some(9) && !stack.runs("client"), "it should be killed while the service is stopped");
    assert!(pair.live() == pair.old);
    let said = pair.repaired("swapped");
    assert!(said.contains("stopped for a swap and not started again: client") && stack.runs("client"), "{said}");
}
