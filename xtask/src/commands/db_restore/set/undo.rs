//! `db-restore --undo --set`: the databases of the set that was restored last with the target's one are swapped back in,
//! all in one transaction.

use super::members::{self, Members};
use super::preview::users_of;
use super::report::Report;
use super::restore::repair;
use crate::commands::db_restore::args::Args;
use crate::commands::db_restore::undo::{self, Back};
use crate::commands::leftovers;
use crate::commands::swap::{report, services};
use crate::context::Context;
use crate::error::Fault;
use crate::postgres::server::Server;
use crate::restore::changes_since_swap::ChangesSinceSwap;
use crate::restore::live::Live;
use crate::restore::previous::{self, Previous};
use crate::restore::record::{self, SwapSet, View, Wanted};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use serde_json::json;

pub(super) fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    target.check_consent(args.yes && !args.dry_run)?;
    let view = record::look(&Server::new(&target)?, Wanted::default())?.trusted()?;
    let Some(set) = previous::newest_set(&view, target.database()).cloned() else {
        return Err(nothing_to_go_back_to(&view, &target).into());
    };
    let members = Members::open(swapped(&set), context)?;
    let place = target.shown_with(&members.names());
    context.terminal.note(&format!("Undoing the last restore of a set of {place}"));
    let olds = olds(&view, &set)?;
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
    Fault::failed(format!("There is no restored set with {database} to go back from")).hint(terminal::clean(&hint))
}

/// Those of a set that have a previous database.
fn swapped(set: &SwapSet) -> impl Iterator<Item = &str> {
    set.databases.iter().filter(|name| !set.made.contains(name)).map(String::as_str)
}

/// # Errors
/// Some were restored or dropped since: they are no set any more.
fn olds(view: &View, set: &SwapSet) -> Result<Vec<Previous>> {
    previous::of_set(view, set).map_err(|missing| {
        let all: Vec<&str> = swapped(set).collect();
        let message = format!(
            "The set of {} cannot be undone as one: {} was changed since, or its previous database is gone",
            all.join(", "),
            missing.join(", ")
        );
        Fault::failed(message).hint("undo the others one by one: cargo xtask db-restore --undo --database NAME").into()
    })
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
                json!({ "database": entry.live, "before": entry.name, "swapped_at": entry.at, "written_since": since })
            };
            let databases: Vec<_> = olds.iter().zip(&since).map(one).collect();
            return context.terminal.json(&json!({
                "version": 1, "databases": databases, "made": set.made, "services": users,
            }));
        }
        for ((old, since), member) in olds.iter().zip(&since).zip(members.iter()) {
            undo::show(old, since, &member.target, &member.context);
        }
        for name in &set.made {
            context.terminal.warn(&format!("{name} was created by that restore, and stays as it is"));
        }
        services::show(&users, context);
        Ok(())
    }

    fn swap_back(&self, args: &Args) -> Result<()> {
        let Self { set, olds, members, servers, context, database } = *self;
        let records = members::records(servers, Vec::new())?;
        let unstarted = repair(&records, members)?;
        // While we asked, another run may have taken them.
        let view = match records.first() {
            Some(record) => record.view()?,
            None => View::default(),
        };
        let now = self::olds(&view, set)?;
        if now.iter().map(|now| &now.database).ne(olds.iter().map(|old| &old.database)) {
            let message = "Another run swapped or dropped a database of the set first; nothing was changed";
            return Err(Fault::failed(message)
                .hint("see what an undo would do now: cargo xtask db-restore --undo --set --dry-run")
                .into());
        }
        let lives: Vec<Live> = servers.iter().map(undo::swappable).collect::<Result<_>>()?;
        let backs = records.iter().zip(olds).zip(&lives);
        let backs: Vec<Back<'_, '_>> = backs.map(|((record, old), live)| Back { record, old, live }).collect();
        let done = undo::swap_back(&backs, unstarted, context)?;
        for ((server, live), member) in servers.iter().zip(&lives).zip(members.iter()) {
            report::name_subscriptions(server, &member.context);
            report::name_ended_workers(live, server, &member.context);
        }
        let what = "Restore of the set undone";
        Report { what, set: None, safety: &[], done: &done, database }.show(args.json, context)
    }
}
