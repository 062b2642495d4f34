//! The OpenFGA that the probes ask.

use crate::openfga::api::Api;
use crate::openfga::server::OpenfgaServer;

/// An OpenFGA that answers.
#[derive(Debug)]
pub struct Found {
    pub server: OpenfgaServer,
    pub api: Api,
}
