//! Subscriptions of a database that is ours to drop. `DROP DATABASE` refuses a database that has one, also a disabled one
//! without a slot. The publisher's slot is never dropped: the live database's subscription may go on from it.

use super::record::OwnedDatabase;
use crate::postgres::quote;
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::time::Duration;

/// Nothing of this takes long unless another session holds it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A subscription, as every role may see it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    pub name: String,
    /// The publisher's replication slot.
    pub slot: Option<String>,
    pub enabled: bool,
}

/// Those of a database, and what their removal needs.
#[derive(Debug, Deserialize)]
struct Found {
    subscriptions: Vec<Subscription>,
    is_superuser: bool,
    /// The server can keep event triggers silent from a session's beginning, those on login included.
    has_event_triggers_setting: bool,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'subscriptions', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', s.subname,
      'slot', s.subslotname, 'enabled', s.subenabled) ORDER BY s.subname), '[]')
    FROM pg_catalog.pg_subscription AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid WHERE d.datname = NAME),
  'is_superuser', pg_catalog.current_setting('is_superuser') = 'on',
  'has_event_triggers_setting', EXISTS (SELECT FROM pg_catalog.pg_settings AS g WHERE g.name = 'event_triggers'))";

/// Enabled event triggers that this role may disable: one that raises an error would keep what follows from being done.
const EVENT_TRIGGERS: &str = "
SELECT COALESCE(pg_catalog.json_agg(e.evtname), '[]') FROM pg_catalog.pg_event_trigger AS e
WHERE e.evtenabled <> 'D' AND pg_catalog.pg_has_role(e.evtowner, 'USAGE')";

/// All of them, for a session that calls no function, not even an operator's.
const ALL_EVENT_TRIGGERS: &str = "SELECT evtname FROM pg_catalog.pg_event_trigger";

/// Those of one database of the server.
pub fn of(server: &Server<'_>, database: &str) -> Result<Vec<Subscription>> {
    Ok(found(server, database)?.subscriptions)
}

fn found(server: &Server<'_>, database: &str) -> Result<Found> {
    let answer = server.ask_maintenance(&QUERY.replace("NAME", &quote::literal(database)?))?;
    serde_json::from_str(answer.trim()).context("the subscriptions of a database")
}

/// Removes the subscriptions of a database that is about to be dropped. No event trigger of it runs meanwhile, and where
/// this role is a superuser, as whom a file may have been loaded, no function at all: nothing is compared any more with
/// what was before the load.
pub(super) fn remove(server: &Server<'_>, database: &OwnedDatabase) -> Result<()> {
    let found = found(server, database.name())?;
    if found.subscriptions.is_empty() {
        return Ok(());
    }
    // As an option, because a trigger on login fires before the first statement.
    let can_silence = found.is_superuser && found.has_event_triggers_setting;
    let silence = can_silence.then_some(("PGOPTIONS", "-c event_triggers=off"));
    let inside = server.in_database(database.name()).with_environment(silence.as_slice()).within(TIMEOUT);
    let ask = |sql: &str| if found.is_superuser { inside.work_calling_nothing(sql) } else { inside.ask(sql) };
    let triggers: Vec<String> = match found.is_superuser {
        true => ask(ALL_EVENT_TRIGGERS)?.lines().map(str::to_owned).collect(),
        false => serde_json::from_str(ask(EVENT_TRIGGERS)?.trim()).context("the event triggers of a database")?,
    };
    let mut sql = "SET lock_timeout TO '10s';\nBEGIN;\n".to_owned();
    for trigger in &triggers {
        // Commands about event triggers fire none.
        sql.push_str(&format!("ALTER EVENT TRIGGER {} DISABLE;\n", quote::identifier(trigger)?));
    }
    for subscription in &found.subscriptions {
        sql.push_str(&removal(&quote::identifier(&subscription.name)?));
    }
    ask(&format!("{sql}COMMIT;")).map(drop)
}

/// `name`: in quotes.
pub(super) fn removal(name: &str) -> String {
    format!(
        "ALTER SUBSCRIPTION {name} DISABLE;\nALTER SUBSCRIPTION {name} SET (slot_name = NONE);\nDROP SUBSCRIPTION {name};\n"
    )
}
