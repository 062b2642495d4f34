//! Which backups stay and which go, each with its reason; and the removal of those that go.

use super::listing::Backup;
use super::name::Purpose;
use super::proof::{self, Verdict};
use crate::platform;
use anyhow::{Context as _, Result};
use chrono::{DateTime, Datelike as _, FixedOffset, Local, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::TryLockError;

/// A safety backup, made before a restore, stays so long whatever the policy says.
const SAFETY_DAYS: i64 = 7;

/// How many backups of each database stay. Each rule keeps what it keeps, whatever the others say.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Policy {
    /// Keep the N newest backups of each database
    #[arg(long, value_name = "N")]
    pub keep_last: Option<usize>,
    /// Keep the newest backup of each of the last N days that have one
    #[arg(long, value_name = "N")]
    pub keep_daily: Option<usize>,
    /// Keep the newest backup of each of the last N weeks that have one
    #[arg(long, value_name = "N")]
    pub keep_weekly: Option<usize>,
    /// Keep the newest backup of each of the last N months that have one
    #[arg(long, value_name = "N")]
    pub keep_monthly: Option<usize>,
    /// Keep every backup younger than this, such as 12h, 7d, 4w
    #[arg(long, value_name = "TIME", value_parser = time_span)]
    pub keep_within: Option<TimeDelta>,
}

impl Policy {
    /// Whether any rule was given.
    pub fn is_given(&self) -> bool {
        self.counts().iter().any(|(_, count, _)| count.is_some()) || self.keep_within.is_some()
    }

    /// Whether the rules would keep no backup at all.
    pub fn keeps_nothing(&self) -> bool {
        let counts = self.counts();
        let none = counts.iter().all(|(_, count, _)| count.unwrap_or_default() == 0);
        none && self.keep_within.is_none_or(|span| span <= TimeDelta::zero())
    }

    fn counts(&self) -> [(&'static str, Option<usize>, Period); 4] {
        [
            ("--keep-last", self.keep_last, |time| time.to_rfc3339()),
            ("--keep-daily", self.keep_daily, |time| time.date_naive().to_string()),
            ("--keep-weekly", self.keep_weekly, |time| format!("{:?}", time.iso_week())),
            ("--keep-monthly", self.keep_monthly, |time| format!("{}-{}", time.year(), time.month())),
        ]
    }
}

/// The period that a time falls into; of each period the newest backup stays.
type Period = fn(&DateTime<Local>) -> String;

/// A time as people write it: `12h`, `7d`, `4w`, `90m`, `45s`.
pub fn time_span(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("{text:?} is no time span; write it as 12h, 7d or 4w");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let number = text[..text.len() - unit.len_utf8()].parse::<u32>().map_err(|_| wrong())?;
    let span = match unit {
        's' => TimeDelta::try_seconds(number.into()),
        'm' => TimeDelta::try_minutes(number.into()),
        'h' => TimeDelta::try_hours(number.into()),
        'd' => TimeDelta::try_days(number.into()),
        'w' => TimeDelta::try_weeks(number.into()),
        _ => None,
    };
    span.ok_or_else(wrong)
}

/// Whether a file stays, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub keep: bool,
    pub reason: String,
}

/// Decides on every file of a listing (newest first). `is_whole` reads a file to the last byte: the newest
/// backup of each database that passes stays whatever the policy says.
pub fn decide(
    backups: &[Backup],
    policy: &Policy,
    now: DateTime<FixedOffset>,
    is_whole: &dyn Fn(&Backup) -> Result<bool>,
) -> Result<Vec<Decision>> {
    let mut decisions: Vec<Option<Decision>> = backups.iter().map(|backup| beyond_policy(backup, now)).collect();
    let mut by_database: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, backup) in backups.iter().enumerate().filter(|(at, _)| decisions[*at].is_none()) {
        by_database.entry(backup.database.as_deref().unwrap_or_default()).or_default().push(at);
    }
    for files in by_database.into_values() {
        // A damaged file fills no rule's place and is no reason to let a whole one go: each is read.
        let mut whole = Vec::new();
        for at in files {
            if is_whole(&backups[at])? {
                whole.push(at);
            } else {
                decisions[at] = Some(stays("damaged: look at it, then remove it by hand"));
            }
        }
        let reasons = kept_by_rules(backups, &whole, policy, now);
        for &at in &whole {
            let mut why = reasons.get(&at).cloned().unwrap_or_default();
            if whole.first() == Some(&at) {
                why.insert(0, "the newest whole backup".to_owned());
            }
            decisions[at] = Some(match why.is_empty() {
                true => Decision { keep: false, reason: "no rule keeps it".to_owned() },
                false => stays(&why.join(", ")),
            });
        }
    }
    let mut decisions: Vec<Decision> =
        decisions.into_iter().map(|decision| decision.unwrap_or_else(|| stays("not decided on"))).collect();
    keep_the_last_safety_backup(backups, &mut decisions, is_whole)?;
    Ok(decisions)
}

fn stays(reason: &str) -> Decision {
    Decision { keep: true, reason: reason.to_owned() }
}

