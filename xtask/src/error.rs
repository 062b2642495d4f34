//! One failure, as a person reads it: what failed, the exit code that scripts read, and what to type next.

use std::fmt;

/// The exit codes of every command (`docs/scripting.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 1: failed or declined; nothing half-done is left.
    Failed,
    /// 2: the command line or a setting cannot be used.
    Usage,
    /// 3: a backup file is cut, damaged or no backup.
    Refused,
    /// 4: Docker, PostgreSQL, its database or OpenFGA cannot be reached, or refuses the login.
    Unreachable,
    /// 5: another run or session holds the lock that this run needs.
    Locked,
    /// 6: part of it is done and a person must look.
    Partial,
    /// 128 + n: ended by signal n, before any change; `up`, `down` and `monitoring-dashboard` also after they began.
    Signal(i32),
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> i32 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unreachable => 4,
            Self::Locked => 5,
            Self::Partial => 6,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

/// Why something failed, for code that goes on by it: text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A program was started and gave no answer before its deadline.
    NoAnswer,
    /// The server has no database of the name that was asked for.
    DatabaseMissing,
    /// No connection was made, and nothing more is known.
    NoConnection,
    /// No program listens at the server's address.
    NotListening,
    /// A login got no answer in time.
    LoginTimedOut,
    /// The server starts, stops or recovers: it takes no session yet.
    Starting,
    /// The server answered and refused the login, in words that are not known.
    Refused,
    /// Code of the database, such as a login event trigger, raised an error at the login.
    CodeAtLogin,
    /// The session ended before its time.
    Lost,
    /// A statement waited for a lock for longer than its session may.
    LockTimeout,
    /// The server listens at another place than the one where it was looked for.
    ListensElsewhere,
    /// The server answered that it fails itself (HTTP 500 to 599).
    ServerFails,
    /// The server has an object of that name already (SQLSTATE 42710): a role, say.
    ObjectExists,
    /// The server lacks roles that a backup names.
    RolesMissing,
    /// A statement of a backup failed while others ran beside it.
    FailedBesideOthers,
    /// A file is no backup that can be loaded, and may be healthy: its hint says how to make a dump of it.
    OtherKind,
}

/// What failed, with its exit code and the next thing to type. It travels as an error of its own or as
/// `anyhow` context over a cause; `main` finds it by downcast.
#[derive(Debug)]
pub struct Fault {
    /// Decides the exit code.
    pub exit: Exit,
    message: String,
    hint: Option<String>,
    lasting: bool,
    silent: bool,
    cause: Option<Cause>,
}

impl Fault {
    /// A failure with the exit code that belongs to it. Its message is one line: a line break that a file's name or a
    /// server brings is shown as `\n`, so that nothing of it looks like a line of ours.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        let message = message.into().trim_end().replace('\n', "\\n");
        Self { exit, message, hint: None, lasting: false, silent: false, cause: None }
    }

    /// A plain failure, exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Something that cannot be reached or refuses the login, exit code 4.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, message)
    }

    /// A command line or setting that cannot be used, exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// What to type or look at next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// It is lasting: a caller that waits need not ask again.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.lasting = true;
        self
    }

    /// The run ends without a message.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// The cause, for code that goes on by it.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Whether it was said to be [`lasting`](Self::lasting).
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// The hint, if there is one.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// What an error says: what failed and the causes in order, each once.
pub fn messages(error: &anyhow::Error) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for text in error.chain().map(ToString::to_string) {
        if !messages.iter().any(|before| before.contains(&text)) {
            messages.push(text);
        }
    }
    messages
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// The fault that an error carries: its own, or the outermost one of its context.
pub fn fault(error: &anyhow::Error) -> Option<&Fault> {
    error.downcast_ref::<Fault>()
}

/// Whether asking again cannot change the answer: a refused key stays refused.
pub fn is_lasting(error: &anyhow::Error) -> bool {
    fault(error).is_some_and(Fault::is_lasting)
}

/// Whether the run ends without a message.
pub fn is_silent(error: &anyhow::Error) -> bool {
    fault(error).is_some_and(|fault| fault.silent)
}

/// The cause that the error's fault names.
pub fn cause(error: &anyhow::Error) -> Option<Cause> {
    fault(error).and_then(|fault| fault.cause)
}

/// How a run ends with this error; a failure that names no exit is 1.
pub fn exit(error: &anyhow::Error) -> Exit {
    fault(error).map_or(Exit::Failed, |fault| fault.exit)
}

/// The exit code of an error.
pub fn exit_code(error: &anyhow::Error) -> i32 {
    exit(error).code()
}

/// Says what could not be done; an error that is more than a plain failure keeps its own words, hint and exit code.
pub fn explain(error: anyhow::Error, fault: impl FnOnce() -> Fault) -> anyhow::Error {
    if exit_code(&error) == Exit::Failed.code() { error.context(fault()) } else { error }
}

/// Adds what was being done; the message of a signal says that already.
pub fn unless_ended(error: anyhow::Error, doing: impl FnOnce() -> String) -> anyhow::Error {
    if matches!(exit(&error), Exit::Signal(_)) { error } else { error.context(doing()) }
}

/// Says what could not be done; exit code and hint stay those of what went wrong.
pub fn headed(error: anyhow::Error, message: impl Into<String>) -> anyhow::Error {
    let hint = fault(&error).and_then(Fault::hint_text).map(str::to_owned);
    headed_with(error, message, hint)
}

/// The same with this hint.
pub fn headed_with(error: anyhow::Error, message: impl Into<String>, hint: Option<String>) -> anyhow::Error {
    let headline = Fault { cause: cause(&error), ..Fault::new(exit(&error), message) };
    error.context(Fault { hint, ..headline })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_message_is_one_line() {
        let fault = Fault::failed("backups/a\n✓ b.sql cannot be read\n");
        assert_eq!(fault.to_string(), "backups/a\\n✓ b.sql cannot be read");
    }

    #[test]
    fn a_fault_is_found_below_and_above_other_context() {
        let below: anyhow::Error = Fault::unreachable("no server").into();
        assert_eq!(exit_code(&below.context("asking for the version")), 4);
        let above = Err::<(), _>(std::io::Error::other("disk")).context(Fault::new(Exit::Refused, "cut"));
        assert_eq!(exit_code(&above.unwrap_err()), 3);
        assert_eq!(exit_code(&anyhow::anyhow!("plain")), 1);
        assert_eq!(Exit::Signal(2).code(), 130);
    }

    #[test]
    fn a_headline_keeps_the_cause() {
        let silent: anyhow::Error = Fault::unreachable("psql did not answer").because(Cause::NoAnswer).into();
        assert_eq!(cause(&headed(silent, "The backup failed")), Some(Cause::NoAnswer));
        assert_eq!(cause(&anyhow::anyhow!("psql did not answer")), None);
    }
}
