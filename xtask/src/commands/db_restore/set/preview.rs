//! What a restore of a set would change, and the one question.

use super::choose::ProvenSet;
use super::members::Members;
use crate::commands::db_restore::args::Args;
use crate::commands::db_restore::preview;
use crate::commands::swap::services;
use crate::context::Context;
use crate::error::Fault;
use crate::postgres::server::Server;
use crate::restore::proposal::Proposal;
use crate::restore::swap_services::users_of;
use crate::terminal;
use anyhow::Result;
use chrono::Local;
use serde_json::json;

/// Of all databases of the set.
pub(super) struct Preview<'a, 't> {
    pub(super) set: &'a ProvenSet,
    pub(super) members: &'a Members,
    pub(super) servers: &'a [Server<'t>],
    pub(super) proposals: &'a [Proposal<'a>],
    pub(super) context: &'a Context,
}

impl Preview<'_, '_> {
    pub(super) fn show(&self, args: &Args) -> Result<()> {
        let terminal = &self.context.terminal;
        let users = users_of(self.servers)?;
        if args.json && args.dry_run {
            let document = |(proposal, member)| preview::document(proposal, None, member);
            let members = self.members.iter().map(|member| (&member.target, &member.context));
            let databases: Vec<_> = self.proposals.iter().zip(members).map(document).collect::<Result<_, _>>()?;
            return terminal.json(&json!({
                "version": 1, "set": &self.set.file.path, "databases": databases, "services": users,
            }));
        }
        for (proposal, member) in self.proposals.iter().zip(self.members.iter()) {
            let what = if proposal.live.is_absent() { " (new)" } else { "" };
            let (name, file) = (member.target.database(), self.context.shown(&proposal.backup.path));
            terminal.note(&terminal::clean_line(&format!("Database {name}{what}, from {file}:")));
            preview::show(proposal, None, args, (&member.target, &member.context))?;
        }
        services::show(&users, self.context);
        Ok(())
    }
}

pub(super) fn ask(set: &ProvenSet, place: &str, args: &Args, context: &Context) -> Result<(), Fault> {
    let count = terminal::counted(set.backups.len() as u64, "database", "databases");
    context.terminal.warn(&format!("This will replace {count}, all together"));
    let age = terminal::age_of(&set.file.set.started_at.time().with_timezone(&Local));
    context.terminal.note(&format!("from {}, {age}", context.shown(&set.file.path)));
    context.terminal.note(&format!("into {place}"));
    context.terminal.confirm("Continue?", args.yes)
}
