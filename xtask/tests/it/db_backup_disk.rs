//! `db-backup` and the folder it writes to: full disks, read-only ones, and what stands in its way there.

use crate::harness::backup::on_disk;
use crate::harness::{Sandbox, Test, Xtask, shared, wait_until};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Mount] a_full_disk_is_named_and_no_file_is_left,
        [Stack, Mount] a_disk_that_fills_while_writing_leaves_no_file,
        [Stack, Mount] a_read_only_disk_is_named_with_what_to_do,
        [Stack, Mount] a_partial_backup_says_nothing_about_the_size_to_expect,
        [Stack] a_file_named_backups_is_named_and_kept,
        [Stack] a_dangling_link_named_backups_is_named_and_not_followed,
        [Stack] a_link_to_a_folder_named_backups_is_followed,
        [Stack, Root] a_folder_of_another_user_is_named_and_left_empty,
        [Stack, Root] a_folder_that_cannot_be_synced_ends_with_exit_6,
        [Stack] a_link_named_like_an_unfinished_backup_is_not_followed,
        [Stack] paths_with_spaces_and_strange_letters_work,
    ]
}

fn a_full_disk_is_named_and_no_file_is_left() {
    let database = shared().database();
    database.sql("CREATE TABLE a (i int)");
    let disk = database.sandbox.path("backups");
    for (size, before) in [("9m", "head -c 3000000 /dev/zero >\"$DISK/other\""), ("64k", "")] {
        let (run, left) = on_disk(database.xtask(["db-backup"]), &disk, &format!("size={size}"), before);
        run.code(1)
            .prints_nothing()
            .stderr_has("has no room for the backup")
            .stderr_has(" are free; it needs about ")
            .stderr_lacks(" bytes are free");
        run.stderr_has("--output DIR").stderr_lacks("✓");
        assert!(left.iter().all(|name| name == "other"), "{left:?}");
    }
    // Names for nothing more: no file can be made at all.
    let (run, left) = on_disk(database.xtask(["db-backup"]), &disk, "size=200m,nr_inodes=1", "");
    run.code(1).prints_nothing().stderr_has("no room for the backup").stderr_lacks("✓");
    assert_eq!(left, [""; 0]);
}

fn a_disk_that_fills_while_writing_leaves_no_file() {
    let database = shared().database();
    // An older, small backup makes the program expect another small one.
    let old = database.backup();
    database.fill("grown", 40);
    let disk = database.sandbox.path("backups");
    let bring = format!("cp '{}' \"$DISK/\"", database.sandbox.beside("old").join(old.file_name().unwrap()).display());
    fs::create_dir(database.sandbox.beside("old")).unwrap();
    fs::rename(&old, database.sandbox.beside("old").join(old.file_name().unwrap())).unwrap();
    let old = old.file_name().unwrap().to_str().unwrap();
    for size in ["12m", "18m"] {
        let (run, left) = on_disk(database.xtask(["db-backup"]), &disk, &format!("size={size}"), &bring);
        run.code(1).prints_nothing().stderr_has("has no room for the backup").stderr_lacks("✓");
        // pg_dump writes the file itself, and may be ahead of what this program has read of it.
        let is_named = run.stderr.contains("it is full") || run.stderr.contains(" are left");
        run.holds(is_named, "the free space should be named");
        assert_eq!(left, [old], "{size}");
        wait_until("its sessions are gone", || database.our_sessions() == 0);
    }
    let (run, left) = on_disk(database.xtask(["db-backup"]), &disk, "size=60m", &bring);
    run.ok();
    assert_eq!(left.len(), 2);
}

fn a_read_only_disk_is_named_with_what_to_do() {
    let database = shared().database();
    let disk = database.sandbox.path("backups");
    let before = "cp /dev/null \"$DISK/stopped.xtask-000000000000.partial\"; mount -o remount,ro \"$DISK\"";
    let (run, left) = on_disk(database.xtask(["db-backup"]), &disk, "size=200m", before);
    run.code(1).prints_nothing().stderr_has("cannot be written to").stderr_has("Read-only").stderr_lacks("✓");
    run.stderr_has("--output DIR").stderr_lacks("Removed");
    assert_eq!(left, ["stopped.xtask-000000000000.partial"]);
    let (run, _) = on_disk(database.xtask(["db-backup", "--output", "backups/new/"]), &disk, "ro", "");
    run.code(1).prints_nothing().stderr_has("backups/new").stderr_has("Read-only");
}

fn a_partial_backup_says_nothing_about_the_size_to_expect() {
    let database = shared().database();
    database.fill("large", 9);
    database.sql("CREATE TABLE small (i int)");
    let large = database.xtask(["--quiet", "db-backup", "--table", "large"]).run();
    let large = database.sandbox.path(large.ok().text().trim_end());
    let kept = database.sandbox.beside("kept").join(large.file_name().unwrap());
    fs::create_dir(kept.parent().unwrap()).unwrap();
    fs::rename(large, &kept).unwrap();
    database.sql("DROP TABLE large");
    // Room for what the server holds, not for another dump of the large table.
    let bring = format!("cp '{}' \"$DISK/\"", kept.display());
    let (run, left) = on_disk(database.xtask(["db-backup"]), &database.sandbox.path("backups"), "size=22m", &bring);
    run.ok();
    assert_eq!(left.len(), 2);
}

