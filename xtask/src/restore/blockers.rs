//! What keeps a database of ours from being dropped, and what a person types who clears it by hand.

use super::subscriptions;
use crate::postgres::quote;
use crate::postgres::server::Server;
use crate::target::client_error::{first_error, server_message};
use crate::words::{clean_line, is_obeyed, sql_name};
use anyhow::{Context as _, Error, Result};
use serde::Deserialize;

/// A database of ours that could not be dropped. It hinders no later run.
#[derive(Debug)]
pub struct Stuck {
    pub name: String,
    /// The server's words, and what holds the database.
    pub why: String,
    /// What a person types.
    pub by_hand: String,
}

impl Stuck {
    /// The server's error, explained.
    pub(super) fn by(error: &Error, server: &Server<'_>, name: &str) -> Result<Self> {
        let blockers = Blockers::of(server, name);
        let said = error.root_cause().to_string();
        let why = match (blockers.shown(), first_error(&said)) {
            (Some(shown), Some((_, said))) => format!("{said}; it has: {shown}"),
            (Some(shown), None) => format!("it has: {shown}"),
            (None, _) => server_message(error),
        };
        Ok(Self { name: name.to_owned(), why, by_hand: blockers.by_hand(server, name)? })
    }
}

/// What holds a database.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Blockers {
    accepts_connections: bool,
    subscriptions: Vec<String>,
    prepared: Vec<Prepared>,
    slots: Vec<Slot>,
    sessions: Vec<Session>,
}

/// A prepared transaction in the database, or one of another database that holds its name.
#[derive(Debug, Deserialize)]
struct Prepared {
    name: String,
    owner: String,
    database: String,
    may_end: bool,
}

#[derive(Debug, Deserialize)]
struct Slot {
    name: String,
    /// The session that reads it.
    pid: Option<i32>,
}

/// A session in the database, or one of another database that holds its name.
#[derive(Debug, Deserialize)]
struct Session {
    pid: i32,
    role: Option<String>,
    program: Option<String>,
    may_end: bool,
    holds_name: bool,
}

// Whether this role may end a session is what DROP DATABASE … WITH (FORCE) asks.
const QUERY: &str = "
WITH held AS (SELECT l.pid, l.objid, x.transactionid FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_locks AS x
    ON x.virtualtransaction = l.virtualtransaction AND x.pid IS NULL AND x.locktype = 'transactionid'
  WHERE l.granted AND l.locktype = 'object' AND l.classid = 'pg_catalog.pg_database'::pg_catalog.regclass),
  me AS (SELECT pg_catalog.current_setting('is_superuser') = 'on' AS is_superuser)
SELECT pg_catalog.json_build_object(
  'accepts_connections', d.datallowconn,
  'subscriptions', (SELECT COALESCE(pg_catalog.json_agg(s.subname ORDER BY s.subname), '[]')
    FROM pg_catalog.pg_subscription AS s WHERE s.subdbid = d.oid),
  'prepared', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', p.gid, 'owner', p.owner,
      'database', p.database, 'may_end', me.is_superuser OR p.owner = current_user) ORDER BY p.prepared, p.gid), '[]')
    FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = d.datname OR EXISTS (SELECT FROM held
      WHERE held.objid = d.oid AND held.transactionid = p.transaction)),
  'slots', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('name', r.slot_name, 'pid', r.active_pid)
      ORDER BY r.slot_name), '[]') FROM pg_catalog.pg_replication_slots AS r WHERE r.database = d.datname),
  'sessions', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object('pid', a.pid, 'role', a.usename,
      'program', a.application_name, 'holds_name', h.held, 'may_end', a.usesysid IS NULL OR me.is_superuser
        OR (NOT COALESCE(o.rolsuper, false) AND (pg_catalog.pg_has_role(a.usesysid, 'USAGE')
          OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))) ORDER BY a.pid), '[]')
    FROM pg_catalog.pg_stat_activity AS a LEFT JOIN pg_catalog.pg_roles AS o ON o.oid = a.usesysid,
      LATERAL (SELECT EXISTS (SELECT FROM held WHERE held.pid = a.pid AND held.objid = d.oid) AS held) AS h
    WHERE a.pid <> pg_catalog.pg_backend_pid() AND (a.datid = d.oid OR h.held)))
FROM pg_catalog.pg_database AS d, me WHERE d.datname = ";

impl Blockers {
    /// None where the server does not say.
    pub(super) fn of(server: &Server<'_>, database: &str) -> Self {
        Self::ask(server, database).unwrap_or_default()
    }

    fn ask(server: &Server<'_>, database: &str) -> Result<Self> {
        let answer = server.ask_maintenance(&format!("{QUERY}{}", quote::literal(database)?))?;
        let mut found: Self =
            serde_json::from_str(answer.trim()).context("what keeps a database from being dropped")?;
        // A slot that no session reads goes with its database, and so do sessions that this role may end.
        found.slots.retain(|slot| slot.pid.is_some());
        let others = found.subscriptions.len() + found.prepared.len() + found.slots.len();
        let hinders = |session: &Session| !session.may_end || session.holds_name;
        if others > 0 || found.sessions.iter().any(hinders) {
            found.sessions.retain(hinders);
        }
        Ok(found)
    }

