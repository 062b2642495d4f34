//! The script of a swap: what it changes, in one transaction.

use super::carried::carry;
use super::closed;
use super::record::{self, Details, OwnedDatabase, Purpose};
use crate::error::Fault;
use crate::postgres::properties::Properties;
use crate::postgres::quote::{identifier, literal, literal_or_null};
use crate::postgres::server::Server;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;

/// Two databases that change names. The record changes in the same transaction.
#[derive(Debug)]
pub struct Swap<'a> {
    /// The database that becomes the live one.
    pub incoming: &'a OwnedDatabase,
    /// The live one's next name; `None` where there is no live one yet.
    pub outgoing: Option<&'a str>,
    /// What the new entry says: about the outgoing one, or where there is none about the new live one, until its
    /// services run.
    pub details: &'a Details,
    /// The new entry's time.
    pub at: &'a str,
    /// What the incoming database gets of the live one's own; `None`: it keeps what it has.
    pub carried: Option<&'a Properties>,
}

impl Swap<'_> {
    /// The databases that must be free to change their names.
    pub(super) fn names<'b>(&'b self, live: &'b str) -> Vec<&'b str> {
        if self.outgoing.is_some() { vec![live, self.incoming.name()] } else { vec![self.incoming.name()] }
    }

    /// SQL that is true once it took place.
    pub(super) fn took_place(&self, live: &str) -> Result<String> {
        Ok(format!(
            "EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = {} AND d.oid = {})",
            literal(live)?,
            self.incoming.oid()
        ))
    }

    /// PL/pgSQL that replaces the entries of both databases by the new one.
    fn recorded(&self, live: &str, run: &str) -> Result<String> {
        let purpose = if self.outgoing.is_some() { Purpose::Previous } else { Purpose::First };
        let (name, live_name) = (literal(self.outgoing.unwrap_or(live))?, literal(live)?);
        let (id, oid) = (self.incoming.id(), self.incoming.oid());
        Ok(format!(
            "  DELETE FROM xtask.databases AS e WHERE e.id = {id} OR e.oid = {oid} OR e.oid = old_oid;\n\
             \x20 INSERT INTO xtask.databases (purpose, live, name, oid, owner, live_oid, run, at, details)\n\
             \x20   SELECT '{}', {live_name}, {name}, d.oid, d.datdba, {oid}, {}, {}, {}\n\
             \x20   FROM pg_catalog.pg_database AS d WHERE d.datname = {name};\n",
            purpose.word(),
            literal(run)?,
            literal(self.at)?,
            self.details.sql()?
        ))
    }
}

/// The session that exchanges names: it may live on after the run.
pub(super) fn session_name(run: &str) -> String {
    format!("{run}-swap")
}

/// All of it. Once psql has it, the end of this program cannot stop it half-way.
pub(super) fn script(live: &str, run: &str, live_exists: bool, swap: &Swap<'_>) -> Result<String> {
    let tag = &record::dollar_quote(run);
    let mut script = String::new();
    writeln!(script, "SELECT 'at ' || EXTRACT(EPOCH FROM pg_catalog.clock_timestamp());")?;
    let name = identifier(live)?;
    if live_exists {
        // Committed by itself: only then it keeps others out. Where another session is changing the database, the
        // script ends.
        writeln!(
            script,
            "SET lock_timeout TO '5s';\nALTER DATABASE {name} ALLOW_CONNECTIONS false;\nSET lock_timeout TO 0;"
        )?;
    }
    script.push_str(&transaction(live, run, swap)?);
    // Whichever database bears the live name now is open to all again, also after a failure.
    writeln!(script, "ALTER DATABASE {name} ALLOW_CONNECTIONS true;")?;
    writeln!(script, "SELECT 'at ' || EXTRACT(EPOCH FROM pg_catalog.clock_timestamp());")?;
    writeln!(script, "SELECT 'swapped' WHERE {};", swap.took_place(live)?)?;
    if let Some(outgoing) = swap.outgoing {
        // It stays readable for a person who wants to compare.
        writeln!(
            script,
            "DO {tag} BEGIN IF {} THEN ALTER DATABASE {} ALLOW_CONNECTIONS true; END IF; END {tag};",
            swap.took_place(live)?,
            identifier(outgoing)?
        )?;
    }
    Ok(script)
}

