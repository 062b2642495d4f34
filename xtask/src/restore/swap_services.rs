//! The services that use the database: stopped for a swap, started after it.

use crate::postgres::activity;
use crate::postgres::server::Server;
use crate::target::backend::ServiceUser;
use anyhow::Result;
use std::collections::BTreeSet;

/// The services around a swap.
pub(super) struct SwapServices {
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

/// The running services that use any of the databases, each once.
pub fn users_of(servers: &[Server<'_>]) -> Result<Vec<ServiceUser>> {
    let mut all: Vec<ServiceUser> = Vec::new();
    for server in servers {
        let users = users(server)?;
        all.extend(
            users.into_iter().filter(|user| all.iter().all(|other| other.name != user.name)).collect::<Vec<_>>(),
        );
    }
    Ok(all)
}
