//! Drift as people see it.

use super::scratch;
use crate::commands::migrations::{Work, check_extensions};
use crate::migration::catalog::Differences;
use crate::migration::drift::{self, Drift};
use crate::migration::files::Migration;
use crate::migration::ledger::Ledger;
use crate::migration::rights::RightsDifferences;
use crate::migration::scratch::Scratch;
use crate::restore::preflight::Beside;
use crate::terminal;
use anyhow::{Error, Result};

/// At most this many differences of each kind are shown.
const SHOWN: usize = 10;

/// What the live database lacks of what these files make, and what it has beside that; and what the files changed
/// outside of the scratch database, as an error with exit 6. Where they cannot run beside it, the refusal names
/// `otherwise`: what to do without the comparison.
pub(super) fn of(
    work: &Work<'_>,
    ledger: &Ledger,
    migrations: &[&Migration],
    otherwise: Option<&str>,
) -> Result<(Drift, Option<Error>)> {
    check_extensions(work, migrations.iter().copied(), Beside::Scratch(otherwise))?;
    let progress = work.context.terminal.waiting("comparing");
    let of = |scratch: &mut Scratch<'_, '_>| drift::of(&work.server, ledger, scratch, migrations.iter().copied());
    let found = scratch::with(work, |scratch, _| of(scratch))?;
    drop(progress);
    Ok(found)
}

/// Shows the differences as warnings.
pub(super) fn show(found: &Differences, work: &Work<'_>) {
    say(&found.missing, "only the files make", work);
    say(&found.extra, "only the database has", work);
    say(&found.reordered, "the columns have a different order", work);
}

/// The same of grants, default privileges and owners. Grants on the database itself are not compared: a note says so.
pub(super) fn show_rights(found: &RightsDifferences, database_has_grants: bool, work: &Work<'_>) {
    say(&found.missing, "only the files give", work);
    say(&found.extra, "only the database gives", work);
    if database_has_grants {
        let terminal = &work.context.terminal;
        terminal.note(
            "Grants on the database itself are not compared: the files were run in a scratch database, which has another name",
        );
        let maintenance = work.server.maintenance_database();
        terminal.hint(&format!("see them: cargo xtask db-shell -- -d {maintenance} -l"));
    }
}

fn say(entries: &[String], what: &str, work: &Work<'_>) {
    let terminal = &work.context.terminal;
    for entry in entries.iter().take(SHOWN) {
        // A name may hold a line's end.
        terminal.warn(&terminal::clean_line(&format!("{what}: {entry}")));
    }
    if let Some(more) = entries.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        terminal.warn(&format!("{what}: {more} more"));
    }
}