fn a_file_named_backups_is_named_and_kept() {
    let database = shared().database();
    fs::remove_dir_all(database.sandbox.path("backups")).unwrap();
    let file = database.sandbox.write("backups", "a file");
    let run = database.xtask(["db-backup"]).run();
    run.code(1).prints_nothing().stderr_has("is not a folder that backups can be written to").stderr_has("--output");
    run.stderr_has("it is a file");
    assert_eq!(fs::read_to_string(file).unwrap(), "a file");
}

fn a_dangling_link_named_backups_is_named_and_not_followed() {
    let database = shared().database();
    let backups = database.sandbox.path("backups");
    fs::remove_dir_all(&backups).unwrap();
    symlink("nowhere/at all", &backups).unwrap();
    let run = database.xtask(["db-backup"]).run();
    run.code(1).prints_nothing().stderr_has("is not a folder that backups can be written to").stderr_has("→ ");
    run.stderr_has("it is a link to nowhere/at all");
    assert!(backups.is_symlink() && !database.sandbox.path("nowhere").exists());
}

fn a_link_to_a_folder_named_backups_is_followed() {
    let database = shared().database();
    let backups = database.sandbox.path("backups");
    fs::remove_dir_all(&backups).unwrap();
    let other = database.sandbox.beside("other disk");
    fs::create_dir(&other).unwrap();
    symlink(&other, &backups).unwrap();
    let run = database.xtask(["db-backup"]).run();
    run.ok().holds(run.text().starts_with("backups/"), "the path that people know");
    assert_eq!(database.sandbox.backups().len(), 1);
    assert!(other.join(&database.sandbox.backups()[0]).is_file());
}

fn a_folder_of_another_user_is_named_and_left_empty() {
    let database = shared().database();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--groups=0"];
    // Nobody must reach the binary, wherever the checkout lies.
    let binary = database.sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    let socket = fs::metadata("/var/run/docker.sock").is_ok();
    let run =
        database.xtask(["db-backup"]).program(&binary).through(nobody.iter().filter(|word| **word != "--clear-groups"));
    let run = run.run();
    run.prints_nothing().stderr_lacks("✓").stderr_lacks("panicked");
    run.holds(matches!(run.code, Some(1 | 4)), "exit code 1, or 4 where that user may not use Docker");
    if run.code == Some(1) && socket {
        run.stderr_has("Permission denied").stderr_has("--output DIR");
    }
    assert_eq!(database.sandbox.backups(), [""; 0]);
}

fn a_link_named_like_an_unfinished_backup_is_not_followed() {
    let database = shared().database();
    let victim = database.sandbox.write("victim", "precious");
    let planted =
        database.sandbox.path("backups").join("openfga_backup_20200101_000000.sql.xtask-000000000000.partial");
    symlink(&victim, &planted).unwrap();
    let stranger = database.sandbox.write("backups/notes.partial", "a person's");
    let folder = database.sandbox.path("backups/folder.xtask-000000000001.partial");
    fs::create_dir(&folder).unwrap();
    database.xtask(["db-backup"]).run().ok().stderr_lacks("Removed");
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
    assert_eq!(fs::read_to_string(stranger).unwrap(), "a person's");
    assert!(planted.is_symlink() && folder.is_dir());
}

fn paths_with_spaces_and_strange_letters_work() {
    let database = shared().database();
    let sandbox = Sandbox::named("a checkout of Zoë's $HOME 'x'");
    sandbox.set("COMPOSE_PROJECT_NAME", &database.stack.sandbox.project);
    let run = |args: &[&str]| Xtask::new(&sandbox).env("POSTGRES_DB", &database.name).args(args).run();
    let backup = run(&["db-backup"]);
    assert!(sandbox.path(backup.ok().text().trim_end()).is_file());
    run(&["db-backup", "--output", "déjà vu/"]).ok().holds(sandbox.path("déjà vu").is_dir(), "the folder");
    run(&["db-list", "--check"]).ok().stdout_has("whole");
    // Also where the project's name is Compose's to find out.
    let found = Xtask::new(&sandbox).env("POSTGRES_DB", &database.name).args(["db-backup"]);
    found.env("COMPOSE_FILE", sandbox.path("docker-compose.yml")).run().ok();
}

fn a_folder_that_cannot_be_synced_ends_with_exit_6() {
    let database = shared().database();
    let folder = database.sandbox.beside("sealed");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).unwrap();
    // Files can be made in it, but it cannot be opened.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o300)).unwrap();
    let binary = database.sandbox.beside("xtask");
    fs::copy(env!("CARGO_BIN_EXE_xtask"), &binary).unwrap();
    let socket = fs::metadata("/var/run/docker.sock").unwrap();
    let group = format!("--groups={}", std::os::unix::fs::MetadataExt::gid(&socket));
    let run = database.xtask(["db-backup", "--output", folder.to_str().unwrap()]).program(&binary);
    let run = run.through(["setpriv", "--reuid=65534", "--regid=65534", &group]).run();
    run.code(6).prints_nothing().stderr_has("is written, but its folder could not be made durable");
    run.stderr_has("Permission denied").stderr_has("→");
    let name = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    run.stderr_has(name.to_str().unwrap());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no unfinished file beside it");
}
