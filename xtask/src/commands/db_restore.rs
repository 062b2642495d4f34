//! `db-restore`: a proven backup takes the live database's place, and can be undone.

mod args;
mod choose;
mod globals;
mod preview;
mod repair;
mod set;
mod stage;
mod undo;

pub use args::Args;

use super::leftovers;
use super::swap::report::{self, Report};
use super::swap::safety::check_room;
use super::swap::services;
use super::swap::switchover::{Incoming, Switchover};
use crate::context::Context;
use crate::postgres::change_lock::Lock;
use crate::postgres::server::Server;
use crate::restore::proposal::Proposal;
use crate::restore::record::Record;
use crate::settings::fault_point;
use anyhow::Result;
use stage::Stage;
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
    let safety = args.safety.bytes(target.database(), &proposal.live, context)?;
    check_room(server, &[&backup], safety, context)?;
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
    let stage = Stage { proposal: &proposal, record: &record, args, context };
    let (safety, (checked, written)) = stage.save_and_load(&live)?;
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
