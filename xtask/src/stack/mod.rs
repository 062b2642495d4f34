//! The stack of a target: start it, stop it, wait until each part really answers.

mod compose;
pub mod endpoint;
mod local;
pub mod memory_openfga;
pub mod openfga;
pub mod ports;
pub mod services;
pub mod state_folder;
mod wait;

use crate::error::Fault;
use crate::postgres::session;
use crate::settings::Settings;
use crate::target::Target;
use anyhow::Result;

/// What answers after `up`.
#[derive(Debug)]
pub struct Answering {
    /// The server's version: `15.18`.
    pub postgres: String,
    /// Where OpenFGA listens: `http://127.0.0.1:8080`; `None` where the stack has none.
    pub openfga: Option<String>,
    /// Whether anything had to be started; not known where Compose does it.
    pub started: bool,
}

/// How `up` speaks to whoever called it.
pub struct Callbacks<'a> {
    /// Hears what is being waited for.
    pub stage: &'a dyn Fn(&str),
    /// Hears what a person should know afterwards.
    pub note: &'a dyn Fn(&str),
    /// Asked before something is installed outside the checkout.
    pub consent: &'a dyn Fn(&str) -> Result<bool>,
}

/// Starts the stack and waits until PostgreSQL answers a query, and OpenFGA its health and a request.
pub fn up(target: &Target, settings: &Settings, callbacks: &Callbacks) -> Result<Answering> {
    match (target.compose(), target.local()) {
        (Some(compose), _) => compose::up(target, compose, settings, callbacks.stage),
        (None, Some(local)) => local::up(target, local, settings, callbacks),
        // There is nothing to start: whoever runs the server does that.
        (None, None) => Ok(Answering { postgres: session::version(target)?, openfga: None, started: false }),
    }
}

/// Stops the stack; data stays.
pub fn down(target: &Target) -> Result<()> {
    match (target.compose(), target.local()) {
        (Some(compose), _) => compose::down(compose),
        (None, Some(local)) => local::down(local),
        (None, None) => {
            let fault = Fault::usage(format!("{} is not this program's to stop", target.place()));
            Err(fault.hint("stop it where it runs; or name another target: --target compose, --target local").into())
        }
    }
}
