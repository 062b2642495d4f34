//! `db-restore --set`: the databases of a set take their live ones' places in one transaction, and go back in one.

use crate::harness::restore::paused;
use crate::harness::stack::Database;
use crate::harness::{Test, Xtask, shared_for_restores, wait_until};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_set_is_restored_and_undone_as_one,
    ]
}

/// Two databases, the file of a set of both, what the set holds of each, and what is live since.
struct Pair<'a> {
    members: [Database<'a>; 2],
    file: String,
    restored: Vec<Vec<u8>>,
    old: Vec<Vec<u8>>,
}

impl Pair<'_> {
    fn new() -> Self {
        let stack = shared_for_restores();
        let members = [stack.database(), stack.database()];
        for member in &members {
            member.sql("CREATE TABLE t AS SELECT i, current_database()::text FROM generate_series(1, 3) AS i");
        }
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
