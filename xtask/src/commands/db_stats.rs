//! `db-stats`: what the database and its server are doing, on one screen.

mod document;
mod screen;

use crate::context::Context;
use crate::error::Fault;
use crate::postgres::server::Server;
use crate::stats::{self, Stats, Wanted};
use anyhow::Result;

/// Show sizes, tables, OpenFGA's stores, connections, waits and rates of the database
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these tables, with or without their schema: tuple public.store
    #[arg(long, value_name = "NAME", num_args = 1..)]
    table: Vec<String>,
    /// So many rows of each list
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    top: u32,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let server = Server::new(&target)?;
    let waiting = context.terminal.waiting("looking for a second");
    let stats = stats::look(&server, &context.settings, Wanted { names: &args.table, most: args.top })?;
    drop(waiting);
    if args.json {
        context.terminal.json(&document::Document::of(&stats))?;
    } else {
        let screen = screen::Screen { stats: &stats, target: &target, top: args.top as usize };
        context.terminal.result(&screen.lines(&context.terminal).join("\n"))?;
    }
    check_tables(args, &stats)
}

/// A table that was named and is not there: nothing was shown for it.
fn check_tables(args: &Args, stats: &Stats) -> Result<()> {
    let is_shown = |name: &String| {
        stats
            .tables
            .shown
            .iter()
            .any(|table| table.name == *name || format!("{}.{}", table.schema, table.name) == *name)
    };
    let missing: Vec<&str> = args.table.iter().filter(|name| !is_shown(name)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let fault = Fault::failed(format!("There is no table {}", missing.join(", ")));
    Err(fault.hint("see which there are: cargo xtask db-stats --top 100").into())
}
