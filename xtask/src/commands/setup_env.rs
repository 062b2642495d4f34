//! `setup-env`: a newcomer's first command, from nothing to a running, migrated, checked stack with a first backup.

mod doctor;
mod git;

use super::{full_backup, migrations, starting, store_setup};
use crate::backup::listing;
use crate::backup::name::Purpose;
use crate::backup::proof;
use crate::context::Context;
use crate::error::Fault;
use crate::openfga::store::STORE_ID;
use crate::process::signals::with_outcome;
use crate::settings::{self, Origin};
use crate::target::backend::Extent;
use crate::target::{Kind, Target};
use crate::terminal;
use anyhow::Result;

/// Set up this checkout: check this host, create .env, start the stack, migrate, take a first backup
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Answer yes to every question
    #[arg(long, short)]
    yes: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let (kind, why) = choose(context)?;
    let context = &context.with_target(kind);
    // Without `.env` Compose may not be able to read the project at all.
    let env = make_env(&context.target()?, context)?;
    let context = &context.reloaded();
    let target = context.target()?;
    context.terminal.note(&format!("Setting up {}", target.shown()));
    context.terminal.done(&format!("Target {kind}: {why}"));
    context.terminal.done(env.shown());
    let mut written = env.changes();
    doctor::examine(&left(&written), context).map_err(|error| with_outcome(error, || left(&written)))?;
    if env != EnvFile::Kept {
        choose_target(kind, &mut written, context)?;
    }
    git::warn_of_env(context);
    let context = &move_taken_ports(&target, args, &mut written, context)
        .map_err(|error| with_outcome(error, || left(&written)))?;
    set_up(args, context)
        .map_err(|error| with_outcome(error, || "completed steps stay: run it again to continue".to_owned()))
}

/// Everything after `.env`.
fn set_up(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    doctor::offer_openfga(&target, args.yes, context)?;
    let openfga = starting::start(&target, Extent::Needed, args.yes, context)?;
    migrations::up_all(&target, args.yes, context)?;
    if openfga {
        set_up_openfga_once(&target, args.yes, context)?;
    }
    back_up_once(&target, context)?;
    doctor::conclude(&context.reloaded())?;
    say_what_is_next(&target, openfga, context);
    Ok(())
}

/// What `setup-env` did about `.env`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EnvFile {
    Made,
    /// There is no `.env.example` to make it from.
    MadeEmpty,
    Found,
    /// There are containers, which were made with the settings that are there: it is not changed.
    Kept,
}

impl EnvFile {
    /// What it changed, as the end of a sentence.
    fn changes(self) -> Vec<String> {
        if matches!(self, Self::Made | Self::MadeEmpty) { vec![".env was made".to_owned()] } else { Vec::new() }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Made => "Made .env from .env.example, readable by you only",
            Self::MadeEmpty => "Made .env, readable by you only; there is no .env.example",
            Self::Found => ".env is there",
            Self::Kept => {
                ".env keeps its settings: this stack has containers, and with others Compose would recreate them"
            }
        }
    }
}

/// What a run that ends before it starts anything leaves behind.
fn left(written: &[String]) -> String {
    match written.join(", ") {
        changes if changes.is_empty() => "nothing was changed".to_owned(),
        changes => format!("{changes}; nothing was started"),
    }
}

/// The target that is set, else the one that fits this host.
fn choose(context: &Context) -> Result<(Kind, String)> {
    context.settings.check_understood()?;
    if let Some((_, origin)) = context.settings.find("XTASK_TARGET") {
        return Ok((Kind::chosen(&context.settings)?, format!("as XTASK_TARGET says ({})", origin.shown())));
    }
    Kind::for_this_host()
}

/// Makes `.env` from `.env.example` where it is missing and the stack has no containers.
fn make_env(target: &Target, context: &Context) -> Result<EnvFile> {
    target.stack().check_ours()?;
    if target.stack().has_containers() {
        return Ok(EnvFile::Kept);
    }
    let made = if settings::has_env_example(&context.root) { EnvFile::Made } else { EnvFile::MadeEmpty };
    Ok(if settings::copy_env_example(&context.root)? { made } else { EnvFile::Found })
}

