//! Proposals are carried out, once a person agreed: the live databases saved, the backups loaded, all swapped in as one.

use super::args::Args;
use crate::commands::leftovers;
use crate::commands::swap::report;
use crate::commands::swap::safety::safety_backup;
use crate::context::Context;
use crate::postgres::activity::Counters;
use crate::restore::live::Live;
use crate::restore::load_failure::LoadOptions;
use crate::restore::proposal::{Proposal, Stage};
use crate::restore::record::Record;
use crate::restore::staging::Checked;
use crate::restore::swapped::Done;
use crate::restore::switchover::{Incoming, Switchover};
use crate::settings::fault_point;
use crate::terminal;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A database that takes its live one's place: the only one, or one of a set.
pub(super) struct Replacement<'a, 't> {
    pub(super) proposal: &'a Proposal<'a>,
    /// Under the lock.
    pub(super) record: &'a Record<'t>,
    /// As if `--database` named it.
    pub(super) context: &'a Context,
}

/// How it went.
pub(super) struct Replaced {
    pub(super) done: Done,
    /// The safety backup of each, in their order; `None` where there was nothing to keep.
    pub(super) safety: Vec<Option<PathBuf>>,
}

/// Restores them; they are swapped in together.
pub(super) fn replace(all: &[Replacement<'_, '_>], args: &Args, context: &Context) -> Result<Replaced> {
    fault_point("locked");
    let unstarted = repair(all.iter().map(|one| (one.record, one.context)))?;
    let lives: Vec<Live> = all.iter().map(Replacement::confirm_live).collect::<Result<_>>()?;
    let saved = all.iter().zip(&lives).map(|(one, live)| one.save(live, args));
    let safety: Vec<Option<PathBuf>> = saved.collect::<Result<_>>()?;
    fault_point("safety");
    let (mut incoming, mut checked) = (Vec::new(), Vec::new());
    for (one, (live, safety)) in all.iter().zip(lives.iter().zip(&safety)) {
        let (staging, written) = one.load(args)?;
        incoming.push(Incoming {
            record: one.record,
            live,
            database: staging.database().clone(),
            carried: one.proposal.merged.properties.as_ref(),
            openfga: one.proposal.backup.contents.openfga.is_some(),
            only_way_back: safety.is_none(),
            written,
        });
        checked.push(staging);
        fault_point(&format!("staged {}", one.record.target().database()));
    }
    let switchover = Switchover::of(incoming, unstarted, &context.settings)?;
    let done = switchover.swap_in(checked, args.keep_old, &|surplus| report::say_surplus(surplus, context))?;
    for (one, live) in all.iter().zip(&lives) {
        report::name_subscriptions(one.record.server(), one.context);
        report::name_ended_workers(live, one.record.server(), one.context);
    }
    Ok(Replaced { done, safety })
}

/// Repairs what killed runs left of any of these databases; gives the services that could not be started.
pub(super) fn repair<'a, 't: 'a>(
    records: impl Iterator<Item = (&'a Record<'t>, &'a Context)>,
) -> Result<BTreeSet<String>> {
    let mut unstarted = BTreeSet::new();
    for (record, context) in records {
        unstarted.extend(leftovers::repair_before_swap(record, context)?);
    }
    Ok(unstarted)
}

impl<'a, 't> Replacement<'a, 't> {
    fn confirm_live(&self) -> Result<Live> {
        self.proposal.confirm_live(self.record.server())
    }

    fn save(&self, live: &Live, args: &Args) -> Result<Option<PathBuf>> {
        safety_backup(&args.safety, self.record.target(), live, self.context)
    }

    /// Loads the backup into a staging database, and says how far that has come.
    fn load(&self, args: &Args) -> Result<(Checked<'a, 't>, Option<Counters>)> {
        let Self { proposal, record, context } = *self;
        let staging = proposal.stage(record, &|names| say_roles_made(names, context))?;
        let bytes = proposal.backup.manifest.as_ref().map(|manifest| manifest.bytes.get());
        let progress = context.terminal.progress("loading", bytes);
        let options = LoadOptions { search_path: args.search_path.as_ref(), jobs: args.jobs, ..LoadOptions::default() };
        proposal.load(staging, options, &|stage| match stage {
            Stage::Loaded(bytes) => progress.set(bytes),
            Stage::Analyzing => progress.say("analyzing"),
        })
    }
}

fn say_roles_made(names: &[String], context: &Context) {
    if !names.is_empty() {
        context.terminal.done(&format!("Roles created: {}", terminal::clean(&names.join(", "))));
    }
}
