//! The steps around a swap: services stopped before, migrated and started after.

use super::services::SwapServices;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::Counters;
use crate::postgres::properties::Properties;
use crate::postgres::startup;
use crate::process::signals;
use crate::restore::live::Live;
use crate::restore::previous;
use crate::restore::record::{self, Details, Entry, OwnedDatabase, Record};
use crate::restore::repair;
use crate::restore::staging::Checked;
use crate::restore::swap::{self, Swap};
use crate::settings::fault_point;
use crate::terminal;
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const NOT_BACK: &str = "repair it with: cargo xtask db-restore --repair\nor go back: cargo xtask db-restore --undo";

/// The steps around a swap.
pub struct Switchover<'a, 't> {
    pub record: &'a Record<'t>,
    pub live: &'a Live,
    pub context: &'a Context,
    /// Services that earlier runs stopped and that could not be started: they are started after this swap.
    pub unstarted: BTreeSet<String>,
    /// Whether the incoming database holds OpenFGA's tables.
    pub openfga: bool,
    /// No safety backup was made: the outgoing database must never be dropped by itself.
    pub only_way_back: bool,
    /// What the server's counters say of the incoming database.
    pub written: Option<Counters>,
}

/// How a swap went.
#[derive(Debug)]
pub struct Done {
    /// The OID of the database that is the live one now.
    live: u32,
    /// The previous database, under its new name.
    pub before: Option<String>,
    /// Nobody could connect so long.
    pub database_outage: Duration,
    /// The services were away so long.
    pub services_outage: Option<Duration>,
}

/// Drops what earlier swaps left but for the newest. The swap is done, and stays done where that does not work: a
/// client of any database that reads nothing keeps DROP DATABASE waiting.
///
/// # Errors
/// The live database is not the one that was swapped in, or is gone (6).
fn drop_old(keep: usize, done: &mut Done, record: &Record<'_>, context: &Context) -> Result<()> {
    let terminal = &context.terminal;
    let refused = |what: &str, error: &anyhow::Error| {
        let next = "the next restore tries again; see what is kept: cargo xtask db-list";
        terminal.warn(&format!("{what} could not be dropped: {}; {next}", terminal::clean_line(&format!("{error:#}"))));
    };
    // A signal that comes now must not say that nothing was done.
    match signals::shielded(|| previous::drop_old(record, keep)) {
        Ok(old) => old.iter().for_each(|(name, dropped)| match dropped {
            // Nobody may be told to go back to it.
            Ok(()) if done.before.as_ref() == Some(name) => done.before = None,
            Ok(()) => terminal.note(&format!("Dropped {name}, which was kept from an earlier restore")),
            Err(error) => refused(name, error),
        }),
        Err(error) => refused("The previous databases of earlier restores", &error),
    }
    done.check(record)
}

impl Done {
    /// Whether the live name belongs to the database that was swapped in.
    ///
    /// # Errors
    /// It does not (6).
    pub fn check(&self, record: &Record<'_>) -> Result<()> {
        signals::shielded(|| record.check_live(self.live))
    }
}

impl Switchover<'_, '_> {
    /// Swaps a checked staging database in, and drops all but the newest previous databases. The record notes first which
    /// services are stopped: the next run starts them, if this one cannot.
    pub fn swap_in(&self, checked: Checked<'_, '_>, carried: Option<&Properties>, keep: usize) -> Result<Done> {
        let (record, live) = (self.record, self.live);
        let services = SwapServices::of(record.server(), &self.unstarted)?;
        let incoming = checked.database().clone();
        record.note(incoming.id(), &Details { stopped: services.started.clone(), ..Details::default() })?;
        fault_point("marked");
        let mut done =
            self.perform(&incoming, carried, &services, |swap| swap::swap_in(record, live, checked, swap))?;
        drop_old(keep, &mut done, record, self.context)?;
        Ok(done)
    }

    /// Stops the services, swaps, migrates, starts the services again.
    pub fn perform(
        &self,
        incoming: &OwnedDatabase,
        carried: Option<&Properties>,
        services: &SwapServices,
        exchange: impl FnOnce(&Swap<'_>) -> Result<swap::Outage>,
    ) -> Result<Done> {
        let target = self.record.target();
        let SwapServices { running, started } = services;
        let openfga = target.own_openfga().openfga_service();
        let (next, now) = previous::next_name(self.record)?;
        let before = self.live.properties.as_ref().map(|_| next);
        let details = Details {
            stopped: started.clone(),
            swapping: false,
            migrate: self.openfga || started.iter().any(|service| service == openfga),
            only_way_back: self.only_way_back && before.is_some(),
            written: self.written.clone(),
            is_unknown: false,
        };
        let at = record::at(&now);
        let swap = Swap { incoming, outgoing: before.as_deref(), details: &details, at: &at, carried };
        swap::wait_for_names(self.record, &swap)?;
        let clock = Instant::now();
        let restart = |services| startup::start_services(target, &self.context.settings, services);
        let swapped = target.services().stop(running).and_then(|()| {
            fault_point("stopped");
            exchange(&swap)
        });
        fault_point("swapped");
        let database_outage = match swapped {
            Ok(outage) => outage,
            // It is not known which database has which name: the repair starts the services, too.
            Err(error) if error::exit(&error) == Exit::Partial => return Err(error),
            Err(error) => {
                signals::shielded(|| restart(running)).map_err(|why| {
                    let what = format!("The database is unchanged, but {} did not start", running.join(", "));
                    why.context(Fault::new(Exit::Partial, what).hint("start them with: cargo xtask up"))
                })?;
                return Err(error);
            }
        };
        // From here on a signal only stops us from waiting: what was begun is finished.
        signals::shielded(|| {
            if details.migrate {
                startup::migrate_openfga(target)?;
            }
            fault_point("migrated");
            restart(started)?;
            fault_point("started");
            self.settle(before.as_deref())
        })
        .map_err(|error| {
            let cause = error::fault(&error).and_then(Fault::hint_text).map(|hint| format!("{hint}\n"));
            let fault = Fault::new(Exit::Partial, "The database is restored, but its services did not start");
            let hint = format!("{}{NOT_BACK}", cause.unwrap_or_default());
            error.context(fault.hint(hint))
        })?;
        let services_outage = (!started.is_empty()).then(|| clock.elapsed());
        Ok(Done { live: incoming.oid(), before, database_outage, services_outage })
    }

    /// Notes in the swap's entry, and in those of earlier swaps whose services could not be started, that all run now.
    fn settle(&self, before: Option<&str>) -> Result<()> {
        let (view, live) = (self.record.view()?, self.record.target().database());
        let was_owed = |entry: &Entry| !entry.alive && !entry.details.is_settled();
        let of_swap = |entry: &&Entry| entry.name == before.unwrap_or(live) || was_owed(entry);
        view.of(live).filter(of_swap).try_for_each(|entry| repair::settle(self.record, entry))
    }
}
