//! Proposals are carried out, once a person agreed: the live databases saved, the backups loaded, all swapped in as one.

use super::args::Args;
use crate::commands::leftovers;
use crate::commands::swap::report;
use crate::context::Context;
use crate::postgres::activity::Counters;
use crate::restore::live::Live;
use crate::restore::proposal::Proposal;
use crate::restore::record::Record;
use crate::restore::staging::Checked;
use crate::restore::swapped::Done;
use crate::restore::switchover::{Incoming, Switchover};
use crate::settings::fault_point;
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
pub(super) struct Staged<'r, 't> {
    pub(super) safety: Option<PathBuf>,
    pub(super) checked: Checked<'r, 't>,
    /// What the server's counters say of it.
    pub(super) written: Option<Counters>,
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

/// Saves all live databases, then loads all backups; one alone may be loaded while it is saved.
fn stage<'r, 't>(all: &[Replacement<'r, 't>], lives: &[Live], args: &Args) -> Result<Vec<Staged<'r, 't>>> {
    if let ([one], [live]) = (all, lives)
        && let Some(staged) = one.side_by_side(live, args)?
    {
        fault_point(&format!("staged {}", one.record.target().database()));
        return Ok(vec![staged]);
    }
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
        unstarted.extend(leftovers::repair_before_swap(record, context)?.services);
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
}