/// Writes the target to `.env` where it names none.
fn choose_target(kind: Kind, written: &mut Vec<String>, context: &Context) -> Result<()> {
    match context.settings.in_file("XTASK_TARGET") {
        None => write_setting("XTASK_TARGET", &kind.to_string(), written, context)?,
        Some(set) if set != kind.to_string() => {
            context.terminal.warn(&format!("XTASK_TARGET in .env stays {set}; this run uses {kind}"));
        }
        Some(_) => {}
    }
    Ok(())
}

fn write_setting(name: &str, value: &str, written: &mut Vec<String>, context: &Context) -> Result<()> {
    settings::write_env_file(&context.root, &[(name, value)])?;
    context.terminal.done(&format!("Wrote {name}={value} to .env"));
    written.push(format!("{name}={value} was written to .env"));
    Ok(())
}

/// Offers the next free port for each port that another program holds.
fn move_taken_ports(target: &Target, args: &Args, written: &mut Vec<String>, context: &Context) -> Result<Context> {
    for taken in target.stack().taken_ports(&context.settings)? {
        let setting = taken.setting;
        let held = format!("Port {} ({setting}) is taken by {}", taken.port, taken.by);
        let Some(free) = taken.free else {
            return Err(Fault::failed(format!("{held}, and no higher port is free")).hint("stop some servers").into());
        };
        if taken.origin == Origin::Environment {
            let hint = format!("set another port there, such as {setting}={free}");
            return Err(Fault::failed(format!("{held}; {setting} comes from the environment")).hint(hint).into());
        }
        context.terminal.warn(&held);
        let question = format!("Use {free} instead, and write it to .env?");
        let declined = || {
            let port = taken.port;
            let hint = format!("free port {port}, or set another in .env: {setting}=PORT; then: cargo xtask setup-env");
            Fault::failed(format!("Declined; {}", left(written))).hint(hint)
        };
        context.terminal.confirm_or(&question, args.yes, declined)?;
        write_setting(setting, &free.to_string(), written, context)?;
    }
    Ok(context.reloaded())
}

/// Makes the store of the checkout's own file where no store was chosen yet; later changes of the file are a person's
/// to apply.
fn set_up_openfga_once(target: &Target, yes: bool, context: &Context) -> Result<()> {
    if let Some(id) = context.settings.get(STORE_ID) {
        context.terminal.done(&format!("OpenFGA's store is chosen: {}", terminal::clean_line(id)));
        return Ok(());
    }
    match store_setup::set_up_own(target, yes, context)? {
        Some(done) => context.terminal.done(&done),
        None => context.terminal.note("No openfga/store.fga.yaml here: OpenFGA's store is skipped"),
    }
    Ok(())
}

fn back_up_once(target: &Target, context: &Context) -> Result<()> {
    let folder = context.backups_folder();
    let backups = listing::list(&folder, &proof::glance)?;
    let is_ours = |backup: &&listing::Backup| backup.is_full() && backup.database.as_deref() == Some(target.database());
    if let Some(newest) = backups.iter().find(is_ours) {
        context.terminal.done(&format!("There is a backup: {}", context.shown(&newest.path)));
        return Ok(());
    }
    let taken = full_backup::take_full(target, Purpose::Backup, None, context)?;
    context.terminal.done(&format!("First backup: {}", context.shown(&taken.path)));
    Ok(())
}

fn say_what_is_next(target: &Target, openfga: bool, context: &Context) {
    let openfga = openfga || context.settings.get("OPENFGA_API_URL").is_some();
    context.terminal.note("");
    context.terminal.note("Next:");
    let mut rows = Vec::new();
    for (command, what) in [
        ("cargo xtask db-shell", "open psql on the database"),
        ("cargo xtask setup-openfga", "apply changes of openfga/: model, tuples, tests"),
        ("cargo xtask db-backup", "take a backup; db-list shows them"),
        ("cargo xtask down", "stop the stack (data is kept)"),
        ("cargo xtask help", "see every command"),
    ] {
        // A server that we did not start is not ours to stop.
        let is_left_out = command.ends_with("setup-openfga") && !openfga;
        if is_left_out || (!target.stack().starts_server() && command.ends_with("down")) {
            continue;
        }
        rows.push((context.terminal.to_type(command), what));
    }
    let width = rows.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    rows.iter().for_each(|(command, what)| context.terminal.note(&format!("  {command:<width$}  {what}")));
}
