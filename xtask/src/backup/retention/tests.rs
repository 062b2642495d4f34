use super::policy::time_span;
use super::*;
use crate::backup::manifest::tests::sample;
use crate::backup::proof::Examined;
use chrono::{Local, TimeZone as _};
use std::path::Path;

fn now() -> DateTime<FixedOffset> {
    Local.with_ymd_and_hms(2025, 10, 21, 12, 0, 0).unwrap().fixed_offset()
}

fn backup(hours_ago: i64, purpose: Purpose) -> Backup {
    Backup {
        path: format!("{hours_ago}.sql").into(),
        database: Some("openfga".try_into().unwrap()),
        purpose: Some(purpose),
        time: Some(now() - TimeDelta::hours(hours_ago)),
        copy: 1,
        examined: Examined {
            verdict: Verdict::Complete,
            reason: None,
            kind: None,
            bytes: 1,
            manifest: Some(sample()),
            globals: None,
            contents: None,
            digest: None,
        },
    }
}

/// Decides on backups of no set.
fn alone(
    backups: &[Backup],
    policy: &Policy,
    now: DateTime<FixedOffset>,
    is_whole: &dyn Fn(&Backup) -> Result<bool>,
) -> Result<Vec<Decision>> {
    let digest = |backup: &Backup| Ok(is_whole(backup)?.then_some([0; 32]));
    Ok(decide(backups, &[], policy, now, &digest)?.backups)
}

fn kept(hours: &[i64], policy: &Policy) -> Vec<i64> {
    let backups: Vec<Backup> = hours.iter().map(|hours| backup(*hours, Purpose::Backup)).collect();
    let decisions = alone(&backups, policy, now(), &|_| Ok(true)).unwrap();
    hours.iter().zip(decisions).filter(|(_, decision)| decision.keep).map(|(hours, _)| *hours).collect()
}

#[test]
fn each_rule_keeps_the_newest_of_its_periods() {
    let hours = [1, 2, 13, 25, 37, 24 * 8, 24 * 9, 24 * 40];
    let last = Policy { keep_last: Some(2), ..Policy::default() };
    assert_eq!(kept(&hours, &last), [1, 2]);
    let daily = Policy { keep_daily: Some(3), ..Policy::default() };
    assert_eq!(kept(&hours, &daily), [1, 13, 37]);
    let monthly = Policy { keep_monthly: Some(9), ..Policy::default() };
    assert_eq!(kept(&hours, &monthly), [1, 24 * 40]);
    let within = Policy { keep_within: Some(TimeDelta::hours(13)), ..Policy::default() };
    assert_eq!(kept(&hours, &within), [1, 2, 13]);
    assert_eq!(kept(&hours, &Policy { keep_within: Some(TimeDelta::zero()), ..Policy::default() }), [1]);
}

#[test]
fn the_newest_whole_backup_stays_and_damaged_ones_do_not_count() {
    let backups = [1, 2, 3].map(|hours| backup(hours, Purpose::Backup));
    let policy = Policy { keep_last: Some(1), ..Policy::default() };
    let decisions = alone(&backups, &policy, now(), &|backup| Ok(!backup.path.starts_with("1.sql"))).unwrap();
    assert_eq!(decisions.iter().map(|decision| decision.keep).collect::<Vec<_>>(), [true, true, false]);
    assert!(decisions[0].reason.contains("damaged") && decisions[1].reason.contains("newest whole"));
}

#[test]
fn safety_backups_stay_a_week_and_others_files_for_ever() {
    let mut backups = vec![
        backup(1, Purpose::Backup),
        backup(24 * 6, Purpose::PreRestore),
        backup(24 * 8, Purpose::PreRestore),
        backup(24 * 900, Purpose::Tables),
        backup(24 * 900, Purpose::Backup),
    ];
    backups[4].examined.verdict = Verdict::MadeElsewhere;
    let policy = Policy { keep_last: Some(1), ..Policy::default() };
    let decisions = alone(&backups, &policy, now(), &|_| Ok(true)).unwrap();
    assert_eq!(decisions.iter().map(|decision| decision.keep).collect::<Vec<_>>(), [true, true, false, true, true]);
}

/// `db-backup --keep-daily 14` takes only the newest of a day: the one before a migration is older than it by minutes.
#[test]
fn a_backup_before_a_migration_stays_a_week_and_then_goes_by_the_rules() {
    let daily = Policy { keep_daily: Some(2), ..Policy::default() };
    let backups = [
        backup(1, Purpose::Backup),
        backup(2, Purpose::PreMigration),
        backup(24 * 6, Purpose::PreMigration),
        backup(24 * 8, Purpose::PreMigration),
        backup(24 * 8 + 1, Purpose::Backup),
        backup(24 * 9, Purpose::PreMigration),
    ];
    let decisions = alone(&backups, &daily, now(), &|_| Ok(true)).unwrap();
    let kept: Vec<bool> = decisions.iter().map(|decision| decision.keep).collect();
    assert_eq!(kept, [true, true, true, true, false, false]);
    assert_eq!(decisions[1].reason, "made before a migration, younger than 7 days");
    assert_eq!(decisions[3].reason, "--keep-daily");
}

#[test]
fn time_spans_are_read_and_nonsense_is_not() {
    assert_eq!(time_span("7d"), Ok(TimeDelta::days(7)));
    assert_eq!(time_span("24 h"), Ok(TimeDelta::days(1)));
    for text in ["", "7", "d", "-1d", "7y", "ü"] {
        assert!(time_span(text).is_err(), "{text}");
    }
    assert!(Policy::default().keeps_nothing() && !Policy::default().is_given());
}

