//! `db-restore --undo --set`: the databases of the set that was restored last with the target's one are swapped back in,
//! all in one transaction.

use super::members::Members;
use super::report::Report;
use crate::commands::db_restore::args::Args;
use crate::commands::db_restore::replace::repair;
use crate::commands::db_restore::undo::show;
use crate::commands::leftovers;
use crate::commands::swap::{report, services};
use crate::context::Context;
use crate::error::Fault;
use crate::postgres::server::Server;
use crate::restore::changes_since_swap::ChangesSinceSwap;
use crate::restore::live::Live;
use crate::restore::locked_record;
use crate::restore::previous::{self, Previous};
use crate::restore::record::{self, SwapSet, View, Wanted};
use crate::restore::swap_services::users_of;
use crate::restore::undo::{self, Back};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use serde_json::json;

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    target.check_consent(args.yes && !args.dry_run)?;
    let view = record::read(&Server::new(&target)?, Wanted::default())?.trusted()?;
    let Some(set) = previous::newest_set(&view, target.database()).cloned() else {
        return Err(nothing_to_go_back_to(&view, &target).into());
    };
    let members = Members::open(undo::swapped(&set), context)?;
    let place = target.shown_with(&members.names());
    context.terminal.note(&format!("Undoing the last restore of a set of {place}"));
    let olds = undo::of_set(&view, &set)?;
    let servers = members.servers()?;
    let database = target.database();
    let undo = Undo { set: &set, olds: &olds, members: &members, servers: &servers, context, database };
    undo.show(args)?;
    if args.dry_run {
        leftovers::name_leftovers_of(&servers, context);
        return Ok(());
    }
    context.terminal.confirm("Continue?", args.yes)?;
    undo.swap_back(args)
}

/// No set with the target's database; sets without it are named, and how to go back from them.
fn nothing_to_go_back_to(view: &View, target: &Target) -> Fault {
    let mut hint = "list what is kept on the server: cargo xtask db-list".to_owned();
    for databases in previous::sets(view) {
        let first = databases.first().map(|name| terminal::shell_word(name)).unwrap_or_default();
        let names = databases.join(", ");
        hint.push_str(&format!("\nthe set of {names}: cargo xtask db-restore --undo --set --database {first}"));
    }
    let database = target.database();
    Fault::failed(format!("There is no restored set with {database} to go back from")).hint(hint)
}

/// What holds for the whole run.
struct Undo<'a, 't> {
    set: &'a SwapSet,
    /// In the order of the members.
    olds: &'a [Previous],
    members: &'a Members,
    servers: &'a [Server<'t>],
    context: &'a Context,
    /// The target's own.
    database: &'a str,
}

impl Undo<'_, '_> {
    /// What goes back, and what that loses.
    fn show(&self, args: &Args) -> Result<()> {
        let Self { set, olds, members, servers, context, .. } = *self;
        let users = users_of(servers)?;
        let since: Vec<ChangesSinceSwap> =
            servers.iter().zip(olds).map(|(server, old)| ChangesSinceSwap::of(server, &old.entry)).collect();
        if args.json && args.dry_run {
            let one = |(old, since): (&Previous, &ChangesSinceSwap)| {
                let entry = &old.entry;
                json!({ "database": entry.live, "before": entry.name, "swapped_at": entry.at, "written_since": since,
                    "other_owner": old.other_owner })
            };
            let databases: Vec<_> = olds.iter().zip(&since).map(one).collect();
            return context.terminal.json(&json!({
                "version": 1, "databases": databases, "made": set.made, "services": users,
            }));
        }
        for ((old, since), member) in olds.iter().zip(&since).zip(members.iter()) {
            show(old, since, &member.target, &member.context);
        }
        for name in &set.made {
            context.terminal.warn(&format!("{name} was created by that restore, and stays as it is"));
        }
        services::show(&users, context);
        Ok(())
    }

    fn swap_back(&self, args: &Args) -> Result<()> {
        let Self { set, olds, members, servers, context, database } = *self;
        let records = locked_record::records(servers, Vec::new())?;
        let unstarted = repair(records.iter().zip(members.iter().map(|member| &member.context)))?;
        undo::set_still_there(&records, set, olds)?;
        let lives: Vec<Live> = servers.iter().map(undo::swappable).collect::<Result<_>>()?;
        let backs = records.iter().zip(olds).zip(&lives);
        let backs: Vec<Back<'_, '_>> = backs.map(|((record, old), live)| Back { record, old, live }).collect();
        let done = undo::swap_back(&backs, unstarted, &context.settings)?;
        for ((server, live), member) in servers.iter().zip(&lives).zip(members.iter()) {
            report::name_subscriptions(server, &member.context);
            report::name_ended_workers(live, server, &member.context);
        }
        let what = "Restore of the set undone";
        Report { what, set: None, safety: &[], done: &done, database }.show(args.json, context)
    }
}