/// Both renames and the record's change. What fails in it is said and undone, and the script goes on.
fn transaction(live: &str, run: &str, swap: &Swap<'_>) -> Result<String> {
    let tag = record::dollar_quote(run);
    let (incoming, live_name) = (swap.incoming, literal(live)?);
    let mut steps = format!("  {}\n", incoming.assertion()?);
    if Purpose::Staging.fits(incoming.name(), live) {
        steps.push_str(&closed::open_for_all(incoming.name())?);
    }
    if let Some(properties) = swap.carried {
        steps.push_str(&carry(incoming.name(), properties)?);
        let comment = literal_or_null(properties.comment.as_deref())?;
        writeln!(steps, "  COMMENT ON DATABASE {} IS {comment};", incoming.quoted()?)?;
    }
    if let Some(outgoing) = swap.outgoing {
        steps.push_str(&rename(live, outgoing)?);
    }
    steps.push_str(&rename(incoming.name(), live)?);
    // Both names are held until the commit: what bears them now is what was meant.
    let outgoing = swap
        .outgoing
        .map(|outgoing| {
            Ok::<_, Fault>(format!(
                "OR NOT EXISTS (SELECT FROM pg_catalog.pg_database AS d \
         WHERE d.datname = {} AND d.oid = old_oid)",
                literal(outgoing)?
            ))
        })
        .transpose()?;
    writeln!(
        steps,
        "  IF NOT {} {} THEN RAISE EXCEPTION 'another database took one of the names'; END IF;",
        swap.took_place(live)?,
        outgoing.unwrap_or_default()
    )?;
    steps.push_str(&swap.recorded(live, run)?);
    Ok(format!(
        "DO {tag}\nDECLARE old_oid pg_catalog.oid;\n\
         \x20 deadline pg_catalog.timestamptz := pg_catalog.clock_timestamp() + INTERVAL '5 s';\nBEGIN\n\
         \x20 PERFORM pg_catalog.set_config('synchronous_commit', 'on', true), pg_catalog.set_config('lock_timeout', '5s', true);\n\
         \x20 old_oid := (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = {live_name});\n\
         {steps}EXCEPTION WHEN OTHERS OR query_canceled THEN\n  RAISE WARNING '%', SQLERRM;\nEND {tag};\n"
    ))
}

/// Ends a database's sessions and gives it another name; again until it works or the deadline passes. Autovacuum
/// is nobody's session: only a superuser may end it, and it ends by itself when a database is renamed.
fn rename(database: &str, to: &str) -> Result<String, Fault> {
    Ok(format!(
        "  LOOP\n    PERFORM pg_catalog.pg_stat_clear_snapshot();\n\
         \x20   PERFORM pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity\n\
         \x20     WHERE datname = {} AND usesysid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid();\n\
         \x20   BEGIN\n      ALTER DATABASE {} RENAME TO {};\n      EXIT;\n\
         \x20   EXCEPTION WHEN object_in_use THEN\n\
         \x20     IF pg_catalog.clock_timestamp() > deadline THEN RAISE; END IF;\n    END;\n  END LOOP;\n",
        literal(database)?,
        identifier(database)?,
        identifier(to)?
    ))
}

/// Ends a lock-out that a killed run left behind.
pub fn unlock(server: &Server<'_>, name: &str) -> Result<()> {
    let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", identifier(name)?);
    server
        .in_maintenance()
        .ask(&sql)
        .map(drop)
        .with_context(|| Fault::failed(format!("{name} cannot be opened to connections again")))
}
