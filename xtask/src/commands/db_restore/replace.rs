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

/// One of them, saved and loaded.
struct Staged<'r, 't> {
    safety: Option<PathBuf>,
    checked: Checked<'r, 't>,
    /// What the server's counters say of it.
    written: Option<Counters>,
}

/// Restores them; they are swapped in together.
pub(super) fn replace(all: &[Replacement<'_, '_>], args: &Args, context: &Context) -> Result<Replaced> {
    fault_point("locked");
    let unstarted = repair(all.iter().map(|one| (one.record, one.context)))?;
    let lives: Vec<Live> = all.iter().map(Replacement::confirm_live).collect::<Result<_>>()?;
    let staged = stage(all, &lives, args)?;
    let incoming = all.iter().zip(lives.iter().zip(&staged)).map(|(one, (live, staged))| one.incoming(live, staged));
    let switchover = Switchover::of(incoming, unstarted, &context.settings)?;
    let (safety, checked) = staged.into_iter().map(|staged| (staged.safety, staged.checked)).unzip();
    let done = switchover.swap_in(checked, args.keep_old, &|surplus| report::say_surplus(surplus, context))?;
    for (one, live) in all.iter().zip(&lives) {
        report::name_subscriptions(one.record.server(), one.context);
        report::name_ended_workers(live, one.record.server(), one.context);
    }
    Ok(Replaced { done, safety })
}

/// Saves all live databases, then loads all backups.
fn stage<'r, 't>(all: &[Replacement<'r, 't>], lives: &[Live], args: &Args) -> Result<Vec<Staged<'r, 't>>> {
    let saved = all.iter().zip(lives).map(|(one, live)| one.save(live, args)).collect::<Result<Vec<_>>>()?;
    fault_point("safety");
    let load = |(one, safety): (&Replacement<'r, 't>, Option<PathBuf>)| {
        let (checked, written) = one.load(args)?;
        fault_point(&format!("staged {}", one.record.target().database()));
        Ok(Staged { safety, checked, written })
    };
    all.iter().zip(saved).map(load).collect()
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

    fn incoming<'s>(&'s self, live: &'s Live, staged: &Staged<'_, 't>) -> Incoming<'s, 't> {
        let Self { proposal, record, .. } = *self;
        Incoming {
            record,
            live,
            database: staged.checked.database().clone(),
            carried: proposal.merged.properties.as_ref(),
            openfga: proposal.backup.contents.openfga.is_some(),
            only_way_back: staged.safety.is_none(),
            written: staged.written.clone(),
        }
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
