//! The newest backup of this database: whole, and not too old.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::backup::listing::{self, Backup};
use crate::backup::proof::{self, Examined};
use crate::health::Scene;
use crate::health::report::Finding;
use crate::words::{size, span};
use anyhow::Result;
use chrono::Local;
use std::path::Path;
use std::time::Duration;

pub(super) const AGE_SETTING: &str = "XTASK_BACKUP_MAX_AGE";
pub(super) const AGE: Duration = Duration::from_secs(24 * 3_600);
/// A larger file is not read to its end: that is what `db-verify` is for.
const READ_WHOLE: u64 = 64 << 20;
const BACK_UP: &str = "cargo xtask db-backup";

pub fn probe(scene: &Scene) -> Finding {
    let limit = match scene.span(AGE_SETTING, AGE) {
        Ok(limit) => limit,
        Err(finding) => return finding,
    };
    let newest = match newest(scene) {
        Ok(newest) => newest,
        Err(error) => return Finding::of_error(&error, "check the folder backups/"),
    };
    let Some((backup, examined)) = newest else {
        return match scene.server() {
            Ok(facts) if !facts.has_data => Finding::ok("none yet, and nothing to save"),
            Ok(_) => Finding::warn(format!("no backup of {}", scene.target.database()), BACK_UP),
            Err(_) => {
                let start = if scene.target.stack().starts_server() { "cargo xtask up\n" } else { "" };
                Finding::warn("no backup, and whether there is data is not known", format!("{start}{BACK_UP}"))
            }
        };
    };
    let name = backup.path.file_name().unwrap_or_default().to_string_lossy();
    if examined.verdict.is_unfit() {
        let reason = examined.reason.as_deref().unwrap_or("it is not whole");
        let detail = format!("the newest backup {name} is {}: {reason}", examined.verdict.as_str());
        return Finding::fail(detail, format!("{BACK_UP}\nsee the others: cargo xtask db-list --check"));
    }
    let Some(age) = backup.time.map(|time| Local::now().fixed_offset().signed_duration_since(time).num_seconds())
    else {
        return Finding::warn(format!("{name} has no time in its name or manifest"), BACK_UP);
    };
    let facts = format!("{name}, {}, {}", size(examined.bytes), examined.verdict.as_str());
    if age < -60 {
        return Finding::warn(format!("{name} is from the future: the clock was set back"), "set the clock");
    }
    let is_old = age > i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
    let has_data = scene.server().map_or(true, |facts| facts.has_data);
    if is_old && has_data {
        let limit = span(i64::try_from(limit.as_secs()).unwrap_or(i64::MAX));
        return Finding::warn(format!("the newest is {} old (more than {limit}): {name}", span(age)), BACK_UP);
    }
    Finding::ok(format!("{} old: {facts}", span(age.max(0))))
}

/// The newest full backup of this database, fit or not: one that is unfit must not hide behind an older one.
fn newest(scene: &Scene) -> Result<Option<(Backup, Examined)>> {
    let backups = listing::list(&scene.root.join("backups"), &proof::glance)?;
    let is_ours =
        |backup: &Backup| backup.claims_to_be_full() && backup.database.as_deref() == Some(scene.target.database());
    let Some(backup) = backups.into_iter().find(is_ours) else { return Ok(None) };
    let examined = examine(&backup.path)?;
    Ok(Some((backup, examined)))
}

fn examine(path: &Path) -> Result<Examined> {
    let glance = proof::glance(path)?;
    let text = glance.manifest.as_ref().map_or(glance.bytes, |manifest| manifest.bytes.get());
    if glance.verdict.is_unfit() || text > READ_WHOLE { Ok(glance) } else { proof::check(path, &|_| ()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::retention::time_span;
    use crate::settings;

    #[test]
    fn the_default_is_that_of_the_setting() {
        assert_eq!(time_span(settings::default_of(AGE_SETTING)).unwrap().to_std(), Ok(AGE));
    }
}
