//! `db-backup`: one self-proving SQL file for each database; of several databases a set, too.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod args;
mod choice;
mod one;
mod report;
mod several;
mod warnings;

pub use args::Args;

use self::choice::Choice;
use self::warnings::{warn_of_empty_database, warn_of_restores};
use super::full_backup::{self, take_visibly};
use super::globals_backup;
use super::leftovers;
use super::notices;
use super::removal;
use crate::backup::name::Purpose;
use crate::backup::retention::Scope;
use crate::context::Context;
use crate::postgres::server::Server;
use anyhow::Result;
use std::path::PathBuf;

pub fn run(args: &Args, context: &Context) -> Result<()> {
    if args.globals {
        let destination = args.destination(context)?;
        return globals_backup::back_up(&context.target()?, &destination, args.json, context);
    }
    // An export of some tables must not pass for a backup.
    if !args.tables.is_empty() {
        return back_up(args, context).map(drop);
    }
    notices::around(args.ping_file.as_deref(), context, || back_up(args, context))
}

/// Makes the backup; gives its file.
fn back_up(args: &Args, context: &Context) -> Result<Vec<PathBuf>> {
    if let Some(choice) = Choice::of(args, context)? {
        return several::run(args, &choice, context);
    }
    let target = context.target()?;
    args.check_policy()?;
    let options = args.options(context)?;
    context.terminal.note("Creating database backup...");
    let taken = take_visibly(&target, &options, context)?;
    if options.purpose == Purpose::Backup {
        full_backup::forget_gone(&Server::new(&target)?, &[target.database()], context);
    }
    one::tell(args, &taken, &target, context)?;
    warn_of_restores(&taken, &target, context);
    warn_of_empty_database(&taken, &target, context);
    leftovers::name_leftovers_by(&taken.answer, &target, context);
    let unpruned = "The backup is written, but old backups could not be removed";
    removal::prune(&[&taken.path], Scope::Database(target.database()), &args.policy, unpruned, context)?;
    Ok(vec![taken.path])
}
