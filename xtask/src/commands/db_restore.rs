//! `db-restore`: a proven backup takes the live database's place, and can be undone.

use super::db_backup;
use crate::backup::listing::{self, Backup};
use crate::backup::name::Purpose;
use crate::backup::proof::{self, Proven};
use crate::backup::take::Order;
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::postgres::session;
use crate::process::signals;
use crate::restore::live::Live;
use crate::restore::lock::Lock;
use crate::restore::mark::{self, Mark, Marked, Use};
use crate::restore::plan::Plan;
use crate::restore::staging::{self, Staging};
use crate::restore::swap::{self, Exchange};
use crate::restore::{preflight, repair};
use crate::settings::fault_point;
use crate::stack::{openfga, services};
use crate::target::Target;
use crate::terminal;
use anyhow::{Context as _, Result};
use chrono::{DateTime, Local};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long `--repair` waits for a run that still holds the lock.
const REPAIR_PATIENCE: Duration = Duration::from_secs(30);

/// Restore a backup: proven, loaded beside the live database, checked, then swapped in; --undo swaps back
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Backup file [default: the newest full backup of this database]
    #[arg(conflicts_with_all = ["undo", "repair"])]
    file: Option<PathBuf>,
    /// Swap the database of before the last restore back in
    #[arg(long, conflicts_with = "repair")]
    undo: bool,
    /// Mend what a killed restore left behind
    #[arg(long)]
    repair: bool,
    /// Show what would change, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Go on where the live database cannot be backed up first; the old database is then the only way back
    #[arg(long)]
    no_safety_backup: bool,
    /// How many databases of before a restore are kept on the server
    #[arg(long, value_name = "N", default_value_t = 1)]
    keep_old: usize,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let run = session::fresh_name()?;
    if args.repair {
        return mend(&target, &run, context);
    }
    if args.undo {
        return undo(args, &target, &run, context);
    }
    restore(args, &target, &run, context)
}

fn restore(args: &Args, target: &Target, run: &str, context: &Context) -> Result<()> {
    context.terminal.note(&format!("Restoring {}", target.shown()));
    let backup = choose(args, target, context)?;
    preflight::check(target, run, &backup)?;
    let live = Live::of(target, run)?;
    live.check_swappable(target)?;
    let plan = Plan::draw(target, run, &live, &backup)?;
    show(&plan, &backup, args, context)?;
    if args.dry_run {
        return Ok(());
    }
    ask(args, target, &backup, context)?;
    let mut lock = Lock::take(target, run, Duration::ZERO)?;
    fault_point("locked");
    mend_leftovers(target, run, context)?;
    let live = Live::of(target, run)?;
    live.check_swappable(target)?;
    let safety = safety_backup(args, target, &live, context)?;
    fault_point("safety");
    let now = Local::now();
    let like = live.properties.as_ref().or(backup.manifest.as_ref().map(|manifest| &manifest.properties));
    let mut mark = Mark::new(Use::Staging, target, run, &now);
    let name = staging::name_for(target.database(), "staging", &now);
    let staging = Staging::create(target, run, lock.session(), name, like, &mark)?;
    fault_point("created");
    let progress = context.terminal.progress("loading", backup.manifest.as_ref().map(|manifest| manifest.bytes));
    let checked = staging.load(&backup, &|bytes| progress.set(bytes))?;
    progress.say("analyzing");
    checked.analyze()?;
    drop(progress);
    fault_point("checked");
    mark.stopped = services::running_users(target)?;
    lock.run(&mark.sql(checked.name())?)?;
    fault_point("marked");
    let incoming = checked.name().to_owned();
    let openfga = backup.contents.openfga.is_some();
    let exchange = Swap { target, run, live: &live, context, stopped: mark.stopped.clone(), openfga };
    let done = exchange.perform(&incoming, like, live_comment(&live, &backup).as_deref(), |exchange| {
        swap::swap_in(target, run, &live, checked, exchange)
    })?;
    // It is restored: a signal that comes now must not say otherwise.
    signals::shielded(|| drop_old(args, target, run, context))?;
    Report { file: Some(&backup.path), safety: safety.as_deref(), done: &done }.show(args, target, context)
}

