//! The report of a step that failed: file, line, statement, the server's message, what is true now, and what to type next.

use super::checks::{self, Direction};
use super::denied;
use super::failure::{Failure, code};
use super::files::shown;
use super::run::{Done, Step};
use super::unfinished;
use crate::error::{self, Cause, Exit, Fault};
use crate::postgres::locks::Holder;
use crate::postgres::server::{Server, see_settings};
use crate::postgres::session;
use crate::process::signals;
use std::fmt::Write as _;

/// What the ledger says of a step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It came to its end all the same.
    Done,
    /// It is as before.
    Untouched,
    /// Another program did it.
    DoneByOthers,
    Dirty,
    /// Its transaction was committed without its row.
    PartsStay,
    Unknown,
}

/// A step that was tried.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    pub step: &'a Step,
    /// Who held what it waited for.
    pub holders: &'a [Holder],
    /// What was run before it, of `all`.
    pub done: &'a [Done],
    pub all: usize,
    pub server: &'a Server<'a>,
}

impl Attempt<'_> {
    /// The error of a run that stops here.
    pub fn explain(&self, failure: Failure, truth: Truth) -> anyhow::Error {
        let exit = if failure.is_lock_timeout() { Exit::Locked } else { error::exit(&failure.error) };
        if matches!((truth, exit), (Truth::Untouched, Exit::Signal(_))) {
            return stopped(failure.error, self.done, self.all);
        }
        if truth == Truth::DoneByOthers {
            let fault = format!("Another process applied {} first", self.step.version);
            return Fault::new(Exit::Locked, fault).hint("run it again: it continues from there").into();
        }
        let touched = matches!(truth, Truth::Dirty | Truth::PartsStay | Truth::Unknown) || !self.done.is_empty();
        let when = match (failure.committing && failure.refused, &failure.statement) {
            (true, None) => " at COMMIT",
            (true, Some(_)) => " when its row in the ledger was written",
            _ => "",
        };
        let message = format!("{} failed{when}; {}", self.place(&failure), self.outcome(truth));
        let mut fault = Fault::new(if touched { Exit::Partial } else { exit }, message);
        if code(&failure.error) == Some(code::OBJECT_EXISTS) {
            fault = fault.because(Cause::ObjectExists);
        }
        anyhow::Error::msg(self.details(&failure, exit)).context(fault.hint(self.hint(&failure, truth)))
    }

    /// The file, with the line where the server named one.
    fn place(&self, failure: &Failure) -> String {
        let file = shown(&self.step.file);
        let Some((line, inner)) = failure.at else { return file };
        let begun = checks::statement_before(&self.step.file, line).unwrap_or(line);
        format!("{file}:{}", begun.saturating_add(inner.map_or(0, |inner| inner.saturating_sub(1))))
    }

    fn outcome(&self, truth: Truth) -> String {
        let what = if self.step.direction == Direction::Up { "applied" } else { "reverted" };
        match (truth, self.done.len()) {
            (Truth::Dirty, _) => "its changes up to that point stay; its version is marked as dirty".to_owned(),
            (Truth::PartsStay, _) => {
                "it ended its transaction itself, and parts of it stay: undo them by hand".to_owned()
            }
            (Truth::Unknown, _) => "whether it took effect is not known".to_owned(),
            (_, 0) => format!("nothing was {what}"),
            (_, done) => format!("{done} of {} were {what}, this one and those after it were not", self.all),
        }
    }

    /// The server's words, the statement, and who held what it waited for.
    fn details(&self, failure: &Failure, exit: Exit) -> String {
        let mut details = match exit {
            // Its own words say that nothing was changed.
            Exit::Signal(signal) => format!("Ended by signal {signal}"),
            _ => failure.error.chain().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        if let Some(statement) = &failure.statement {
            let _ = write!(details, "\nSTATEMENT:  {statement}");
        }
        for holder in self.holders.iter().filter(|_| failure.is_lock_timeout()) {
            let _ = write!(details, "\n{holder}");
        }
        details
    }

    /// What to type next.
    fn hint(&self, failure: &Failure, truth: Truth) -> String {
        let own = error::fault(&failure.error).and_then(Fault::hint_text).map(str::to_owned);
        match truth {
            Truth::Dirty => {
                let own = own.map(|hint| format!("{hint}\n")).unwrap_or_default();
                own + &unfinished::hint(self.step.version, self.step.direction)
            }
            Truth::Unknown => {
                "see the state of each version, once the server answers: cargo xtask db-migrate status".to_owned()
            }
            _ => own.unwrap_or_else(|| by_code(failure, self.server, !self.done.is_empty())),
        }
    }
}

/// Ended between two steps, or before one took effect.
pub fn stopped(error: anyhow::Error, done: &[Done], all: usize) -> anyhow::Error {
    let signal = match error::exit(&error) {
        Exit::Signal(signal) => signal,
        _ if done.is_empty() => return error,
        _ => {
            let fault = Fault::new(Exit::Partial, format!("The session was lost; {} of {all} were run", done.len()));
            return error.context(fault.hint("run it again: it continues from there"));
        }
    };
    if done.is_empty() {
        return signals::interrupted(signal).into();
    }
    let fault = Fault::new(Exit::Partial, format!("Ended by signal {signal}; {} of {all} were run", done.len()));
    fault.hint("run it again: it continues from there").into()
}

/// By the server's SQLSTATE: the file is to blame for most of them, but not for all. Other files may have run before it.
fn by_code(failure: &Failure, server: &Server<'_>, after_others: bool) -> String {
    let target = server.target();
    let user = crate::words::shell_word(target.user());
    let Some(code) = code(&failure.error).filter(|_| failure.refused) else {
        return "check the server: cargo xtask health-check; then run it again".to_owned();
    };
    if let Some(why) = code::settings(code).and_then(|names| session::configured_settings(target, names)) {
        return format!("{why}\nthen run it again");
    }
    match code {
        code::IN_TRANSACTION => {
            "give the statement a file of its own whose first line is: -- no-transaction".to_owned()
        }
        code::LOCK_TIMEOUT => {
            "wait until the table is free, then run it again; or let it wait longer: --lock-timeout SECONDS".to_owned()
        }
        code::READ_ONLY => format!(
            "sessions of user {user} are read-only here, unless the file itself makes them so: log in as another user; \
             to see why: {}",
            see_settings(target)
        ),
        code::NO_PRIVILEGE => denied::hint(server, &failure.error, failure.statement.as_deref()),
        code if code.starts_with("40") => "it conflicted with another session: run it again".to_owned(),
        code if code.starts_with("53") => {
            "the server lacks room or memory: cargo xtask health-check; then run it again".to_owned()
        }
        code if code.starts_with("57") => {
            "an administrator or statement_timeout ended it: run it again; where the file itself sets \
             statement_timeout, let it wait longer there"
                .to_owned()
        }
        "26000" | "34000" | "3F000" | "42703" | "42704" | "42883" | "42P01" if after_others => {
            "fix the file, then run it again; a temporary table, a prepared statement, a cursor or a setting (SET) of an earlier \
             file ended with that file"
                .to_owned()
        }
        _ => "fix the file, then run it again".to_owned(),
    }
}
