//! The switchover: stops the services, swaps, migrates OpenFGA's tables, starts the services.

use super::live::Live;
use super::previous;
use super::record::{self, Details, Entry, OwnedDatabase, Record};
use super::repair;
use super::staging::Checked;
use super::swap::{self, Swap};
use super::swap_services::SwapServices;
use super::swapped::{Done, Surplus, Swapped};
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::Counters;
use crate::postgres::properties::Properties;
use crate::postgres::startup;
use crate::process::signals;
use crate::settings::{Settings, fault_point};
use crate::words;
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::Instant;

/// A database that takes its live one's place.
#[derive(Debug)]
pub struct Incoming<'a, 't> {
    pub record: &'a Record<'t>,
    pub live: &'a Live,
    pub database: OwnedDatabase,
    /// What it gets of the live one's own properties; `None`: it keeps what it has.
    pub carried: Option<&'a Properties>,
    /// Whether it holds OpenFGA's tables.
    pub openfga: bool,
    /// No safety backup was made: the outgoing database must never be dropped by itself.
    pub only_way_back: bool,
    /// What the server's counters say of it.
    pub written: Option<Counters>,
}

/// The steps around the swap of one database, or of a set of them.
pub struct Switchover<'a, 't> {
    settings: &'a Settings,
    /// The first, and those that are swapped together with it.
    first: Incoming<'a, 't>,
    others: Vec<Incoming<'a, 't>>,
    /// Services that earlier runs stopped and that could not be started: they are started after this swap.
    unstarted: BTreeSet<String>,
}

/// What the swap of one of them needs to know.
struct Note {
    /// The live one's next name; `None` where there is no live one yet.
    before: Option<String>,
    at: String,
    details: Details,
}

impl<'a, 't> Switchover<'a, 't> {
    /// Of these databases, which are swapped together. `unstarted`: services that earlier runs stopped.
    ///
    /// # Errors
    /// `incoming` is empty.
    pub fn of(
        incoming: impl IntoIterator<Item = Incoming<'a, 't>>,
        unstarted: BTreeSet<String>,
        settings: &'a Settings,
    ) -> Result<Self> {
        let mut incoming = incoming.into_iter();
        let first = incoming.next().ok_or_else(|| Fault::failed("Nothing is swapped"))?;
        Ok(Self { settings, first, others: incoming.collect(), unstarted })
    }

    /// The record of the first.
    pub(super) fn record(&self) -> &'a Record<'t> {
        self.first.record
    }

    fn all(&self) -> impl Iterator<Item = &Incoming<'a, 't>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The database whose entry names the services, and for which they are started.
    fn user_of(&self, services: &SwapServices) -> &Incoming<'a, 't> {
        self.all().nth(services.place()).unwrap_or(&self.first)
    }

    /// The running services that use any of the databases, and those to be started.
    ///
    /// # Errors
    /// The stack does not answer.
    pub(super) fn services(&self) -> Result<SwapServices> {
        SwapServices::of(self.all().map(|incoming| incoming.record.server()), &self.unstarted)
    }

