//! The record beside what the server has, at one moment.

use super::by_hand::Unrecorded;
use super::entry::{Entry, read_details};
use super::evidence::{self, Database, Doubt, OwnedDatabase, Verdict};
use super::names::{self, Purpose};
use crate::error::Fault;
use crate::postgres::quote::literal;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::sync::Arc;

/// Whether the table is there, and this role's own work; a line of its own.
pub(super) const IS_THERE: &str = "
SELECT pg_catalog.json_build_object(
  'database', (SELECT pg_catalog.pg_get_userbyid(d.datdba) = current_user FROM pg_catalog.pg_database AS d
    WHERE d.datname = pg_catalog.current_database()),
  'table', (SELECT c.relkind = 'r' AND pg_catalog.pg_get_userbyid(c.relowner) = current_user
      AND pg_catalog.pg_get_userbyid(n.nspowner) = current_user
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'xtask' AND c.relname = 'databases'))";

/// Makes the table. Names are as the server holds them; everything else is ASCII.
pub(super) const TABLE: &str = "
CREATE SCHEMA IF NOT EXISTS xtask;
CREATE TABLE IF NOT EXISTS xtask.databases (
  id pg_catalog.int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  purpose pg_catalog.text NOT NULL,
  live pg_catalog.text NOT NULL,
  name pg_catalog.text NOT NULL,
  oid pg_catalog.oid,
  owner pg_catalog.oid NOT NULL,
  live_oid pg_catalog.oid,
  run pg_catalog.text NOT NULL,
  at pg_catalog.text NOT NULL,
  details pg_catalog.text NOT NULL)";

// The details of a set name all its databases: what several entries say is sent once.
// A session of another role may bear any name: only this role's own sessions show that a run is alive.
const READ: &str = "
SELECT pg_catalog.json_build_object(
  'role', (SELECT r.oid::pg_catalog.int8 FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user),
  'entries', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
      'id', e.id, 'purpose', e.purpose, 'live', e.live, 'name', e.name, 'oid', e.oid::pg_catalog.int8,
      'owner', e.owner::pg_catalog.int8, 'live_oid', e.live_oid::pg_catalog.int8, 'run', e.run, 'at', e.at,
      'details_at', e.details_at,
      'alive', EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
        WHERE r.rolname = session_user AND a.application_name IN (e.run, e.run || '-swap'))
    ) ORDER BY e.id), '[]')
    FROM (SELECT o.*, pg_catalog.dense_rank() OVER (ORDER BY o.details) - 1 AS details_at FROM xtask.databases AS o) AS e),
  'details', (SELECT COALESCE(pg_catalog.json_agg(t.details ORDER BY t.details), '[]')
    FROM (SELECT DISTINCT o.details FROM xtask.databases AS o) AS t),
  'databases', (SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(DATABASE)), '[]')
    FROM pg_catalog.pg_database AS d WHERE EXISTS (
      SELECT FROM xtask.databases AS e WHERE e.oid = d.oid OR e.name = d.datname OR e.live = d.datname)),
  'similar', SIMILAR)";

const DATABASE: &str = "'oid', d.oid::pg_catalog.int8, 'name', d.datname, 'owner', d.datdba::pg_catalog.int8,
      'owner_name', pg_catalog.pg_get_userbyid(d.datdba),
      'has_known_owner', pg_catalog.pg_get_userbyid(d.datdba) = current_user
        OR d.datdba IN (SELECT l.datdba FROM pg_catalog.pg_database AS l WHERE l.datname = LIVE),
      'accepts_connections', d.datallowconn, 'bytes', ";
const SIZE: &str =
    "CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') THEN pg_catalog.pg_database_size(d.oid) END";
const SIMILAR: &str =
    "(SELECT COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(DATABASE) ORDER BY d.datname), '[]')
    FROM pg_catalog.pg_database AS d WHERE pg_catalog.starts_with(d.datname::pg_catalog.text, START)
      AND d.datname ~ '_[0-9]{8}_[0-9]{6}$')";

/// What the record and the server say together. Empty where there is no record.
#[derive(Debug, Default, Deserialize)]
pub struct View {
    role: u32,
    entries: Vec<Entry>,
    /// The texts that entries point to, until they are read.
    #[serde(default)]
    details: Vec<String>,
    databases: Vec<Database>,
    /// Databases whose name begins like one of ours and ends like one.
    similar: Vec<Database>,
    #[serde(skip)]
    distrust: Option<Fault>,
}

impl View {
    /// The question whose answer [`Self::read`] takes, in the record database; about databases that are named like those
    /// of `live`, too.
    pub(super) fn question(live: &str, sizes: bool) -> Result<String> {
        with_names(READ, live, sizes)
    }

