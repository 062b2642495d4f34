//! `db-stats`: what the database and its server are doing, on one screen.

mod document;
mod screen;
mod watch;

use crate::context::Context;
use crate::error::Fault;
use crate::postgres::server::Server;
use crate::stats::{Observer, Stats, Wanted};
use crate::words::number_within;
use anyhow::Result;

/// Show sizes, tables, OpenFGA's stores, connections, waits and rates of the database
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these tables, with or without their schema: tuple public.store
    #[arg(long, value_name = "NAME", num_args = 1..)]
    table: Vec<String>,
    /// Show at most this many rows of each list
    #[arg(long, value_name = "N", default_value = "10", value_parser = number_within(1u32..=100_000))]
    top: u32,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
    /// Look and draw again every so many seconds [default: 2]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", conflicts_with = "json", value_parser = number_within(1u64..=86_400))]
    watch: Option<u64>,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    if args.table.iter().any(|name| name.trim().is_empty()) {
        let fault = Fault::usage("--table has an empty name");
        return Err(fault.hint("name a table: --table tuple; or leave --table out for all of them").into());
    }
    let target = context.target()?;
    let server = Server::new(&target)?;
    let wanted = Wanted { names: &args.table, most: args.top };
    let mut observer = Observer::new(&server, &context.settings, wanted);
    let top = args.top as usize;
    if let Some(seconds) = args.watch {
        return watch::watch(&watch::Rhythm { seconds, top }, observer, &target, context);
    }
    let waiting = context.terminal.waiting("looking for a second");
    let stats = observer.observe(false)?;
    drop(waiting);
    if args.json {
        context.terminal.json(&document::Document::of(&stats))?;
    } else {
        let screen = screen::Screen { stats: &stats, before: None, target: &target, top };
        context.terminal.result(&screen.lines(&context.terminal).join("\n"))?;
    }
    check_tables(&stats)
}

/// A table that was named and is not there: nothing was shown for it.
fn check_tables(stats: &Stats) -> Result<()> {
    let missing = &stats.tables.absent;
    if missing.is_empty() {
        return Ok(());
    }
    let fault = Fault::failed(format!("There is no table {}", missing.join(", ")));
    Err(fault.hint("see which there are: cargo xtask db-stats --top 100").into())
}
