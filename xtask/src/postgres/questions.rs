//! Questions to the maintenance database, which change nothing: one psql answers all of a run's.

use super::{maintenance_database, session};
use crate::process::Dialog;
use crate::target::Target;
use anyhow::Result;
use std::io::Write as _;
use std::time::Duration;

/// A psql that is silent for so long is given up, and a fresh one is asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// What psql prints for a question. Where the psql that stays open has no answer,
/// one of its own is asked: its deadline counts, and its words say what is wrong.
pub fn ask(target: &Target, run: &str, question: &str) -> Result<String> {
    let waiting = target.waiting().take(run).map_or_else(|| start(target, run), Ok);
    let answered = waiting.ok().and_then(|mut psql| answer(&mut psql, question).map(|answer| (psql, answer)));
    let Some((psql, answer)) = answered else {
        return session::ask_in(target, maintenance_database(target), run, question);
    };
    target.waiting().put(run, psql);
    Ok(answer)
}

fn start(target: &Target, run: &str) -> Result<Dialog> {
    session::dialog(target, run, &[("PGDATABASE", maintenance_database(target))])
}

fn answer(psql: &mut Dialog, question: &str) -> Option<String> {
    let nonce = session::fresh_name().ok()?;
    writeln!(psql, "{question}\n;SELECT '{nonce}';").and_then(|()| psql.flush()).ok()?;
    let mut answer = String::new();
    loop {
        let line = psql.line(PATIENCE)?;
        if line == nonce {
            return Some(answer);
        }
        answer.push_str(&line);
        answer.push('\n');
    }
}
