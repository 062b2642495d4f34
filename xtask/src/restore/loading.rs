//! The backup of a proposal is loaded into a staging database: through several sessions where that is quicker, once more
//! through one where that failed, and beside the safety backup.

use super::beside::{self, Sessions, Standing};
use super::jobs::Jobs;
use super::load_failure::LoadOptions;
use super::proposal::Proposal;
use super::record::Record;
use super::safety::SafetyBackup;
use super::staging::{self, Checked, LoadWarning};
use crate::postgres::activity::Counters;
use crate::postgres::search_path::SearchPath;
use crate::settings::fault_point;
use anyhow::Result;

/// How far a load has come.
#[derive(Debug, Clone, Copy)]
pub enum LoadEvent<'a> {
    /// Roles that the backup needs were created.
    RolesCreated(&'a [String]),
    /// How many bytes of the file are loaded.
    Loaded(u64),
    Analyzing,
    /// Rows that may differ from the backup's, in one sentence.
    Warning(&'a LoadWarning),
    /// It failed, and begins again through one session.
    Again,
    /// The staging database holds the backup.
    Complete,
}

/// A staging database that holds the backup, and the server's counters of it, where the server has them.
pub type Loaded<'r, 't> = (Checked<'r, 't>, Option<Counters>);

/// A load that is to be done, under the lock.
#[derive(Debug)]
pub struct Loading<'a, 'r, 't> {
    proposal: &'a Proposal<'a>,
    record: &'r Record<'t>,
    /// `None`: the dump's own.
    search_path: Option<&'a SearchPath>,
    jobs: Jobs,
}

impl<'a, 'r, 't> Loading<'a, 'r, 't> {
    /// The load of the proposal's backup, through as many sessions as were typed, else as suit it.
    pub fn of(
        proposal: &'a Proposal<'a>,
        record: &'r Record<'t>,
        jobs: Option<u16>,
        search_path: Option<&'a SearchPath>,
    ) -> Self {
        let jobs = Jobs::of(jobs, proposal.backup, record.target());
        let jobs = if proposal.fitting.missing_roles.is_empty() { jobs } else { jobs.cautious() };
        Self { proposal, record, search_path, jobs }
    }

    /// Whether the safety backup may be taken beside it, which saves time where there are several sessions. Nothing may be
    /// changed before there is a safety backup: so roles are created behind it.
    pub fn may_be_beside(&self) -> bool {
        self.jobs.number > 1 && self.proposal.fitting.missing_roles.is_empty()
    }

    /// Loads the backup.
    ///
    /// # Errors
    /// It cannot be loaded, or a signal came; the staging database is dropped again.
    pub fn run(&self, tell: &dyn Fn(LoadEvent<'_>)) -> Result<Loaded<'r, 't>> {
        self.run_with(None, tell)
    }

    /// Loads the backup while `save` takes this safety backup on another thread.
    ///
    /// # Errors
    /// That of the first of the two that failed.
    pub fn run_beside<S: Send>(
        &self,
        safety: &SafetyBackup<'_>,
        save: impl FnOnce() -> Result<S> + Send,
        tell: &dyn Fn(LoadEvent<'_>),
    ) -> Result<(S, Loaded<'r, 't>)> {
        let load = staging::loading(self.record.server());
        let sessions = Sessions { safety: &safety.server, load: &load };
        beside::both(&sessions, save, |standing| self.run_with(Some(standing), tell))
    }

    fn run_with(&self, beside: Option<&Standing>, tell: &dyn Fn(LoadEvent<'_>)) -> Result<Loaded<'r, 't>> {
        let (search_path, version_changes) = (self.search_path, &self.proposal.fitting.version_changes[..]);
        self.jobs.load(
            || tell(LoadEvent::Again),
            |jobs| {
                let options = LoadOptions { search_path, version_changes, jobs, beside };
                let loaded = self.once(options, tell);
                // A load that was ended is not tried again.
                options.check()?;
                loaded
            },
        )
    }

    fn once(&self, options: LoadOptions<'_>, tell: &dyn Fn(LoadEvent<'_>)) -> Result<Loaded<'r, 't>> {
        let created = |roles: &[String]| tell(LoadEvent::RolesCreated(roles));
        let staging = self.proposal.stage(self.record, &created)?;
        options.check()?;
        let mut checked = staging.load(self.proposal.backup, options, &|bytes| tell(LoadEvent::Loaded(bytes)))?;
        options.check()?;
        tell(LoadEvent::Analyzing);
        let written = checked.analyze(self.proposal.backup, options)?;
        checked.warnings().iter().for_each(|warning| tell(LoadEvent::Warning(warning)));
        fault_point("checked");
        tell(LoadEvent::Complete);
        Ok((checked, written))
    }
}
