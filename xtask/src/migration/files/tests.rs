//! Folders as they are found in the wild, and the remarks on them.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder with these files, each of one statement; a name that ends in `/` is a folder.
fn folder(names: &[&str]) -> Folder {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let root = std::env::temp_dir().join(format!("xtask-files-{}-{number}", std::process::id()));
    for name in names {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::write(path, "SELECT 1;").unwrap();
        }
    }
    let found = read(&root).unwrap();
    let _ = fs::remove_dir_all(root);
    found
}

fn parsed(name: &str) -> (i64, String, Part) {
    match name::of(Path::new(name)) {
        Named::Migration { version, description, part } => (version, description, part),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn names_are_read_as_sqlx_reads_them() {
    let up = parsed("20251021140000_create_sessions.up.sql");
    assert_eq!(up, (20_251_021_140_000, "create sessions".to_owned(), Part::Up));
    assert_eq!(parsed("1_a__b.down.sql"), (1, "a  b".to_owned(), Part::Down));
    assert_eq!(parsed("007_x.y.sql"), (7, "x.y".to_owned(), Part::Only));
    assert_eq!(parsed("-3_x.sql.sql"), (-3, "x".to_owned(), Part::Only));
    assert_eq!(parsed("1_up.sql"), (1, "up".to_owned(), Part::Only));
    for (name, expected) in [
        ("README.md", Named::Other),
        ("1_notes.md", Named::Other),
        ("1_x.SQL", Named::Other),
        ("schema.sql", Named::Stray),
        ("x_y.up.sql", Named::Unreadable),
        ("V1__x.sql", Named::Unreadable),
        ("99999999999999999999_y.up.sql", Named::TooLarge),
        ("9223372036854775808_y.sql", Named::TooLarge),
        ("_y.sql", Named::Unreadable),
    ] {
        assert_eq!(name::of(Path::new(name)), expected, "{name}");
    }
}

#[test]
fn a_folder_that_sqlx_takes_is_taken_with_remarks() {
    let found =
        folder(&["1_a.sql", "1_a.down.sql", "2_b.up.sql", "2_b.down.sql", "3_c.down.sql", "schema.sql", "README"]);
    let versions: Vec<(i64, bool)> =
        found.migrations.iter().map(|migration| (migration.version, migration.down.is_some())).collect();
    assert_eq!(versions, [(1, true), (2, true)]);
    assert_eq!((found.orphans.len(), found.orphans[0].version), (1, 3));
    assert_eq!((found.remarks.len(), found.refusals.len()), (3, 0), "{:?}", found.remarks);
}

#[test]
fn what_two_files_claim_is_reported() {
    let found = folder(&["1_a.sql", "1_b.up.sql", "2_c.up.sql", "2_c.down.sql", "2_d.down.sql"]);
    assert_eq!((found.migrations[0].rivals.len(), &found.migrations[1].down), (1, &None));
    assert_eq!((found.remarks.len(), found.refusals.len()), (2, 0), "{:?}", found.remarks);
}

#[test]
fn what_sqlx_refuses_is_refused_when_it_comes_to_applying() {
    assert_eq!(folder(&["1_a.sql", "O2_b.sql"]).refusals.len(), 1);
    let diesel = folder(&["2024-01-01-000000_create/up.sql", "2024-01-01-000000_create/down.sql"]);
    assert!(diesel.migrations.is_empty() && diesel.foreign.as_ref().unwrap().contains("Diesel"), "{diesel:?}");
    let both = folder(&["1_a.sql", "old_things/up.sql"]);
    assert_eq!((both.refusals.len(), both.remarks.len()), (0, 1));
}

#[test]
fn a_folder_without_a_migration_names_what_it_holds() {
    let found = folder(&["default/1600_x/up.sql", "current.js", "README.md", ".gitkeep", "a.js", "b.js"]);
    assert_eq!(found.remarks.len(), 1, "{found:?}");
    let told = "/ holds no file named <version>_<words>.sql, but: a.js, b.js, current.js and 1 more";
    assert!(found.remarks[0].ends_with(told), "{found:?}");
    for names in [&["README.md", ".gitkeep"][..], &["1_a.sql", "x.js"], &[]] {
        assert!(folder(names).remarks.is_empty(), "{names:?}");
    }
}
