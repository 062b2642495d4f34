//! The ledger as one session writes it: made where it is missing, and left alone where its owner's code would run.

use super::guard::{self, EventTrigger, Guard};
use super::write;
use crate::error::{self, Fault};
use crate::migration::denied;
use crate::migration::failure::code;
use crate::migration::session::Session;
use crate::postgres::quote::{identifier, literal};
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// A table that this session may write.
#[derive(Debug, Clone)]
pub struct Writer {
    /// Its quoted name, schema included.
    pub table: String,
    user: String,
    /// Its owner has fewer rights than the session: before each change the table is locked and looked at again.
    guarded: bool,
    lock_timeout: Duration,
}

impl Writer {
    /// Makes the table where it is missing, and before it these schemas.
    ///
    /// # Errors
    /// Its owner has fewer rights than this session and could have code run by having the table written.
    pub fn open(session: &mut Session<'_>, table: String, schemas: &[String], lock_timeout: Duration) -> Result<Self> {
        if !is_there(session, &table)? {
            let triggered: Option<EventTrigger> = answered(session, &guard::event_trigger())?;
            if let Some(trigger) = triggered {
                return Err(trigger.refusal(&table, session.user()).into());
            }
            make_schemas(session, schemas)
                .and_then(|()| session.run(&write::create(&table)))
                .map_err(|error| not_made(error, session))?;
        }
        let mut writer = Self { table, user: session.user().to_owned(), guarded: false, lock_timeout };
        writer.guarded = !writer.guard(session)?.trusted;
        Ok(writer)
    }

    /// Makes sure, in an open transaction, that the next statements change the ledger and run no code of its owner.
    /// `before` resets what a file set in the session.
    pub fn lock(&self, session: &mut Session<'_>, before: &str) -> Result<()> {
        if self.guarded {
            let timeout = self.lock_timeout.as_millis();
            session.run(&format!("{before} SET lock_timeout TO {timeout}; {}", guard::lock(&self.table)))?;
            self.guard(session)?;
        }
        Ok(())
    }

    /// Runs statements that change the table, in a transaction of their own.
    pub fn change(&self, session: &mut Session<'_>, statements: &str) -> Result<()> {
        if self.guarded {
            session.run("BEGIN;")?;
            self.lock(session, "")?;
            return session.run(&format!("{statements}\nCOMMIT;"));
        }
        session.run(&format!("BEGIN;\n{statements}\nCOMMIT;"))
    }

    fn guard(&self, session: &mut Session<'_>) -> Result<Guard> {
        let guard: Option<Guard> = answered(session, &guard::question(&self.table)?)?;
        let guard = guard.ok_or_else(|| Fault::failed(format!("The ledger {} is gone", self.table)))?;
        guard.check(&self.table, &self.user)?;
        Ok(guard)
    }
}

fn is_there(session: &mut Session<'_>, table: &str) -> Result<bool> {
    let sql = format!("SELECT pg_catalog.to_regclass({}) IS NOT NULL", literal(table)?);
    Ok(session.ask(&sql)?.as_deref() == Some("true"))
}

/// The answer to a question that gives one JSON document, or no row.
fn answered<T: DeserializeOwned>(session: &mut Session<'_>, question: &str) -> Result<Option<T>> {
    let answer = session.ask(question)?;
    answer.map(|answer| serde_json::from_str(&answer)).transpose().context("who owns the ledger, or code beside it")
}

/// A schema that is there is left alone: `CREATE SCHEMA IF NOT EXISTS` wants the right to make one even then.
fn make_schemas(session: &mut Session<'_>, schemas: &[String]) -> Result<()> {
    for schema in schemas {
        let query = format!("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = {}", literal(schema)?);
        if session.ask(&query)?.as_deref() == Some("0") {
            session.run(&format!("CREATE SCHEMA {};", identifier(schema)?))?;
        }
    }
    Ok(())
}

/// Why there is no ledger, with what the role lacks.
fn not_made(error: anyhow::Error, session: &Session<'_>) -> anyhow::Error {
    let user = session.user();
    let setting = code(&error).and_then(code::settings).and_then(|names| session.configured(names));
    let hint = match code(&error) {
        _ if setting.is_some() => setting.unwrap_or_default(),
        Some(code::NO_PRIVILEGE) => denied::hint(session.server(), &error, Some("CREATE")),
        Some(code::READ_ONLY) => format!(
            "sessions of user {} are read-only here: log in as another user, or use a server that accepts \
             changes; to see why: {}",
            shell_word(user),
            session.see_settings()
        ),
        _ => "see the state of each version: cargo xtask db-migrate status".to_owned(),
    };
    error::explain(error, || Fault::failed("The ledger cannot be made; nothing was changed").hint(hint))
}
