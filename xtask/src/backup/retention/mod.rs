//! Which backups stay and which go, each with its reason; and the removal of those that go.

mod policy;
#[cfg(test)]
mod tests;

pub use policy::{Policy, time_span};

use super::listing::Backup;
use super::name::Purpose;
use super::proof::{self, Verdict};
use crate::platform;
use anyhow::{Context as _, Result};
use chrono::{DateTime, FixedOffset, Local, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::TryLockError;

/// A backup that a restore or a migration made before its change stays for so many days whatever the policy says.
const SAFETY_DAYS: i64 = 7;

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
                decisions[at] = Some(stays("damaged: check it, then remove it by hand"));
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

/// Files that the rules do not speak of: not ours, unfit, partial, made before a restore, made lately before a migration.
fn beyond_policy(backup: &Backup, now: DateTime<FixedOffset>) -> Option<Decision> {
    let manifest = backup.examined.manifest.as_ref();
    let (Some(purpose), Some(time)) = (backup.purpose, backup.time) else {
        return Some(stays("its name is not a backup's"));
    };
    match backup.examined.verdict {
        Verdict::Unreadable => return Some(stays("cannot be read")),
        Verdict::Cut | Verdict::Damaged => {
            return Some(stays(&format!("{}: check it, then remove it by hand", backup.examined.verdict.as_str())));
        }
        Verdict::MadeElsewhere => return Some(stays("made elsewhere")),
        Verdict::Complete | Verdict::Whole => {}
    }
    if purpose == Purpose::Globals {
        return Some(stays("the server's roles"));
    }
    if purpose == Purpose::Tables || !manifest.is_some_and(super::manifest::Manifest::is_full) {
        return Some(stays("a partial export"));
    }
    let is_young = now.signed_duration_since(time) <= TimeDelta::days(SAFETY_DAYS);
    match purpose {
        Purpose::PreRestore if is_young => Some(stays(&format!("a safety backup younger than {SAFETY_DAYS} days"))),
        Purpose::PreRestore => {
            Some(Decision { keep: false, reason: format!("a safety backup older than {SAFETY_DAYS} days") })
        }
        Purpose::PreMigration if is_young => {
            Some(stays(&format!("made before a migration, younger than {SAFETY_DAYS} days")))
        }
        _ => None,
    }
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
            let key = period.map_or_else(|| at.to_string(), |period| period(&time.with_timezone(&Local)));
            if left > 0 && periods.insert(key) {
                left = left.saturating_sub(1);
                reasons.entry(at).or_default().push(rule.to_owned());
            }
        }
    }
    if let Some(span) = policy.keep_within {
        for (at, _) in timed().filter(|(_, time)| now.signed_duration_since(*time) <= span) {
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
