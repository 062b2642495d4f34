//! A program and how it is to be started: nothing runs until one of the functions of `start.rs` is called.

mod start;

use crate::platform::User;
use crate::words::shell_word_or_option;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a program is to be started. Nothing runs until one of the functions of `start.rs` is called.
#[derive(Debug, Clone)]
pub struct Program {
    path: OsString,
    /// The program that it starts somewhere else, where that is what is asked.
    inner: Option<String>,
    args: Vec<OsString>,
    env: Vec<(String, OsString, Secrecy)>,
    unset: Vec<String>,
    folder: Option<PathBuf>,
    user: Option<User>,
    text_mode: bool,
    /// Whether it gets nothing of our environment.
    alone: bool,
    /// After a signal, how long it may take to end by itself.
    grace: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Public,
    Secret,
}

impl Program {
    /// A program by name (looked up on PATH) or by path.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            inner: None,
            args: Vec::new(),
            env: Vec::new(),
            unset: Vec::new(),
            folder: None,
            user: None,
            text_mode: false,
            alone: false,
            grace: Duration::ZERO,
        }
    }

    /// Names the program whose answer is waited for, where this one only starts it somewhere else.
    #[must_use]
    pub fn starts(mut self, inner: &str) -> Self {
        self.inner = Some(inner.to_owned());
        self
    }

    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// A variable of the program's environment; a later value replaces an earlier one.
    #[must_use]
    pub fn env(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variable(name, value.as_ref(), Secrecy::Public)
    }

    /// A variable that is never shown.
    #[must_use]
    pub fn secret(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variable(name, value.as_ref(), Secrecy::Secret)
    }

    fn variable(mut self, name: &str, value: &OsStr, secrecy: Secrecy) -> Self {
        // Set twice, the first would win in duct and the last in std.
        self.env.retain(|(given, ..)| given != name);
        self.unset.retain(|given| given != name);
        self.env.push((name.to_owned(), value.to_owned(), secrecy));
        self
    }

    /// A variable that the program must not inherit.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.unset.push(name.to_owned());
        self
    }

    /// Gives it nothing of our environment, only the variables that are named here.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Where it is captured: after a signal to us it is asked to end, and killed only after this time.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The folder that the program starts in.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// The user that the program runs as (only root can).
    #[must_use]
    pub fn user(mut self, user: &User) -> Self {
        self.user = Some(user.clone());
        self
    }

    /// Its C runtime turns each LF that it writes into CR LF, and back again what it reads; we undo both.
    #[must_use]
    pub fn text_mode(mut self, text_mode: bool) -> Self {
        self.text_mode = text_mode;
        self
    }

    /// The name that messages use: the program's, without its folder.
    pub fn name(&self) -> String {
        Path::new(&self.path).file_name().unwrap_or(&self.path).to_string_lossy().into_owned()
    }

    /// The command line as a person would type it, secrets masked.
    pub fn shown(&self) -> String {
        let env = self.env.iter().map(|(name, value, secrecy)| match secrecy {
            Secrecy::Public => format!("{name}={}", shown(value)),
            Secrecy::Secret => format!("{name}=***"),
        });
        let words = std::iter::once(&self.path).chain(&self.args).map(|word| shown(word));
        env.chain(words).collect::<Vec<_>>().join(" ")
    }
}

fn shown(word: &OsStr) -> String {
    shell_word_or_option(&word.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_value_of_a_variable_replaces_an_earlier_one() {
        let program = Program::new("psql").env("PGDATABASE", "a").env("PGDATABASE", "b");
        assert_eq!(program.shown(), "PGDATABASE=b psql");
    }

    #[test]
    fn a_command_line_is_shown_without_its_secrets() {
        let program = Program::new("psql").arg("-c").arg("SELECT 'a b'").secret("PGPASSWORD", "hunter2");
        assert_eq!(program.shown(), r"PGPASSWORD=*** psql -c 'SELECT '\''a b'\'''");
    }
}
