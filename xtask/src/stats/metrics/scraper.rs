//! Looks at OpenFGA's metrics, each compared with the one before.

use super::{Metrics, Openfga, Requests, URL};
use crate::error::Fault;
use crate::settings::Settings;
use crate::stats::waiting::pause;
use crate::target::Target;
use crate::target::endpoint::Endpoint;
use anyhow::Result;
use std::time::Duration;

/// Where the metrics are, and what they were at the last look.
#[derive(Debug, Default)]
pub struct Scraper {
    endpoint: Option<Endpoint>,
    last: Option<Metrics>,
}

impl Scraper {
    /// A look at the metrics. The first one takes two, so far apart.
    pub fn scrape(&mut self, target: &Target, settings: &Settings, apart: Duration) -> Openfga {
        let is_named = [URL, "OPENFGA_API_URL"].iter().any(|name| settings.get(name).is_some());
        if !is_named && !target.own_openfga().has_openfga() {
            return Openfga::Absent;
        }
        self.requests(target, settings, apart).map_or_else(
            |error| {
                *self = Self::default();
                unread(&error)
            },
            Openfga::Answered,
        )
    }

    fn requests(&mut self, target: &Target, settings: &Settings, apart: Duration) -> Result<Requests> {
        let endpoint = match self.endpoint.take() {
            Some(endpoint) => endpoint,
            None => endpoint(target, settings)?,
        };
        let before = match self.last.take() {
            Some(last) => last,
            None => {
                let first = Metrics::read(&endpoint)?;
                pause(apart)?;
                first
            }
        };
        let now = Metrics::read(&endpoint)?;
        let requests = now.requests(&before, endpoint.url().to_owned());
        *self = Self { endpoint: Some(endpoint), last: Some(now) };
        Ok(requests)
    }
}

/// The address that the setting names, else that of the stack's own.
fn endpoint(target: &Target, settings: &Settings) -> Result<Endpoint> {
    let address = match settings.get(URL) {
        Some(named) => named.trim_end_matches('/').trim_end_matches("/metrics").to_owned(),
        None => target.own_openfga().openfga_metrics_address()?,
    };
    let wrong = || Fault::usage(format!("{URL} is not an address: write it as http://127.0.0.1:2112"));
    Ok(Endpoint::new(&address, None, settings).map_err(|_| wrong())?)
}

fn unread(error: &anyhow::Error) -> Openfga {
    let hint = crate::error::fault(error).and_then(Fault::hint_text);
    let hint = hint.map_or_else(|| format!("name their address: {URL}=http://127.0.0.1:2112"), str::to_owned);
    Openfga::Unread { why: format!("{error:#}").lines().next().unwrap_or_default().to_owned(), hint }
}
