//! One psql loads the whole file.

use super::job::{DEADLINE, Load, is_committed};
use super::lines::Lines;
use crate::error::{self, Exit};
use crate::postgres::server::Server;
use crate::postgres::session;
use crate::process::{Dialog, signals};
use crate::settings::fault_point;
use anyhow::{Error, Result};
use std::io::Write as _;

/// The server's answers to a load.
#[derive(Default)]
struct Answers {
    /// The rows of each COPY, in the file's order.
    copied: Vec<u64>,
    /// It answered the question that follows the file.
    complete: bool,
}

/// Loads it into the server's database; `progress` gets the bytes that were sent.
pub(super) fn load(load: &Load<'_>, server: &Server<'_>, progress: &dyn Fn(u64)) -> Result<()> {
    let nonce = session::fresh_name()?;
    let (mut psql, begun) = load.begin(server, 1)?;
    let mut lines = Lines::default();
    lines.follow(begun.lines, load.backup.line_of_fed(0));
    let sent = send(load, &mut psql, &nonce, progress);
    let answers = if sent.is_ok() { answers(&psql, &nonce) } else { Answers::default() };
    let said = psql.finish()?;
    fault_point("loaded");
    signals::check()?;
    let sent = match sent {
        // A file that changed is refused, whatever psql said to it.
        Err(error) if error::exit(&error) == Exit::Refused => return Err(error),
        sent => sent,
    };
    load.check_end(server.target(), &lines, &said)?;
    let checked = sent.and_then(|()| match answers.complete {
        true => load.check_rows(&answers.copied),
        false => Err(Error::msg("psql did not answer after the file's last statement")),
    });
    checked.map_err(|error| error::explain(error, || load.cannot()))
}

/// The file, then a question whose answer shows that all of it was executed and committed.
fn send(load: &Load<'_>, psql: &mut Dialog, nonce: &str, progress: &dyn Fn(u64)) -> Result<()> {
    load.backup.feed(psql, load.options.search_path, progress)?;
    psql.write_all(is_committed(nonce).as_bytes()).map_err(Into::into)
}

fn answers(psql: &Dialog, nonce: &str) -> Answers {
    let mut answers = Answers::default();
    while !answers.complete
        && let Some(line) = psql.line(DEADLINE)
    {
        answers.copied.extend(line.strip_prefix("COPY ").and_then(|rows| rows.parse::<u64>().ok()));
        answers.complete = line == nonce;
    }
    answers
}