/// A set of so many hours ago of one server, with its files.
fn set(folder: &Path, hours: i64, databases: &[&str], server: &str) -> Listed {
    let time = now() - TimeDelta::hours(hours);
    let member = |database: &&str| {
        serde_json::json!({ "database": database, "file": file(database, hours), "bytes": 1, "sha256": "0".repeat(64),
            "started_at": time.to_rfc3339(), "seconds": 0.5 })
    };
    let set = serde_json::json!({
        "format": 1, "tool": "xtask", "server": { "system_identifier": server, "version": "15" }, "all": true,
        "started_at": time.to_rfc3339(), "finished_at": time.to_rfc3339(),
        "databases": databases.iter().map(member).collect::<Vec<_>>(), "not_taken": [],
    });
    let path = folder.join(format!("server_set_{server}_{hours}.json"));
    let set = Ok(crate::backup::set::SetFile { path: path.clone(), set: serde_json::from_value(set).unwrap() });
    Listed { path, time: time.into(), copy: 1, set }
}

/// The name of the file of a database in such a set.
fn file(database: &str, hours: i64) -> String {
    let time = now() - TimeDelta::hours(hours);
    crate::backup::name::file_name(database, Purpose::Backup, &time.into(), 1, ".sql")
}

/// Sets of 1 to 4 hours ago, each with its files; those of the oldest are gone.
fn four_sets(folder: &Path) -> (Vec<Backup>, Vec<Listed>) {
    std::fs::create_dir_all(folder).unwrap();
    let sets: [(i64, &[&str]); 4] = [(1, &["app", "b"]), (2, &["app", "b"]), (3, &["app", "old"]), (4, &["app"])];
    let mut backups = Vec::new();
    for (hours, database) in sets[..3].iter().flat_map(|(hours, names)| names.iter().map(move |name| (*hours, *name))) {
        let path = folder.join(file(database, hours));
        std::fs::write(&path, "-").unwrap();
        let database = crate::postgres::text::Name::try_from(database).unwrap();
        backups.push(Backup { path, database: Some(database), ..backup(hours, Purpose::Backup) });
    }
    (backups, sets.map(|(hours, databases)| set(folder, hours, databases, "7")).into())
}

/// A set is decided on as one, its files with it: those of a kept one stay, whatever else they are.
#[test]
fn a_set_stays_or_goes_with_all_its_files() {
    let folder = std::env::temp_dir().join(format!("xtask-sets-{}", std::process::id()));
    let (backups, mut listed) = four_sets(&folder);
    let policy = Policy { keep_last: Some(1), ..Policy::default() };
    let decided = |listed: &[Listed], digest: &dyn Fn(&Backup) -> Option<Sha256>| {
        decide(&backups, listed, &policy, now(), &|backup| Ok(digest(backup))).unwrap()
    };
    let decisions = decided(&listed, &|_| Some([0; 32]));
    let keeps = |decisions: &[Decision]| decisions.iter().map(|decision| decision.keep).collect::<Vec<_>>();
    assert_eq!(keeps(&decisions.sets), [true, false, false, true], "{:?}", decisions.sets);
    // Of `old` there is no newer backup.
    assert_eq!(keeps(&decisions.backups), [true, true, false, false, false, true], "{:?}", decisions.backups);
    // With a damaged file the newest set counts for nothing, and the next one stays.
    let decisions = decided(&listed, &|backup| (backup.path != backups[1].path).then_some([0; 32]));
    assert_eq!(keeps(&decisions.sets), [true, true, false, true]);
    assert_eq!(keeps(&decisions.backups), [true, true, true, true, false, true]);
    // A set that names other files by the same names, or says that it is older than they are, removes none of them.
    let decisions = decided(&listed, &|_| Some([1; 32]));
    assert_eq!(keeps(&decisions.sets), [true; 4]);
    assert_eq!(keeps(&decisions.backups), [true, true, false, false, false, true], "by their own rules");
    let old = now() - TimeDelta::days(900);
    for set in &mut listed {
        set.set.as_mut().unwrap().set.started_at = old.try_into().unwrap();
    }
    let within = Policy { keep_within: Some(TimeDelta::hours(2)), ..Policy::default() };
    let decisions = decide(&backups, &listed, &within, now(), &|_| Ok(Some([0; 32]))).unwrap();
    assert_eq!(keeps(&decisions.backups), [true, true, true, true, false, true], "{:?}", decisions.backups);
    std::fs::remove_dir_all(folder).unwrap();
}

/// A newer set that names the files of an older one, and goes, takes none of them along.
#[test]
fn a_file_stays_while_one_of_its_sets_does() {
    let folder = std::env::temp_dir().join(format!("xtask-shared-sets-{}", std::process::id()));
    let (backups, mut listed) = four_sets(&folder);
    let policy = Policy { keep_last: Some(2), ..Policy::default() };
    // Of another server: the third one goes, and names a file of a set that stays.
    listed.splice(0..0, [(1, "b"), (1, "app"), (2, "app")].map(|(hours, name)| set(&folder, hours, &[name], "8")));
    let decisions = decide(&backups, &listed, &policy, now(), &|_| Ok(Some([0; 32]))).unwrap();
    let lost: Vec<_> = listed
        .iter()
        .zip(&decisions.sets)
        .filter(|(_, decision)| decision.keep)
        .flat_map(|(listed, _)| listed.set.as_ref().unwrap().paths())
        .filter(|path| backups.iter().zip(&decisions.backups).any(|(backup, of)| backup.path == *path && !of.keep))
        .collect();
    assert!(lost.is_empty() && !decisions.sets[2].keep, "{lost:?}");
    std::fs::remove_dir_all(folder).unwrap();
}
