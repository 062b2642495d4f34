//! A set is restored: proven, shown, saved, staged, swapped.

use super::choose::{self, ProvenSet};
use super::members::Members;
use super::preview;
use super::report::Report;
use crate::backup::proof::Proven;
use crate::commands::db_restore::args::Args;
use crate::commands::db_restore::replace::{Replaced, Replacement, replace};
use crate::commands::leftovers;
use crate::context::Context;
use crate::error::{self, Cause, Fault};
use crate::postgres::identity::Identity;
use crate::postgres::server::Server;
use crate::restore::preflight::Safety;
use crate::restore::proposal::Proposal;
use crate::restore::{locked_record, preflight};
use anyhow::{Error, Result};
use std::path::Path;

pub(super) fn run(file: Option<&Path>, args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    target.check_consent(args.yes && !args.dry_run)?;
    let file = choose::choose(file, &target, context)?;
    let names = file.set.databases.iter().map(|database| database.database.as_str());
    let members = Members::open(names, context)?;
    let place = target.shown_with(&members.names());
    context.terminal.note(&format!("Restoring a set of databases into {place}"));
    let set = choose::prove(file, context)?;
    let servers = members.servers()?;
    let run = Run { set: &set, members: &members, servers: &servers, args, context, database: target.database() };
    run.check_server()?;
    let proposals = run.propose()?;
    let done = preview::Preview { set: &set, members: &members, servers: &servers, proposals: &proposals, context };
    done.show(args)?;
    if args.dry_run {
        leftovers::name_leftovers_of(&servers, context);
        return Ok(());
    }
    preview::ask(&set, &place, args, context)?;
    run.restore(&proposals)
}

/// What holds for the whole run.
struct Run<'a, 't> {
    set: &'a ProvenSet,
    members: &'a Members,
    servers: &'a [Server<'t>],
    args: &'a Args,
    context: &'a Context,
    /// The target's own, which need not be in the set.
    database: &'a str,
}

impl Run<'_, '_> {
    /// A set of another server is restored only by a person who says so.
    fn check_server(&self) -> Result<()> {
        let Some(first) = self.servers.first() else { return Ok(()) };
        if choose::is_of(&self.set.file, &Identity::ask(first)?) != Some(false) {
            return Ok(());
        }
        let shown = self.context.shown(&self.set.file.path);
        self.context
            .terminal
            .warn(&format!("{shown} is a set of another server: its system identifier is another one"));
        let question = "Restore the set of another server into this one?";
        Ok(self.context.terminal.confirm(question, self.args.yes || self.args.dry_run)?)
    }

    /// What the restore of each would do, and whether there is room for all at once.
    fn propose(&self) -> Result<Vec<Proposal<'_>>> {
        let backups: Vec<&Proven> = self.set.backups.iter().collect();
        if let Some(first) = self.servers.first() {
            preflight::check_room(first, &backups)?;
        }
        let check = |(server, backup)| {
            Proposal::check(server, backup, self.args.consent()).map_err(|error| self.with_roles(error))
        };
        let proposals = self.servers.iter().zip(&self.set.backups).map(check).collect::<Result<Vec<_>>>()?;
        self.check_room_beside(&backups, &proposals)?;
        Ok(proposals)
    }

    /// Whether there is also room for all safety backups.
    fn check_room_beside(&self, backups: &[&Proven], proposals: &[Proposal<'_>]) -> Result<()> {
        let Some(first) = self.servers.first() else { return Ok(()) };
        let mut bytes = 0_u64;
        for (proposal, member) in proposals.iter().zip(self.members.iter()) {
            let database = member.target.database();
            bytes = bytes.saturating_add(self.args.safety.bytes(database, &proposal.live, &member.context)?);
        }
        let folder = &self.context.backups_folder();
        preflight::check_room_beside(first, backups, Safety { folder, bytes })
    }

    /// Roles that are missing may be those of the set.
    fn with_roles(&self, error: Error) -> Error {
        let Some(globals) = self.set.globals.as_ref().filter(|_| error::cause(&error) == Some(Cause::RolesMissing))
        else {
            return error;
        };
        let hint = error::fault(&error).and_then(Fault::hint_text).unwrap_or_default();
        let file = self.context.as_word(&globals.path);
        let fault = Fault::failed(error.to_string()).hint(format!(
            "create them as they were when the set was taken: cargo xtask db-restore --globals {file}\nor {hint}"
        ));
        error.context(fault)
    }

    fn restore(&self, proposals: &[Proposal<'_>]) -> Result<()> {
        let made = proposals.iter().zip(self.members.names()).filter(|(proposal, _)| proposal.live.is_absent());
        let records = locked_record::records(self.servers, made.map(|(_, name)| name.to_owned()).collect())?;
        let all = proposals.iter().zip(&records).zip(self.members.iter());
        let all: Vec<Replacement<'_, '_>> = all
            .map(|((proposal, record), member)| Replacement { proposal, record, context: &member.context })
            .collect();
        let Replaced { done, safety } = replace(&all, self.args, self.context)?;
        let safety: Vec<Option<&Path>> = safety.iter().map(Option::as_deref).collect();
        let (set, database) = (Some(&self.set.file), self.database);
        Report { what: "Set restored", set, safety: &safety, done: &done, database }.show(self.args.json, self.context)
    }
}