/// FILE, else the newest full backup of this database; proven.
fn choose(args: &Args, target: &Target, context: &Context) -> Result<Proven> {
    let path = match &args.file {
        Some(file) => context.typed(file),
        None => newest(args, target, context)?,
    };
    let size = std::fs::metadata(&path).ok().map(|facts| facts.len());
    let progress = context.terminal.progress("proving the backup", size);
    let backup = proof::prove(&path, &|bytes| progress.set(bytes))?;
    drop(progress);
    let shown = context.shown(&path);
    let Some(manifest) = &backup.manifest else { return Ok(backup) };
    if !manifest.is_full() {
        let hint = format!("load it by hand: cargo xtask db-shell -- -f {shown}");
        let message = format!("{shown} holds only some tables; a restore replaces the whole database");
        return Err(Fault::new(Exit::Refused, message).hint(hint).into());
    }
    if manifest.database != target.database() {
        let (from, to) = (&manifest.database, target.database());
        context.terminal.warn(&format!("{shown} is a backup of {from}, not of {to}"));
        context.terminal.confirm(&format!("Restore the backup of {from} into {to}?"), args.yes)?;
    }
    Ok(backup)
}

fn newest(args: &Args, target: &Target, context: &Context) -> Result<PathBuf> {
    let mut backups = listing::list(&context.backups_folder(), &proof::glance)?;
    backups.retain(|backup| backup.database.as_deref() == Some(target.database()));
    let fits = |backup: &&Backup| backup.is_full() && backup.purpose == Some(Purpose::Backup);
    let Some(newest) = backups.iter().find(fits) else {
        let message =
            format!("There is no full backup of {} in {}", target.database(), context.shown(&context.backups_folder()));
        return Err(Fault::failed(message).hint("name a file: cargo xtask db-restore FILE").into());
    };
    for backup in backups.iter().take(5) {
        let age = backup.time.map_or_else(String::new, |time| age_of(&time.with_timezone(&Local)));
        let words = backup.examined.verdict.words();
        context.terminal.note(&format!("  {}  {age}  {words}", context.shown(&backup.path)));
    }
    let newer = backups.iter().take_while(|backup| backup.path != newest.path);
    if let Some(unfit) = newer.into_iter().find(|backup| backup.examined.verdict.is_unfit()) {
        let message = format!("{} is newer, but {}", context.shown(&unfit.path), unfit.examined.verdict.words());
        if args.yes || !context.terminal.can_ask() {
            let hint = format!("name the file that you want: cargo xtask db-restore {}", context.shown(&newest.path));
            return Err(Fault::new(Exit::Refused, message).hint(hint).into());
        }
        context.terminal.warn(&message);
        context.terminal.confirm(&format!("Go on with {}?", context.shown(&newest.path)), false)?;
    }
    Ok(newest.path.clone())
}

fn age_of(time: &DateTime<Local>) -> String {
    format!("{} ago", terminal::span((Local::now() - *time).num_seconds().max(0)))
}

fn show(plan: &Plan, backup: &Proven, args: &Args, context: &Context) -> Result<()> {
    if args.json && args.dry_run {
        return context.terminal.json(&serde_json::json!({ "version": 1, "file": &backup.path, "plan": plan }));
    }
    let terminal = &context.terminal;
    if let Some(why) = &plan.unreadable {
        terminal.warn(&format!("The live database cannot be read: {why}"));
    }
    let number = |rows: Option<u64>, estimated: bool| {
        rows.map_or_else(
            || "-".to_owned(),
            |rows| format!("{}{}", if estimated { "≈ " } else { "" }, terminal::count(rows)),
        )
    };
    if let Some(tables) = &plan.tables {
        let rows: Vec<Vec<String>> = tables
            .iter()
            .map(|table| {
                let name = format!("{}.{}", table.schema, table.table);
                vec![name, number(table.now, plan.estimated), "→".to_owned(), number(table.backup, false)]
            })
            .collect();
        if !rows.is_empty() {
            terminal.note(&terminal::table(&["TABLE", "ROWS NOW", "", "IN THE BACKUP"], &rows, &[1, 3]));
        }
    }
    for store in &plan.stores_gained {
        terminal.note(&terminal::clean(&format!("OpenFGA store comes back: {store}")));
    }
    for store in &plan.stores_lost {
        terminal.note(&terminal::clean(&format!("OpenFGA store disappears: {store}")));
    }
    if plan.models_gained + plan.models_lost > 0 {
        terminal.note(&format!("OpenFGA models: {} come back, {} disappear", plan.models_gained, plan.models_lost));
    }
    if !plan.sessions.is_empty() {
        terminal.note(&terminal::clean(&format!("Sessions that will be cut: {}", plan.sessions.join(", "))));
    }
    Ok(())
}

