//! `db-reset`: a fresh, empty, migrated database takes the live one's place, which stays beside it and can come back.

use super::leftovers;
use super::migrations;
use super::swap::preview;
use super::swap::report::{Report, name_ended_workers, say_surplus};
use super::swap::safety::{self, SafetyOptions};
use super::swap::services;
use crate::backup::listing::{self, Backup};
use crate::backup::proof;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::Counters;
use crate::postgres::dump::Contents;
use crate::postgres::server::Server;
use crate::restore::live::Live;
use crate::restore::plan::Plan;
use crate::restore::record::Purpose;
use crate::restore::staging::Staging;
use crate::restore::switchover::{Incoming, Switchover};
use crate::restore::{locked_record, rights, swap_services};
use crate::settings::fault_point;
use crate::target::Target;
use crate::words::{number, shell_word};
use anyhow::{Error, Result};
use serde_json::json;
use std::path::PathBuf;

/// Start over with an empty, migrated database; the old one is kept: db-restore --undo brings it back
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show what would go, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for the database's name
    #[arg(long, short)]
    yes: bool,
    /// How the live database is backed up first
    #[command(flatten)]
    safety: SafetyOptions,
    /// How many previous databases are kept on the server
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number::<usize>)]
    keep_old: usize,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = &context.target()?;
    target.check_consent(args.yes && !args.dry_run)?;
    let server = &Server::new(target)?;
    context.terminal.note(&format!("Resetting {}", target.shown()));
    let live = Live::of(server).map_err(|error| with_the_way_by_hand(error, target, context))?;
    rights::check_names(server, &live)?;
    live.check_obstacles(target)?;
    rights::check_swap(server, &live)?;
    migrations::check_fill(target, live.properties.as_ref(), context)?;
    let plan = Plan::draw(server, &live, &Contents::default())?;
    if args.dry_run {
        leftovers::name_leftovers(target, context);
    }
    let users = swap_services::users(server)?;
    if args.dry_run && args.json {
        return context.terminal.json(&json!({ "version": 1, "plan": plan, "services": users }));
    }
    preview::changes(&plan, "AFTERWARDS", context);
    services::show(&users, context);
    context.terminal.warn(&outcome(&live, target));
    if args.dry_run {
        return Ok(());
    }
    let openfga = plan.has_openfga();
    ask(args, target, openfga, context)?;
    reset(args, server, &live, openfga, context)
}

/// What a reset comes to.
fn outcome(live: &Live, target: &Target) -> String {
    let name = target.database();
    match live.properties {
        Some(_) => {
            format!("An empty database replaces {name}; the current one is kept on the server as {name}_before_…")
        }
        None => format!(
            "PostgreSQL has no database {name}: an empty one will be made, which belongs to {}; nothing is kept",
            target.user()
        ),
    }
}

/// What was to be reset when the question was asked is there, and nothing that was not.
fn check_same(asked: &Live, now: &Live, server: &Server<'_>) -> Result<(), Fault> {
    if asked.properties.is_some() == now.properties.is_some() {
        return Ok(());
    }
    let what = if now.properties.is_some() { "was made" } else { "went away" };
    let fault = Fault::failed(format!("Database {} {what} meanwhile; nothing was reset", server.target().database()));
    Err(fault.hint(format!("see what there is: cargo xtask db-shell -- -l -d {}", server.maintenance_database())))
}

fn ask(args: &Args, target: &Target, openfga: bool, context: &Context) -> Result<(), Fault> {
    let name = target.database();
    context.terminal.note(&format!("of {}", target.shown()));
    target.services().notice(openfga)?.iter().for_each(|notice| context.terminal.note(notice));
    context.terminal.confirm_name(&format!("To reset {name}, type its name:"), name, args.yes)
}

fn reset(args: &Args, server: &Server<'_>, asked: &Live, openfga: bool, context: &Context) -> Result<()> {
    let target = server.target();
    let record = locked_record::record(server)?;
    fault_point("locked");
    let owed = leftovers::repair_before_swap(&record, context)?;
    let live = Live::swappable(server)?;
    check_same(asked, &live, server)?;
    let safety = safety::take(&args.safety, target, &live, context)?;
    fault_point("safety");
    let like = live.properties.as_ref();
    let empty = Staging::create(&record, Purpose::Staging, like, like.map(|like| like.owner.as_str()))?.left_empty();
    fault_point("created");
    let incoming = server.in_database(empty.database().name());
    migrations::fill(target, incoming.database(), context)?;
    let written = Counters::of(&incoming).ok();
    let only_way_back = safety.is_none();
    let (record, live, database) = (&record, &live, empty.database().clone());
    // The live database may lack OpenFGA's tables because they could not be migrated after the last swap.
    let openfga = openfga || owed.migration;
    let first = Incoming { record, live, database, carried: like, openfga, only_way_back, written };
    let switchover = Switchover::of([first], owed.services, &context.settings)?;
    let done = switchover.swap_in(vec![empty], args.keep_old, &|surplus| say_surplus(surplus, context))?;
    name_ended_workers(live, server, context);
    let report = Report { what: "Database reset", file: None, safety: safety.as_deref(), done: &done };
    report.show(args.json, target, context)
}

/// A server that does not answer cannot be asked for another database. The way that remains deletes all of its data, so
/// it is printed and not done, and only where a backup can be restored afterwards.
fn with_the_way_by_hand(error: Error, target: &Target, context: &Context) -> Error {
    if error::exit(&error) != Exit::Unreachable || error::is_lasting(&error) {
        return error;
    }
    let Some(steps) = target.hints().start_over_hint() else { return error };
    let first = error::fault(&error).and_then(Fault::hint_text).map(|hint| format!("{hint}\n")).unwrap_or_default();
    let message = format!("The server of {} does not answer; nothing was reset", target.database());
    let hint = match newest_backup(target, context) {
        None => format!(
            "{first}{}\nthere is no backup of {} in {}, so nothing could be restored into a new server",
            target.hints().log_hint(),
            shell_word(target.database()),
            context.as_word(&context.backups_folder())
        ),
        Some(file) => format!(
            "{first}if it does not start any more, these commands delete all its databases, then restore the newest \
             backup of this one:\n{steps} {}",
            context.as_word(&file)
        ),
    };
    error.context(Fault::unreachable(message).hint(hint))
}

fn newest_backup(target: &Target, context: &Context) -> Option<PathBuf> {
    let backups = listing::list(&context.backups_folder(), &proof::glance).ok()?;
    let is_of_it = |backup: &Backup| backup.is_full() && backup.database.as_deref() == Some(target.database());
    backups.into_iter().find(is_of_it).map(|backup| backup.path)
}
