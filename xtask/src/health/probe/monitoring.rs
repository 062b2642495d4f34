//! The dashboards: what runs of them, each part asked in its own protocol.

use crate::health::Scene;
use crate::health::report::Finding;
use crate::monitoring::NAME;
use crate::monitoring::part::{PARTS, Part};
use crate::monitoring::ready;
use crate::target::companion::CompanionContainer;

/// What a person types about a part that ended.
const START_AGAIN: &str = "start them again: cargo xtask monitoring-dashboard\nor stop them: cargo xtask down";

/// Looks at all of them; skipped where there are none.
pub fn probe(scene: &Scene) -> Finding {
    let containers = scene.target.companions().companion_containers(NAME, scene.left());
    let known = |container: &CompanionContainer| Some((Part::of_service(&container.service)?, container.clone()));
    let mut parts: Vec<(&'static Part, CompanionContainer)> = containers.iter().filter_map(known).collect();
    // Docker lists containers in any order.
    parts.sort_by_key(|(part, _)| PARTS.iter().position(|known| known.service == part.service));
    // `down` leaves the containers, stopped.
    if parts.iter().all(|(_, container)| !container.runs()) {
        return Finding::skipped("not started; the command monitoring-dashboard starts them");
    }
    if let Some((part, container)) = parts.iter().find(|(_, container)| !container.runs()) {
        return Finding::fail(format!("{} does not run ({})", part.name, container.state), START_AGAIN);
    }
    let findings = std::thread::scope(|scope| {
        let asked = |(part, container): &(&'static Part, CompanionContainer)| {
            let (part, port) = (*part, container.port);
            scope.spawn(move || match port {
                None => Err((part, "it publishes no port".to_owned())),
                Some(port) => ready::check(part, port, scene.settings, scene.left()).map_err(|why| (part, why)),
            })
        };
        let threads: Vec<_> = parts.iter().map(|asking| (asking.0, asked(asking))).collect();
        let died = |part| Err((part, "the check itself failed: a bug of this program".to_owned()));
        threads.into_iter().map(|(part, thread)| thread.join().unwrap_or_else(|_| died(part))).collect::<Vec<_>>()
    });
    match findings.into_iter().find_map(Result::err) {
        Some((part, why)) => Finding::fail(format!("{}: {why}", part.name), ready::log_hint(part, &containers)),
        None => {
            let names: Vec<&str> = parts.iter().map(|(part, _)| part.name).collect();
            Finding::ok(format!("{} answer", names.join(", ")))
        }
    }
}
