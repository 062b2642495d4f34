//! The OpenFGA that the probes ask.

use crate::openfga::api::Api;
use crate::openfga::server::Server;

/// An OpenFGA that answers.
#[derive(Debug)]
pub struct Found {
    pub server: Server,
    pub api: Api,
}
