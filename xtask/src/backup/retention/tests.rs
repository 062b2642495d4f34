use super::policy::time_span;
use super::*;
use crate::backup::manifest::tests::sample;
use crate::backup::proof::Examined;
use chrono::TimeZone as _;

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
            bytes: 1,
            manifest: Some(sample()),
            globals: None,
            contents: None,
            digest: None,
        },
    }
}

fn kept(hours: &[i64], policy: &Policy) -> Vec<i64> {
    let backups: Vec<Backup> = hours.iter().map(|hours| backup(*hours, Purpose::Backup)).collect();
    let decisions = decide(&backups, policy, now(), &|_| Ok(true)).unwrap();
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
    let decisions = decide(&backups, &policy, now(), &|backup| Ok(!backup.path.starts_with("1.sql"))).unwrap();
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
    let decisions = decide(&backups, &policy, now(), &|_| Ok(true)).unwrap();
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
    let decisions = decide(&backups, &daily, now(), &|_| Ok(true)).unwrap();
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
