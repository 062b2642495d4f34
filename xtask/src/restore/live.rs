//! The live database, seen from the maintenance database: it may be absent, locked out or unreadable.

use super::workers;
use crate::error::{self, Fault};
use crate::postgres::properties::Properties;
use crate::postgres::quote;
use crate::postgres::server::{Server, maintenance_database};
use crate::postgres::session::OWN;
use crate::target::Target;
use anyhow::{Context as _, Result};
use serde::Deserialize;

/// What stands where the restored database will stand.
#[derive(Debug)]
pub struct Live {
    /// `None`: there is no such database yet.
    pub properties: Option<Properties>,
    pub facts: Facts,
}

/// What a swap needs to know.
#[derive(Debug, Default, Deserialize)]
pub struct Facts {
    pub accepts_connections: bool,
    /// Sessions that would be cut, by program: `openfga 4`.
    pub sessions: Vec<String>,
    /// Background workers of extensions, which a swap ends, too: `pg_cron launcher`.
    pub workers: Vec<String>,
    pub obstacles: Vec<Obstacle>,
}

/// What a rename cannot take along, by its name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    PreparedTransaction(String),
    /// An enabled one: its worker would follow the database's OID.
    Subscription(String),
    ReplicationSlot(String),
}

impl Obstacle {
    fn shown(&self) -> String {
        match self {
            Self::PreparedTransaction(name) => format!("prepared transaction {name}"),
            Self::Subscription(name) => format!("subscription {name}"),
            Self::ReplicationSlot(name) => format!("replication slot {name}"),
        }
    }

    /// The statement that ends it, and a sentence on what that means.
    fn removal(&self) -> Result<String, Fault> {
        Ok(match self {
            Self::PreparedTransaction(name) => {
                let name = quote::printable_literal(name)?;
                format!("ROLLBACK PREPARED {name};\nCOMMIT PREPARED keeps what the transaction did")
            }
            Self::Subscription(name) => {
                let name = quote::printable_identifier(name)?;
                format!(
                    "ALTER SUBSCRIPTION {name} DISABLE;\n\
                     enabled, it would go on in the database that is kept, and take the publisher's changes"
                )
            }
            Self::ReplicationSlot(name) => {
                let name = quote::printable_literal(name)?;
                format!("SELECT pg_catalog.pg_drop_replication_slot({name});\nits reader gets no more changes")
            }
        })
    }
}

const QUERY: &str = "
SELECT pg_catalog.json_build_object(
  'accepts_connections', d.datallowconn,
  'sessions', (SELECT COALESCE(pg_catalog.json_agg(s.line ORDER BY s.line), '[]') FROM (
      SELECT COALESCE(NULLIF(a.application_name, ''), 'unnamed') || ' ' || pg_catalog.count(*) AS line
      FROM pg_catalog.pg_stat_activity AS a
      WHERE a.datid = d.oid AND a.pid <> pg_catalog.pg_backend_pid() AND NOT (a.application_name LIKE 'xtask-%' AND OWN)
      GROUP BY COALESCE(NULLIF(a.application_name, ''), 'unnamed')) AS s),
  'workers', (WORKERS),
  'obstacles', (SELECT COALESCE(pg_catalog.json_agg(o.entry), '[]') FROM (
      SELECT pg_catalog.json_build_object('prepared_transaction', p.gid) AS entry FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = d.datname
      UNION ALL SELECT pg_catalog.json_build_object('subscription', s.subname) FROM pg_catalog.pg_subscription AS s
      WHERE s.subdbid = d.oid AND s.subenabled
      UNION ALL SELECT pg_catalog.json_build_object('replication_slot', r.slot_name) FROM pg_catalog.pg_replication_slots AS r
      WHERE r.database = d.datname) AS o))
FROM pg_catalog.pg_database AS d WHERE d.datname = ";

// Objects of extensions do not count: a new database has those of plpgsql.
const EMPTY: &str = "
SELECT pg_catalog.json_build_object(
  'empty', NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d RIGHT JOIN (
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class, c.oid, c.relnamespace AS schema FROM pg_catalog.pg_class AS c
        UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.pronamespace FROM pg_catalog.pg_proc AS p
        UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typnamespace FROM pg_catalog.pg_type AS t) AS o
      ON d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'
      JOIN pg_catalog.pg_namespace AS n ON n.oid = o.schema
      WHERE d.objid IS NULL AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata),
  'owner_fits', EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = OWNER
      AND pg_catalog.pg_has_role(r.oid, 'USAGE')),
  'owner_can_be_made', NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = OWNER)
      AND EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper))";

#[derive(Default, Deserialize)]
struct Empty {
    empty: bool,
    owner_fits: bool,
    /// The server lacks it, and once it is made this role may act as it.
    owner_can_be_made: bool,
}

