//! Roles that statements of migrations made or dropped while they were tried, and what undoes that.

use super::change::{Change, Verb};
use crate::postgres::quote::identifier;
use crate::words::clean_line;

/// Where a file makes a role of this name; `None`: no statement of the files is seen to do it.
pub type Place<'a> = &'a dyn Fn(&str) -> Option<String>;

/// How a migration creates a role so that it can also be tried where the role exists.
const CREATE: &str = "create a role in a migration only where it is missing: DO $$BEGIN IF NOT \
     EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'app') THEN CREATE ROLE app; END IF; END$$; \
     its .down.sql must not drop the role: other databases may use it";
const DROP: &str = "leave DROP ROLE out of migrations, other databases may use the role: this file fails where the role is \
     gone already, unless it says DROP ROLE IF EXISTS";
const COME_BACK: &str = "roles come back from a file of the server's roles: cargo xtask db-restore --globals FILE\n\
     without such a file they come back without passwords, memberships and attributes:";

/// Where files made a role that is new.
fn made(change: &Change, place: Place<'_>) -> Option<String> {
    change.role().filter(|(_, verb)| *verb == Verb::Makes).and_then(|(name, _)| place(name))
}

/// The place of each role that files made, behind what changed.
pub(super) fn line(change: &Change, place: Place<'_>) -> String {
    let by = made(change, place);
    by.map_or_else(|| change.to_string(), |by| format!("{change} ({})", clean_line(&by)))
}

/// Whether the files are seen to have made every change: roles, and what goes with a role.
pub(super) fn explain(changes: &[Change], place: Place<'_>) -> bool {
    let is_theirs = |change: &Change| made(change, place).is_some();
    let theirs: Vec<&Change> = changes.iter().filter(|change| is_theirs(change)).collect();
    let goes_with = |change: &Change| theirs.iter().any(|role| change.goes_with(role));
    !changes.is_empty() && changes.iter().all(|change| is_theirs(change) || goes_with(change))
}

/// What to do about roles that came or went, in lines.
pub(super) fn ways(changes: &[Change], maintenance: &str) -> String {
    let statements = |wanted: Verb, first: &str| -> Vec<String> {
        let roles = changes.iter().filter_map(Change::role).filter(|(_, verb)| *verb == wanted);
        roles.filter_map(|(name, _)| Some(clean_line(&format!("{first} {};", identifier(name).ok()?)))).collect()
    };
    let (made, dropped) = (statements(Verb::Makes, "DROP ROLE"), statements(Verb::Drops, "CREATE ROLE"));
    let mut lines = Vec::new();
    if !made.is_empty() {
        lines.push(format!("undo it before the next try: cargo xtask db-shell -- -d {maintenance}"));
        lines.extend(made);
    }
    if dropped.is_empty() || !lines.is_empty() {
        lines.push(CREATE.to_owned());
    }
    if !dropped.is_empty() {
        lines.extend([DROP.to_owned(), COME_BACK.to_owned()]);
        lines.extend(dropped);
    }
    lines.join("\n")
}
