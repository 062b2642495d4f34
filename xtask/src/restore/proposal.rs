//! What a restore would do, checked as far as that can be done before anything is made.

use super::live::Live;
use super::load_failure::LoadOptions;
use super::merged::Merged;
use super::plan::Plan;
use super::preflight::{self, Consent, Destination, Fitting};
use super::record::{Purpose, Record};
use super::rights;
use super::staging::{Checked, Staging};
use crate::backup::proof::Proven;
use crate::postgres::activity::Counters;
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use crate::settings::fault_point;
use anyhow::Result;

/// How far a load has come.
#[derive(Debug, Clone, Copy)]
pub enum Stage {
    /// So many bytes of the file are loaded.
    Loaded(u64),
    Analyzing,
}

/// A backup that the server can take, beside the live database as it was when the proposal was made.
#[derive(Debug)]
pub struct Proposal<'b> {
    pub backup: &'b Proven,
    pub live: Live,
    /// The properties of the database that comes.
    pub merged: Merged,
    pub fitting: Fitting,
    pub plan: Plan,
    consent: Consent<'b>,
}

impl<'b> Proposal<'b> {
    /// Asks the server. Nothing is changed there.
    ///
    /// # Errors
    /// Why the backup cannot be loaded there, or the live database cannot be swapped, and what to do.
    pub fn check(server: &Server<'_>, backup: &'b Proven, consent: Consent<'b>) -> Result<Self> {
        let live = Live::of(server)?;
        rights::check_names(server, &live)?;
        let merged = Merged::draw(&live, backup, server, consent)?;
        let destination = Destination {
            made_like: of_elsewhere(backup, &live),
            encoding: merged.properties.as_ref().map(|properties| &properties.encoding),
            owner: merged.properties.as_ref().map(|properties| properties.owner.as_str()),
        };
        let mut fitting = preflight::check(server, backup, destination, consent)?;
        fitting.missing_roles.add(&merged.missing_roles);
        live.check_swappable(server.target())?;
        rights::check_swap(server, &live)?;
        let plan = Plan::draw(server, &live, &backup.contents)?;
        Ok(Self { backup, live, merged, fitting, plan, consent })
    }

    /// The properties, by the manifest, of a database that does not exist yet.
    pub fn of_elsewhere(&self) -> Option<&'b Properties> {
        of_elsewhere(self.backup, &self.live)
    }

    /// Reads the live database again, once no other run can change it.
    ///
    /// # Errors
    /// It is not as the proposal says, or cannot be swapped any more.
    pub fn confirm_live(&self, server: &Server<'_>) -> Result<Live> {
        let (live, target) = (Live::of(server)?, server.target());
        live.check_unchanged(self.live.is_absent(), target)?;
        self.merged.check_same(&Merged::draw(&live, self.backup, server, self.consent)?)?;
        live.check_swappable(target)?;
        live.check_open(target)?;
        Ok(live)
    }

    /// Makes a staging database for the backup, and the roles that it needs; tells which roles were made.
    pub fn stage<'r, 't>(&self, record: &'r Record<'t>, roles_made: &dyn Fn(&[String])) -> Result<Staging<'r, 't>> {
        let missing = &self.fitting.missing_roles;
        roles_made(&missing.create_named(record.server())?);
        let like = self.merged.properties.as_ref();
        let staging = Staging::create(record, Purpose::Staging, like, like.map(|like| like.owner.as_str()))?;
        fault_point("created");
        roles_made(&missing.create_encoded(record.server(), staging.database())?);
        Ok(staging)
    }

    /// Loads the backup into the staging database; gives the server's counters of it, too. Of the options, the version
    /// changes are the proposal's own.
    pub fn load<'r, 't>(
        &self,
        staging: Staging<'r, 't>,
        options: LoadOptions<'_>,
        progress: &dyn Fn(Stage),
    ) -> Result<(Checked<'r, 't>, Option<Counters>)> {
        let options = LoadOptions { version_changes: &self.fitting.version_changes, ..options };
        let mut checked = staging.load(self.backup, options, &|bytes| progress(Stage::Loaded(bytes)))?;
        options.check()?;
        progress(Stage::Analyzing);
        let written = checked.analyze(options.search_path)?;
        fault_point("checked");
        Ok((checked, written))
    }
}

fn of_elsewhere<'b>(backup: &'b Proven, live: &Live) -> Option<&'b Properties> {
    backup.manifest.as_ref().map(|manifest| &manifest.properties).filter(|_| live.is_absent())
}
