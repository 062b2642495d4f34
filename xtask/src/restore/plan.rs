//! What a restore would change, counted before anybody is asked.

use super::live::Live;
use crate::backup::manifest;
use crate::postgres::dump::{Contents, Ids};
use crate::postgres::{locks, session};
use crate::target::Target;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Above this size rows are estimated from the planner's statistics: counting would take minutes.
const COUNTED_UP_TO: u64 = 1_000_000_000;

/// Rows of a table now and in the backup; `None`: the table is not there.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    pub schema: String,
    pub table: String,
    pub now: Option<u64>,
    pub backup: Option<u64>,
}

/// A preview.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// `None` where the live database is absent or cannot be read.
    pub tables: Option<Vec<Change>>,
    /// Whether the rows of now are estimates.
    pub estimated: bool,
    /// Why the live database cannot be read.
    pub unreadable: Option<String>,
    /// OpenFGA's stores and models that would appear and disappear, as `id name` and `id`.
    pub stores_gained: Vec<String>,
    pub stores_lost: Vec<String>,
    pub models_gained: usize,
    pub models_lost: usize,
    /// Sessions that would be cut, by program.
    pub sessions: Vec<String>,
}

#[derive(Deserialize)]
struct Rows {
    schema: String,
    name: String,
    rows: Option<u64>,
}

/// Nobody waits for a preview because somebody holds a table.
const PATIENCE: &str = "SET lock_timeout TO '3s';";
/// A line of JSON for each table.
const ESTIMATES: &str = "
SELECT pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname, 'rows', GREATEST(c.reltuples, 0)::pg_catalog.int8)";
/// A question for each table, which psql asks and whose answer is such a line.
const COUNTS: &str = "
SELECT pg_catalog.format('SELECT pg_catalog.json_build_object(''schema'', %L::pg_catalog.text, ''name'', %L::pg_catalog.text,
  ''rows'', pg_catalog.count(*)) FROM ONLY %I.%I', n.nspname, c.relname, n.nspname, c.relname)";
const OF_TABLES: &str = "
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_t(oast|emp_)'";

const IDS: &str = "
RESET search_path;
SELECT pg_catalog.json_build_object(
  'stores', (SELECT COALESCE(pg_catalog.json_object_agg(id, name), '{}') FROM
     (SELECT id, name FROM store WHERE deleted_at IS NULL LIMIT 10000) AS s),
  'models', (SELECT COALESCE(pg_catalog.json_agg(DISTINCT authorization_model_id), '[]') FROM
     (SELECT authorization_model_id FROM authorization_model LIMIT 10000) AS m))";

#[derive(Default, Deserialize)]
struct LiveIds {
    stores: BTreeMap<String, String>,
    models: BTreeSet<String>,
}

impl Plan {
    /// Compares the live database with what comes in its place. A live database that cannot be read shortens the plan
    /// and stops nothing.
    pub fn draw(target: &Target, run: &str, live: &Live, then: &Contents) -> Result<Self> {
        let mut plan = Self {
            tables: None,
            estimated: false,
            unreadable: None,
            stores_gained: Vec::new(),
            stores_lost: Vec::new(),
            models_gained: 0,
            models_lost: 0,
            sessions: live.facts.sessions.clone(),
        };
        let Some(properties) = &live.properties else { return Ok(plan) };
        plan.estimated = properties.size_bytes > COUNTED_UP_TO;
        let (what, ask) = if plan.estimated { (ESTIMATES, ";") } else { (COUNTS, " \\gexec\n") };
        match session::rows::<Rows>(target, run, &[PATIENCE, what, OF_TABLES, ask].concat()) {
            Ok(now) => plan.tables = Some(changes(now, then)),
            Err(error) => plan.unreadable = Some(why_unreadable(target, run, &error)),
        }
        if plan.tables.is_some() && (then.openfga.is_some() || plan.has_openfga()) {
            let now = session::query::<LiveIds>(target, run, IDS).unwrap_or_default();
            plan.compare_ids(&now, &then.openfga_ids);
        }
        Ok(plan)
    }

    /// Whether the live database holds OpenFGA's tables.
    pub fn has_openfga(&self) -> bool {
        let tables = self.tables.as_deref().unwrap_or_default();
        let is_there = |name: &&str| tables.iter().any(|table| table.now.is_some() && table.table == *name);
        ["store", "authorization_model", "tuple"].iter().all(is_there)
    }

    fn compare_ids(&mut self, now: &LiveIds, backup: &Ids) {
        let missing = |from: &BTreeMap<String, String>, there: &BTreeMap<String, String>| -> Vec<String> {
            from.iter().filter(|(id, _)| !there.contains_key(*id)).map(|(id, name)| format!("{id} {name}")).collect()
        };
        self.stores_gained = missing(&backup.stores, &now.stores);
        self.stores_lost = missing(&now.stores, &backup.stores);
        self.models_gained = backup.models.difference(&now.models).count();
        self.models_lost = now.models.difference(&backup.models).count();
    }
}

/// Who stands in the way where somebody does, else what the server says.
fn why_unreadable(target: &Target, run: &str, error: &anyhow::Error) -> String {
    let said = format!("{error:#}");
    if said.contains(" lock timeout") {
        let holders = locks::holders(target, run).unwrap_or_default();
        if let Some(holder) = holders.first() {
            return holder.to_string();
        }
    }
    let server = said.lines().find_map(|line| line.split_once(" ERROR:  ").map(|(_, message)| message.to_owned()));
    server.unwrap_or(said)
}

fn changes(now: Vec<Rows>, then: &Contents) -> Vec<Change> {
    let mut tables: BTreeMap<(String, String), (Option<u64>, Option<u64>)> = BTreeMap::new();
    for table in now {
        tables.entry((table.schema, table.name)).or_default().0 = Some(table.rows.unwrap_or_default());
    }
    for table in manifest::tables(&then.filled()) {
        tables.entry((table.schema, table.name)).or_default().1 = Some(table.rows);
    }
    tables.into_iter().map(|((schema, table), (now, backup))| Change { schema, table, now, backup }).collect()
}
