//! `test-auth`: the store file's tests, asked of the live store.

use super::store_file::{FileArgs, connected, outcome_lines};
use crate::context::Context;
use crate::error::Fault;
use crate::openfga::api::{Api, Store};
use crate::openfga::assertions::{self, Live, Outcome, junit};
use crate::openfga::reconcile;
use crate::openfga::server::Server;
use crate::openfga::store;
use crate::openfga::store_file::StoreFile;
use crate::terminal::{self, counted};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::path::PathBuf;

/// Ask the live store what the store file's tests say: who may do what
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// Lists must be exactly as the file says, also where the store holds more than the file
    #[arg(long)]
    exact: bool,
    /// Also write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the results as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    let target = context.target()?;
    let file = args.file.read(context)?;
    let server = Server::of(&target, &context.settings)?;
    let api = connected(&server, context)?;
    let store = the_store(&api, &file.name, context)?;
    let model = store::model_to_ask(&api, &store.id, &context.settings)?.ok_or_else(|| {
        Fault::failed(format!("The store {} has no model", store.name)).hint("write it: cargo xtask setup-openfga")
    })?;
    let exact =
        args.exact || !assertions::ask_for_lists(&file.tests) || reconcile::holds_only(&api, &store.id, &file.tuples)?;
    let live = Live { api: &api, store: &store.id, model: &model, exact };
    let outcomes = ask(live, &file, context)?;
    if let Some(path) = &args.junit {
        let path = context.typed(path);
        std::fs::write(&path, junit::document(&file.name, &outcomes))
            .with_context(|| Fault::failed(format!("{} cannot be written", path.display())))?;
    }
    show(args, &api, &store, &model, exact, &outcomes, context)?;
    match outcomes.iter().filter(|outcome| !outcome.passed).count() {
        0 => Ok(()),
        failed => {
            let of = counted(outcomes.len() as u64, "assertion", "assertions");
            let fault = Fault::failed(format!("{} of {of} failed", terminal::count(failed as u64)));
            Err(fault.hint("README tells how to find out why (\"Why is this user denied?\")").into())
        }
    }
}

/// The store that the settings name, where its name is the file's; else the one of that name.
fn the_store(api: &Api, name: &str, context: &Context) -> Result<Store> {
    let named = store::named(api, &context.settings, true)?.and_then(|named| named.store);
    if let Some(store) = named.filter(|store| store.name == name) {
        return Ok(store);
    }
    store::by_name(api, name)?.ok_or_else(|| {
        Fault::failed(format!("{} has no store called {name}", api.url()))
            .hint("make it: cargo xtask setup-openfga")
            .into()
    })
}

/// Asks every question of the file, in front of a person.
pub fn ask(live: Live<'_>, file: &StoreFile, context: &Context) -> Result<Vec<Outcome>> {
    let waiting = context.terminal.waiting("asking");
    assertions::run(live, &file.tests, &|done| waiting.say(&format!("{done} answers")))
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    server: &'a str,
    store: Named<'a>,
    model: &'a str,
    exact: bool,
    passed: usize,
    failed: usize,
    assertions: &'a [Outcome],
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    name: &'a str,
}

fn show(
    args: &Args,
    api: &Api,
    store: &Store,
    model: &str,
    exact: bool,
    outcomes: &[Outcome],
    context: &Context,
) -> Result<()> {
    let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
    let failed = outcomes.len() - passed;
    if args.json {
        let store = Named { id: &store.id, name: &store.name };
        let document =
            Document { version: 1, server: api.url(), store, model, exact, passed, failed, assertions: outcomes };
        return context.terminal.json(&document);
    }
    let mut lines = vec![
        terminal::clean(&format!("Store {} ({}) at {}", store.name, store.id, api.url())),
        format!("Model {}", terminal::clean(model)),
    ];
    for test in outcomes.chunk_by(|one, other| one.test == other.test) {
        lines.push(String::new());
        lines.push(terminal::clean(&test[0].test));
        lines.extend(test.iter().flat_map(|outcome| outcome_lines(outcome, context)).map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    lines.push(summary(passed, failed));
    context.terminal.result(&lines.join("\n"))
}

/// `All 9 assertions passed`, `7 passed, 2 failed`.
pub fn summary(passed: usize, failed: usize) -> String {
    match (passed as u64, failed) {
        (0, 0) => "The file has no tests".to_owned(),
        (passed, 0) => format!("{} passed", counted(passed, "assertion", "assertions")),
        (passed, failed) => format!("{} passed, {} failed", terminal::count(passed), terminal::count(failed as u64)),
    }
}