/// Whether the server has the target's database.
pub fn exists(server: &Server<'_>) -> Result<bool> {
    let name = quote::literal(server.target().database())?;
    let sql = format!("SELECT EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = {name})");
    Ok(server.ask_maintenance(&sql)?.trim() == "t")
}

/// The encoding of the maintenance database cannot hold the name, so the server refuses the question.
fn unreadable(error: anyhow::Error, target: &Target) -> anyhow::Error {
    let (name, maintenance) = (target.database(), maintenance_database(target));
    let message = format!("Database {maintenance} cannot read the name {name}; nothing was changed");
    let hint = "give the database a name in ASCII: connect to another one in UTF-8, then\n\
                \\l\nALTER DATABASE \"NAME\" RENAME TO new_name;";
    error::explain(error, || Fault::failed(message).hint(hint))
}

impl Live {
    /// Asks the server.
    pub fn of(server: &Server<'_>) -> Result<Self> {
        let target = server.target();
        let name = target.database();
        let properties = Properties::named(server, name);
        let properties = properties.map_err(|error| if name.is_ascii() { error } else { unreadable(error, target) })?;
        let query = QUERY.replace("OWN", OWN).replace("WORKERS", &workers::OF_DATABASE.replace("NAME", "d.datname"));
        let sql = format!("{query}{}", quote::literal(name)?);
        let text = server.ask_maintenance(&sql)?;
        let facts = match text.trim() {
            "" => Facts::default(),
            text => serde_json::from_str(text).context("the state of the live database")?,
        };
        Ok(Self { properties, facts })
    }

    /// Asks the server for a database that is to be swapped out now: another run holds no lock on it.
    ///
    /// # Errors
    /// It cannot be swapped (1), and why.
    pub fn swappable(server: &Server<'_>) -> Result<Self> {
        let live = Self::of(server)?;
        live.check_swappable(server.target())?;
        Ok(live)
    }

    /// Whether there is no such database yet.
    pub fn is_absent(&self) -> bool {
        self.properties.is_none()
    }

    /// Refuses to go on where the database came or went since the preview: what the manifest would give it was not
    /// shown.
    pub fn check_unchanged(&self, was_absent: bool, target: &Target) -> Result<(), Fault> {
        if self.is_absent() == was_absent {
            return Ok(());
        }
        let what = if was_absent { "was created" } else { "was dropped" };
        let message = format!("{} {what} since the preview; nothing was changed", target.database());
        Err(Fault::failed(message).hint("see the new preview: cargo xtask db-restore --dry-run"))
    }

    /// The properties of the new database: the live database's. Where that is empty, the encoding and locale of `other`, and
    /// its owner where this role may act as it. With `create_roles` a missing owner is created.
    pub(super) fn made_like(&self, other: &Properties, server: &Server<'_>, create_roles: bool) -> Result<Properties> {
        let Some(live) = &self.properties else { return Ok(other.clone()) };
        let mut like = live.clone();
        like.made_as(other);
        if like == *live {
            return Ok(like);
        }
        let empty = EMPTY.replace("OWNER", &quote::literal(&other.owner)?);
        // A database that cannot be read is not empty.
        let answer = server.query::<Empty>(&empty).unwrap_or_default();
        if !(answer.owner_fits || create_roles && answer.owner_can_be_made) {
            like.owner.clone_from(&live.owner);
        }
        Ok(if answer.empty { like } else { live.clone() })
    }

    /// Refuses what cannot be swapped as it is now.
    pub fn check_swappable(&self, target: &Target) -> Result<(), Fault> {
        self.check_obstacles(target)?;
        self.check_open(target)
    }

    /// Refuses a database that a person locked on purpose.
    fn check_open(&self, target: &Target) -> Result<(), Fault> {
        if self.properties.is_none() || self.facts.accepts_connections {
            return Ok(());
        }
        let name = target.database();
        let quoted = quote::identifier(name)?;
        Err(Fault::failed(format!("{name} accepts no connections, and this program did not lock it"))
            .hint(format!("open it first: ALTER DATABASE {quoted} ALLOW_CONNECTIONS true")))
    }

    /// Refuses what would make the swap fail, also where a run that was killed locked the database, which is repaired first.
    pub fn check_obstacles(&self, target: &Target) -> Result<(), Fault> {
        let obstacles = &self.facts.obstacles;
        if obstacles.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = obstacles.iter().map(Obstacle::shown).collect();
        let removals = obstacles.iter().map(Obstacle::removal).collect::<Result<Vec<String>, Fault>>()?;
        let message = format!("{} cannot be swapped while it has: {}", target.database(), shown.join(", "));
        let hint = format!("end this first: cargo xtask db-shell, then\n{}", removals.join("\n"));
        Err(Fault::failed(message).hint(hint))
    }
}