    /// The same where there is no record, in any database.
    pub(super) fn question_without_record(live: &str) -> Result<String> {
        with_names(
            "SELECT pg_catalog.json_build_object('role', 0, 'entries', '[]'::pg_catalog.json, 'databases', \
             '[]'::pg_catalog.json, 'similar', SIMILAR)",
            live,
            false,
        )
    }

    pub(in crate::restore) fn read(answer: &str) -> Result<Self> {
        let mut view: Self = serde_json::from_str(answer.trim()).context("the record of this role's databases")?;
        let details: Vec<_> = std::mem::take(&mut view.details).iter().map(|text| read_details(text)).collect();
        for entry in &mut view.entries {
            if let Some(at) = entry.details_at.take() {
                // Details that are not there are none that are understood.
                entry.details = details.get(at).map_or_else(|| read_details(""), Arc::clone);
            }
        }
        Ok(view)
    }

    /// A record that is not to be trusted, and why: nothing is read there.
    pub(super) fn distrusted(why: Fault) -> Self {
        Self { distrust: Some(why), ..Self::default() }
    }

    /// Why the record is not to be trusted, for a command that only looks.
    pub fn distrust(&self) -> Option<&Fault> {
        self.distrust.as_ref()
    }

    /// # Errors
    /// The record is not to be trusted (1).
    pub fn trusted(self) -> Result<Self, Fault> {
        let Self { distrust, .. } = self;
        match distrust {
            Some(why) => Err(why),
            None => Ok(Self { distrust: None, ..self }),
        }
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Those about databases beside this one, or about itself.
    pub fn of<'a>(&'a self, live: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.live == live)
    }

    /// Whether there is a database of this name, a recorded or a live one, and it accepts no connections. The server's own
    /// template is closed on purpose, whatever an entry says.
    pub fn is_locked_out(&self, name: &str) -> bool {
        name != "template0"
            && self.databases.iter().any(|database| database.name == name && !database.accepts_connections)
    }

    /// What the server says of an entry, for a run that works on this database.
    pub fn judge(&self, entry: &Entry, live: &str) -> Verdict {
        evidence::judge(entry, &self.entries, &self.databases, self.role, live)
    }

    /// The database that an entry proves to be this role's.
    pub fn owned(&self, entry: &Entry, live: &str) -> Option<OwnedDatabase> {
        match self.judge(entry, live) {
            Verdict::Owned(database) => Some(database),
            Verdict::Gone | Verdict::Doubtful(_) => None,
        }
    }

    /// Its owner, where that is neither this role nor the owner of this live database.
    pub fn other_owner(&self, database: &OwnedDatabase, live: &str) -> Option<&str> {
        let kept = self.databases.iter().find(|found| found.oid == database.oid())?;
        let live_owner = self.databases.iter().find(|found| found.name == live).map(|found| found.owner);
        (kept.owner != self.role && live_owner != Some(kept.owner)).then_some(kept.owner_name.as_str())
    }

    /// Its size on the server's disk, where it was asked and this role may know it.
    pub fn bytes(&self, database: &OwnedDatabase) -> Option<u64> {
        self.databases.iter().find(|found| found.oid == database.oid())?.bytes
    }

    /// Databases that are named like ones of `live` and that nothing proves to be this role's.
    pub fn unrecorded(&self, live: &str) -> Vec<Unrecorded> {
        let suspect = |database: &Database| {
            let purpose = Purpose::suggested(&database.name, live)?;
            let entry = self.entries.iter().find(|entry| entry.name == database.name && entry.live == live);
            let doubt = match entry.map(|entry| self.judge(entry, live)) {
                Some(Verdict::Owned(_)) => return None,
                Some(Verdict::Doubtful(doubt)) => doubt,
                Some(Verdict::Gone) | None => Doubt::NoRecord,
            };
            Some(Unrecorded { database: database.clone(), live: live.to_owned(), purpose, doubt })
        };
        self.similar.iter().filter_map(suspect).collect()
    }
}

fn with_names(sql: &str, live: &str, sizes: bool) -> Result<String> {
    let database = [DATABASE, if sizes { SIZE } else { "NULL" }].concat();
    let sql = sql.replace("SIMILAR", SIMILAR).replace("DATABASE", &database);
    let (start, live) = (literal(names::common_start(live))?, literal(live)?);
    // Nothing is replaced in a name, which may hold such a word.
    let parts: Vec<String> = sql.split("LIVE").map(|part| part.replace("START", &start)).collect();
    Ok(parts.join(&live))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_holds_a_word_of_the_question_stays_whole() {
        for name in ["LIVE", "SHOP_LIVE", "START_LIVE_DATABASE", "SIMILAR"] {
            let question = View::question(name, true).unwrap();
            let (start, live) = (literal(names::common_start(name)).unwrap(), literal(name).unwrap());
            assert!(question.contains(&format!("text, {start})")), "{question}");
            assert!(question.contains(&format!("l.datname = {live})")), "{question}");
            assert_eq!(question.matches('\'').count() % 2, 0, "{question}");
        }
    }
}
