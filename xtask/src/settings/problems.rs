//! What is wrong with `.env`, and where a command cannot go on because of it.

use super::env_file::Problem;
use super::known::{DECISIVE, ENVIRONMENT_ONLY};
use super::{Origin, Settings};
use crate::error::Fault;
use crate::words::{counted, shell_word};

/// At most so many lines of `.env` are named.
const MOST_NAMED: usize = 20;

impl Settings {
    /// Refuses to go on without a `.env` that is there: what it says might be another database.
    pub fn check_readable(&self) -> Result<(), Fault> {
        self.unreadable.as_ref().map_or(Ok(()), |why| {
            Err(Fault::usage(format!(".env is there but cannot be read: {why}"))
                .hint("it must be a file that you may read: ls -l .env"))
        })
    }

    /// The lines of `.env` that were not understood, as `line 3: why`, and what follows from it.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        let ignored = ENVIRONMENT_ONLY.iter().filter(|name| self.in_file(name).is_some());
        let ignored = ignored.map(|name| {
            format!("{name} in .env is not used: a checkout must not choose a program; set it in the environment")
        });
        let problems = self.file.problems();
        let more = problems.len().saturating_sub(MOST_NAMED) as u64;
        let more = (more > 0).then(|| format!(".env: {} not used", counted(more, "more line is", "more lines are")));
        let problems = problems.iter().take(MOST_NAMED).map(|Problem { line, message, compose_refuses, .. }| {
            let compose = if *compose_refuses { "; Docker Compose refuses the whole file for it" } else { "" };
            format!(".env line {line}: {message}: this line is not used{compose}")
        });
        problems.chain(more).chain(ignored)
    }

    /// The first line of `.env` for which Compose refuses the whole file, as `line 3: why`.
    pub fn refused_by_compose(&self) -> Option<String> {
        let problem = self.file.problems().iter().find(|problem| problem.compose_refuses)?;
        Some(format!(".env line {}: {}", problem.line, problem.message))
    }

    /// Refuses to go on with a default where `.env` means to say which database, but cannot be understood.
    ///
    /// # Errors
    /// Exit 2, unless the command line or the environment says it anyway.
    pub fn check_understood(&self) -> Result<(), Fault> {
        let stronger = |name: &str| matches!(self.find(name), Some((_, Origin::Flag | Origin::Environment)));
        let unclear = self.file.problems().iter().find_map(|problem| {
            let name = problem.name.as_deref()?;
            (DECISIVE.iter().any(|start| name.starts_with(start)) && !stronger(name)).then_some((problem.line, name))
        });
        unclear.map_or(Ok(()), |(line, name)| {
            let fault = Fault::usage(format!(".env line {line} sets {name}, but cannot be understood"));
            Err(fault.hint(format!("fix that line, or set {} in the environment", shell_word(name))))
        })
    }
}
