//! What starting a stack takes and gives.

use super::openfga_exposure::Grounds;
use crate::settings::Settings;
use anyhow::Result;
use serde::Deserialize;

/// What answers after `up`.
#[derive(Debug)]
pub struct Answering {
    /// The server's version: `15.18`.
    pub postgres: String,
    /// Where OpenFGA listens: `http://127.0.0.1:8080`; `None` where the stack has none.
    pub openfga: Option<String>,
    /// Whether anything had to be started; not known where Compose does it.
    pub started: bool,
    /// Other services that were to be started, and failed.
    pub failed: Vec<FailedService>,
}

/// A service that did not start, or ended at once.
#[derive(Debug)]
pub struct FailedService {
    pub service: String,
    pub why: String,
}

/// How `up` speaks to its caller.
pub struct Callbacks<'a> {
    /// Hears what is being waited for.
    pub stage: &'a dyn Fn(&str),
    /// Hears what a person should know afterwards.
    pub note: &'a dyn Fn(&str),
    /// Asked before something is installed outside the checkout.
    pub consent: &'a dyn Fn(&str) -> Result<bool>,
}

/// What a start needs.
pub struct Startup<'a> {
    pub settings: &'a Settings,
    pub callbacks: &'a Callbacks<'a>,
    pub queries: &'a dyn Queries,
}

/// The queries by which a target knows that its server answers. The layer above the targets has the sessions for them.
pub trait Queries {
    /// The server's version, `15.18`, asked in the target's database with these variables more.
    fn version(&self, more: &[(&str, &str)]) -> Result<String>;

    /// Which server answers, asked in the database `postgres`.
    fn identity(&self) -> Result<Identity>;

    /// What OpenFGA's program would meet in the target's database, started with our login.
    fn openfga_grounds(&self) -> Result<Grounds>;

    /// Makes the target's database.
    fn create_database(&self) -> Result<()>;
}

/// Which server it is.
#[derive(Debug, Deserialize)]
pub struct Identity {
    pub version: String,
    /// Its data folder.
    pub data: String,
    /// Whether it has the target's database.
    pub database: bool,
}
