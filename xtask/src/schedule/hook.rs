//! The program that is called after a failure (`XTASK_ON_FAILURE`): words, never a shell's text.

use crate::error::Fault;
use crate::process::Program;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The setting.
pub const SETTING: &str = "XTASK_ON_FAILURE";
/// How long it may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Bytes of a message that it gets; systems limit an environment.
const LONGEST: usize = 8_000;

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    words: Vec<String>,
    /// Its whole environment but for the facts; `None`: it inherits this program's.
    environment: Option<BTreeMap<String, String>>,
}

/// What the hook gets in its environment.
#[derive(Debug)]
pub struct Failure<'a> {
    /// What failed, such as `db-backup`.
    pub command: &'a str,
    pub exit: i32,
    pub message: &'a str,
    /// The checkout.
    pub root: &'a Path,
}

impl Hook {
    /// Reads a JSON array of words.
    ///
    /// # Errors
    /// Exit 2: it is none, or names no program.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = |why: &str| {
            Fault::usage(format!("{SETTING} is not a JSON array of words: {why}"))
                .hint(format!("write it as: {SETTING}='[\"/usr/local/bin/notify\", \"backups\"]'"))
        };
        let words: Vec<String> = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        Self::new(words).ok_or_else(|| wrong("it names no program"))
    }

    /// The program of these words; `None` where they name none.
    pub fn new(words: Vec<String>) -> Option<Self> {
        let is_fit =
            words.first().is_some_and(|word| !word.is_empty()) && words.iter().all(|word| !word.contains('\0'));
        is_fit.then_some(Self { words, environment: None })
    }

    /// Its words.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// This hook with this environment alone.
    #[must_use]
    pub fn alone(self, environment: BTreeMap<String, String>) -> Self {
        Self { environment: Some(environment), ..self }
    }

    /// Calls it.
    ///
    /// # Errors
    /// Why it did not do its work.
    pub fn call(&self, failure: &Failure) -> Result<(), String> {
        let Some((path, args)) = self.words.split_first() else { return Ok(()) };
        let mut program = Program::new(path).args(args).folder(failure.root).unset(SETTING);
        if let Some(environment) = &self.environment {
            program = environment.iter().fold(program.alone(), |program, (name, value)| program.env(name, value));
        }
        let message: String = failure.message.replace('\0', "\u{fffd}");
        let end = message.char_indices().map(|(at, _)| at).find(|at| *at >= LONGEST).unwrap_or(message.len());
        let program = program
            .env("XTASK_FAILURE_COMMAND", failure.command)
            .env("XTASK_FAILURE_EXIT", failure.exit.to_string())
            .env("XTASK_FAILURE_MESSAGE", &message[..end])
            .env("XTASK_FAILURE_ROOT", failure.root);
        let captured = program.capture(DEADLINE).map_err(|error| format!("{path}: {error:#}"))?;
        if captured.ending.success() {
            return Ok(());
        }
        let said = captured.stderr.trim();
        Err(if said.is_empty() { captured.ending.to_string() } else { format!("{}: {said}", captured.ending) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_of_words_is_a_program() {
        assert_eq!(Hook::parse(r#"["notify", "a b", "$(x)"]"#).unwrap().words(), ["notify", "a b", "$(x)"]);
        for wrong in ["", "notify", "[]", "[\"\"]", "[1]", "{\"a\": 1}", "[\"a\\u0000b\"]", "[[\"a\"]]"] {
            assert_eq!(Hook::parse(wrong).unwrap_err().exit.code(), 2, "{wrong}");
        }
    }
}
