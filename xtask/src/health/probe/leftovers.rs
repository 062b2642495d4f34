//! What a restore that was killed left on the server.

use super::catalog::reach;
use super::not_without;
use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::restore::{mark, repair};

const REPAIR: &str = "cargo xtask db-restore --repair";

pub fn look(scene: &Scene) -> Finding {
    if reach(scene).is_err() {
        return not_without(Part::Postgres);
    }
    // Asked in another database of the server: the one that is locked out is not needed. Both at once: each is a
    // program to start.
    let (marked, unmarked) = std::thread::scope(|scope| {
        let unmarked = scope.spawn(|| unmarked(scene));
        (repair::look(scene.target, &scene.run), unmarked.join())
    });
    match marked {
        Ok(found) if found.is_empty() => unmarked.unwrap_or_else(|_| not_without(Part::Postgres)),
        Ok(found) => {
            let found: Vec<String> = found.iter().map(repair::Leftover::shown).collect();
            Finding::warn(found.join("; "), REPAIR)
        }
        Err(_) if scene.server().is_err() => not_without(Part::Postgres),
        Err(error) => Finding::of_error(&error, REPAIR),
    }
}

/// Databases named as ours that bear no mark: a run may have been killed before it could mark them. `--repair` takes
/// the lock and knows then that no run is about to.
fn unmarked(scene: &Scene) -> Finding {
    match mark::unmarked(scene.target, &scene.run) {
        Ok(names) if names.is_empty() => Finding::ok("none"),
        Ok(names) => {
            let names = names.join(", ");
            Finding::warn(format!("{names} was left behind by a run that was killed, or is being made"), REPAIR)
        }
        Err(error) => Finding::of_error(&error, REPAIR),
    }
}
