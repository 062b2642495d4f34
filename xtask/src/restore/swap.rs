//! Two databases change names in one transaction; nobody ever sees a half-restored one under the live name.

use super::carried::carry;
use super::live::Live;
use super::maintenance_database;
use super::record::{self, Details, OwnedDatabase, Purpose, Record};
use super::staging::Checked;
use super::swap_outcome::{self, Outcome};
use crate::error::{self, Exit, Fault};
use crate::postgres::locks::{self, Holder};
use crate::postgres::properties::Properties;
use crate::postgres::quote::{identifier, literal, literal_or_null};
use crate::postgres::session;
use crate::process::signals;
use crate::target::Target;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Ending sessions and renaming is tried for 5 s; a rename itself may wait as long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A name may be held so long before anything is stopped.
const HELD: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);

/// Two databases that change names. The record changes in the same transaction.
#[derive(Debug)]
pub struct Swap<'a> {
    /// The database that becomes the live one.
    pub incoming: &'a OwnedDatabase,
    /// The live one's next name; `None` where there is no live one yet.
    pub outgoing: Option<&'a str>,
    /// What the new entry says: about the outgoing one, or where there is none about the new live one, until its services
    /// run.
    pub details: &'a Details,
    /// The new entry's time.
    pub at: &'a str,
    /// What the incoming database gets of the live one's own; `None`: it keeps what it has.
    pub carried: Option<&'a Properties>,
}

impl Swap<'_> {
    /// The databases that must be free to change their names.
    fn names<'b>(&'b self, live: &'b str) -> Vec<&'b str> {
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

/// Waits a moment for whoever keeps the names from being exchanged: now nothing is stopped and nobody is locked out.
///
/// # Errors
/// It is still held (1); the fault names who holds it.
pub fn wait_for_names(record: &Record<'_>, swap: &Swap<'_>) -> Result<()> {
    let (target, run) = (record.target(), record.run());
    let end = Instant::now() + HELD;
    let names = swap.names(target.database());
    loop {
        // Where it cannot be told the swap itself finds out.
        let held = locks::name_holders(target, run, &names).unwrap_or_default();
        let Some(holder) = held.first() else { return Ok(()) };
        signals::check()?;
        if Instant::now() >= end {
            let message = format!("{} cannot be swapped now; it is as it was", target.database());
            return Err(Fault::failed(message).hint(release(holder)).into());
        }
        std::thread::sleep(PAUSE);
    }
}

fn release(holder: &Holder) -> String {
    format!(
        "{}\nonce that session has ended, try again; to end it: cargo xtask db-shell -- -c 'SELECT pg_terminate_backend({})'",
        holder.to_string().replace(char::is_control, " "),
        holder.pid
    )
}

/// How long nobody could connect, by the server's clock, from lock-out to the names being there again.
pub type Outage = Duration;

/// Swaps a checked staging database in.
pub fn swap_in(record: &Record<'_>, live: &Live, staging: Checked<'_, '_>, swap: &Swap<'_>) -> Result<Outage> {
    let outage = exchange_names(record, live.properties.is_some(), swap);
    // Of what nobody knows the next run must find the record.
    if outage.as_ref().map_or_else(|error| error::exit(error) == Exit::Partial, |_| true) {
        staging.leave();
    }
    outage
}

/// Sends the whole exchange as one script: once psql has it, our own death cannot stop it half-way. It runs in the record
/// database, so that names and record change together. Where its answer is missing the server is asked which state it
/// is in.
///
/// # Errors
/// The databases are as they were, and open (1); or nobody could tell, and a person must look (6).
pub fn exchange_names(record: &Record<'_>, live_exists: bool, swap: &Swap<'_>) -> Result<Outage> {
    let (target, run) = (record.target(), record.run());
    signals::check()?;
    let script = script(target.database(), run, live_exists, swap)?;
    let (database, session) = (record.database()?, session_name(run));
    let clock = Instant::now();
    let sent = || session::run_script(target, &database, &session, &script, DEADLINE);
    let (answer, said) = match signals::shielded(sent) {
        Ok(said) => (said.text(), said.stderr.trim().to_owned()),
        Err(error) => (String::new(), format!("{error:#}")),
    };
    let moments: Vec<f64> =
        answer.lines().filter_map(|line| line.strip_prefix("at ").and_then(|at| at.parse().ok())).collect();
    if let ([start, end], true) = (moments.as_slice(), answer.lines().any(|line| line == "swapped")) {
        return Ok(Duration::from_secs_f64((end - start).max(0.0)));
    }
    let why = anyhow::Error::msg(said);
    match signals::shielded(|| swap_outcome::find(target, run, swap)) {
        Ok(Outcome::Swapped) => Ok(clock.elapsed()),
        Ok(Outcome::AsItWas) => {
            let fault = Fault::failed(format!("{} could not be swapped; it is as it was", target.database()));
            let names = swap.names(target.database());
            let held = locks::possible_name_holders(target, run, &names).unwrap_or_default();
            let hint = held.first().map_or_else(
                || "see who is connected: cargo xtask db-shell -- -c 'SELECT * FROM pg_stat_activity'".to_owned(),
                release,
            );
            Err(why.context(fault.hint(hint)))
        }
        Err(error) => {
            let message = format!(
                "The server was lost while {} was exchanged: it is as it was or as restored, whole, and may be locked",
                target.database()
            );
            let hint = "once the server runs (cargo xtask up), mend it with: cargo xtask db-restore --repair";
            Err(error.context(why).context(Fault::new(Exit::Partial, message).hint(hint)))
        }
    }
}

/// The session that exchanges names: it may live on after the run.
pub(super) fn session_name(run: &str) -> String {
    format!("{run}-swap")
}

fn script(live: &str, run: &str, live_exists: bool, swap: &Swap<'_>) -> Result<String> {
    let tag = &record::dollar_quote(run);
    let mut script = String::new();
    writeln!(script, "SELECT 'at ' || EXTRACT(EPOCH FROM pg_catalog.clock_timestamp());")?;
    let name = identifier(live)?;
    if live_exists {
        // Committed by itself: only then it keeps others out. Where somebody is changing the database the script ends.
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
pub fn unlock(target: &Target, run: &str, name: &str) -> Result<()> {
    let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", identifier(name)?);
    session::ask_in(target, maintenance_database(target), run, &sql)
        .map(drop)
        .with_context(|| Fault::failed(format!("{name} cannot be opened to connections again")))
}
