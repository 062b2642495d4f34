//! The safety backup of a live database and the load of the backup that is to take its place, as a person sees them: one
//! after the other, or side by side.

use super::args::Args;
use super::replace::{Replacement, Staged};
use crate::commands::swap::line::Line;
use crate::commands::swap::preview::load_warning;
use crate::commands::swap::safety;
use crate::context::Context;
use crate::restore::jobs::AGAIN;
use crate::restore::live::Live;
use crate::restore::loading::{LoadEvent, Loaded, Loading};
use crate::settings::fault_point;
use crate::terminal;
use anyhow::Result;
use std::path::PathBuf;

impl<'a, 't> Replacement<'a, 't> {
    /// The safety backup, where there is something to keep.
    pub(super) fn save(&self, live: &Live, args: &Args) -> Result<Option<PathBuf>> {
        safety::take(&args.safety, self.record.target(), live, self.context)
    }

    /// Loads the backup into a staging database, and says how far that has come.
    pub(super) fn load(&self, args: &Args) -> Result<Loaded<'a, 't>> {
        let line = self.line();
        self.loading(args).run(&|event| show(event, &line, self.context))
    }

    /// Takes the safety backup beside the load; `None` where they are to come one after the other.
    pub(super) fn side_by_side(&self, live: &Live, args: &Args) -> Result<Option<Staged<'a, 't>>> {
        let (loading, context) = (self.loading(args), self.context);
        if !args.safety.is_wanted(live) || !loading.may_be_beside() {
            return Ok(None);
        }
        let safety = args.safety.prepare(self.record.target(), context)?;
        let line = self.line();
        let save = || {
            let path = safety::take_beside(&safety, &line, context)?;
            fault_point("safety");
            Ok(path)
        };
        let (path, (checked, written)) = loading.run_beside(&safety, save, &|event| show(event, &line, context))?;
        Ok(Some(Staged { safety: Some(path), checked, written }))
    }

    fn loading<'s>(&self, args: &'s Args) -> Loading<'s, 'a, 't>
    where
        'a: 's,
    {
        Loading::of(self.proposal, self.record, args.jobs, args.search_path.as_ref())
    }

    fn line(&self) -> Line {
        Line::of(self.proposal.backup.manifest.as_ref().map(|manifest| manifest.bytes.get()), self.context)
    }
}

fn show(event: LoadEvent<'_>, line: &Line, context: &Context) {
    match event {
        LoadEvent::RolesCreated([]) => {}
        LoadEvent::RolesCreated(names) => {
            context.terminal.done(&format!("Roles created: {}", terminal::clean_line(&names.join(", "))));
        }
        LoadEvent::Loaded(bytes) => line.loaded(bytes),
        LoadEvent::Analyzing => line.say("analyzing"),
        LoadEvent::Warning(warning) => line.aside(|| load_warning(warning, context)),
        LoadEvent::Again => {
            line.aside(|| context.terminal.note(AGAIN));
            line.say("loading");
        }
        // The safety backup may take longer than the load: the line stays.
        LoadEvent::Complete => line.say("loaded"),
    }
}
