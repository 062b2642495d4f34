//! What a restore that was killed left on the server, previous databases that could not be dropped, and what is only named
//! like a database of ours.

use super::catalog::reach;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::restore::killed_sets;
use crate::restore::overdue;
use crate::restore::record::Wanted;
use crate::restore::repair::{self, Findings, Leftover};

const REPAIR: &str = "cargo xtask db-restore --repair";

pub fn probe(scene: &Scene) -> Finding {
    if reach(scene).is_err() {
        return Finding::not_asked(Part::Postgres);
    }
    // Asked in other databases of the server: the one that is locked out is not needed.
    match repair::list(scene.postgres(), Wanted { unrecorded: true, ..Wanted::default() }) {
        Ok(findings) => judge(&findings, scene),
        Err(_) if scene.server().is_err() => Finding::not_asked(Part::Postgres),
        Err(error) => Finding::of_error(&error, REPAIR),
    }
}

fn judge(findings: &Findings, scene: &Scene) -> Finding {
    let mut hints: Vec<String> = Vec::new();
    let mut details: Vec<String> = findings.leftovers.iter().map(Leftover::shown).collect();
    if !details.is_empty() {
        hints.push(REPAIR.to_owned());
    }
    for set in killed_sets::without(&findings.view, &[scene.postgres().target().database()]) {
        details.push(set.shown());
        hints.push(set.repair());
    }
    for overdue in overdue::list(scene.postgres(), &findings.view) {
        details.push(overdue.shown);
        hints.push(overdue.by_hand);
    }
    if let Some(fault) = findings.view.distrust() {
        details.push(fault.to_string());
        hints.extend(fault.hint_text().map(str::to_owned));
    }
    for database in &findings.unrecorded {
        details.push(database.shown());
        match database.hint(scene.postgres().maintenance_database()) {
            Ok(hint) => hints.push(hint),
            Err(error) => hints.push(error.to_string()),
        }
    }
    if details.is_empty() { Finding::ok("none") } else { Finding::warn(details.join("; "), hints.join("\n")) }
}
