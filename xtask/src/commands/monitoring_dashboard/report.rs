//! Where people look.

use crate::context::Context;
use crate::monitoring::dashboard;
use crate::monitoring::part::{GRAFANA, PARTS};
use crate::monitoring::{passwords, start};
use anyhow::Result;
use serde::Serialize;

/// `--json`, version 1.
#[derive(Serialize)]
pub struct Report {
    version: u32,
    /// Grafana's address.
    pub grafana: String,
    parts: Vec<Address>,
    dashboards: Vec<Address>,
}

#[derive(Serialize)]
struct Address {
    name: String,
    url: String,
}

impl Report {
    /// The addresses of what runs now.
    pub fn of(context: &Context) -> Result<Self> {
        let mut parts = Vec::new();
        for part in PARTS.into_iter().rev() {
            let port = start::port(part, &context.settings)?;
            let url = format!("http://127.0.0.1:{port}{}", part.page);
            parts.push(Address { name: part.name.to_owned(), url });
        }
        let grafana = format!("http://127.0.0.1:{}", start::port(&GRAFANA, &context.settings)?);
        let dashboards = dashboard::all().into_iter();
        let dashboards =
            dashboards.map(|found| Address { url: format!("{grafana}/d/{}", found.uid), name: found.title });
        Ok(Self { version: 1, parts, dashboards: dashboards.collect(), grafana })
    }

    /// Writes it to stdout.
    pub fn show(&self, json: bool, context: &Context) -> Result<()> {
        if json {
            return context.terminal.json(self);
        }
        let rows = |of: &'static str, addresses: &[Address]| -> Vec<Vec<String>> {
            addresses.iter().map(|one| vec![of.to_owned(), one.name.clone(), one.url.clone()]).collect()
        };
        let rows = [rows("dashboard", &self.dashboards), rows("program", &self.parts)].concat();
        context.terminal.table(&["", "NAME", "ADDRESS"], &rows, &[])?;
        context.terminal.note(&format!(
            "Every user of this host may look; to change something, log in as admin ({} in .env)\n{}",
            passwords::GRAFANA,
            context.terminal.to_type("stop it with: cargo xtask down")
        ));
        Ok(())
    }
}
