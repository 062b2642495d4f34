//! A set is restored: proven, shown, saved, staged, swapped.

use super::choose::{self, ProvenSet};
use super::members::{self, Members};
use super::preview;
use super::report::Report;
use crate::backup::proof::Proven;
use crate::commands::db_restore::args::Args;
use crate::commands::db_restore::stage::Stage;
use crate::commands::leftovers;
use crate::commands::swap::report;
use crate::commands::swap::safety::{check_room, safety_backup};
use crate::commands::swap::switchover::{Incoming, Switchover};
use crate::context::Context;
use crate::error::{self, Cause, Fault};
use crate::postgres::identity::Identity;
use crate::postgres::server::Server;
use crate::restore::live::Live;
use crate::restore::preflight;
use crate::restore::proposal::Proposal;
use crate::restore::record::Record;
use crate::settings::fault_point;
use anyhow::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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

/// A database that is about to be swapped: what is live now, and what was saved of it.
struct Saved {
    live: Live,
    safety: Option<PathBuf>,
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
        check_room(first, backups, bytes, self.context)
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
        let records = members::records(self.servers, made.map(|(_, name)| name.to_owned()).collect())?;
        fault_point("locked");
        let unstarted = repair(&records, self.members)?;
        let saved = self.save(proposals)?;
        fault_point("safety");
        let (mut incoming, mut checked) = (Vec::new(), Vec::new());
        for (((proposal, record), saved), member) in proposals.iter().zip(&records).zip(&saved).zip(self.members.iter())
        {
            let (staging, written) = Stage { proposal, record, args: self.args, context: &member.context }.load()?;
            incoming.push(Incoming {
                record,
                live: &saved.live,
                database: staging.database().clone(),
                carried: proposal.merged.properties.as_ref(),
                openfga: proposal.backup.contents.openfga.is_some(),
                only_way_back: saved.safety.is_none(),
                written,
            });
            checked.push(staging);
            fault_point(&format!("staged {}", member.target.database()));
        }
        let mut incoming = incoming.into_iter();
        let Some(first) = incoming.next() else { return Ok(()) };
        let switchover = Switchover { context: self.context, first, others: incoming.collect(), unstarted };
        let done = switchover.swap_in(checked, self.args.keep_old)?;
        for (server, (saved, member)) in self.servers.iter().zip(saved.iter().zip(self.members.iter())) {
            report::name_subscriptions(server, &member.context);
            report::name_ended_workers(&saved.live, server, &member.context);
        }
        let safety: Vec<Option<&Path>> = saved.iter().map(|saved| saved.safety.as_deref()).collect();
        let (set, database) = (Some(&self.set.file), self.database);
        Report { what: "Set restored", set, safety: &safety, done: &done, database }.show(self.args.json, self.context)
    }

    /// Looks again at the live databases, all of them; then saves them.
    fn save(&self, proposals: &[Proposal<'_>]) -> Result<Vec<Saved>> {
        let lives = proposals.iter().zip(self.servers).map(|(proposal, server)| proposal.confirm_live(server));
        let lives: Vec<Live> = lives.collect::<Result<_>>()?;
        let mut saved = Vec::new();
        for (live, member) in lives.into_iter().zip(self.members.iter()) {
            let safety = safety_backup(&self.args.safety, &member.target, &live, &member.context)?;
            saved.push(Saved { live, safety });
        }
        Ok(saved)
    }
}

/// Repairs what killed runs left of any of these databases; gives the services that could not be started.
pub(super) fn repair(records: &[Record<'_>], members: &Members) -> Result<BTreeSet<String>> {
    let mut unstarted = BTreeSet::new();
    for (record, member) in records.iter().zip(members.iter()) {
        unstarted.extend(leftovers::repair_before_swap(record, &member.context)?);
    }
    Ok(unstarted)
}
