//! What a restore would do, checked as far as that can be done before anything is made.

use super::keys_lost;
use super::live::Live;
use super::merged::Merged;
use super::plan::Plan;
use super::preflight::{self, Consent, Destination, Fitting};
use super::record::{Purpose, Record};
use super::rights;
use super::staging::Staging;
use crate::backup::proof::Proven;
use crate::postgres::properties::Properties;
use crate::postgres::server::Server;
use crate::settings::fault_point;
use anyhow::Result;

/// A backup that the server can take, beside the live database as it was when the proposal was made.
#[derive(Debug)]
pub struct Proposal<'b> {
    pub backup: &'b Proven,
    pub live: Live,
    /// The properties of the database that comes.
    pub merged: Merged,
    pub fitting: Fitting,
    pub plan: Plan,
    /// Indexes and foreign keys of the live database, where the file holds none.
    pub keys_lost: Option<u64>,
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
        live.check_obstacles(server.target())?;
        rights::check_swap(server, &live)?;
        let plan = Plan::draw(server, &live, &backup.contents)?;
        Ok(Self { backup, live, merged, fitting, plan, keys_lost: keys_lost::of(server, backup), consent })
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
        Ok(live)
    }

    /// Creates a staging database for the backup, and the roles that it needs; tells which roles were created.
    pub(super) fn stage<'r, 't>(
        &self,
        record: &'r Record<'t>,
        roles_created: &dyn Fn(&[String]),
    ) -> Result<Staging<'r, 't>> {
        let missing = &self.fitting.missing_roles;
        roles_created(&missing.create_named(record.server())?);
        let like = self.merged.properties.as_ref();
        let staging = Staging::create(record, Purpose::Staging, like, like.map(|like| like.owner.as_str()))?;
        fault_point("created");
        roles_created(&missing.create_encoded(record.server(), staging.database())?);
        Ok(staging)
    }
}

fn of_elsewhere<'b>(backup: &'b Proven, live: &Live) -> Option<&'b Properties> {
    backup.manifest.as_ref().map(|manifest| &manifest.properties).filter(|_| live.is_absent())
}
