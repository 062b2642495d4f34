//! `test-auth`: the store file's tests, asked of the live store.

use super::absent_tuples;
use super::assertions::{ask, outcome_lines, summary, unanswered};
use super::other_ids;
use super::second_openfga::SecondOpenfga;
use super::store_file::{FileArgs, connected};
use super::which_store::without_model;
use crate::context::Context;
use crate::error::Fault;
use crate::openfga::api::{Api, Store};
use crate::openfga::assertions::{self, Live, Outcome, Tally, junit};
use crate::openfga::model::Model;
use crate::openfga::reconcile;
use crate::openfga::server::OpenfgaServer;
use crate::openfga::store::{self, STORE_ID};
use crate::openfga::store_file::StoreFile;
use crate::terminal::{self, counted};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};

const EXAMPLE: &str = "write one in the store file: tests: [{name: first, check: [{user: \"user:anne\", object: \"doc:1\", \
                       assertions: {viewer: true}}]}]";

/// Run the store file's tests against the live store: who may do what
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub file: FileArgs,
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
    let junit = args.junit.as_ref().map(|path| context.typed(path));
    let cannot = |path: &Path| Fault::failed(format!("{} cannot be written", path.display()));
    if let Some(path) = junit.as_deref().filter(|path| path.is_dir() || !path.parent().is_some_and(Path::is_dir)) {
        return Err(cannot(path).hint("name a file in a folder that is there: --junit FILE").into());
    }
    let target = context.target()?;
    let file = args.file.read(context)?;
    let mut server = OpenfgaServer::of(&target, &context.settings)?;
    let api = connected(&mut server, &target, context)?;
    let store = the_store(&api, &file.name, context)?;
    let model =
        store::model_to_ask(&api, &store.id, &context.settings)?.ok_or_else(|| without_model(&store, context))?;
    let exact =
        args.exact || !assertions::ask_for_lists(&file.tests) || reconcile::holds_only(&api, &store.id, &file.tuples)?;
    let asked = Asked { api: &api, store: &store, model: &model, exact };
    let is_files = asked.says_what_differs(&file, args.file.path(context).is_some(), context)?;
    other_ids::warn(&store.id, &model, &target, context);
    let second = SecondOpenfga::new(&target, &api, args.file.temporary_store, context);
    let live = Live { api: &api, store: &store.id, model: &model, exact, tuples: &file.tuples };
    let outcomes = ask(live, &file, &second, context)?;
    drop(second);
    if let Some(path) = &junit {
        std::fs::write(path, junit::document(&file.name, &outcomes)).with_context(|| cannot(path))?;
    }
    asked.show(args, is_files, &outcomes, context)?;
    if outcomes.is_empty() {
        context.terminal.warn("The file has no tests: nothing was asked, and nothing is proven");
        context.terminal.hint(EXAMPLE);
    }
    // `debug-auth` asks the store that the settings name.
    let store = (context.settings.get(STORE_ID) != Some(&store.id)).then_some(&store.id);
    verdict(&outcomes, store.map(String::as_str)).map_err(Into::into)
}

/// The exit code: a wrong answer counts more than a missing one. `store` is the option that `debug-auth` needs.
fn verdict(outcomes: &[Outcome], store: Option<&str>) -> Result<(), Fault> {
    let tally = Tally::of(outcomes);
    let of = counted(outcomes.len() as u64, "assertion", "assertions");
    if tally.failed > 0 {
        let fault = Fault::failed(format!("{} of {of} failed", terminal::count(tally.failed as u64)));
        let store = store.map(|id| format!(" --store {}", terminal::shell_word(id))).unwrap_or_default();
        return Err(fault.hint(format!("to find out why: cargo xtask debug-auth{store} USER RELATION OBJECT")));
    }
    if tally.unanswered > 0 {
        return Err(unanswered(tally, &of));
    }
    Ok(())
}

/// The store that the settings name, where its name is the file's; else the one of that name.
fn the_store(api: &Api, name: &str, context: &Context) -> Result<Store> {
    let named = store::named(api, &context.settings, true)?.and_then(|named| named.store);
    if let Some(store) = named.filter(|store| store.name == name) {
        return Ok(store);
    }
    store::by_name(api, name)?.ok_or_else(|| {
        Fault::failed(format!("{} has no store called {name}", api.url()))
            .hint("make it: cargo xtask setup-openfga; if it has another name: --store NAME")
            .into()
    })
}

/// What is asked.
struct Asked<'a> {
    api: &'a Api,
    store: &'a Store,
    model: &'a str,
    exact: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    server: &'a str,
    store: Named<'a>,
    model: &'a str,
    /// Whether the model is the file's; null where the file has none.
    model_is_files: Option<bool>,
    exact: bool,
    passed: usize,
    failed: usize,
    unanswered: usize,
    assertions: &'a [Outcome],
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    name: &'a str,
}

impl Asked<'_> {
    /// Whether the live model is the file's; what a person should know before they read the answers.
    /// `can_be_read_again`: it did not come on standard input.
    fn says_what_differs(&self, file: &StoreFile, can_be_read_again: bool, context: &Context) -> Result<Option<bool>> {
        absent_tuples::warn(self.api, &self.store.id, context)?;
        let Some(ours) = &file.model else { return Ok(None) };
        let live = self.api.model(&self.store.id, self.model)?;
        let lines = match Model::from_value(&live) {
            Ok(live) => live.difference(ours),
            Err(why) => vec![format!("~ a model that cannot be read ({why:#})")],
        };
        if let Some(first) = lines.first() {
            let count = counted(lines.len() as u64, "difference", "differences");
            let text = format!("The live model {} is not the file's: {count} ({first})", self.model);
            context.terminal.warn(&terminal::clean_line(&text));
            context.terminal.hint(if can_be_read_again {
                "write the file's: cargo xtask setup-openfga; see all of them with --dry-run"
            } else {
                "write the file's with setup-openfga: save the text as a file first, or pipe it in once more"
            });
        }
        Ok(Some(lines.is_empty()))
    }

    fn show(&self, args: &Args, is_files: Option<bool>, outcomes: &[Outcome], context: &Context) -> Result<()> {
        let (tally, store, url) = (Tally::of(outcomes), self.store, self.api.url());
        if args.json {
            let document = Document {
                version: 1,
                server: url,
                store: Named { id: &store.id, name: &store.name },
                model: self.model,
                model_is_files: is_files,
                exact: self.exact,
                passed: tally.passed,
                failed: tally.failed,
                unanswered: tally.unanswered,
                assertions: outcomes,
            };
            return context.terminal.json(&document);
        }
        let mut lines = vec![
            terminal::clean_line(&format!("Store {} ({}) at {url}", store.name, store.id)),
            format!("Model {}", terminal::clean_line(self.model)),
        ];
        for test in outcomes.chunk_by(|one, other| one.test == other.test) {
            lines.push(String::new());
            let own = if test[0].own_store { " (asked in a second OpenFGA, of the file's tuples)" } else { "" };
            lines.push(format!("{}{own}", terminal::clean_line(&test[0].test)));
            let shown = test.iter().flat_map(|outcome| outcome_lines(outcome, context));
            lines.extend(shown.map(|line| format!("  {line}")));
        }
        lines.push(String::new());
        lines.push(summary(tally));
        context.terminal.result_report(&lines.join("\n"))
    }
}