/// Where no other backup of its database is whole, the newest whole safety backup stays, however old.
fn keep_the_last_safety_backup(
    backups: &[Backup],
    decisions: &mut [Decision],
    is_whole: &dyn Fn(&Backup) -> Result<bool>,
) -> Result<()> {
    // What stays and can be restored, by database.
    let sound = |backup: &Backup| {
        let full = backup.examined.manifest.as_ref().is_some_and(super::manifest::Manifest::is_full);
        full && backup.examined.verdict == Verdict::Complete
    };
    let goes =
        |(backup, decision): &(&Backup, &Decision)| backup.purpose == Some(Purpose::PreRestore) && !decision.keep;
    let at_stake: BTreeSet<_> =
        backups.iter().zip(decisions.iter()).filter(goes).map(|(backup, _)| backup.database.clone()).collect();
    let mut saved = BTreeSet::new();
    for (backup, decision) in backups.iter().zip(decisions.iter()) {
        let ours = backup.purpose.is_some() && sound(backup) && decision.keep;
        if ours && at_stake.contains(&backup.database) && !saved.contains(&backup.database) && is_whole(backup)? {
            saved.insert(backup.database.clone());
        }
    }
    for (backup, decision) in backups.iter().zip(decisions) {
        let last = backup.purpose == Some(Purpose::PreRestore) && !decision.keep && !saved.contains(&backup.database);
        if last && is_whole(backup)? {
            *decision = stays("the newest whole backup");
            saved.insert(backup.database.clone());
        }
    }
    Ok(())
}

/// Files that the rules do not speak of: not ours, unfit, partial, made before a restore.
fn beyond_policy(backup: &Backup, now: DateTime<FixedOffset>) -> Option<Decision> {
    let manifest = backup.examined.manifest.as_ref();
    let (Some(purpose), Some(time)) = (backup.purpose, backup.time) else {
        return Some(stays("not named as a backup of ours"));
    };
    match backup.examined.verdict {
        Verdict::Unreadable => return Some(stays("cannot be read")),
        Verdict::Cut | Verdict::Damaged => {
            return Some(stays(&format!("{}: look at it, then remove it by hand", backup.examined.verdict.words())));
        }
        Verdict::MadeElsewhere => return Some(stays("made elsewhere")),
        Verdict::Complete | Verdict::Whole => {}
    }
    if purpose == Purpose::Tables || !manifest.is_some_and(super::manifest::Manifest::is_full) {
        return Some(stays("a partial export"));
    }
    if purpose == Purpose::PreRestore {
        let old = now - time > TimeDelta::days(SAFETY_DAYS);
        return Some(match old {
            true => Decision { keep: false, reason: format!("a safety backup older than {SAFETY_DAYS} days") },
            false => stays(&format!("a safety backup younger than {SAFETY_DAYS} days")),
        });
    }
    None
}

/// For each file that a rule keeps, the rules.
fn kept_by_rules(
    backups: &[Backup],
    files: &[usize],
    policy: &Policy,
    now: DateTime<FixedOffset>,
) -> BTreeMap<usize, Vec<String>> {
    let mut reasons: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let timed = || files.iter().filter_map(|&at| backups[at].time.map(|time| (at, time)));
    for (rule, count, period) in policy.counts() {
        let mut periods = BTreeSet::new();
        let mut left = count.unwrap_or_default();
        for (at, time) in timed() {
            let key = if rule == "--keep-last" { at.to_string() } else { period(&time.with_timezone(&Local)) };
            if left > 0 && periods.insert(key) {
                left -= 1;
                reasons.entry(at).or_default().push(rule.to_owned());
            }
        }
    }
    if let Some(span) = policy.keep_within {
        for (at, _) in timed().filter(|(_, time)| now - *time <= span) {
            reasons.entry(at).or_default().push("--keep-within".to_owned());
        }
    }
    reasons
}

/// Removes a backup, unless another run reads it; false then.
pub fn remove(backup: &Backup) -> Result<bool> {
    let removing = || format!("removing {}", backup.path.display());
    let file = platform::open_no_follow(&backup.path).with_context(removing)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error).with_context(removing),
    }
    std::fs::remove_file(&backup.path).with_context(removing)?;
    Ok(true)
}

/// Whether every byte of the file is as it was written.
pub fn is_whole(backup: &Backup) -> Result<bool> {
    Ok(proof::check(&backup.path, &|_| ())?.verdict == Verdict::Whole)
}

#[cfg(test)]
mod tests {
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
            database: Some("openfga".to_owned()),
            purpose: Some(purpose),
            time: Some(now() - TimeDelta::hours(hours_ago)),
            examined: Examined {
                verdict: Verdict::Complete,
                reason: None,
                bytes: 1,
                manifest: Some(sample()),
                contents: None,
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

    #[test]
    fn time_spans_are_read_and_nonsense_is_not() {
        assert_eq!(time_span("7d"), Ok(TimeDelta::days(7)));
        for text in ["", "7", "d", "-1d", "7y", "ü"] {
            assert!(time_span(text).is_err(), "{text}");
        }
        assert!(Policy::default().keeps_nothing() && !Policy::default().is_given());
    }
}
