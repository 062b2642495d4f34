//! `setup-openfga`: one store, its model, its tuples, its tests, and the ids in `.env`; as often as one likes.

mod env;
mod plan;
mod print;
mod report;

use self::env::Ids;
use self::plan::Wanted;
use self::print::Form;
use self::report::Report;
use super::store_file::{FileArgs, connected, outcome_lines};
use super::test_auth;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::openfga::api::Api;
use crate::openfga::assertions::{Live, Outcome};
use crate::openfga::reconcile;
use crate::openfga::server::Server;
use crate::openfga::store;
use crate::openfga::store_file::StoreFile;
use crate::postgres::change_lock::Lock;
use crate::postgres::session;
use crate::process::signals;
use crate::settings::fault_point;
use crate::target::Target;
use crate::target::local::lock::Lock as FileLock;
use crate::terminal::{self, Progress};
use anyhow::{Context as _, Result};
use std::cell::Cell;
use std::time::Duration;

/// How long a run waits for another one.
const PATIENCE: Duration = Duration::from_secs(120);

/// Make one OpenFGA store as the store file says: model, tuples, tests; the ids go into .env
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// Neither read nor write the ids of .env: for a second store
    #[arg(long)]
    no_env: bool,
    /// Delete tuples that the file does not name (asks)
    #[arg(long)]
    prune: bool,
    /// Show what would change, and stop
    #[arg(long)]
    dry_run: bool,
    /// Print the file's model in this form, and stop; no server is asked
    #[arg(long, value_name = "FORM", conflicts_with_all = ["dry_run", "json", "prune", "no_env"])]
    print_model: Option<Form>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    if let Some(form) = args.print_model {
        return print::print(&args.file.read(context)?.model, form, context);
    }
    let target = context.target()?;
    context.terminal.note(&format!("Setting up OpenFGA of {}", target.shown()));
    let report = complete(args, &target, context)?;
    // It is done and checked: a signal that comes now must not say otherwise.
    signals::shielded(|| report.show(args, context))
}

/// The store of the checkout's own file, for a command that sets up everything; gives one line about it, `None` where
/// the checkout has no such file.
pub fn set_up_own(target: &Target, yes: bool, context: &Context) -> Result<Option<String>> {
    let file = FileArgs::default();
    if !file.path(context).is_file() {
        return Ok(None);
    }
    let args = Args { file, no_env: false, prune: false, dry_run: false, print_model: None, yes, json: false };
    complete(&args, target, context).map(|report| Some(report.in_short()))
}

fn complete(args: &Args, target: &Target, context: &Context) -> Result<Report> {
    let file = args.file.read(context)?;
    let ids = Ids::of(args, target, context)?;
    let server = Server::of(target, &context.settings)?;
    let run = session::fresh_name()?;
    let _lock = if args.dry_run { None } else { Some(Held::take(&server, target, &run, context)?) };
    let changed = Cell::new(false);
    set_up(args, target, &server, &file, &ids, &changed, context).map_err(|error| match error::exit(&error) {
        Exit::Signal(signal) if changed.get() => {
            signals::interrupted_while(signal, "part of it is done: run it again to complete it").into()
        }
        Exit::Failed if changed.get() => error.context(
            Fault::new(Exit::Partial, "Only part of it is done; .env is as before")
                .hint("mend the cause, then run it again"),
        ),
        Exit::Unreachable if changed.get() => error.context(
            Fault::new(Exit::Unreachable, "OpenFGA was lost when part of it was done; .env is as before")
                .hint("run it again when the server answers: that completes it"),
        ),
        _ => error,
    })
}

