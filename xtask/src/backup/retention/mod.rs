//! Which backups stay and which go, each with its reason; and the removal of those that go ([`prune`]).

mod decision;
mod policy;
pub mod prune;
mod scope;
mod sets;
#[cfg(test)]
mod tests;

pub use decision::{Decision, Sha256};
pub use policy::{Policy, time_span};
pub use scope::{Ruled, Scope};

use super::listing::Backup;
use super::name::Purpose;
use super::proof::{self, Verdict};
use super::set::Listed;
use anyhow::Result;
use chrono::{DateTime, FixedOffset, TimeDelta};
use decision::{by_rules, kept_by_rules, stays};
use sets::Sets;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

/// For how many days a backup that a restore or a migration made before its change stays, whatever the rules say.
const SAFETY_DAYS: i64 = 7;

/// What is decided on a folder's backups and on its sets, each in the order of its listing.
#[derive(Debug)]
pub struct Decisions {
    pub backups: Vec<Decision>,
    pub sets: Vec<Decision>,
}

/// Decides on every file of a listing, and on every set (newest first). A set is counted as one, and its files are not
/// counted beside it. `digest_of_whole` reads a file to the last byte, and gives its SHA-256 where it is whole: the newest
/// whole backup of each database stays whatever the policy says.
pub fn decide(
    backups: &[Backup],
    listed: &[Listed],
    policy: &Policy,
    now: DateTime<FixedOffset>,
    digest_of_whole: &dyn Fn(&Backup) -> Result<Option<Sha256>>,
) -> Result<Decisions> {
    let known: RefCell<HashMap<PathBuf, Option<Sha256>>> = RefCell::default();
    let digest = |backup: &Backup| {
        if let Some(digest) = known.borrow().get(&backup.path) {
            return Ok(*digest);
        }
        let digest = digest_of_whole(backup)?;
        known.borrow_mut().insert(backup.path.clone(), digest);
        Ok(digest)
    };
    let is_whole = |backup: &Backup| Ok(digest(backup)?.is_some());
    let whole_sets = Sets::of(listed, backups, &digest)?;
    let of_sets = whole_sets.decide(policy, now);
    let members = whole_sets.members();
    let of_member = |at: &usize| {
        // Several sets, ours or forged, may name one file: it stays while one of them stays.
        let sets = members.get(at)?;
        let kept = sets.iter().find(|set| of_sets.get(**set).is_none_or(|decision| decision.keep));
        let name = |set: &usize| whole_sets.name(*set);
        Some(match kept {
            Some(set) => Decision { keep: true, reason: format!("{} needs it", name(set)) },
            None => Decision { keep: false, reason: format!("it goes with {}", sets.first().map(name)?) },
        })
    };
    let backups = decide_on_backups(backups, &of_member, policy, now, &is_whole)?;
    Ok(Decisions { backups, sets: of_sets })
}

/// Decides on the backups alone; `of_member` decides on those that belong to a set.
fn decide_on_backups(
    backups: &[Backup],
    of_member: &dyn Fn(&usize) -> Option<Decision>,
    policy: &Policy,
    now: DateTime<FixedOffset>,
    is_whole: &dyn Fn(&Backup) -> Result<bool>,
) -> Result<Vec<Decision>> {
    let beyond_policy = |(at, backup): (usize, &Backup)| match backup.database {
        // The server's roles: no database's rules speak of them.
        None => of_member(&at).or_else(|| beyond_policy(backup, now)),
        Some(_) => beyond_policy(backup, now),
    };
    let mut decisions: Vec<Option<Decision>> = backups.iter().enumerate().map(beyond_policy).collect();
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
        let alone = whole.iter().filter(|at| of_member(at).is_none());
        let alone: Vec<_> = alone.filter_map(|&at| Some((at, backups[at].time?))).collect();
        let reasons = kept_by_rules(&alone, policy, now);
        for &at in &whole {
            let is_newest = whole.first() == Some(&at);
            let rules = reasons.get(&at).cloned().unwrap_or_default();
            decisions[at] = Some(of_whole(of_member(&at), is_newest, rules));
        }
    }
    // What a kept set needs stays, whatever it is.
    let needed = |at: usize| of_member(&at).filter(|decision| decision.keep);
    let decided =
        |(at, decision): (usize, Option<Decision>)| needed(at).or(decision).unwrap_or_else(|| stays("not decided on"));
    let mut decisions: Vec<Decision> = decisions.into_iter().enumerate().map(decided).collect();
    keep_the_last_safety_backup(backups, &mut decisions, is_whole)?;
    Ok(decisions)
}

/// Decides on a whole backup: by its set, else by the rules that keep it. The newest one of its database stays.
fn of_whole(by_set: Option<Decision>, is_newest: bool, rules: Vec<String>) -> Decision {
    match by_set {
        Some(decision) if decision.keep || !is_newest => decision,
        _ => {
            let newest = is_newest.then(|| "the newest whole backup".to_owned());
            by_rules(&newest.into_iter().chain(rules).collect::<Vec<_>>())
        }
    }
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
        Verdict::Cut | Verdict::Damaged | Verdict::NoBackup => {
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

/// The SHA-256 of the file where every byte is as it was written.
pub fn digest_of_whole(backup: &Backup) -> Result<Option<Sha256>> {
    let examined = proof::check(&backup.path, &|_| ())?;
    Ok(examined.digest.filter(|_| examined.verdict == Verdict::Whole))
}
