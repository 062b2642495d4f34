//! How a restore, an undo or a reset went.

use crate::commands::result;
use crate::context::Context;
use crate::postgres::server::Server;
use crate::restore::blockers::Stuck;
use crate::restore::live::Live;
use crate::restore::subscriptions::{self, Subscription};
use crate::restore::swapped::{Done, Surplus};
use crate::restore::workers::{self, Idle};
use crate::target::Target;
use crate::target::client_error::server_message;
use crate::terminal;
use anyhow::Result;
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;

/// What a swap did, for people or as `--json`.
pub struct Report<'a> {
    /// `Database restored`.
    pub what: &'a str,
    pub file: Option<&'a Path>,
    pub safety: Option<&'a Path>,
    pub done: &'a Done,
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    file: Option<Cow<'a, str>>,
    database: &'a str,
    safety_backup: Option<Cow<'a, str>>,
    before: Option<&'a str>,
    database_outage_seconds: f64,
    services_outage_seconds: Option<f64>,
}

impl Report<'_> {
    pub fn show(&self, json: bool, target: &Target, context: &Context) -> Result<()> {
        let done = self.done;
        let before = done.databases.first().and_then(|database| database.before.as_deref());
        if json {
            return context.terminal.json(&Document {
                version: 1,
                file: self.file.map(Path::to_string_lossy),
                database: target.database(),
                safety_backup: self.safety.map(Path::to_string_lossy),
                before,
                database_outage_seconds: done.database_outage.as_secs_f64(),
                services_outage_seconds: done.services_outage.map(|outage| outage.as_secs_f64()),
            });
        }
        let mut lines = vec![context.terminal.done_line(self.what), String::new()];
        lines.extend(self.file.map(|file| format!("From:      {}", context.shown(file))));
        lines.push(format!(
            "Database:  {} (unreachable for {:.2} s)",
            target.database(),
            done.database_outage.as_secs_f64()
        ));
        lines
            .extend(done.services_outage.map(|outage| format!("Services:  stopped for {:.1} s", outage.as_secs_f64())));
        lines.extend(self.safety.map(|safety| format!("Safety:    {}", context.shown(safety))));
        if let Some(before) = before {
            lines.push(format!("Previous:  kept on the server as {before}"));
            lines.push(format!("Undo:      {}", context.terminal.to_type("cargo xtask db-restore --undo")));
        } else if let Some(safety) = self.safety {
            let undo = format!("cargo xtask db-restore {}", context.as_word(safety));
            lines.push(format!("Undo:      {}", context.terminal.to_type(&undo)));
        }
        result::report(&lines, context)
    }
}

/// What became of a previous database that had to go after the swap.
pub fn say_surplus(surplus: Surplus<'_>, context: &Context) {
    let terminal = &context.terminal;
    let refused = |what: &str, why: &str, by_hand: &str| {
        let next = format!("the next restore tries again; see what is kept: cargo xtask db-list{by_hand}");
        let (what, why) = (terminal::clean_line(what), terminal::clean_line(why));
        terminal.warn(&format!("{what} could not be dropped: {why}\n{}", terminal.to_type(&next)));
    };
    match surplus {
        Surplus::Dropped(name) => terminal.note(&format!("Dropped {name}, which was kept from an earlier restore")),
        Surplus::Stays(Stuck { name, why, by_hand }) => refused(name, why, &format!("\n{by_hand}")),
        Surplus::Unknown(error) => refused("The previous databases of earlier restores", &server_message(error), ""),
    }
}

/// Background workers that the swap ended and the server has not started again, and those that the database's extensions
/// lack: a person restarts the server.
pub fn name_ended_workers(live: &Live, server: &Server<'_>, context: &Context) {
    let target = server.target();
    // The swap is done, and stays done.
    let now = workers::of(server, target.database()).unwrap_or_default();
    let ended: Vec<&str> = live.facts.workers.iter().filter(|name| !now.contains(name)).map(String::as_str).collect();
    let idle = workers::idle(server).unwrap_or_default();
    let idle = idle.iter().filter(|idle| !ended.contains(&idle.worker.as_str()));
    let mut lines: Vec<String> = idle
        .map(|Idle { extension, worker }| {
            format!("{} holds extension {extension}, whose background worker does not run: {worker}", target.database())
        })
        .collect();
    if !ended.is_empty() {
        lines.push(format!(
            "Background workers of {} ended with the swap, and may run again only after a restart of the server: {}",
            target.database(),
            ended.join(", ")
        ));
    }
    if !lines.is_empty() {
        let lines: Vec<String> = lines.iter().map(|line| terminal::clean_line(line)).collect();
        context.terminal.warn(&lines.join("\n"));
        context.terminal.hint(&format!("restart the server: {}", target.hints().restart_hint()));
    }
}

/// A restored database's subscriptions are disabled: a person decides which database goes on with them.
pub fn name_subscriptions(server: &Server<'_>, context: &Context) {
    let target = server.target();
    // The swap is done, and stays done.
    let all = subscriptions::of(server, target.database()).unwrap_or_default();
    let disabled = all.iter().filter(|subscription| !subscription.enabled);
    let names: Vec<String> = disabled
        .map(|Subscription { name, slot, .. }| match slot {
            Some(slot) => format!("{name} (slot {slot})"),
            None => name.clone(),
        })
        .collect();
    if !names.is_empty() {
        let text = format!(
            "Subscriptions of {} are disabled: {}; to go on with one: ALTER SUBSCRIPTION … ENABLE",
            target.database(),
            names.join(", ")
        );
        context.terminal.warn(&terminal::clean_line(&text));
    }
}
