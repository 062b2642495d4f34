//! The services that use the database: shown before a swap, stopped for it, started after it.

use crate::context::Context;
use crate::postgres::activity;
use crate::postgres::server::Server;
use crate::target::backend::ServiceUser;
use crate::terminal;
use anyhow::Result;
use std::collections::BTreeSet;

/// The services around a swap.
pub struct SwapServices {
    /// Those that run now: they are stopped for it, once.
    pub running: Vec<String>,
    /// Those that are started after it: also those that an earlier run stopped and that could not be started.
    pub started: Vec<String>,
    /// Those of each database, in the order of the databases; of the first, those of earlier runs, too.
    pub of_each: Vec<BTreeSet<String>>,
}

impl SwapServices {
    /// Of these databases of one server. `unstarted`: stopped by earlier runs.
    pub fn of<'s, 't: 's>(
        databases: impl Iterator<Item = &'s Server<'t>>,
        unstarted: &BTreeSet<String>,
    ) -> Result<Self> {
        let (mut running, mut of_each) = (Vec::<String>::new(), Vec::new());
        for server in databases {
            let users: Vec<String> = users(server)?.into_iter().map(|user| user.name).collect();
            let new: Vec<String> = users.iter().filter(|name| !running.contains(name)).cloned().collect();
            running.extend(new);
            let earlier = unstarted.iter().filter(|_| of_each.is_empty()).cloned();
            of_each.push(users.into_iter().chain(earlier).collect());
        }
        let started: BTreeSet<&String> = unstarted.iter().chain(&running).collect();
        Ok(Self { started: started.into_iter().cloned().collect(), running, of_each })
    }

    /// The place of the database that they use: a service is started for that one, and not for another of the set.
    pub fn place(&self) -> usize {
        self.of_each.iter().position(|users| !users.is_empty()).unwrap_or_default()
    }
}

/// The running services that use the target's database.
pub fn users(server: &Server<'_>) -> Result<Vec<ServiceUser>> {
    server.target().services().running_users(&activity::clients(server)?)
}

/// Names them in a preview; with `--verbose` the reasons, too.
pub fn show(users: &[ServiceUser], context: &Context) {
    if users.is_empty() {
        return;
    }
    let names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    let text = format!("Services that will be stopped: {}", names.join(", "));
    context.terminal.note(&terminal::clean_line(&text));
    for ServiceUser { name, why } in users.iter().filter(|_| context.verbose) {
        context.terminal.note(&terminal::clean_line(&format!("  {name}: {why}")));
    }
}