fn ask(args: &Args, target: &Target, backup: &Proven, context: &Context) -> Result<(), Fault> {
    let latest = if args.file.is_some() { "this backup" } else { "the latest backup" };
    let taken = backup.manifest.as_ref().and_then(|manifest| DateTime::parse_from_rfc3339(&manifest.started_at).ok());
    let age = taken.map_or_else(String::new, |time| format!(", {}", age_of(&time.with_timezone(&Local))));
    context.terminal.warn(&format!(" This will restore from {latest}"));
    context.terminal.note(&format!("{}{age}", context.shown(&backup.path)));
    context.terminal.note(&format!("into {}", target.shown()));
    context.terminal.confirm("Continue?", args.yes)
}

/// A proven backup of the live database as it is; `None` where there is nothing to keep.
fn safety_backup(args: &Args, target: &Target, live: &Live, context: &Context) -> Result<Option<PathBuf>> {
    if live.properties.is_none() || args.no_safety_backup {
        return Ok(None);
    }
    let order = Order { purpose: Purpose::PreRestore, ..Order::full(context.backups_folder()) };
    let taken = db_backup::take_visibly(target, &order, context).map_err(|error| {
        let fault = Fault::failed("The safety backup of the live database failed; nothing was changed");
        let hint = "where the live database cannot be read any more: --no-safety-backup keeps it under another name";
        error.context(fault.hint(hint))
    })?;
    context.terminal.done(&format!("Safety backup: {}", context.shown(&taken.path)));
    Ok(Some(taken.path))
}

fn live_comment(live: &Live, backup: &Proven) -> Option<String> {
    let manifest = backup.manifest.as_ref().map(|manifest| &manifest.properties);
    live.properties.as_ref().or(manifest)?.comment.clone()
}

/// The steps around an exchange of names.
struct Swap<'a> {
    target: &'a Target,
    run: &'a str,
    live: &'a Live,
    context: &'a Context,
    stopped: Vec<String>,
    /// Whether the incoming database holds OpenFGA's tables.
    openfga: bool,
}

/// How an exchange went.
#[derive(Debug)]
struct Done {
    /// The live database of before, under its new name.
    before: Option<String>,
    /// Nobody could connect so long.
    database_outage: Duration,
    /// The services were away so long.
    services_outage: Option<Duration>,
}

impl Swap<'_> {
    /// Stops the services, exchanges the names, migrates, starts the services again.
    fn perform(
        &self,
        incoming: &str,
        carried: Option<&crate::postgres::properties::Properties>,
        comment: Option<&str>,
        exchange: impl FnOnce(&Exchange<'_>) -> Result<swap::Outage>,
    ) -> Result<Done> {
        let now = Local::now();
        let before = self.live.properties.as_ref().map(|_| staging::name_for(self.target.database(), "before", &now));
        let mut mark = Mark::new(Use::Before, self.target, self.run, &now);
        mark.stopped.clone_from(&self.stopped);
        mark.comment = self.live.properties.as_ref().and_then(|properties| properties.comment.clone());
        let clock = Instant::now();
        let outgoing = before.as_deref().map(|name| (name, &mark));
        let restart = || services::start(self.target, &self.context.settings, &self.stopped);
        let swapped = services::stop(self.target, &self.stopped).and_then(|()| {
            fault_point("stopped");
            exchange(&Exchange { incoming, outgoing, carried, comment })
        });
        fault_point("swapped");
        let database_outage = match swapped {
            Ok(outage) => outage,
            Err(error) => {
                signals::shielded(restart).context("starting the services again")?;
                return Err(error);
            }
        };
        // From here on a signal only stops us from waiting: what was begun is finished.
        signals::shielded(|| {
            if self.openfga || self.stopped.iter().any(|service| service == openfga::SERVICE) {
                services::migrate(self.target)?;
            }
            fault_point("migrated");
            restart()?;
            fault_point("started");
            before.iter().try_for_each(|name| repair::settle(self.target, self.run, name, &mark))
        })
        .map_err(|error| {
            let fault = Fault::new(Exit::Partial, "The database is restored, but its services did not come back");
            error.context(
                fault.hint("mend it with: cargo xtask db-restore --repair\nor go back: cargo xtask db-restore --undo"),
            )
        })?;
        let services_outage = (!self.stopped.is_empty()).then(|| clock.elapsed());
        Ok(Done { before, database_outage, services_outage })
    }
}

/// The newest databases of before a restore stay, older ones are dropped.
fn drop_old(args: &Args, target: &Target, run: &str, context: &Context) -> Result<()> {
    for old in befores(target, run)?.into_iter().skip(args.keep_old) {
        staging::drop_database(target, run, &old.name)?;
        context.terminal.note(&format!("Dropped {}, which was kept from an earlier restore", old.name));
    }
    Ok(())
}