    /// In one line; `None`: nothing.
    pub(super) fn shown(&self) -> Option<String> {
        let mut shown: Vec<String> = self
            .prepared
            .iter()
            .map(|one| format!("prepared transaction {} of role {}", one.name, one.owner))
            .collect();
        shown.extend(self.subscriptions.iter().map(|name| format!("subscription {name}")));
        shown.extend(self.slots.iter().map(|slot| format!("replication slot {}, which is read", slot.name)));
        shown.extend(self.sessions.iter().map(Session::shown));
        if !self.accepts_connections && !shown.is_empty() {
            shown.push("ALLOW_CONNECTIONS false".to_owned());
        }
        (!shown.is_empty()).then(|| clean_line(&shown.join(", ")))
    }

    /// What a person types to drop it.
    pub(super) fn by_hand(&self, server: &Server<'_>, database: &str) -> Result<String> {
        let maintenance = server.maintenance_database();
        let quoted = quote::printable_identifier(database)?;
        let is_for_superuser =
            self.prepared.iter().any(|one| !one.may_end) || self.sessions.iter().any(|one| !one.may_end);
        let who = if is_for_superuser { ", as a superuser" } else { "" };
        let mut lines = format!("clear it by hand{who}: cargo xtask db-shell -- -d {maintenance}, then\n");
        let readers = self.slots.iter().filter_map(|slot| slot.pid);
        for pid in readers.chain(self.sessions.iter().map(|session| session.pid)) {
            lines.push_str(&format!("SELECT pg_catalog.pg_terminate_backend({pid});\n"));
        }
        for slot in &self.slots {
            lines.push_str(&format!(
                "SELECT pg_catalog.pg_drop_replication_slot({});\n",
                quote::printable_literal(&slot.name)?
            ));
        }
        let inside = self.inside(database)?;
        if !inside.is_empty() && !self.accepts_connections {
            lines.push_str(&format!("ALTER DATABASE {quoted} ALLOW_CONNECTIONS true;\n"));
        }
        lines.push_str(&inside);
        if !inside.is_empty() {
            lines.push_str(&format!("\\c {maintenance}\n"));
        }
        Ok(format!("{lines}DROP DATABASE {quoted} WITH (FORCE);"))
    }

    /// What is typed in the databases of what is to be removed.
    fn inside(&self, database: &str) -> Result<String> {
        let (mut lines, mut connected) = (String::new(), None);
        if !self.subscriptions.is_empty() {
            lines.push_str(&connect(database));
            connected = Some(database);
        }
        for name in &self.subscriptions {
            lines.push_str(&subscriptions::removal(&quote::printable_identifier(name)?));
        }
        for one in &self.prepared {
            if connected.replace(&one.database) != Some(&one.database) {
                lines.push_str(&connect(&one.database));
            }
            lines.push_str(&format!("ROLLBACK PREPARED {};\n", quote::printable_literal(&one.name)?));
        }
        Ok(lines)
    }
}

impl Session {
    fn shown(&self) -> String {
        let role = self.role.as_deref().map_or_else(String::new, |role| format!(" of role {role}"));
        let program = self.program.as_deref().filter(|program| !program.is_empty());
        let program = program.map_or_else(String::new, |program| format!(" ({program})"));
        let holding = if self.holds_name { ", which holds the database's name" } else { "" };
        format!("session {}{role}{program}{holding}", self.pid)
    }
}

/// A line of psql's that goes to a database. A name that it would take for the address of a server is written as one; a
/// letter that a terminal would obey is written by its bytes.
fn connect(name: &str) -> String {
    let is_address = name.contains('=') || name.starts_with("postgres://") || name.starts_with("postgresql://");
    if !is_address && !name.chars().any(is_obeyed) {
        return format!("\\c {}\n", sql_name(name));
    }
    let (option, name) = match is_address {
        true => ("-reuse-previous=on ", format!("dbname='{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))),
        false => ("", name.to_owned()),
    };
    let mut word = String::new();
    for letter in name.chars() {
        if is_obeyed(letter) || letter == '\'' || letter == '\\' {
            letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| word += &format!("\\{byte:03o}"));
        } else {
            word.push(letter);
        }
    }
    format!("\\c {option}'{word}'\n")
}

/// What a person types to drop a database that this run could not drop.
pub(super) fn by_hand(server: &Server<'_>, database: &str) -> Result<String> {
    Blockers::of(server, database).by_hand(server, database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psql_goes_to_the_database_whatever_its_name_holds() {
        for (name, expected) in [
            ("a \"b\"", "\\c \"a \"\"b\"\"\"\n"),
            ("it's\n\u{3164}", "\\c 'it\\047s\\012\\343\\205\\244'\n"),
            ("a=b'c", "\\c -reuse-previous=on 'dbname=\\047a=b\\134\\047c\\047'\n"),
        ] {
            assert_eq!(connect(name), expected);
        }
    }
}
