//! `db-restore`: a proven backup takes the live database's place, and can be undone.

mod choose;
pub(super) mod preview;
pub(super) mod repair;
pub(super) mod report;
pub(super) mod switchover;
mod undo;

use self::report::Report;
use self::switchover::{SwapServices, Switchover};
use super::db_backup;
use crate::backup::name::Purpose;
use crate::context::Context;
use crate::postgres::change_lock::Lock;
use crate::postgres::locks;
use crate::postgres::search_path::SearchPath;
use crate::postgres::server::Server;
use crate::restore::live::Live;
use crate::restore::load_failure::LoadOptions;
use crate::restore::merged::Merged;
use crate::restore::plan::Plan;
use crate::restore::preflight::{Consent, Destination};
use crate::restore::record::{Details, Purpose as RecordPurpose, Record};
use crate::restore::staging::Staging;
use crate::restore::swap::swap_in;
use crate::restore::{preflight, rights};
use crate::settings::fault_point;
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use chrono::{DateTime, Local};
use std::path::PathBuf;
use std::time::Duration;

/// Restore a backup: proven, loaded beside the live database, checked, then swapped in; --undo swaps back
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Backup file; - reads it from stdin [default: the newest full backup of this database]
    #[arg(conflicts_with_all = ["undo", "repair"])]
    file: Option<PathBuf>,
    /// Swap the previous database back in
    #[arg(long, conflicts_with = "repair")]
    undo: bool,
    /// Repair what a killed restore left behind
    #[arg(long)]
    repair: bool,
    /// Show what would change, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// How the live database is backed up first
    #[command(flatten)]
    safety: SafetyOptions,
    /// Create the roles that the backup names and the server lacks, without login
    #[arg(long, conflicts_with_all = ["undo", "repair"])]
    create_roles: bool,
    /// Apply this setting of the backup to a database that does not exist yet, though not every role may set it; may be
    /// repeated
    #[arg(long, value_name = "NAME", conflicts_with_all = ["undo", "repair"])]
    allow_setting: Vec<String>,
    /// Load with this search_path, for functions of the backup that need one: public, or a list of schemas
    #[arg(long, value_name = "SCHEMAS", conflicts_with_all = ["undo", "repair"])]
    search_path: Option<SearchPath>,
    /// How many previous databases are kept on the server
    #[arg(long, value_name = "N", default_value_t = 1)]
    keep_old: usize,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

/// How the live database is backed up before it is swapped out.
#[derive(Debug, clap::Args)]
pub(super) struct SafetyOptions {
    /// Continue where the live database cannot be backed up; the previous database is then the only way back
    #[arg(long)]
    no_safety_backup: bool,
    /// Seconds that the safety backup waits for a table that another session locks [setting: XTASK_LOCK_TIMEOUT,
    /// default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = locks::parse_timeout, allow_negative_numbers = true)]
    lock_timeout: Option<Duration>,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    target.check_consent(args.yes && !args.dry_run)?;
    let server = Server::new(&target)?;
    if args.repair {
        return repair::repair(&server, context);
    }
    if args.undo {
        return undo::undo(args, &server, context);
    }
    restore(args, &server, context)
}

