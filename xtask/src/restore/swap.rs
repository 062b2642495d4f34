//! Two databases change names in one transaction; nobody ever sees a half-restored one under the live name.

use super::aftermath::{self, Aftermath};
use super::carried::carry;
use super::live::Live;
use super::maintenance_database;
use super::mark::Mark;
use super::staging::Checked;
use crate::error::{self, Exit, Fault};
use crate::postgres::locks::{self, Holder};
use crate::postgres::preamble::PREAMBLE;
use crate::postgres::properties::Properties;
use crate::postgres::quote::{identifier, literal, literal_or_null};
use crate::postgres::session;
use crate::process::signals;
use crate::target::{Talk, Target};
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Ending sessions and renaming is tried for 5 s; a rename itself may wait as long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A name may be held so long before anything is stopped.
const HELD: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);

/// An exchange of names.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The database that becomes the live one.
    pub incoming: &'a str,
    /// The live one's next name; `None` where there is no live one yet.
    pub outgoing: Option<&'a str>,
    /// The mark of the outgoing one; where there is none the new live one bears it until its services run.
    pub mark: &'a Mark,
    /// Owner, grants, settings and limit that the incoming one gets; `None`: it keeps its own.
    pub carried: Option<&'a Properties>,
    /// The comment of the new live database.
    pub comment: Option<&'a str>,
}

impl Exchange<'_> {
    /// The databases that must be free to change their names.
    fn names<'b>(&'b self, live: &'b str) -> Vec<&'b str> {
        if self.outgoing.is_some() { vec![live, self.incoming] } else { vec![self.incoming] }
    }

    /// SQL that is true once it took place: the incoming name is gone, and what was not there before is.
    pub(super) fn took_place(&self, live: &str) -> Result<String, Fault> {
        let there = |name: &str| {
            let name = literal(name)?;
            Ok::<_, Fault>(format!("EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = {name})"))
        };
        Ok(format!("(NOT {} AND {})", there(self.incoming)?, there(self.outgoing.unwrap_or(live))?))
    }
}

/// Waits a moment for whoever keeps the names from being exchanged: now nothing is stopped and nobody is locked out.
///
/// # Errors
/// It is still held (1); the fault names who holds it.
pub fn wait_for_names(target: &Target, run: &str, exchange: &Exchange<'_>) -> Result<()> {
    let end = Instant::now() + HELD;
    let names = exchange.names(target.database());
    loop {
        // Where it cannot be told the exchange itself finds out.
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
pub fn swap_in(
    target: &Target,
    run: &str,
    live: &Live,
    staging: Checked<'_>,
    exchange: &Exchange<'_>,
) -> Result<Outage> {
    let outage = exchange_names(target, run, live.properties.is_some(), exchange);
    // Of what nobody knows the next run must find its mark.
    if outage.as_ref().map_or_else(|error| error::exit(error) == Exit::Partial, |_| true) {
        staging.leave();
    }
    outage
}

/// Sends the whole exchange as one script: once psql has it, our own death cannot stop it half-way. Where its answer
/// is missing the server is asked which state it is in.
///
/// # Errors
/// The databases are as they were, and open (1); or nobody could tell, and a person must look (6).
pub fn exchange_names(target: &Target, run: &str, live_exists: bool, exchange: &Exchange<'_>) -> Result<Outage> {
    signals::check()?;
    let script = script(target.database(), run, live_exists, exchange)?;
    let program = target
        .program_with(
            "psql",
            &session_name(run),
            Talk::Piped,
            &[("PGDATABASE", maintenance_database(target)), ("PGCLIENTENCODING", "UTF8")],
        )?
        .args(["--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "-f", "-"]);
    let clock = Instant::now();
    let (answer, said) = match signals::shielded(|| program.capture_with(script.into_bytes(), DEADLINE)) {
        Ok(said) => (said.text(), said.stderr.trim().to_owned()),
        Err(error) => (String::new(), format!("{error:#}")),
    };
    let moments: Vec<f64> =
        answer.lines().filter_map(|line| line.strip_prefix("at ").and_then(|at| at.parse().ok())).collect();
    if let ([start, end], true) = (moments.as_slice(), answer.lines().any(|line| line == "swapped")) {
        return Ok(Duration::from_secs_f64((end - start).max(0.0)));
    }
    let why = anyhow::Error::msg(said);
    match signals::shielded(|| aftermath::find(target, run, exchange)) {
        Ok(Aftermath::Exchanged) => Ok(clock.elapsed()),
        Ok(Aftermath::AsItWas) => {
            let fault = Fault::failed(format!("{} could not be swapped; it is as it was", target.database()));
            let names = exchange.names(target.database());
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

fn script(live: &str, run: &str, live_exists: bool, exchange: &Exchange<'_>) -> Result<String> {
    let tag = format!("${}$", run.replace('-', ""));
    let name = identifier(live)?;
    let carried =
        exchange.carried.map(|properties| carry(exchange.incoming, properties)).transpose()?.unwrap_or_default();
    let comment = literal_or_null(exchange.comment)?;
    let mut script = PREAMBLE.to_owned();
    writeln!(script, "SELECT 'at ' || EXTRACT(EPOCH FROM pg_catalog.clock_timestamp());")?;
    if live_exists {
        // Committed by itself: only then it keeps others out. Where somebody is changing the database it is not begun.
        writeln!(script, "SET lock_timeout TO '5s';\nALTER DATABASE {name} ALLOW_CONNECTIONS false;")?;
        writeln!(script, "\\if :ERROR\n\\q\n\\endif\nSET lock_timeout TO 0;")?;
    }
    let leave = match exchange.outgoing {
        Some(outgoing) => rename(live, outgoing)?,
        None => String::new(),
    };
    // Somebody may look into it: a monitoring program, a pooler.
    let enter = rename(exchange.incoming, live)?;
    let marked = exchange.mark.sql(exchange.outgoing.unwrap_or(live))?;
    writeln!(
        script,
        "DO {tag}\nDECLARE entry pg_catalog.record;\n  deadline pg_catalog.timestamptz := pg_catalog.clock_timestamp() + INTERVAL '5 s';\nBEGIN\n\
         \x20 PERFORM pg_catalog.set_config('synchronous_commit', 'on', true), pg_catalog.set_config('lock_timeout', '5s', true);\n\
         {carried}{leave}{enter}  COMMENT ON DATABASE {name} IS {comment};\n  {marked};\nEND {tag};"
    )?;
    // Whichever database bears the live name now is open to all again, also after a failure.
    writeln!(script, "ALTER DATABASE {name} ALLOW_CONNECTIONS true;")?;
    writeln!(script, "SELECT 'at ' || EXTRACT(EPOCH FROM pg_catalog.clock_timestamp());")?;
    writeln!(script, "SELECT 'swapped' WHERE {};", exchange.took_place(live)?)?;
    if let Some(outgoing) = exchange.outgoing {
        // It stays readable for a person who wants to compare.
        writeln!(
            script,
            "SELECT pg_catalog.format('ALTER DATABASE %I ALLOW_CONNECTIONS true', datname) \
             FROM pg_catalog.pg_database WHERE datname = {} \\gexec",
            literal(outgoing)?
        )?;
    }
    Ok(script)
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