    /// Swaps checked staging databases in, and drops all but the newest `keep` previous databases; tells of each of those.
    /// The record notes first which services are stopped: the next run starts them, if this one cannot.
    pub fn swap_in(&self, checked: Vec<Checked<'_, '_>>, keep: usize, tell: &dyn Fn(Surplus<'_>)) -> Result<Done> {
        let services = self.services()?;
        let Incoming { record, database, .. } = self.user_of(&services);
        let (stopped, set) = (services.started.clone(), record.set().cloned());
        record.note(database.id(), &Details { stopped, set, ..Details::default() })?;
        fault_point("marked");
        let mut done = self.perform(&services, |swaps| swap::swap_in(self.first.record, checked, swaps))?;
        for (swapped, incoming) in done.databases.iter_mut().zip(self.all()) {
            swapped.drop_old(keep, incoming.record, tell)?;
        }
        Ok(done)
    }

    /// What the record will say of each, in their order.
    fn notes(&self, services: &SwapServices) -> Result<Vec<Note>> {
        let (mut notes, mut names) = (Vec::new(), Vec::new());
        for (incoming, users) in self.all().zip(&services.of_each) {
            let Incoming { record, live, openfga, only_way_back, written, .. } = incoming;
            let (next, now) = previous::next_name(record, &names)?;
            names.push(next.clone());
            let before = live.properties.as_ref().map(|_| next);
            let service = record.target().own_openfga().openfga_service();
            let details = Details {
                // One entry names them for all.
                stopped: if notes.len() == services.place() { services.started.clone() } else { Vec::new() },
                swapping: false,
                migrate: *openfga || users.contains(service),
                only_way_back: *only_way_back && before.is_some(),
                written: written.clone(),
                set: record.set().cloned(),
                is_overdue: false,
                is_unknown: false,
            };
            notes.push(Note { before, at: record::at(&now), details });
        }
        Ok(notes)
    }

    /// Stops the services, swaps, migrates, starts the services again.
    pub(super) fn perform(
        &self,
        services: &SwapServices,
        swap_names: impl FnOnce(&[Swap<'_>]) -> Result<swap::Outage>,
    ) -> Result<Done> {
        let (record, target) = (self.first.record, self.user_of(services).record.target());
        let SwapServices { running, started, .. } = services;
        let notes = self.notes(services)?;
        let swaps: Vec<Swap<'_>> = self.all().zip(&notes).map(|(incoming, note)| swap_of(incoming, note)).collect();
        swap::wait_for_names(record, &swaps)?;
        let clock = Instant::now();
        let restart = |services| startup::start_services(target, self.settings, services);
        let swapped = target.services().stop(running).and_then(|()| {
            fault_point("stopped");
            swap_names(&swaps)
        });
        fault_point("swapped");
        let database_outage = match swapped {
            Ok(outage) => outage,
            // It is not known which database has which name: the repair starts the services, too.
            Err(error) if error::exit(&error) == Exit::Partial => return Err(error),
            Err(error) => {
                signals::shielded(|| restart(running)).map_err(|why| {
                    let unchanged = self.in_number("The database is unchanged", "The databases are unchanged");
                    let what = format!("{unchanged}, but {} did not start", running.join(", "));
                    why.context(Fault::new(Exit::Partial, what).hint("start them with: cargo xtask up"))
                })?;
                return Err(error);
            }
        };
        // From here on a signal only stops us from waiting: what was begun is finished.
        let finished = signals::shielded(|| self.finish(&notes, || restart(started)));
        finished.map_err(|(step, error)| self.unfinished(step, error))?;
        let services_outage = (!started.is_empty()).then(|| clock.elapsed());
        let databases = self.all().zip(notes).map(|(incoming, note)| swapped_in(incoming, note)).collect();
        Ok(Done { databases, database_outage, services_outage })
    }

    /// What is left to do once the databases are swapped.
    ///
    /// # Errors
    /// The step that failed, and why.
    fn finish(&self, notes: &[Note], start: impl FnOnce() -> Result<()>) -> Result<(), (&'static str, anyhow::Error)> {
        for (incoming, _) in self.all().zip(notes).filter(|(_, note)| note.details.migrate) {
            let migrated = startup::migrate_openfga(incoming.record.target());
            migrated.map_err(|error| ("OpenFGA's tables were not migrated", error))?;
        }
        fault_point("migrated");
        let services = self.in_number("its services did not start", "their services did not start");
        start().map_err(|error| (services, error))?;
        fault_point("started");
        for (incoming, note) in self.all().zip(notes) {
            settle(incoming.record, note.before.as_deref())
                .map_err(|error| ("that was not noted in the record", error))?;
        }
        Ok(())
    }

    fn unfinished(&self, step: &str, error: anyhow::Error) -> anyhow::Error {
        let cause = error::fault(&error).and_then(Fault::hint_text).map(|hint| format!("{hint}\n"));
        let what = self.in_number("The database is swapped in", "The databases are swapped in");
        let fault = Fault::new(Exit::Partial, format!("{what}, but {step}"));
        // The run's own database need not be in the set.
        let database = format!("--database {}", words::shell_word(self.first.record.target().database()));
        let (repair, undo) = match self.first.record.set() {
            Some(_) => (format!(" {database}"), format!(" --set {database}")),
            None => (String::new(), String::new()),
        };
        let ways = format!(
            "repair it with: cargo xtask db-restore --repair{repair}\nor go back: cargo xtask db-restore --undo{undo}"
        );
        error.context(fault.hint(format!("{}{ways}", cause.unwrap_or_default())))
    }

    fn in_number(&self, one: &'static str, several: &'static str) -> &'static str {
        if self.others.is_empty() { one } else { several }
    }
}

fn swap_of<'s>(incoming: &'s Incoming<'_, '_>, note: &'s Note) -> Swap<'s> {
    Swap {
        live: incoming.record.target().database(),
        incoming: &incoming.database,
        outgoing: note.before.as_deref(),
        details: &note.details,
        at: &note.at,
        carried: incoming.carried,
    }
}

fn swapped_in(incoming: &Incoming<'_, '_>, note: Note) -> Swapped {
    Swapped {
        name: incoming.record.target().database().to_owned(),
        oid: incoming.database.oid(),
        is_new: note.before.is_none(),
        before: note.before,
    }
}

/// Notes in the swap's entry, and in those of earlier swaps whose services could not be started, that all run now.
fn settle(record: &Record<'_>, before: Option<&str>) -> Result<()> {
    let (view, live) = (record.view()?, record.target().database());
    let was_owed = |entry: &Entry| !entry.alive && !entry.details.is_settled();
    let of_swap = |entry: &&Entry| entry.name == before.unwrap_or(live) || was_owed(entry);
    view.of(live).filter(of_swap).try_for_each(|entry| repair::settle(record, entry))
}
