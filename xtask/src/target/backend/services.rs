//! The services that use the database.

use crate::error::Fault;
use crate::target::startup::Startup;
use anyhow::Result;
use serde::Serialize;
use std::net::IpAddr;

/// The services that use the database.
pub trait Services {
    /// Those that run now; `clients`: the addresses from which the database's sessions come.
    fn running_users(&self, clients: &[IpAddr]) -> Result<Vec<ServiceUser>>;

    /// What a person must know where services are not this program's to stop; `openfga`: the database
    /// that is swapped in has OpenFGA's tables.
    fn notice(&self, openfga: bool) -> Result<Option<String>, Fault>;

    /// Stops these services, and no others.
    fn stop(&self, services: &[String]) -> Result<()>;

    /// Starts these services, and waits until they answer.
    fn start(&self, services: &[String], startup: &Startup) -> Result<()>;

    /// The services that got these variables when they were started; `None` where there are none.
    fn holders_of(&self, variables: &[&str]) -> Option<Holders>;

    /// The command that gives these services the values of `.env`, where a restart would not; empty where none of them keeps any.
    fn renew(&self, services: &[&str]) -> String;

    /// The values of these variables that running services were started with.
    fn started_with(&self, variables: &[&str]) -> Vec<StartedWith>;

    /// The services that get every one of these variables, as those do whose `env_file` is the `.env` that sets them.
    fn given_all(&self, variables: &[&str]) -> Vec<String>;
}

/// A service that uses the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceUser {
    pub name: String,
    /// How that is known, for people: `DATABASE_URL names openfga`.
    pub why: String,
}

/// Services that keep the values of variables with which they were started.
#[derive(Debug)]
pub struct Holders {
    pub services: Vec<String>,
    /// What gives them the new values.
    pub renew: String,
}

/// A variable of a service that runs, with the value that it has kept since its start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartedWith {
    pub service: String,
    pub variable: String,
    pub value: String,
}
