//! `db-restore`: a proven backup takes the live database's place, and can be undone.

mod args;
mod choose;
mod globals;
mod preview;
mod repair;
mod set;
mod undo;

pub use args::Args;

use super::leftovers;
use super::swap::report::{self, Report};
use super::swap::safety::safety_backup;
use super::swap::services;
use super::swap::switchover::{Incoming, Switchover};
use crate::context::Context;
use crate::postgres::activity::Counters;
use crate::postgres::change_lock::Lock;
use crate::postgres::server::Server;
use crate::restore::load_failure::LoadOptions;
use crate::restore::proposal::Proposal;
use crate::restore::record::{Purpose, Record};
use crate::restore::staging::{Checked, Staging};
use crate::settings::fault_point;
use crate::terminal;
use anyhow::Result;
use std::time::Duration;

pub fn run(args: &Args, context: &Context) -> Result<()> {
    if let Some(file) = &args.set {
        return set::run(file.as_deref(), args, context);
    }
    let target = context.target()?;
    target.check_consent(args.yes && !args.dry_run)?;
    let server = Server::new(&target)?;
    match args {
        Args { repair: true, .. } => repair::repair(&server, context),
        Args { undo: true, .. } => undo::undo(args, &server, context),
        Args { globals: Some(file), .. } => globals::restore(file, args, &server, context),
        _ => restore(args, &server, context),
    }
}

fn restore(args: &Args, server: &Server<'_>, context: &Context) -> Result<()> {
    let target = server.target();
    context.terminal.note(&format!("Restoring {}", target.shown()));
    let backup = choose::choose(args, target, context)?;
    let proposal = Proposal::check(server, &backup, args.consent())?;
    preview::show(&proposal, Some(&services::users(server)?), args, (target, context))?;
    if args.dry_run {
        leftovers::name_leftovers(target, context);
        return Ok(());
    }
    preview::ask(args, target, &backup, context)?;
    let record = Record::new(server, Lock::take(server, Duration::ZERO)?.into_session());
    fault_point("locked");
    let unstarted = leftovers::repair_before_swap(&record, context)?;
    let live = proposal.confirm_live(server)?;
    let safety = safety_backup(&args.safety, target, &live, context)?;
    fault_point("safety");
    let (checked, written) = load(&proposal, &record, args, context)?;
    let first = Incoming {
        record: &record,
        live: &live,
        database: checked.database().clone(),
        carried: proposal.merged.properties.as_ref(),
        openfga: backup.contents.openfga.is_some(),
        only_way_back: safety.is_none(),
        written,
    };
    let switchover = Switchover { context, first, others: Vec::new(), unstarted };
    let done = switchover.swap_in(vec![checked], args.keep_old)?;
    report::name_subscriptions(server, context);
    report::name_ended_workers(&live, server, context);
    let what = if backup.contents.has_rows() { "Database restored" } else { "Database restored, without any rows" };
    let report = Report { what, file: Some(&backup.path), safety: safety.as_deref(), done: &done };
    report.show(args.json, target, context)
}

/// Loads the backup into a staging database; gives the server's counters of it, too. Says how far it has come.
fn load<'r, 't>(
    proposal: &Proposal<'_>,
    record: &'r Record<'t>,
    args: &Args,
    context: &Context,
) -> Result<(Checked<'r, 't>, Option<Counters>)> {
    let Proposal { backup, merged, fitting, .. } = proposal;
    say_roles_made(&fitting.missing_roles.create_named(record.server())?, context);
    let like = merged.properties.as_ref();
    let owner = like.map(|like| like.owner.as_str());
    let staging = Staging::create(record, Purpose::Staging, like, owner)?;
    fault_point("created");
    say_roles_made(&fitting.missing_roles.create_encoded(record.server(), staging.database())?, context);
    let progress = context.terminal.progress("loading", backup.manifest.as_ref().map(|manifest| manifest.bytes.get()));
    let (search_path, version_changes) = (args.search_path.as_ref(), &fitting.version_changes[..]);
    let options = LoadOptions { search_path, version_changes, jobs: args.jobs };
    let mut checked = staging.load(backup, options, &|bytes| progress.set(bytes))?;
    progress.say("analyzing");
    let written = checked.analyze(options.search_path)?;
    drop(progress);
    fault_point("checked");
    Ok((checked, written))
}

fn say_roles_made(names: &[String], context: &Context) {
    if !names.is_empty() {
        context.terminal.done(&format!("Roles created: {}", terminal::clean(&names.join(", "))));
    }
}
