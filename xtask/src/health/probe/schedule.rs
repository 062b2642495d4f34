//! The schedule of this checkout: whether its runs are made, and how the last ones ended.

use crate::health::Scene;
use crate::health::report::Finding;
use crate::schedule::flaw::Gravity;
use crate::schedule::judge::Standing;
use crate::schedule::plan::INSTALL_EXAMPLE;
use chrono::Local;

pub fn probe(scene: &Scene) -> Finding {
    let standing = match Standing::read(scene.root, scene.left()) {
        Ok(Some(standing)) => standing,
        Ok(None) => return Finding::skipped("no schedule is installed"),
        Err(error) => return Finding::of_error(&error, &format!("install it again: {INSTALL_EXAMPLE}")),
    };
    let flaws = standing.flaws();
    let Some(worst) = flaws.first() else { return Finding::ok(fine(&standing)) };
    let what: Vec<&str> = flaws.iter().map(|flaw| flaw.what.as_str()).collect();
    let finding = if worst.gravity == Gravity::Failure { Finding::fail } else { Finding::warn };
    finding(what.join("; "), worst.hint.for_other())
}

fn fine(standing: &Standing) -> String {
    let last = standing.history.as_ref().ok().and_then(|history| history.last_done_at);
    let last = last.map_or_else(
        || "no run was due yet".to_owned(),
        |last| format!("the last proven run was {}", standing.age(last.time().with_timezone(&Local))),
    );
    let next = standing.next().map(|next| format!(", the next is due {}", next.format("%Y-%m-%d %H:%M")));
    format!("{last}{}", next.unwrap_or_default())
}