fn set_up(
    args: &Args,
    target: &Target,
    server: &Server,
    file: &StoreFile,
    ids: &Ids,
    changed: &Cell<bool>,
    context: &Context,
) -> Result<Report> {
    if !args.dry_run {
        let waiting = context.terminal.waiting("looking at OpenFGA's tables");
        if server.migrate_if_behind(target, &|stage| waiting.say(stage))? {
            waiting.aside(|| context.terminal.done("OpenFGA's tables were behind; they are migrated"));
        }
    }
    let api = connected(server, context)?;
    let wanted = Wanted::find(args, &api, file, context)?;
    wanted.show(file, context);
    if !wanted.tuples.is_nothing() {
        new_enough(&api, server)?;
    }
    if args.dry_run {
        let store = wanted.store.as_ref().map(|store| store.id.as_str());
        let env = ids.would_change(store, wanted.model.same(), context)?;
        return Ok(Report::of_plan(&api, file, &wanted, env));
    }
    wanted.confirm(args, context)?;
    fault_point("planned");
    let made = match &wanted.store {
        Some(store) => store.clone(),
        None => {
            let made = store::create(&api, &file.name)?;
            changed.set(true);
            made
        }
    };
    fault_point("store");
    let model = match wanted.model.same() {
        Some(id) => id.to_owned(),
        None => {
            changed.set(true);
            store::write_model(&api, &made.id, &file.model)?
        }
    };
    fault_point("model");
    let plan = &wanted.tuples;
    let to_write = (plan.missing.len() + plan.changed.len()) as u64;
    if to_write > 0 {
        changed.set(true);
        let progress = context.terminal.counter("writing tuples", to_write);
        plan.apply(&api, &made.id, &model, &|written| step(&progress, written))?;
    }
    if args.prune && !plan.others.is_empty() {
        changed.set(true);
        let progress = context.terminal.counter("deleting tuples", plan.others.len() as u64);
        plan.prune(&api, &made.id, &model, &|deleted| progress.set(deleted))?;
    }
    fault_point("tuples");
    let exact = plan.only_ours || args.prune || reconcile::holds_only(&api, &made.id, &file.tuples)?;
    let live = Live { api: &api, store: &made.id, model: &model, exact };
    let outcomes = test_auth::ask(live, file, context)?;
    check(&outcomes, changed.get(), context)?;
    fault_point("tested");
    // It is done and checked: a signal that comes now must not say otherwise.
    signals::shielded(|| {
        let env = ids.write(&made.id, &model, target, context).with_context(|| {
            let hint = format!("write them by hand: {}={} {}={model}", store::STORE_ID, made.id, store::MODEL_ID);
            Fault::new(Exit::Partial, "The store is set up, but .env could not be written").hint(hint)
        })?;
        Ok(Report::of(&api, file, &wanted, &made, &model, &outcomes, env, args.prune))
    })
}

/// Without `on_duplicate` a write that is repeated, or that another run did first, is refused.
fn new_enough(api: &Api, server: &Server) -> Result<(), Fault> {
    if !api.is_before_1_10() {
        return Ok(());
    }
    let fault = Fault::failed(format!("OpenFGA at {} is older than 1.10: tuples cannot be written safely", api.url()));
    Err(fault.hint(if server.is_of_stack {
        "take out OPENFGA_IMAGE or XTASK_OPENFGA_BIN, or name a newer one there; then: cargo xtask up"
    } else {
        "upgrade that server to 1.10 or newer"
    }))
}

fn step(progress: &Progress, written: u64) {
    progress.set(written);
    fault_point("writing");
}

/// Goes on only where every test passed.
fn check(outcomes: &[Outcome], changed: bool, context: &Context) -> Result<(), Fault> {
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    for outcome in outcomes.iter().filter(|outcome| !outcome.passed || !outcome.extra.is_empty()) {
        outcome_lines(outcome, context).iter().for_each(|line| context.terminal.note(line));
    }
    if failed.is_empty() {
        return Ok(());
    }
    let count = terminal::count(failed.len() as u64);
    let of = terminal::counted(outcomes.len() as u64, "assertion", "assertions");
    let message = format!("{count} of {of} failed; .env keeps the ids that it has");
    let exit = if changed { Exit::Partial } else { Exit::Failed };
    Err(Fault::new(exit, message).hint("mend the model, the tuples or the tests, then run it again"))
}

/// One run at a time: in the database where the store's data is, else in this checkout.
enum Held<'a> {
    Database(#[expect(dead_code, reason = "held until it is dropped")] Lock<'a>),
    Checkout(#[expect(dead_code, reason = "held until it is dropped")] FileLock),
}

impl<'a> Held<'a> {
    fn take(server: &Server, target: &'a Target, run: &str, context: &Context) -> Result<Self> {
        let waiting = context.terminal.waiting("waiting for another run");
        if server.is_of_stack || (target.compose().is_none() && target.local().is_none()) {
            return Ok(Self::Database(Lock::take(target, run, PATIENCE)?));
        }
        let folder = context.root.join(".xtask");
        std::fs::create_dir_all(&folder)
            .with_context(|| Fault::failed(format!("{} cannot be made", folder.display())))?;
        Ok(Self::Checkout(FileLock::take(&folder.join("setup-openfga.lock"), &|who| waiting.say(who))?))
    }
}
