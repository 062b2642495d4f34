//! A server whose words are not understood has refused a login to the database: it is asked for the reason in its
//! maintenance database.

use super::quote::literal;
use crate::error::{self, Cause};
use crate::target::{Refusal, Target};
use serde::Deserialize;

/// What the server knows of the database.
#[derive(Debug, Deserialize)]
struct Known {
    is_there: bool,
    takes_sessions: bool,
    may_connect: bool,
    /// It has had a login event trigger; servers before 17 know none.
    has_login_trigger: bool,
}

/// The error with the server's reason on top, where the server gives one. `ask` asks in the maintenance database.
pub(super) fn explained(target: &Target, error: anyhow::Error, ask: &dyn Fn(&str) -> Option<String>) -> anyhow::Error {
    if error::cause(&error) != Some(Cause::Refused) {
        return error;
    }
    match question(target.database()).and_then(|sql| reason(&ask(&sql)?)) {
        Some(refusal) => error.context(target.refusal(refusal)),
        None => error,
    }
}

fn question(database: &str) -> Option<String> {
    let database = literal(database).ok()?;
    Some(format!(
        "SELECT pg_catalog.json_build_object('is_there', d.oid IS NOT NULL, \
         'takes_sessions', COALESCE(d.datallowconn, false), \
         'may_connect', COALESCE(pg_catalog.has_database_privilege(d.oid, 'CONNECT'), false), \
         'has_login_trigger', COALESCE((pg_catalog.to_jsonb(d) ->> 'dathasloginevt') = 'true', false)) \
         FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_database AS d ON d.datname = {database}"
    ))
}

fn reason(answer: &str) -> Option<Refusal> {
    match serde_json::from_str(answer.trim()).ok()? {
        Known { is_there: false, .. } => Some(Refusal::Missing),
        Known { takes_sessions: false, .. } => Some(Refusal::Closed),
        Known { may_connect: false, .. } => Some(Refusal::Forbidden),
        Known { has_login_trigger: true, .. } => Some(Refusal::LoginTrigger),
        Known { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_that_is_missing_is_the_reason() {
        let answer = |there: bool, takes: bool, may: bool, trigger: bool| {
            serde_json::json!({
                "is_there": there, "takes_sessions": takes, "may_connect": may, "has_login_trigger": trigger,
            })
            .to_string()
        };
        assert_eq!(reason(&answer(false, false, false, false)), Some(Refusal::Missing));
        assert_eq!(reason(&answer(true, false, true, true)), Some(Refusal::Closed));
        assert_eq!(reason(&answer(true, true, false, true)), Some(Refusal::Forbidden));
        assert_eq!(reason(&answer(true, true, true, true)), Some(Refusal::LoginTrigger));
        assert_eq!(reason(&answer(true, true, true, false)), None);
        assert_eq!(reason("no JSON"), None);
        assert_eq!(reason(""), None);
    }
}
