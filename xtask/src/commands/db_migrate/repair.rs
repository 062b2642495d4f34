//! `db-migrate repair`: what is amiss, why, and the ledger mended after a question for each.

use super::status;
use super::work::{Waiting, Work};
use crate::context::Context;
use crate::error::Fault;
use crate::migration::checksum;
use crate::migration::ledger::write;
use crate::migration::plan::{Entry, State};
use crate::terminal;
use anyhow::Result;
use std::time::Duration;

/// Say why versions are not as they should be, and mend the ledger after a question for each
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Take a dirty version for applied: it was finished by hand
    #[arg(long)]
    applied: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    target.check_consent(args.yes)?;
    let patience = args.waiting.patience(context)?;
    let terminal = &context.terminal;
    terminal.note(&format!("Repairing the ledger of {}", target.shown()));
    let work = Work::on(&target, target.database(), context)?;
    let look = work.look()?;
    let amiss = |entry: &&Entry| matches!(entry.state, State::Changed | State::Dirty | State::MissingFile);
    let amiss: Vec<&Entry> = look.entries.iter().filter(amiss).collect();
    if amiss.is_empty() {
        terminal.done("Nothing to repair");
        return Ok(());
    }
    let table = look.ledger.name()?;
    let mut sql = Vec::new();
    let mut left = 0;
    for entry in amiss {
        let reason = status::reason(entry)?.unwrap_or_default();
        terminal.warn(&terminal::clean(&format!("{} {}: {reason}", entry.version, entry.description())));
        let (question, mend) = mend(entry, args, &table)?;
        let answer = if args.yes { Some(true) } else { terminal.ask(question)? };
        match answer {
            Some(true) => sql.push(mend),
            Some(false) => left += 1,
            None => {
                let fault = Fault::failed(format!("{question} There is no terminal to ask on"));
                return Err(fault.hint("answer yes on the command line: --yes").into());
            }
        }
    }
    if !sql.is_empty() {
        let mut locked = work.lock(patience)?;
        if work.look()?.ledger != look.ledger {
            return Err(Fault::failed("Another run changed the ledger meanwhile; nothing was mended")
                .hint("run it again")
                .into());
        }
        let writer = work.writer(&mut locked.session, &look.ledger, patience)?;
        writer.change(&mut locked.session, &sql.join("\n"))?;
        terminal.done(&format!("{} mended", terminal::counted(sql.len() as u64, "version", "versions")));
    }
    if left > 0 {
        let stay = terminal::counted(left, "version stays as it is", "versions stay as they are");
        return Err(Fault::failed(stay).into());
    }
    Ok(())
}

/// The question, and what a yes does.
fn mend(entry: &Entry, args: &Args, table: &str) -> Result<(&'static str, String)> {
    let version = entry.version;
    let file = entry.migration.as_ref().map(|migration| checksum::of(&migration.up)).transpose()?;
    Ok(match (entry.state, file) {
        (State::Changed, Some(checksum)) => {
            ("Take the file as it is now for what was applied?", write::accept(table, version, &checksum))
        }
        (State::Dirty, Some(checksum)) if args.applied => (
            "Take it for applied, because it was finished by hand?",
            [write::accept(table, version, &checksum), write::finish(table, version, Duration::ZERO)].concat(),
        ),
        (State::Dirty, _) => ("Forget it, so that `up` runs its file again?", write::remove(table, version)),
        _ => ("Take its row out of the ledger?", write::remove(table, version)),
    })
}
