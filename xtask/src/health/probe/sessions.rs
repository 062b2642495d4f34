//! Sessions of the server: how many more fit, and which hold a transaction open.

use crate::health::Scene;
use crate::health::report::{Finding, Part};
use crate::postgres::server::maintenance_database;
use crate::words::{counted, span};
use std::time::Duration;

/// A transaction that is open for longer keeps VACUUM from its work, and maybe others from their rows.
const LONG: Duration = Duration::from_secs(300);
const LONG_SETTING: &str = "XTASK_TRANSACTION_MAX_AGE";
const WHO: &str = "'SELECT pid, application_name, state, query FROM pg_catalog.pg_stat_activity'";

pub fn connections(scene: &Scene) -> Finding {
    let Ok(facts) = scene.server() else { return Finding::not_asked(Part::Postgres) };
    let most = facts.most.saturating_sub(facts.reserved);
    let detail = format!("{} of {} used", facts.used, facts.most);
    // Our own session may be one of those that only a superuser gets.
    if facts.used > most {
        let detail = format!("{detail}: no connection left ({} are reserved)", facts.reserved);
        let who = format!("cargo xtask db-shell -- -d {} -c {WHO}", maintenance_database(scene.target));
        return Finding::fail(detail, format!("close some clients, or raise max_connections; see who: {who}"));
    }
    Finding::ok(detail)
}

pub fn transactions(scene: &Scene) -> Finding {
    let Ok(facts) = scene.server() else { return Finding::not_asked(Part::Postgres) };
    let limit = match scene.span(LONG_SETTING, LONG) {
        Ok(limit) => i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        Err(finding) => return finding,
    };
    let Some(oldest) = &facts.oldest else {
        return Finding::ok(if facts.sees_all {
            "none open".to_owned()
        } else {
            format!("none open that {} may see (those of others show with pg_read_all_stats)", scene.target.user())
        });
    };
    let idle = match facts.idle_in_transaction {
        0 => String::new(),
        number => format!(", {} idle in transaction", counted(number, "session", "sessions")),
    };
    let detail = format!("the oldest is open for {}{idle}", span(oldest.seconds));
    if oldest.seconds < limit {
        return Finding::ok(detail);
    }
    let name = if oldest.application.is_empty() { "unnamed" } else { &oldest.application };
    let who = format!("session {} ({name}, {})", oldest.pid, oldest.state);
    Finding::warn(
        format!("{detail}: {who}"),
        format!(
            "end it there, or: cargo xtask db-shell -- -c 'SELECT pg_catalog.pg_terminate_backend({})'",
            oldest.pid
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::retention::time_span;
    use crate::settings;

    #[test]
    fn the_default_is_that_of_the_setting() {
        assert_eq!(time_span(settings::default_of(LONG_SETTING)).unwrap().to_std(), Ok(LONG));
    }
}
