//! Subscriptions of a database that is ours to drop. `DROP DATABASE` refuses a database that has one, also a disabled one
//! without a slot. The publisher's slot is never dropped: the live database's subscription may go on from it.

use super::record::OwnedDatabase;
use crate::postgres::quote;
use crate::postgres::server::Server;
use crate::words::{clean_line, sql_name};
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

/// What keeps a database from being dropped.
#[derive(Debug, Default, Deserialize)]
struct Blockers {
    subscriptions: Vec<Subscription>,
    prepared: Vec<String>,
    slots: Vec<String>,
    /// Whether this role can keep event triggers silent from the session's beginning, those on login included.
    can_silence: bool,
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'subscriptions', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', s.subname,
      'slot', s.subslotname, 'enabled', s.subenabled) ORDER BY s.subname), '[]')
    FROM pg_catalog.pg_subscription AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.subdbid WHERE d.datname = NAME),
  'prepared', (SELECT COALESCE(pg_catalog.json_agg(p.gid), '[]') FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = NAME),
  'slots', (SELECT COALESCE(pg_catalog.json_agg(r.slot_name), '[]') FROM pg_catalog.pg_replication_slots AS r WHERE r.database = NAME),
  'can_silence', pg_catalog.current_setting('is_superuser') = 'on'
    AND EXISTS (SELECT FROM pg_catalog.pg_settings AS g WHERE g.name = 'event_triggers'))";

/// Enabled event triggers that this role may disable: one that raises an error would keep what follows from being done.
const EVENT_TRIGGERS: &str = "
SELECT COALESCE(pg_catalog.json_agg(e.evtname), '[]') FROM pg_catalog.pg_event_trigger AS e
WHERE e.evtenabled <> 'D' AND pg_catalog.pg_has_role(e.evtowner, 'USAGE')";

/// Those of one database of the server.
pub fn of(server: &Server<'_>, database: &str) -> Result<Vec<Subscription>> {
    Ok(blockers(server, database)?.subscriptions)
}

fn blockers(server: &Server<'_>, database: &str) -> Result<Blockers> {
    let answer = server.ask_maintenance(&QUERY.replace("NAME", &quote::literal(database)?))?;
    serde_json::from_str(answer.trim()).context("what keeps a database from being dropped")
}

/// Removes the subscriptions of a database that is about to be dropped. No event trigger of it runs meanwhile.
pub(super) fn remove(server: &Server<'_>, database: &OwnedDatabase) -> Result<()> {
    let blockers = blockers(server, database.name())?;
    if blockers.subscriptions.is_empty() {
        return Ok(());
    }
    // As an option, because a trigger on login fires before the first statement.
    let silence = blockers.can_silence.then_some(("PGOPTIONS", "-c event_triggers=off"));
    let inside = server.in_database(database.name()).with_environment(silence.as_slice()).within(TIMEOUT);
    let ask = |sql: &str| inside.ask(sql);
    let triggers: Vec<String> =
        serde_json::from_str(ask(EVENT_TRIGGERS)?.trim()).context("the event triggers of a database")?;
    let mut sql = "SET lock_timeout TO '10s';\nBEGIN;\n".to_owned();
    for trigger in &triggers {
        // Commands about event triggers fire none.
        sql.push_str(&format!("ALTER EVENT TRIGGER {} DISABLE;\n", quote::identifier(trigger)?));
    }
    for subscription in &blockers.subscriptions {
        sql.push_str(&removal(&quote::identifier(&subscription.name)?));
    }
    ask(&format!("{sql}COMMIT;")).map(drop)
}

/// `name`: in quotes.
fn removal(name: &str) -> String {
    format!(
        "ALTER SUBSCRIPTION {name} DISABLE;\nALTER SUBSCRIPTION {name} SET (slot_name = NONE);\nDROP SUBSCRIPTION {name};\n"
    )
}

/// What a person types to drop a database that this run could not drop.
pub(super) fn by_hand(server: &Server<'_>, database: &str) -> Result<String> {
    let blockers = blockers(server, database).unwrap_or_default();
    let quoted = quote::printable_identifier(database)?;
    let connected = clean_line(&sql_name(database));
    let mut lines = format!(
        "clear it by hand: cargo xtask db-shell -- -d {}, then\n\\c {connected}\n",
        server.maintenance_database()
    );
    for subscription in &blockers.subscriptions {
        lines.push_str(&removal(&quote::printable_identifier(&subscription.name)?));
    }
    for transaction in &blockers.prepared {
        lines.push_str(&format!("ROLLBACK PREPARED {};\n", quote::printable_literal(transaction)?));
    }
    for slot in &blockers.slots {
        lines.push_str(&format!("SELECT pg_catalog.pg_drop_replication_slot({});\n", quote::printable_literal(slot)?));
    }
    Ok(format!("{lines}\\c {}\nDROP DATABASE {quoted} WITH (FORCE);", server.maintenance_database()))
}
