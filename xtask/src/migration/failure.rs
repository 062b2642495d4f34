//! The server's error, with the file's own line and statement.

use super::messages::{self, Message, Severity};
use crate::error::Exit;
use crate::postgres::session as postgres;
use crate::process::Captured;
use crate::target::Target;
use crate::words::shortened;
use std::fmt;

/// How much of a statement a person is shown.
const SHOWN: usize = 200;

/// An SQLSTATE that decides what is said.
pub mod code {
    pub const IN_TRANSACTION: &str = "25001";
    pub const READ_ONLY: &str = "25006";
    pub const NO_PRIVILEGE: &str = "42501";
    pub const LOCK_TIMEOUT: &str = "55P03";
    /// Of roles, which belong to the whole server, and of few other objects.
    pub const OBJECT_EXISTS: &str = "42710";

    /// Settings of role and database that may have made the server answer so: migrations run under them.
    pub fn settings(code: &str) -> Option<&'static [&'static str]> {
        match code {
            READ_ONLY => Some(&["default_transaction_read_only"]),
            NO_PRIVILEGE => Some(&["role"]),
            "57014" => Some(&["statement_timeout"]),
            "57P05" => Some(&["idle_session_timeout"]),
            "25P03" => Some(&["idle_in_transaction_session_timeout"]),
            "25P04" => Some(&["transaction_timeout"]),
            _ => None,
        }
    }
}

/// What the server itself answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// SQLSTATE; empty for psql's own refusal.
    pub code: String,
    text: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for ServerError {}

/// The SQLSTATE that the server gave for this error, if it was the server's.
pub fn code(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<ServerError>().map(|error| error.code.as_str())
}

/// Why a file did not come to its end.
#[derive(Debug)]
pub struct Failure {
    /// The line of the file that psql had read to, and the line within the statement if the server named one.
    pub at: Option<(u64, Option<u64>)>,
    /// How the statement begins.
    pub statement: Option<String>,
    /// The server's message.
    pub error: anyhow::Error,
    /// The server itself said no: psql has ended, and nothing of its transaction is left.
    pub refused: bool,
    /// The file had come to its end; its row and COMMIT were sent.
    pub committing: bool,
    /// The transaction of a file that could have ended it.
    pub transaction: Option<u64>,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { at: None, statement: None, error, refused: false, committing: false, transaction: None }
    }
}

impl Failure {
    /// Reads psql's last words; `begun` lines had been sent before the file's first.
    pub fn of(said: &Captured, begun: u64, target: &Target) -> Self {
        let Some(message) = refusal(said) else { return error(said, target).into() };
        let line = message.line.checked_sub(begun).filter(|line| *line > 0);
        Self { at: line.map(|line| (line, message.inner)), ..Self::told(message) }
    }

    /// The same, of what was sent after the file's end; the statement is named unless it is the COMMIT itself.
    pub fn of_commit(said: &Captured, target: &Target) -> Self {
        let Some(message) = refusal(said) else {
            return Self { committing: true, ..error(said, target).into() };
        };
        let mut failure = Self { committing: true, ..Self::told(message) };
        failure.statement = failure.statement.filter(|statement| !statement.starts_with("COMMIT"));
        failure
    }

    fn told(message: Message) -> Self {
        let statement = message.statement.as_deref().map(one_line);
        let error = ServerError { code: message.code, text: message.text };
        Self { at: None, statement, error: error.into(), refused: true, committing: false, transaction: None }
    }

    /// Whether the server waited in vain for a lock.
    pub fn is_lock_timeout(&self) -> bool {
        code(&self.error) == Some(code::LOCK_TIMEOUT)
    }
}

/// Why SQL of our own failed: the server's message, without psql's places in what it was sent.
pub fn error(said: &Captured, target: &Target) -> anyhow::Error {
    let messages = messages::read(&said.stderr);
    let grave = messages.into_iter().find(|message| message.severity >= Severity::Error);
    let words = grave.as_ref().map_or(said.stderr.as_str(), |message| message.text.as_str());
    let error = postgres::failure(target, "psql", words, said.ending);
    match grave {
        Some(Message { code, text, .. }) if crate::error::exit(&error) == Exit::Failed => {
            let fault = error.to_string();
            anyhow::Error::new(ServerError { code, text }).context(crate::error::Fault::failed(fault))
        }
        _ => error,
    }
}

/// The error that ended psql's work, where the session itself lived on.
fn refusal(said: &Captured) -> Option<Message> {
    messages::read(&said.stderr).into_iter().find(|message| message.severity == Severity::Error)
}

/// A statement in one line, of which the beginning is enough to know it by.
fn one_line(statement: &str) -> String {
    shortened(&statement.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN).into_owned()
}
