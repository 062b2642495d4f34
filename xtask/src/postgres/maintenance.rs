//! Questions to the maintenance database, which change nothing: one psql answers all of a run's.

use super::quote::sendable;
use super::server::Server;
use super::session;
use crate::process::{Dialog, signals};
use anyhow::Result;
use std::io::Write as _;
use std::time::Duration;

/// How long a psql may be silent; then it is given up, and a fresh one is asked.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Server<'_> {
    /// What psql prints for a question to the maintenance database. Where the psql that stays open has no answer,
    /// one of its own is asked: its deadline counts, and its words say what is wrong.
    ///
    /// # Errors
    /// As for [`Self::query`]; exit 128 + n where a signal came.
    pub fn ask_maintenance(&self, question: &str) -> Result<String> {
        let server = &self.in_maintenance();
        let (waiting, session) = (server.target().idle_psql(), server.session());
        let psql = waiting.take(session).map_or_else(|| session::dialog(server), Ok);
        let answered = psql.ok().and_then(|mut psql| answer(&mut psql, question).map(|answer| (psql, answer)));
        let Some((psql, answer)) = answered else {
            return server.ask(question);
        };
        signals::check()?;
        waiting.put(session, psql);
        Ok(answer)
    }
}

fn answer(psql: &mut Dialog, question: &str) -> Option<String> {
    let (nonce, question) = (session::fresh_name().ok()?, sendable(question).ok()?);
    let begin = format!("{nonce} begins");
    writeln!(psql, "SELECT '{begin}';\n{question}\n;SELECT '{nonce}';").and_then(|()| psql.flush()).ok()?;
    // What comes before answers what it was sent at its beginning, if a signal cut that short.
    while psql.line(TIMEOUT)? != begin {}
    let mut answer = String::new();
    loop {
        let line = psql.line(TIMEOUT)?;
        if line == nonce {
            return Some(answer);
        }
        answer.push_str(&line);
        answer.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;

    /// A signal that comes while a psql begins leaves the answers to its first statements unread.
    #[test]
    fn what_a_psql_says_before_it_is_asked_is_no_answer() {
        let script = "printf '%s\\n' 'xtask-psql 17.6' '' 16 xtask-begun\n\
            while read -r line; do case $line in\n\
            *\"SELECT '\"*) line=${line#*\\'}; printf '%s\\n' \"${line%%\\'*}\";;\n\
            question) echo '{}';; esac; done";
        let mut psql = Program::new("sh").args(["-c", script]).lasting_dialog().unwrap();
        for _ in 0..2 {
            assert_eq!(answer(&mut psql, "question").as_deref(), Some("{}\n"));
        }
    }
}
