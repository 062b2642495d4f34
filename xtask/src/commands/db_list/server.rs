//! What the server keeps of earlier restores, and what killed ones left there: shown where it answers at once.

use crate::commands::leftovers;
use crate::context::Context;
use crate::postgres::server::Server;
use crate::restore::overdue::{self, Overdue};
use crate::restore::previous::{self, Kept};
use crate::restore::record::Wanted;
use crate::restore::repair::{self, Findings};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use chrono::{DateTime, Local};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a list of files waits for the server's answer. A server at rest answers in a quarter of a second, one on a
/// busy machine in several.
const DEADLINE: Duration = Duration::from_secs(4);

/// What the server keeps, and what killed runs left on it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) kept: Vec<Kept>,
    pub(super) overdue: Vec<Overdue>,
    pub(super) findings: Findings,
    /// Where psql is for what a person types.
    maintenance_database: &'static str,
    /// The target's.
    database: String,
}

/// A question to the server, which is asked while the files are looked at.
#[derive(Debug)]
pub(super) struct Question {
    answer: Receiver<Answer>,
    asked: Instant,
}

impl Question {
    /// Asks beside us; a server that does not run is not asked.
    pub(super) fn ask(context: &Context) -> Self {
        let (send, answer) = channel();
        let (settings, root) = (context.settings.clone(), context.root.clone());
        std::thread::spawn(move || {
            let answer = Target::chosen(&settings, &root).ok().and_then(|target| answer_of(&target));
            // An answer that comes too late has no receiver.
            answer.is_some_and(|answer| send.send(answer).is_ok())
        });
        Self { answer, asked: Instant::now() }
    }

    /// `None`: there is no server, or it is too slow.
    pub(super) fn answer(self) -> Option<Answer> {
        self.answer.recv_timeout(DEADLINE.saturating_sub(self.asked.elapsed())).ok()
    }
}

fn answer_of(target: &Target) -> Option<Answer> {
    if !target.access().is_at_hand() {
        return None;
    }
    let server = &Server::new(target).ok()?;
    let findings = repair::list(server, Wanted { unrecorded: true, sizes: true }).ok()?;
    let kept = previous::kept(&findings.view, target);
    let overdue = overdue::list(server, &findings.view);
    let (maintenance_database, database) = (server.maintenance_database(), target.database().to_owned());
    Some(Answer { kept, overdue, findings, maintenance_database, database })
}

impl Answer {
    /// Shows what is kept as a table of its own, where there is anything.
    pub(super) fn show(&self, context: &Context) -> Result<()> {
        let now = Local::now();
        let row = |kept: &Kept| {
            let at = DateTime::parse_from_rfc3339(&kept.swapped_at).ok();
            let age = at.map(|at| terminal::span(now.fixed_offset().signed_duration_since(at).num_seconds().max(0)));
            let dash = || "-".to_owned();
            let size = kept.bytes.map_or_else(dash, terminal::size);
            vec![terminal::clean_line(&kept.name), terminal::clean_line(&kept.database), age.unwrap_or_else(dash), size]
        };
        let rows: Vec<Vec<String>> = self.kept.iter().map(row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        context.terminal.result("")?;
        context.terminal.table(&["KEPT ON THE SERVER", "DATABASE", "AGE", "SIZE"], &rows, &[2, 3])
    }

    /// Names what killed runs left behind, what could not be dropped, and what is only named like ours.
    pub(super) fn warn(&self, context: &Context) -> Result<()> {
        leftovers::warn_of_distrust(&self.findings.view, context);
        leftovers::name(&self.findings.leftovers, context);
        leftovers::name_overdue(&self.overdue, context);
        leftovers::name_killed_sets(&self.findings.view, &[&self.database], context);
        leftovers::name_unrecorded(&self.findings.unrecorded, self.maintenance_database, context)
    }
}
