//! Sets are counted as one: a set stays or goes, and its files with it.

use super::decision::{Decision, Sha256, by_rules, kept_by_rules, stays};
use super::policy::Policy;
use crate::backup::listing::Backup;
use crate::backup::set::{Listed, SetFile, check_presence};
use crate::words::hex;
use anyhow::Result;
use chrono::{DateTime, FixedOffset};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The whole sets of a folder.
pub(super) struct Sets<'a> {
    listed: &'a [Listed],
    /// Places in `listed`, each with those of its files in the listing of backups.
    whole: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Sets<'a> {
    /// Those whose every file is there, whole, and the one that the set names. A set is input: a user who can write to
    /// the folder may name other files by their names and sizes.
    pub(super) fn of(
        listed: &'a [Listed],
        backups: &[Backup],
        digest: &dyn Fn(&Backup) -> Result<Option<Sha256>>,
    ) -> Result<Self> {
        let places: HashMap<&Path, usize> =
            backups.iter().enumerate().map(|(at, backup)| (backup.path.as_path(), at)).collect();
        let mut whole = BTreeMap::new();
        for (at, set) in listed.iter().enumerate() {
            let Ok(set) = &set.set else { continue };
            if let Some(files) = files(set, backups, &places, digest)? {
                whole.insert(at, files);
            }
        }
        Ok(Self { listed, whole })
    }

    /// The files of whole sets, each with the sets that name it, newest first.
    pub(super) fn members(&self) -> HashMap<usize, Vec<usize>> {
        let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
        for (set, files) in &self.whole {
            files.iter().for_each(|file| members.entry(*file).or_default().push(*set));
        }
        members
    }

    /// Decides on each set by the rules, for each server and each choice of databases by itself.
    pub(super) fn decide(&self, policy: &Policy, now: DateTime<FixedOffset>) -> Vec<Decision> {
        let mut decisions: Vec<Decision> =
            self.listed.iter().map(|_| stays("not a whole set: check it, then remove it by hand")).collect();
        let mut kinds: BTreeMap<String, Vec<(usize, DateTime<FixedOffset>)>> = BTreeMap::new();
        for &at in self.whole.keys() {
            if let Some(Ok(SetFile { set, .. })) = self.listed.get(at).map(|listed| &listed.set) {
                // Of its oldest backup, whatever it says of itself.
                let times = set.databases.iter().map(|file| file.started_at.time());
                kinds.entry(set.kind()).or_default().push((at, times.min().unwrap_or(set.started_at.time())));
            }
        }
        for sets in kinds.into_values() {
            let reasons = kept_by_rules(&sets, policy, now);
            for (place, (at, _)) in sets.iter().enumerate() {
                let mut why = reasons.get(at).cloned().unwrap_or_default();
                if place == 0 {
                    why.insert(0, "the newest whole set".to_owned());
                }
                if let Some(decision) = decisions.get_mut(*at) {
                    *decision = by_rules(&why);
                }
            }
        }
        decisions
    }

    /// The name of a set, for a reason.
    pub(super) fn name(&self, at: usize) -> String {
        let name = self.listed.get(at).and_then(|listed| listed.path.file_name());
        name.unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Where the files of a set are in the listing; `None` where the set is not whole.
fn files(
    set: &SetFile,
    backups: &[Backup],
    places: &HashMap<&Path, usize>,
    digest: &dyn Fn(&Backup) -> Result<Option<Sha256>>,
) -> Result<Option<Vec<usize>>> {
    if check_presence(set).is_err() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for file in &set.set.databases {
        let found = places.get(set.path_of(&file.file).as_path()).and_then(|at| Some((*at, backups.get(*at)?)));
        let Some((at, backup)) = found else { return Ok(None) };
        let is_named = backup.database.as_ref() == Some(&file.database) && backup.time == Some(file.started_at.time());
        if !is_named || digest(backup)?.is_none_or(|digest| hex(&digest) != *file.sha256) {
            return Ok(None);
        }
        files.push(at);
    }
    if let Some(globals) = &set.set.globals {
        let found = places.get(set.path_of(&globals.file).as_path()).and_then(|at| Some((*at, backups.get(*at)?)));
        let Some((at, backup)) = found else { return Ok(None) };
        if digest(backup)?.is_none_or(|digest| hex(&digest) != *globals.sha256) {
            return Ok(None);
        }
        files.push(at);
    }
    Ok(Some(files))
}
