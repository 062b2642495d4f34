//! `openfga-export`: the live store as a store file.

use super::absent_tuples;
use super::store_file::connected;
use super::which_store::{the_store, without_model};
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::openfga::api::{Store, Stored};
use crate::openfga::export::{self, Export};
use crate::openfga::model::Model;
use crate::openfga::server::OpenfgaServer;
use crate::openfga::store::{MODEL_ID, STORE_ID};
use crate::openfga::store_file::{Options, StoreFile};
use crate::openfga::tuples::same_condition;
use crate::process::signals;
use crate::target::state_folder::write_private;
use crate::terminal::{self, clean_line, counted, shell_word};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Write the live store as a store file: its name, its newest model, all its tuples
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The store's name or id [setting: OPENFGA_STORE_ID, default: the only store]
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Write into this file, readable by you only, instead of to stdout (-)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Do not ask before a file is replaced
    #[arg(long, short, requires = "output")]
    yes: bool,
    /// Write a report as JSON; without --output it holds the store file
    #[arg(long)]
    json: bool,
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    server: &'a str,
    store: Named<'a>,
    model: &'a str,
    tuples: usize,
    /// Tuples that the model does not take: they are comments in the file.
    unfitting: usize,
    /// Where the file is; null where it is `content`.
    file: Option<&'a Path>,
    content: Option<&'a str>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    name: &'a str,
}

pub fn run(args: &Args, context: &Context) -> Result<()> {
    // As `--file -` is standard input.
    let file = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    let output = file.map(|path| context.typed(path));
    if let Some(path) = output.as_deref().filter(|path| path.is_dir()) {
        let fault = Fault::usage(format!("{} is a folder", context.shown(path)));
        return Err(fault.hint("name a file in it: --output FOLDER/store.fga.yaml").into());
    }
    output.as_deref().map_or(Ok(()), |path| check_folder(path, context))?;
    let target = context.target()?;
    let mut server = OpenfgaServer::of(&target, &context.settings)?;
    let api = connected(&mut server, &target, context)?;
    let store = the_store(args.store.as_deref(), &api, context)?;
    let (id, value) = api.newest_model(&store.id)?.ok_or_else(|| without_model(&store, context))?;
    let model = Model::from_value(&value)
        .with_context(|| Fault::failed(format!("The model {} cannot be written as a store file", clean_line(&id))))?;
    let named = context.settings.get(MODEL_ID).filter(|_| context.settings.get(STORE_ID) == Some(&store.id));
    if let Some(named) = named.filter(|named| *named != id) {
        let text = format!("{MODEL_ID} is {named}, but the store's newest model is {id}; the newest is exported");
        context.terminal.warn(&terminal::clean_line(&text));
    }
    let absent = absent_tuples::warn(&api, &store.id, context)?;
    let waiting = context.terminal.waiting("reading tuples");
    let say = |seen| waiting.say(&format!("reading tuples: {}", terminal::count(seen)));
    let tuples = export::tuples(&api, &store.id, &say)?;
    drop(waiting);
    let export = export::store_file(&store.name, &model, &tuples);
    check(&store, &model, &tuples, &export)?;
    say_what_is_left_out(&export, context);
    if let Some(path) = &output {
        write(args, path, export.text.as_bytes(), context)?;
    }
    // It is done and checked: a signal that comes now must not say otherwise.
    let exported = Exported { file: output.as_deref(), server: api.url(), store: &store, model: &id, export: &export };
    signals::shielded(|| exported.show(args.json, context))?;
    if absent == 0 { Ok(()) } else { Err(incomplete(absent).into()) }
}

/// A store file that lacks tuples would delete them for good, with `--prune`.
fn incomplete(absent: usize) -> Fault {
    let tuples = counted(absent as u64, "tuple", "tuples");
    Fault::new(Exit::Partial, format!("The store is exported, but {tuples} may be missing in it"))
        .hint("write them first: cargo xtask setup-openfga; then export it again")
}

