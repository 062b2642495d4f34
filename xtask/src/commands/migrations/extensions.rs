//! Extensions that files make and that a database beside the target's own cannot have: said before one is made.

use super::work::Work;
use crate::context::Context;
use crate::migration::checks::{self, Direction};
use crate::migration::files::{Migration, shown};
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use crate::restore::preflight::{Beside, MadeExtension, check_made};
use crate::target::Target;
use anyhow::Result;

/// Refuses to run these in a database beside the target's own where one makes an extension that cannot be there.
///
/// # Errors
/// Which extension, by file and line, and what to do (1).
pub fn check<'m>(
    work: &Work<'_>,
    migrations: impl IntoIterator<Item = &'m Migration>,
    beside: Beside<'_>,
) -> Result<()> {
    let mut made = Vec::new();
    for migration in migrations {
        // A file that is refused is named when it is its turn.
        let Ok(found) = checks::check(&migration.up, Direction::Up, &work.config.ignored) else { continue };
        let place = |line: u64| format!("{}:{line}", shown(&migration.up));
        made.extend(found.extensions.into_iter().map(|(line, name)| MadeExtension { place: place(line), name }));
    }
    if made.is_empty() { Ok(()) } else { check_made(&work.server, &made, beside) }
}

/// The same for all files, which [`super::apply::fill`] would run in a database that takes the target's place.
///
/// # Errors
/// As [`check`].
pub fn check_fill(target: &Target, properties: Option<&Properties>, context: &Context) -> Result<()> {
    let work = Work::on(&Server::new(target)?, context)?;
    check(&work, &work.folder.migrations, Beside::Reset(properties))
}
