//! Which services use the server is not known here.

use super::Url;
use crate::error::Fault;
use crate::target::backend::{Access as _, Holders, ServiceUser, Services, StartedWith};
use crate::target::startup::Startup;
use anyhow::Result;
use std::net::IpAddr;

impl Services for Url {
    fn running_users(&self, _: &[IpAddr]) -> Result<Vec<ServiceUser>> {
        Ok(Vec::new())
    }

    fn notice(&self, openfga: bool) -> Result<Option<String>, Fault> {
        let openfga = if !openfga || self.openfga.program()?.is_some() {
            ""
        } else {
            "; there is no openfga program here, so migrate OpenFGA's tables yourself: openfga migrate"
        };
        let place = self.place();
        Ok(Some(format!("No services are stopped: this program does not know which ones use {place}{openfga}")))
    }

    fn stop(&self, _: &[String]) -> Result<()> {
        Ok(())
    }

    fn start(&self, _: &[String], _: &Startup) -> Result<()> {
        Ok(())
    }

    fn holders_of(&self, _: &[&str]) -> Option<Holders> {
        None
    }
    fn renew(&self, _: &[&str]) -> String {
        String::new()
    }
    fn started_with(&self, _: &[&str]) -> Vec<StartedWith> {
        Vec::new()
    }
    fn given_all(&self, _: &[&str]) -> Vec<String> {
        Vec::new()
    }
}
