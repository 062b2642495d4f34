//! A scratch database for migrations; it is dropped when the task is over.

use crate::commands::leftovers;
use crate::commands::migrations::Work;
use crate::migration::files::shown;
use crate::migration::made::RoleMade;
use crate::migration::migrated::Migrated;
use crate::migration::run::Step;
use crate::migration::scratch::{Hearer, Scratch};
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use anyhow::{Error, Result};
use std::cell::RefCell;

/// Runs the task in a fresh database that is made like the target's own; the task may ask whether files have changed
/// objects outside of it, and removed none. What has changed there when the task ends comes beside its result, as
/// an error with exit 6.
pub(super) fn with<T>(
    work: &Work<'_>,
    task: impl FnOnce(&mut Scratch<'_, '_>, &dyn Fn() -> bool) -> Result<T>,
) -> Result<(T, Option<Error>)> {
    let target = work.server.target();
    let server = &Server::new(target)?;
    let drill = leftovers::begin_drill(server, work.context)?;
    let like = Properties::named(server, target.database())?;
    let database = drill.create(like.as_ref(), None)?;
    let inside = Server::new(target)?.in_database(database.name());
    let ran = RefCell::new(Vec::new());
    let runs = |step: &Step| ran.borrow_mut().push((shown(&step.file), step.roles.clone()));
    let hearer = Hearer { warn: &|text| work.context.warn_once(text), runs: &runs };
    let on = Migrated { server: &inside, config: &work.config };
    database.guarded(&|role| place(&ran.borrow(), role), |sees_changes| {
        Scratch::begin(on, hearer).and_then(|mut scratch| task(&mut scratch, sees_changes))
    })
}

/// The last statement of the files that ran which makes this role.
fn place(ran: &[(String, Vec<RoleMade>)], role: &str) -> Option<String> {
    let mut all = ran.iter().rev().flat_map(|(file, roles)| roles.iter().map(move |made| (file, made)));
    all.find(|(_, made)| made.name == role).map(|(file, made)| format!("{file}:{}", made.line))
}
