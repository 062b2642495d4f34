//! The script of a swap: what it changes, in one transaction.

use super::closed;
use super::property_statements::carry;
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
    /// The live one's name.
    pub live: &'a str,
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
    fn names(&self) -> impl Iterator<Item = &str> {
        self.outgoing.map(|_| self.live).into_iter().chain([self.incoming.name()])
    }

    /// SQL that is true once it took place.
    fn took_place(&self) -> Result<String> {
        Ok(format!(
            "EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = {} AND d.oid = {})",
            literal(self.live)?,
            self.incoming.oid()
        ))
    }

    /// PL/pgSQL that replaces the entries of both databases by the new one.
    fn recorded(&self, run: &str) -> Result<String> {
        let purpose = if self.outgoing.is_some() { Purpose::Previous } else { Purpose::First };
        let (name, live_name) = (literal(self.outgoing.unwrap_or(self.live))?, literal(self.live)?);
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

/// The databases that must be free to change their names.
pub(super) fn names<'a>(swaps: &'a [Swap<'_>]) -> Vec<&'a str> {
    swaps.iter().flat_map(Swap::names).collect()
}

/// SQL that is true once all of them took place.
pub(super) fn took_place(swaps: &[Swap<'_>]) -> Result<String> {
    let conditions = swaps.iter().map(Swap::took_place).collect::<Result<Vec<_>>>()?;
    Ok(format!("({})", conditions.join(" AND ")))
}

/// All of it. Once psql has it, the end of this program cannot stop it half-way.
pub(super) fn script(run: &str, swaps: &[Swap<'_>]) -> Result<String> {
    let mut script = String::new();
    writeln!(script, "SELECT 'at ' || EXTRACT(EPOCH FROM pg_catalog.clock_timestamp());")?;
    let outgoing = || swaps.iter().filter(|swap| swap.outgoing.is_some());
    // Committed by itself: only then it keeps others out. Where another session is changing one of the databases, none
    // is locked out, and the script ends.
    let lock_out = outgoing().map(|swap| allow_connections(swap.live, false)).collect::<Result<String, _>>()?;
    if !lock_out.is_empty() {
        writeln!(script, "SET lock_timeout TO '5s';\n{}SET lock_timeout TO 0;", block(run, &lock_out))?;
    }
    script.push_str(&transaction(run, swaps)?);
    // Whichever databases bear the live names now are open to all again, also after a failure.
    let open = swaps.iter().map(|swap| allow_connections(swap.live, true)).collect::<Result<String, _>>()?;
    script.push_str(&block(run, &open));
    writeln!(script, "SELECT 'at ' || EXTRACT(EPOCH FROM pg_catalog.clock_timestamp());")?;
    let took_place = took_place(swaps)?;
    writeln!(script, "SELECT 'swapped' WHERE {took_place};")?;
    // The previous ones stay readable for a person who wants to compare.
    let previous = outgoing().filter_map(|swap| swap.outgoing);
    let open = previous.map(|name| allow_connections(name, true)).collect::<Result<String, _>>()?;
    if !open.is_empty() {
        script.push_str(&block(run, &format!("  IF {took_place} THEN\n{open}  END IF;\n")));
    }
    Ok(script)
}

/// A PL/pgSQL block of these statements: one transaction.
fn block(run: &str, statements: &str) -> String {
    let tag = record::dollar_quote(run);
    format!("DO {tag} BEGIN\n{statements}END {tag};\n")
}

/// A PL/pgSQL statement that lets sessions into the database of this name, or keeps them out, where there is one.
fn allow_connections(name: &str, allow: bool) -> Result<String, Fault> {
    Ok(format!(
        "  IF EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname = {}) THEN \
         ALTER DATABASE {} ALLOW_CONNECTIONS {allow}; END IF;\n",
        literal(name)?,
        identifier(name)?
    ))
}

/// All renames and the record's changes. What fails in it is said and undone, and the script goes on.
fn transaction(run: &str, swaps: &[Swap<'_>]) -> Result<String> {
    let tag = record::dollar_quote(run);
    let steps = swaps.iter().map(|swap| steps(run, swap)).collect::<Result<String>>()?;
    Ok(format!(
        "DO {tag}\nDECLARE old_oid pg_catalog.oid;\n\
         \x20 deadline pg_catalog.timestamptz := pg_catalog.clock_timestamp() + INTERVAL '5 s';\nBEGIN\n\
         \x20 PERFORM pg_catalog.set_config('synchronous_commit', 'on', true), pg_catalog.set_config('lock_timeout', '5s', true);\n\
         {steps}EXCEPTION WHEN OTHERS OR query_canceled THEN\n  RAISE WARNING '%', SQLERRM;\nEND {tag};\n"
    ))
}

/// Both renames of one swap and the record's change.
fn steps(run: &str, swap: &Swap<'_>) -> Result<String> {
    let (incoming, live) = (swap.incoming, swap.live);
    let mut steps = format!(
        "  old_oid := (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = {});\n  {}\n",
        literal(live)?,
        incoming.assertion()?
    );
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
        swap.took_place()?,
        outgoing.unwrap_or_default()
    )?;
    steps.push_str(&swap.recorded(run)?);
    Ok(steps)
}

/// Ends a database's sessions and gives it another name; again until it works or the deadline passes. Autovacuum
/// belongs to no role: only a superuser may end it, and it ends by itself when a database is renamed.
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
