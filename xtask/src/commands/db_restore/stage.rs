//! The safety backup of the live database, and the load of the backup that is to take its place: one after the other, or
//! side by side.

use super::args::Args;
use crate::commands::swap::line::Line;
use crate::commands::swap::safety::{Beside, safety_backup};
use crate::context::Context;
use crate::postgres::activity::Counters;
use crate::restore::beside::{self, Sessions, Standing};
use crate::restore::jobs::{AGAIN, Jobs};
use crate::restore::live::Live;
use crate::restore::load_failure::LoadOptions;
use crate::restore::proposal::Proposal;
use crate::restore::record::{Purpose, Record};
use crate::restore::staging::{self, Checked, Staging};
use crate::settings::fault_point;
use crate::terminal;
use anyhow::Result;
use std::path::PathBuf;

/// What is loaded, and how.
pub(super) struct Stage<'a, 'r, 't> {
    pub(super) proposal: &'a Proposal<'a>,
    pub(super) record: &'r Record<'t>,
    pub(super) args: &'a Args,
    pub(super) context: &'a Context,
}

/// A database that holds the backup, and the server's counters of it.
type Loaded<'r, 't> = (Checked<'r, 't>, Option<Counters>);

impl<'r, 't> Stage<'_, 'r, 't> {
    /// The safety backup, where there is something to keep, and the loaded database. Nothing may be changed before there
    /// is a safety backup; so roles are made behind it.
    pub(super) fn save_and_load(&self, live: &Live) -> Result<(Option<PathBuf>, Loaded<'r, 't>)> {
        let Self { proposal, record, args, context } = *self;
        let target = record.server().target();
        let (jobs, makes_roles) = (self.jobs(), !proposal.fitting.missing_roles.is_empty());
        if jobs.number > 1 && args.safety.is_wanted(live) && !makes_roles {
            return self.side_by_side(jobs).map(|(safety, loaded)| (Some(safety), loaded));
        }
        let safety = safety_backup(&args.safety, target, live, context)?;
        fault_point("safety");
        Ok((safety, self.load_beside(jobs, None, &self.line())?))
    }

    /// What was made for a load that is tried again must not be in its way.
    fn jobs(&self) -> Jobs {
        let Proposal { backup, fitting, .. } = self.proposal;
        let jobs = Jobs::of(self.args.jobs, backup, self.record.server().target());
        if fitting.missing_roles.is_empty() { jobs } else { jobs.cautious() }
    }

    fn side_by_side(&self, jobs: Jobs) -> Result<(PathBuf, Loaded<'r, 't>)> {
        let server = self.record.server();
        let safety = Beside::prepare(&self.args.safety, server.target(), self.context)?;
        let (loading, line) = (staging::loading(server), self.line());
        let (context, shown) = (self.context, &line);
        let save = || {
            let path = safety.take(shown, context)?;
            fault_point("safety");
            Ok(path)
        };
        let sessions = Sessions { safety: safety.sessions(), load: &loading };
        beside::both(&sessions, save, |safety| self.load_beside(jobs, Some(safety), &line))
    }

    /// Loads the backup into a staging database. Says how far it has come.
    pub(super) fn load(&self) -> Result<Loaded<'r, 't>> {
        self.load_beside(self.jobs(), None, &self.line())
    }

    fn line(&self) -> Line {
        Line::of(self.proposal.backup.manifest.as_ref().map(|manifest| manifest.bytes.get()), self.context)
    }

    fn load_beside(&self, jobs: Jobs, safety: Option<&Standing>, line: &Line) -> Result<Loaded<'r, 't>> {
        let again = || line.aside(|| self.context.terminal.note(AGAIN));
        jobs.load(again, |jobs| {
            let loaded = self.load_once(jobs, safety, line);
            safety.map_or(Ok(()), Standing::check)?;
            loaded
        })
    }

    fn load_once(&self, jobs: u16, safety: Option<&Standing>, line: &Line) -> Result<Loaded<'r, 't>> {
        let Self { proposal, record, args, .. } = *self;
        let Proposal { backup, merged, fitting, .. } = proposal;
        let check = || safety.map_or(Ok(()), Standing::check);
        self.say_roles_made(&fitting.missing_roles.create_named(record.server())?);
        let like = merged.properties.as_ref();
        let owner = like.map(|like| like.owner.as_str());
        let staging = Staging::create(record, Purpose::Staging, like, owner)?;
        fault_point("created");
        self.say_roles_made(&fitting.missing_roles.create_encoded(record.server(), staging.database())?);
        check()?;
        let (search_path, version_changes) = (args.search_path.as_ref(), &fitting.version_changes[..]);
        let options = LoadOptions { search_path, version_changes, jobs, beside: safety };
        line.say("loading");
        let mut checked = staging.load(backup, options, &|bytes| line.loaded(bytes))?;
        check()?;
        line.say("analyzing");
        let written = checked.analyze(options.search_path)?;
        line.say("loaded");
        fault_point("checked");
        Ok((checked, written))
    }

    fn say_roles_made(&self, names: &[String]) {
        if !names.is_empty() {
            self.context.terminal.done(&format!("Roles created: {}", terminal::clean(&names.join(", "))));
        }
    }
}
