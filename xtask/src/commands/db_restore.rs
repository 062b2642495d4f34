//! `db-restore`: a proven backup takes the live database's place, and can be undone.

mod args;
mod choose;
mod globals;
mod preview;
mod repair;
mod replace;
mod set;
mod stage;
mod undo;

pub use args::Args;

use super::leftovers;
use super::swap::report::Report;
use crate::context::Context;
use crate::postgres::server::Server;
use crate::restore::preflight::{self, Safety};
use crate::restore::proposal::Proposal;
use crate::restore::swapped::Done;
use crate::restore::{locked_record, swap_services};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use replace::{Replaced, Replacement, replace};

pub fn run(args: &Args, context: &Context) -> Result<()> {
    if let Some(file) = &args.set {
        return set::run(file.as_deref(), args, context);
    }
    let target = context.target()?;
    target.check_consent(args.yes && !args.dry_run)?;
    let server = Server::new(&target)?;
    match args {
        Args { repair: true, .. } => repair::repair(&server, context),
        Args { undo: true, .. } => undo::run(args, &server, context),
        Args { globals: Some(file), .. } => globals::restore(file, args, &server, context),
        _ => restore(args, &server, context),
    }
}

fn restore(args: &Args, server: &Server<'_>, context: &Context) -> Result<()> {
    let target = server.target();
    if args.file.is_none() {
        // The newest backup of a database that is only assumed would be another one's.
        target.access().check_identified()?;
    }
    context.terminal.note(&format!("Restoring {}", target.shown()));
    let backup = choose::choose(args, target, context)?;
    let proposal = Proposal::check(server, &backup, args.consent())?;
    let (folder, bytes) = (context.backups_folder(), args.safety.bytes(target.database(), &proposal.live, context)?);
    preflight::check_room_beside(server, &[&backup], Safety { folder: &folder, bytes })?;
    preview::show(&proposal, Some(&swap_services::users(server)?), args, (target, context))?;
    if args.dry_run {
        leftovers::name_leftovers(target, context);
        return Ok(());
    }
    preview::ask(args, target, &backup, context)?;
    let record = &locked_record::record(server)?;
    let Replaced { done, safety } = replace(&[Replacement { proposal: &proposal, record, context }], args, context)?;
    let safety = safety.first().and_then(Option::as_deref);
    Report { what: &preview::done(&backup), file: Some(&backup.path), safety, done: &done }
        .show(args.json, target, context)?;
    name_lack_of_keys(&proposal, (&done, target), context);
    Ok(())
}

/// A database that was restored without keys and indexes works for a while.
fn name_lack_of_keys(proposal: &Proposal<'_>, (done, target): (&Done, &Target), context: &Context) {
    let Some(lost) = proposal.keys_lost else { return };
    let text = format!("Database {} has no key or index now; it had {lost} before", target.database());
    context.terminal.warn(&terminal::clean_line(&text));
    if done.databases.iter().any(|database| database.before.is_some()) {
        context.terminal.hint("if that is not wanted: cargo xtask db-restore --undo");
    }
}