/// That the file says what the store holds, by reading it as `setup-openfga` would.
fn check(store: &Store, model: &Model, tuples: &[Stored], export: &Export) -> Result<()> {
    let differs = || Fault::failed("The store file would not be read back as the same store");
    let options = Options { store: None, allow_external_files: false };
    let file = StoreFile::of(export.text.clone().into_bytes(), Path::new(""), "the store file", None, options);
    let file = file.with_context(differs)?;
    let read: HashMap<_, _> = file.tuples.iter().map(|tuple| (tuple.key(), tuple.condition.as_deref())).collect();
    let is_there = |stored: &&Stored| {
        read.get(&stored.key()).is_some_and(|condition| same_condition(*condition, stored.condition.as_ref()))
    };
    let same_model = file.model.as_ref().is_some_and(|read| model.difference(read).is_empty());
    let there = tuples.iter().filter(is_there).count();
    if !same_model || file.name != store.name || there != export.tuples || file.tuples.len() != export.tuples {
        return Err(differs().into());
    }
    Ok(())
}

fn say_what_is_left_out(export: &Export, context: &Context) {
    if export.unfitting > 0 {
        let tuples = counted(export.unfitting as u64, "tuple does", "tuples do");
        context
            .terminal
            .warn(&format!("{tuples} not fit the model, so that OpenFGA ignores them: they are comments in the file"));
    }
    if !export.not_in_dsl.is_empty() {
        let why = clean_line(&export.not_in_dsl.join("; "));
        context.terminal.warn(&format!(
            "The file holds the model as JSON, which the fga tool does not read there: \
             the DSL cannot express it ({why})"
        ));
    }
}

/// That the folder of the file is there: a path that is mistyped makes none.
fn check_folder(path: &Path, context: &Context) -> Result<(), Fault> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    folder.map_or(Ok(()), |folder| {
        let shown = context.shown(folder);
        Err(Fault::failed(format!("There is no folder {shown}"))
            .hint(format!("create it first: mkdir -p {}", shell_word(&shown))))
    })
}

fn not_written(path: &Path, context: &Context) -> Fault {
    Fault::failed(format!("{} cannot be written", context.shown(path)))
        .hint("check its folder's owner and permissions, and its disk")
}

fn write(args: &Args, path: &Path, text: &[u8], context: &Context) -> Result<()> {
    let shown = context.shown(path);
    if path.symlink_metadata().is_ok() {
        context.terminal.confirm(&format!("{shown} is there already. Replace it?"), args.yes)?;
    }
    write_private(path, text).with_context(|| not_written(path, context))
}

/// What was exported, from where and where to.
struct Exported<'a> {
    /// `None`: to stdout.
    file: Option<&'a Path>,
    server: &'a str,
    store: &'a Store,
    model: &'a str,
    export: &'a Export,
}

impl Exported<'_> {
    fn show(self, json: bool, context: &Context) -> Result<()> {
        let Self { file, server, store, model, export } = self;
        let terminal = &context.terminal;
        if json {
            return terminal.json(&Document {
                version: 1,
                server,
                store: Named { id: &store.id, name: &store.name },
                model,
                tuples: export.tuples,
                unfitting: export.unfitting,
                file,
                content: if file.is_none() { Some(&export.text) } else { None },
            });
        }
        let Some(path) = file else { return terminal.result_piece(export.text.as_bytes()) };
        if !terminal.stdout_is_terminal() {
            return terminal.result_path(&context.relative_path(path));
        }
        let lines = [
            terminal.done_line(&format!("Store {} exported", clean_line(&store.name))),
            String::new(),
            format!("File:    {}", clean_line(&context.shown(path))),
            format!("Server:  {server}"),
            format!("Store:   {}", clean_line(&store.id)),
            format!("Model:   {}", clean_line(model)),
            format!("Tuples:  {}", terminal::count(export.tuples as u64)),
        ];
        terminal.result_report(&terminal::report(&lines))
    }
}