/// The databases of before a restore, newest first.
fn befores(target: &Target, run: &str) -> Result<Vec<Marked>> {
    let ours = |marked: &Marked| marked.mark.r#use == Use::Before && marked.mark.database == target.database();
    let mut marked: Vec<Marked> = mark::marked(target, run)?.into_iter().filter(ours).collect();
    marked.sort_by(|one, other| other.mark.at.cmp(&one.mark.at).then_with(|| other.name.cmp(&one.name)));
    Ok(marked)
}

fn undo(args: &Args, target: &Target, run: &str, context: &Context) -> Result<()> {
    context.terminal.note(&format!("Undoing the last restore of {}", target.shown()));
    let Some(old) = befores(target, run)?.into_iter().next() else {
        let message = format!("There is no database of before a restore of {}", target.database());
        return Err(Fault::failed(message).hint("what there is: cargo xtask db-list").into());
    };
    let at = DateTime::parse_from_rfc3339(&old.mark.at).map(|at| age_of(&at.with_timezone(&Local))).unwrap_or_default();
    context.terminal.warn(&format!(
        "{} will be as it was before the restore of {at}; what was written since goes",
        target.database()
    ));
    context
        .terminal
        .note(&format!("The database of now stays as another {}_before_…; undo again to come back", target.database()));
    if args.dry_run {
        return Ok(());
    }
    context.terminal.confirm("Continue?", args.yes)?;
    let _lock = Lock::take(target, run, Duration::ZERO)?;
    mend_leftovers(target, run, context)?;
    let live = Live::of(target, run)?;
    live.check_swappable(target)?;
    let swap = Swap { target, run, live: &live, context, stopped: services::running_users(target)?, openfga: false };
    let done = swap.perform(&old.name, None, old.mark.comment.as_deref(), |exchange| {
        swap::exchange_names(target, run, live.properties.is_some(), exchange)
    })?;
    Report { file: None, safety: None, done: &done }.show(args, target, context)
}

fn mend(target: &Target, run: &str, context: &Context) -> Result<()> {
    context.terminal.note(&format!("Mending {}", target.shown()));
    let _lock = Lock::take(target, run, REPAIR_PATIENCE)?;
    if mend_leftovers(target, run, context)? == 0 {
        context.terminal.done("Nothing to mend");
    }
    Ok(())
}

/// Mends what killed runs left, and says what. To be called under the lock.
fn mend_leftovers(target: &Target, run: &str, context: &Context) -> Result<usize> {
    let found = repair::find(target, run)?;
    let start = |mark: &Mark| {
        if mark.r#use == Use::Before {
            services::migrate(target)?;
        }
        services::start(target, &context.settings, &mark.stopped)
    };
    for leftover in &found {
        repair::mend(target, run, leftover, &start)?;
        context.terminal.done(&format!("Mended: {}", leftover.shown()));
    }
    Ok(found.len())
}

struct Report<'a> {
    file: Option<&'a Path>,
    safety: Option<&'a Path>,
    done: &'a Done,
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    file: Option<&'a Path>,
    database: &'a str,
    safety_backup: Option<&'a Path>,
    before: Option<&'a str>,
    database_outage_seconds: f64,
    services_outage_seconds: Option<f64>,
}

impl Report<'_> {
    fn show(&self, args: &Args, target: &Target, context: &Context) -> Result<()> {
        let done = self.done;
        if args.json {
            return context.terminal.json(&Document {
                version: 1,
                file: self.file,
                database: target.database(),
                safety_backup: self.safety,
                before: done.before.as_deref(),
                database_outage_seconds: done.database_outage.as_secs_f64(),
                services_outage_seconds: done.services_outage.map(|outage| outage.as_secs_f64()),
            });
        }
        let what = if self.file.is_some() { "Database restored" } else { "Restore undone" };
        let mut lines = vec![context.terminal.done_line(what), String::new()];
        lines.extend(self.file.map(|file| format!("From:      {}", context.shown(file))));
        lines.push(format!(
            "Database:  {} (unreachable for {:.2} s)",
            target.database(),
            done.database_outage.as_secs_f64()
        ));
        lines.extend(done.services_outage.map(|outage| format!("Services:  away for {:.1} s", outage.as_secs_f64())));
        lines.extend(self.safety.map(|safety| format!("Safety:    {}", context.shown(safety))));
        if let Some(before) = &done.before {
            lines.push(format!("Before:    kept on the server as {before}"));
            lines.push("Undo:      cargo xtask db-restore --undo".to_owned());
        }
        let text = terminal::clean(&lines.join("\n"));
        if context.terminal.stdout_is_terminal() {
            context.terminal.result(&text)
        } else {
            Ok(context.terminal.note(&text))
        }
    }
}
