//! The server's other databases: one that holds rows has a backup that is not too old.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use super::backups::{AGE, AGE_SETTING};
use super::catalog::reach;
use crate::backup::listing;
use crate::backup::proof;
use crate::backup::set;
use crate::health::Scene;
use crate::health::report::{Finding, Part, Status};
use crate::postgres::rows;
use crate::postgres::server::maintenance_database;
use crate::restore::record;
use crate::target::database_name::{self, EXCLUDED};
use crate::words::counted;
use anyhow::Result;
use chrono::Local;
use std::collections::HashSet;
use std::time::Duration;

/// At most this many databases are asked whether they hold rows: each is a login.
const ASKED: usize = 4;
const BACK_UP: &str = "cargo xtask db-backup --all\na database that needs no backup: XTASK_BACKUP_EXCLUDE=NAME,NAME";

pub fn probe(scene: &Scene) -> Finding {
    let limit = match scene.span(AGE_SETTING, AGE) {
        Ok(limit) => limit,
        Err(finding) => return finding,
    };
    // Asked beside the other checks: the answers that they share come later.
    match without_backup(scene, limit) {
        Ok(names) => judge(scene, &names),
        Err(_) if reach(scene).is_err() || scene.server().is_err() => Finding::not_asked(Part::Postgres),
        Err(error) => {
            let databases = format!("cargo xtask db-shell -- -d {} -l", maintenance_database(scene.target));
            let unread = Finding::of_error(&error, &format!("see the server's databases: {databases}"));
            Finding { status: Status::Warn, ..unread }
        }
    }
}

/// The databases without a fresh backup, but for the target's own, which has a check of its own.
fn without_backup(scene: &Scene, limit: Duration) -> Result<Vec<String>> {
    let excluded = database_name::listed(scene.settings, EXCLUDED)?;
    let now = Local::now().fixed_offset();
    let backups = listing::list(&scene.root.join("backups"), &proof::glance)?;
    let is_fresh = |backup: &&listing::Backup| {
        let age = backup.time.and_then(|time| now.signed_duration_since(time).to_std().ok());
        backup.is_full() && age.is_none_or(|age| age <= limit)
    };
    let fresh: HashSet<&str> =
        backups.iter().filter(is_fresh).filter_map(|backup| backup.database.as_deref()).collect();
    let server = scene.postgres().within(scene.left());
    let selection = set::select(&server, &record::own_databases(&server)?, &excluded)?;
    let names = selection.taken.into_iter().map(|database| String::from(database.name));
    Ok(names.filter(|name| name != scene.target.database() && !fresh.contains(name.as_str())).collect())
}

fn judge(scene: &Scene, names: &[String]) -> Finding {
    // No finding for a database that refuses the login: another role, which may read it, backs it up.
    let has_rows = |name: &str| {
        let server = scene.postgres().in_database(name).within(scene.left());
        !scene.is_over() && rows::are_there(&server).unwrap_or(false)
    };
    let with_rows: Vec<&str> = std::thread::scope(|scope| {
        let asked = |name| scope.spawn(move || has_rows(name).then_some(name));
        let threads: Vec<_> = names.iter().take(ASKED).map(String::as_str).map(asked).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
    });
    let more = names.len().saturating_sub(ASKED);
    if with_rows.is_empty() {
        let text = "no other database with rows is known to lack a fresh backup";
        return Finding::ok(if more > 0 { format!("{text}; {more} were not asked") } else { text.to_owned() });
    }
    let mut detail = format!("no fresh backup of {}", with_rows.join(", "));
    if more > 0 {
        detail.push_str(&format!("; {} more not looked into", counted(more as u64, "database", "databases")));
    }
    Finding::warn(detail, BACK_UP)
}
