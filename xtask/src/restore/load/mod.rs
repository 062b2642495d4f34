//! A proven backup is loaded into an empty database, by one psql or by several side by side; what the server counts is
//! compared with what the backup holds.

mod job;
mod lines;
mod plan;
mod queue;
mod recount;
mod session;
mod several;
mod whole;

pub(super) use job::{DEADLINE, Load};
pub(super) use lines::Lines;
pub(super) use recount::{Recount, recount};

use crate::postgres::server::Server;
use crate::process;
use anyhow::Result;

/// Loads it into the server's database; `progress` gets the bytes that were sent.
///
/// # Errors
/// The file changed meanwhile (3), a statement failed, or the server counted other rows than the backup holds.
pub(super) fn load(load: &Load<'_>, server: &Server<'_>, progress: &dyn Fn(u64)) -> Result<()> {
    let server = load.server(server);
    let jobs = usize::from(load.options.jobs);
    if jobs <= 1 {
        return whole::load(load, &server, progress);
    }
    let parts = if load.hides_nothing() { load.backup.parts(load.options.search_path)? } else { None };
    let stages = plan::stages(&load.backup.contents);
    let sessions = jobs.min(plan::most_beside(&stages));
    match parts.filter(|_| sessions > 1) {
        Some(parts) => {
            process::remark(&format!("up to {sessions} sessions load {}", load.backup.path.display()));
            several::load(load, &server, &several::Text { parts, stages, sessions }, progress)
        }
        None => {
            let why = "its parts cannot be read by themselves, or only one of them may be loaded at a time";
            process::remark(&format!("one session loads {}: {why}", load.backup.path.display()));
            whole::load(load, &server, progress)
        }
    }
}