fn restore(args: &Args, server: &Server<'_>, context: &Context) -> Result<()> {
    let target = server.target();
    context.terminal.note(&format!("Restoring {}", target.shown()));
    let backup = choose::choose(args, target, context)?;
    let live = Live::of(server)?;
    rights::check_names(server, &live)?;
    let of_elsewhere = backup.manifest.as_ref().map(|manifest| &manifest.properties).filter(|_| live.is_absent());
    let consent = Consent { create_roles: args.create_roles, settings: &args.allow_setting };
    let merged = Merged::draw(&live, &backup, server, consent)?;
    let destination = Destination {
        made_like: of_elsewhere,
        encoding: merged.properties.as_ref().map(|properties| &properties.encoding),
        owner: merged.properties.as_ref().map(|properties| properties.owner.as_str()),
    };
    let mut fitting = preflight::check(server, &backup, destination, consent)?;
    fitting.missing_roles.add(&merged.missing_roles);
    live.check_swappable(target)?;
    rights::check_swap(server, &live)?;
    let plan = Plan::draw(server, &live, &backup.contents)?;
    preview::show(&plan, &fitting, &backup, of_elsewhere, &merged, args, context)?;
    if args.dry_run {
        repair::name_leftovers(target, context);
        return Ok(());
    }
    preview::ask(args, target, &backup, context)?;
    let record = Record::new(server, Lock::take(server, Duration::ZERO)?.into_session());
    fault_point("locked");
    let unstarted = repair::repair_before_swap(&record, context)?;
    let was_absent = live.is_absent();
    let live = Live::of(server)?;
    live.check_unchanged(was_absent, target)?;
    merged.check_same(&Merged::draw(&live, &backup, server, consent)?)?;
    live.check_swappable(target)?;
    live.check_open(target)?;
    let safety = safety_backup(&args.safety, target, &live, context)?;
    fault_point("safety");
    say_roles_made(&fitting.missing_roles.create_named(server)?, context);
    let like = merged.properties;
    let owner = like.as_ref().map(|like| like.owner.as_str());
    let staging = Staging::create(&record, RecordPurpose::Staging, like.as_ref(), owner)?;
    fault_point("created");
    say_roles_made(&fitting.missing_roles.create_encoded(server, staging.database())?, context);
    let progress = context.terminal.progress("loading", backup.manifest.as_ref().map(|manifest| manifest.bytes.get()));
    let options = LoadOptions { search_path: args.search_path.as_ref(), version_changes: &fitting.version_changes };
    let checked = staging.load(&backup, options, &|bytes| progress.set(bytes))?;
    progress.say("analyzing");
    let written = checked.analyze(options.search_path)?;
    drop(progress);
    fault_point("checked");
    let services = SwapServices::of(target, unstarted)?;
    let incoming = checked.database().clone();
    record.note(incoming.id(), &Details { stopped: services.started.clone(), ..Details::default() })?;
    fault_point("marked");
    let switchover = Switchover {
        record: &record,
        live: &live,
        context,
        services,
        openfga: backup.contents.openfga.is_some(),
        only_way_back: safety.is_none(),
        written,
    };
    let mut done = switchover.perform(&incoming, like.as_ref(), |swap| swap_in(&record, &live, checked, swap))?;
    switchover::drop_old(args.keep_old, &mut done, &record, context)?;
    report::name_subscriptions(server, context);
    report::name_ended_workers(&live, server, context);
    let what = if backup.contents.has_rows() { "Database restored" } else { "Database restored, without any rows" };
    let report = Report { what, file: Some(&backup.path), safety: safety.as_deref(), done: &done };
    report.show(args.json, target, context)
}

const UNSAVED: &str = "The safety backup of the live database failed; nothing was changed";
const WAIVER: &str = "if the live database cannot be read any more: --no-safety-backup restores without one, and \
     keeps that database under another name";

/// A proven backup of the live database as it is; `None` where there is nothing to keep.
pub(super) fn safety_backup(
    options: &SafetyOptions,
    target: &Target,
    live: &Live,
    context: &Context,
) -> Result<Option<PathBuf>> {
    if live.properties.is_none() || options.no_safety_backup {
        return Ok(None);
    }
    let taken = db_backup::take_full(target, Purpose::PreRestore, options.lock_timeout, context)
        .map_err(|error| db_backup::explain_missing(error, UNSAVED, WAIVER))?;
    context.terminal.done(&format!("Safety backup: {}", context.shown(&taken.path)));
    Ok(Some(taken.path))
}

fn say_roles_made(names: &[String], context: &Context) {
    if !names.is_empty() {
        context.terminal.done(&format!("Roles created: {}", terminal::clean(&names.join(", "))));
    }
}

fn age_of(time: &DateTime<Local>) -> String {
    format!("{} ago", terminal::span(Local::now().signed_duration_since(*time).num_seconds().max(0)))
}
