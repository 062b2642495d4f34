//! The safety backup of a live database, and the load of the backup that is to take its place: one after the other, or
//! side by side.

use super::args::Args;
use super::replace::{Replacement, Staged};
use crate::commands::swap::line::Line;
use crate::commands::swap::safety::{Beside, safety_backup};
use crate::context::Context;
use crate::postgres::activity::Counters;
use crate::restore::beside::{self, Sessions, Standing};
use crate::restore::jobs::{AGAIN, Jobs};
use crate::restore::live::Live;
use crate::restore::load_failure::LoadOptions;
use crate::restore::proposal::Stage;
use crate::restore::staging::{self, Checked};
use crate::settings::fault_point;
use crate::terminal;
use anyhow::Result;
use std::path::PathBuf;

/// A database that holds the backup, and the server's counters of it.
type Loaded<'r, 't> = (Checked<'r, 't>, Option<Counters>);

impl<'a, 't> Replacement<'a, 't> {
    /// The safety backup, where there is something to keep.
    pub(super) fn save(&self, live: &Live, args: &Args) -> Result<Option<PathBuf>> {
        safety_backup(&args.safety, self.record.target(), live, self.context)
    }

    /// Loads the backup into a staging database, and says how far that has come.
    pub(super) fn load(&self, args: &Args) -> Result<Loaded<'a, 't>> {
        self.load_beside(self.jobs(args), None, (args, &self.line()))
    }

    /// Takes the safety backup beside the load; `None` where they are to come one after the other. Nothing may be changed
    /// before there is a safety backup: so roles are made behind it.
    pub(super) fn side_by_side(&self, live: &Live, args: &Args) -> Result<Option<Staged<'a, 't>>> {
        let Self { proposal, record, context } = *self;
        if !args.safety.is_wanted(live) || !proposal.fitting.missing_roles.is_empty() {
            return Ok(None);
        }
        let jobs = self.jobs(args);
        if jobs.number <= 1 {
            return Ok(None);
        }
        let server = record.server();
        let safety = Beside::prepare(&args.safety, server.target(), context)?;
        let (loading, line) = (staging::loading(server), self.line());
        let shown = &line;
        let save = || {
            let path = safety.take(shown, context)?;
            fault_point("safety");
            Ok(path)
        };
        let sessions = Sessions { safety: safety.sessions(), load: &loading };
        let load = |safety: &Standing| self.load_beside(jobs, Some(safety), (args, &line));
        let (safety, (checked, written)) = beside::both(&sessions, save, load)?;
        Ok(Some(Staged { safety: Some(safety), checked, written }))
    }

    /// As many sessions as a load that creates roles, or none, may have.
    fn jobs(&self, args: &Args) -> Jobs {
        let jobs = Jobs::of(args.jobs, self.proposal.backup, self.record.target());
        if self.proposal.fitting.missing_roles.is_empty() { jobs } else { jobs.cautious() }
    }

    fn line(&self) -> Line {
        Line::of(self.proposal.backup.manifest.as_ref().map(|manifest| manifest.bytes.get()), self.context)
    }

    fn load_beside(&self, jobs: Jobs, beside: Option<&Standing>, shown: (&Args, &Line)) -> Result<Loaded<'a, 't>> {
        let Self { proposal, record, context } = *self;
        let (args, line) = shown;
        jobs.load(
            || line.aside(|| context.terminal.note(AGAIN)),
            |jobs| {
                let options =
                    LoadOptions { search_path: args.search_path.as_ref(), jobs, beside, ..LoadOptions::default() };
                let loaded = proposal.stage(record, &|names| say_roles_made(names, context)).and_then(|staging| {
                    options.check()?;
                    proposal.load(staging, options, &|stage| match stage {
                        Stage::Loaded(bytes) => line.loaded(bytes),
                        Stage::Analyzing => line.say("analyzing"),
                    })
                });
                // The safety backup may take longer than the load: the line stays.
                line.say(if loaded.is_ok() { "loaded" } else { "loading" });
                // A load that was ended is not tried again.
                options.check()?;
                loaded
            },
        )
    }
}

fn say_roles_made(names: &[String], context: &Context) {
    if !names.is_empty() {
        context.terminal.done(&format!("Roles created: {}", terminal::clean(&names.join(", "))));
    }
}
