//! What a run would change: the store, its model, its tuples.

use super::chosen::{Chosen, Elsewhere, list};
use super::options::Options;
use crate::context::Context;
use crate::error::Fault;
use crate::openfga::api::Store;
use crate::openfga::model::Model;
use crate::openfga::reconcile::Plan;
use crate::openfga::reconcile::absent::Absent;
use crate::openfga::reconcile::batches;
use crate::openfga::reconcile::stranded::{self, Stranded};
use crate::openfga::store::{Comparison, STORE_ID};
use crate::openfga::store_file::StoreFile;
use crate::terminal::{clean_line, counted};
use crate::words::shortened;
use anyhow::Result;
use std::borrow::Cow;

/// At most this many letters of a condition are shown.
const CONDITION_SHOWN: usize = 200;

/// The way from the live store to the file's.
#[derive(Debug)]
pub struct Wanted<'f> {
    /// The store; `None` where it is to be made.
    pub store: Option<Store>,
    /// A store of another name that the settings name.
    pub other: Option<Elsewhere>,
    /// What an interrupted run left absent.
    pub absent: Absent,
    pub model: Comparison,
    pub tuples: Plan<'f>,
    /// Live tuples that do not fit the file's model and stay.
    pub stranded: Vec<Stranded>,
}

impl<'f> Wanted<'f> {
    /// Looks at the store.
    pub fn find(
        options: Options<'_>,
        chosen: Chosen<'_>,
        file: &'f StoreFile,
        ours: &Model,
        context: &Context,
    ) -> Result<Self> {
        let Chosen { api, store, other, absent } = chosen;
        let (model, tuples) = match &store {
            Some(store) => {
                let progress = context.terminal.waiting("reading tuples");
                let say = |seen| progress.say(&format!("reading tuples: {}", crate::terminal::count(seen)));
                let model = Comparison::of(api, &store.id, ours)?;
                let all_others = options.prune || model.may_strand(ours);
                let tuples = Plan::draw(api, &store.id, &file.tuples, all_others, &say)?;
                (model, tuples)
            }
            None => (Comparison::NOTHING, Plan::all(&file.tuples)),
        };
        let may_strand = !options.prune && model.may_strand(ours);
        let stranded = if may_strand { stranded::find(model.live.as_ref(), ours, &tuples.others) } else { Vec::new() };
        Ok(Self { store, other, absent, model, tuples, stranded })
    }

    /// Whether tuples are to be deleted.
    pub fn deletes(&self, options: Options<'_>) -> bool {
        options.prune && !self.tuples.others.is_empty()
    }

    /// The tuples that are to be deleted, as people write them.
    pub fn deletions(&self, options: Options<'_>) -> Vec<String> {
        let others = self.tuples.others.iter().filter(|_| self.deletes(options));
        others.map(|other| format!("{} {} {}", other.user, other.relation, other.object)).collect()
    }

    /// Says what a person would want to know before it is done.
    pub fn show(&self, file: &StoreFile, context: &Context) {
        let terminal = &context.terminal;
        if let Some((other, origin)) = &self.other {
            let (id, name) = (&other.id, clean_line(&other.name));
            terminal.note(&format!(
                "{STORE_ID} ({}) is the store {name} ({id}); the file's is {}",
                origin.shown(),
                file.name
            ));
        }
        if self.store.is_none() {
            terminal.note(&format!("There is no store {} yet", file.name));
        }
        let differences = self.model.difference.as_deref().unwrap_or_default();
        if !differences.is_empty() {
            terminal.note("The model changes:");
            list(differences.iter().map(|line| clean_line(line)), context);
        }
        if !self.tuples.changed.is_empty() {
            terminal.note("Conditions of tuples change:");
            let lines = self.tuples.changed.iter().map(|(tuple, there)| {
                let shown = |condition: Option<String>| condition.unwrap_or_else(|| "none".to_owned());
                let before = shown(there.as_ref().map(|condition| condition.shown()));
                let after = shown(tuple.condition.as_ref().map(|condition| condition.shown()));
                clean_line(&format!("{}: {} → {}", tuple.shown(), beginning(&before), beginning(&after)))
            });
            list(lines, context);
            let most = batches::LARGEST;
            terminal.note(&format!(
                "  Each is deleted and written again, at most {most} at a time; between the two, checks that need it \
                 are denied"
            ));
        }
        if !self.stranded.is_empty() {
            terminal.warn(
                "Live tuples do not fit the new model: checks ignore them, and lists of their users may fail (--prune \
                 deletes them):",
            );
            list(self.stranded.iter().map(|stranded| clean_line(&stranded.to_string())), context);
        }
    }

    /// Asks where something could be meant otherwise.
    pub fn confirm(&self, options: Options<'_>, file: &StoreFile, context: &Context) -> Result<(), Fault> {
        let terminal = &context.terminal;
        if self.other.is_some() {
            terminal.confirm("Continue with the store of the file's name?", options.yes)?;
        }
        if !self.stranded.is_empty() {
            let tuples: usize = self.stranded.iter().map(|stranded| stranded.tuples).sum();
            let tuples = counted(tuples as u64, "live tuple", "live tuples");
            terminal.confirm(&format!("Write a model that {tuples} will no longer fit?"), options.yes)?;
        }
        if !self.deletes(options) {
            return Ok(());
        }
        terminal.note("Tuples that the file does not name:");
        list(self.deletions(options).iter().map(|line| clean_line(line)), context);
        let count = counted(self.tuples.others.len() as u64, "tuple", "tuples");
        let name = self.store.as_ref().map_or("", |store| &store.name);
        if file.tuples.is_empty() && !options.allow_empty {
            return confirm_empty(
                &format!("The file names no tuples. Delete all {count} of the store {name}?"),
                context,
            );
        }
        terminal.confirm(&format!("Delete {count} of the store {name}?"), options.yes)
    }
}

/// A condition with its context, of which the beginning is enough to know it by; and how long it is.
fn beginning(condition: &str) -> Cow<'_, str> {
    match shortened(condition, CONDITION_SHOWN) {
        Cow::Owned(beginning) => {
            let letters = counted(condition.chars().count() as u64, "character", "characters");
            format!("{beginning} ({letters})").into()
        }
        whole => whole,
    }
}

/// A file of tuples that is empty by mistake must not empty a store: `--yes` was typed for another one.
fn confirm_empty(question: &str, context: &Context) -> Result<(), Fault> {
    match context.terminal.ask(question)? {
        Some(true) => Ok(()),
        Some(false) => Err(Fault::failed("Declined; nothing was changed")),
        None => Err(Fault::failed(format!("{question} There is no terminal to ask on"))
            .hint("check the file and the files that it names; to delete all tuples: --prune --allow-empty --yes")),
    }
}
