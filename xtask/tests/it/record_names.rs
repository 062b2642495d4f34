//! Entries of the record whose name, oid or owner is another one now: that database is left alone.

use crate::harness::backup::manifest;
use crate::harness::{Test, shared_for_restores, wait_until};
use crate::record::{dead, entries};
use rustix::process::Signal;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_name_that_another_role_took_is_left_alone,
        [Compose] another_oid_or_owner_is_left_alone_and_undone_by_hand,
        [Compose] names_of_another_encoding_break_no_backup,
    ]
}

/// Its own database was not made yet when the run was killed; now another one has the name.
fn a_name_that_another_role_took_is_left_alone() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let stack = database.stack;
    let role = format!("taker_{}", database.name);
    stack.admin(&format!("CREATE ROLE {role} CREATEDB"));
    for (owner, words) in
        [(role.as_str(), "another database than the recorded one has this name"), ("renamed", "is named like")]
    {
        database.restore_paused_at("named").ended_by(Signal::KILL);
        wait_until("its sessions have ended", || dead(&database));
        let name = database.in_record(&format!("SELECT name FROM xtask.databases WHERE live = '{}'", database.name));
        if owner == "renamed" {
            // The live database itself, by its owner's hand.
            stack.admin(&format!("ALTER DATABASE {} RENAME TO {name}", database.name));
        } else {
            stack.admin(&format!("CREATE DATABASE {name} TEMPLATE template0 OWNER {owner}"));
        }
        let run = database.xtask(["db-restore", "--repair"]).run();
        run.stderr_has(words).stderr_has(&name);
        if owner == "renamed" {
            let back =
                format!("if one of those above is this database: ALTER DATABASE … RENAME TO \"{}\";", database.name);
            run.code(1).stderr_has(&back).stderr_lacks("✓");
        } else {
            run.ok().stderr_has("✓ Nothing to repair");
        }
        assert_eq!(database.only_beside("staging"), name);
        if owner == "renamed" {
            stack.admin(&format!("ALTER DATABASE {name} RENAME TO {}", database.name));
        } else {
            stack.admin(&format!("DROP DATABASE {name}"));
        }
        assert_eq!((database.dump(), entries(&database).as_str()), (states.old.clone(), ""));
    }
    stack.admin(&format!("DROP ROLE {role}"));
}

/// As after a server that was dumped and restored, and as version 0.1.0 left them: listed, with the statements that
/// undo by hand, which work; never acted on.
fn another_oid_or_owner_is_left_alone_and_undone_by_hand() {
    let database = shared_for_restores().database();
    let states = database.backed_up_and_changed();
    let stack = database.stack;
    database.restore([]).run().ok();
    let kept = database.only_beside("before");
    // Another owner: nothing is done until it is the recorded one again.
    let role = format!("heir_{}", database.name);
    stack.admin(&format!("CREATE ROLE {role}"));
    stack.admin(&format!("ALTER DATABASE {kept} OWNER TO {role}"));
    let run = database.restore(["--undo"]).run();
    run.code(1).stderr_has(&format!("{kept} (owner {role})")).stderr_has("its owner is not the recorded one");
    database.restore(["--keep-old", "0", states.backup.to_str().unwrap()]).run().ok().stderr_lacks("Dropped");
    assert_eq!(database.only_beside("before"), kept);
    stack.admin(&format!("ALTER DATABASE {kept} OWNER TO postgres"));
    database.restore(["--undo", "--dry-run"]).run().ok().stderr_has(&kept);
    stack.admin(&format!("DROP ROLE {role}"));
    // Another OID: the same name, content, owner and comment, on a server that was filled from a dump.
    let copy = format!("{}_copy", database.name);
    stack.admin(&format!("CREATE DATABASE {copy} TEMPLATE {kept} STRATEGY file_copy"));
    stack.admin(&format!("DROP DATABASE {kept}"));
    stack.admin(&format!("ALTER DATABASE {copy} RENAME TO {kept}"));
    let run = database.restore(["--undo"]).run();
    run.code(1).stderr_has("another database than the recorded one has this name").stderr_lacks("✓");
    // A server on a busy machine may answer too late for once.
    wait_until("it is listed", || {
        let run = database.xtask(["db-list"]).run();
        run.stderr.contains(&format!("⚠ {kept} (owner postgres)"))
    });
    let said = database.repair();
    assert!(said.contains("✓ Nothing to repair") && entries(&database).is_empty(), "{said}");
    let by_hand: Vec<&str> = said.lines().map(str::trim).filter(|line| line.starts_with("ALTER DATABASE ")).collect();
    assert_eq!(by_hand.len(), 2, "{said}");
    stack.forget_sessions();
    by_hand.iter().for_each(|statement| drop(stack.admin(statement)));
    assert_eq!((database.dump(), database.beside("before").len()), (states.old, 0));
    let aside = stack.admin(&format!("SELECT datname FROM pg_database WHERE datname ~ '^{}_aside_'", database.name));
    assert_eq!(stack.dump_of(&aside), states.restored);
    stack.admin(&format!("DROP DATABASE {aside}"));
}

/// A table's name was kept in a comment, and every later backup failed: `invalid byte sequence for encoding "EUC_JP"`.
fn names_of_another_encoding_break_no_backup() {
    let stack = shared_for_restores();
    let database = stack.database_with("TEMPLATE template0 ENCODING 'EUC_JP' LOCALE 'C'");
    database.sql("CREATE TABLE \"表\" (a integer, \"列\" text); INSERT INTO \"表\" VALUES (1, 'テスト')");
    database.backup();
    let old = database.dump();
    database.restore([]).run().ok();
    let file = database.backup();
    assert_eq!(manifest(&file)["properties"]["encoding"], "EUC_JP");
    database.xtask(["db-list"]).run().ok();
    database.restore([]).run().ok();
    let run = database.restore(["--undo", "--dry-run"]).run();
    run.ok().stderr_has("Changes since the swap: none");
    database.restore(["--undo"]).run().ok();
    assert_eq!(database.dump(), old);
    database.backup();
    assert!(database.repair().contains("✓ Nothing to repair"));
}
