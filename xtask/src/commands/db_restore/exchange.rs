//! The steps around an exchange of names: services stopped before, migrated and started after.

use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::postgres::activity::Counters;
use crate::postgres::properties::Properties;
use crate::process::signals;
use crate::restore::live::Live;
use crate::restore::mark::{Mark, Use};
use crate::restore::swap::{self, Exchange};
use crate::restore::{before, repair, staging};
use crate::settings::fault_point;
use crate::stack::{openfga, services};
use crate::target::Target;
use crate::terminal;
use anyhow::Result;
use std::time::{Duration, Instant};

/// The steps around an exchange of names.
pub(in crate::commands) struct Swap<'a> {
    pub(in crate::commands) target: &'a Target,
    pub(in crate::commands) run: &'a str,
    pub(in crate::commands) live: &'a Live,
    pub(in crate::commands) context: &'a Context,
    pub(in crate::commands) stopped: Vec<String>,
    /// Whether the incoming database holds OpenFGA's tables.
    pub(in crate::commands) openfga: bool,
    /// No safety backup was made: the outgoing database must never be dropped by itself.
    pub(in crate::commands) only_way_back: bool,
    /// What the server's counters say of the incoming database.
    pub(in crate::commands) written: Option<Counters>,
}

/// How an exchange went.
#[derive(Debug)]
pub(in crate::commands) struct Done {
    /// The live database of before, under its new name.
    pub(in crate::commands) before: Option<String>,
    /// Nobody could connect so long.
    pub(in crate::commands) database_outage: Duration,
    /// The services were away so long.
    pub(in crate::commands) services_outage: Option<Duration>,
}

/// Drops what earlier swaps left but for the newest. The swap is done, and stays done where that does not work: a
/// client of any database that reads nothing keeps DROP DATABASE waiting.
pub(in crate::commands) fn drop_old(keep: usize, done: &mut Done, target: &Target, run: &str, context: &Context) {
    let terminal = &context.terminal;
    let refused = |what: &str, error: &anyhow::Error| {
        let next = "the next restore tries again; see what is kept: cargo xtask db-list";
        terminal.warn(&format!("{what} could not be dropped: {}; {next}", terminal::clean_line(&format!("{error:#}"))));
    };
    // A signal that comes now must not say that nothing was done.
    match signals::shielded(|| before::drop_old(target, run, keep)) {
        Ok(old) => old.iter().for_each(|(name, dropped)| match dropped {
            // Nobody may be told to go back to it.
            Ok(()) if done.before.as_ref() == Some(name) => done.before = None,
            Ok(()) => terminal.note(&format!("Dropped {name}, which was kept from an earlier restore")),
            Err(error) => refused(name, error),
        }),
        Err(error) => refused("What was kept from earlier restores", &error),
    }
}

impl Swap<'_> {
    /// Stops the services, exchanges the names, migrates, starts the services again.
    pub(in crate::commands) fn perform(
        &self,
        incoming: &str,
        carried: Option<&Properties>,
        comment: Option<&str>,
        exchange: impl FnOnce(&Exchange<'_>) -> Result<swap::Outage>,
    ) -> Result<Done> {
        let now = before::next_time(self.target, self.run)?;
        let before = self.live.properties.as_ref().map(|_| staging::name_for(self.target.database(), "before", &now));
        let first = before.is_none();
        let mut mark = Mark::new(if first { Use::First } else { Use::Before }, self.target, self.run, &now);
        mark.stopped.clone_from(&self.stopped);
        mark.only_way_back = self.only_way_back && !first;
        mark.migrate = self.openfga || self.stopped.iter().any(|service| service == openfga::SERVICE);
        mark.written = self.written.clone();
        mark.comment = match &self.live.properties {
            Some(live) => live.comment.as_ref().map(ToString::to_string),
            None => comment.map(str::to_owned),
        };
        let outgoing = before.as_deref();
        let exchanged = Exchange { incoming, outgoing, mark: &mark, carried, comment };
        swap::wait_for_names(self.target, self.run, &exchanged)?;
        let clock = Instant::now();
        let restart = || services::start(self.target, &self.context.settings, &self.stopped);
        let swapped = services::stop(self.target, &self.stopped).and_then(|()| {
            fault_point("stopped");
            exchange(&exchanged)
        });
        fault_point("swapped");
        let database_outage = match swapped {
            Ok(outage) => outage,
            // Nobody knows where the names are: whoever mends that starts the services too.
            Err(error) if error::exit(&error) == Exit::Partial => return Err(error),
            Err(error) => {
                signals::shielded(restart).map_err(|why| {
                    let what = format!("The database is as it was, but {} did not come back", self.stopped.join(", "));
                    why.context(Fault::new(Exit::Partial, what).hint("start them with: cargo xtask up"))
                })?;
                return Err(error);
            }
        };
        // From here on a signal only stops us from waiting: what was begun is finished.
        signals::shielded(|| {
            if mark.migrate {
                services::migrate(self.target)?;
            }
            fault_point("migrated");
            restart()?;
            fault_point("started");
            repair::settle(self.target, self.run, before.as_deref().unwrap_or(self.target.database()), &mark)
        })
        .map_err(|error| {
            let fault = Fault::new(Exit::Partial, "The database is restored, but its services did not come back");
            error.context(
                fault.hint("mend it with: cargo xtask db-restore --repair\nor go back: cargo xtask db-restore --undo"),
            )
        })?;
        let services_outage = (!self.stopped.is_empty()).then(|| clock.elapsed());
        Ok(Done { before, database_outage, services_outage })
    }
}
