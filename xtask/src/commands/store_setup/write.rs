//! What a run changes on the server: store, model and tuples.

use super::apply::{Setup, StoreState};
use super::plan::Wanted;
use crate::error::{self, Exit};
use crate::openfga::api::{Api, Store};
use crate::openfga::client::refusal;
use crate::openfga::reconcile::replace::Replacement;
use crate::openfga::reconcile::{Plan, deleted};
use crate::openfga::store;
use crate::settings::fault_point;
use crate::target::state_folder::StateFolder;
use anyhow::Result;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

impl Setup<'_> {
    /// Store, model and tuples; what is deleted is kept in a file, which is given back.
    pub(super) fn write(
        self,
        api: &Api,
        wanted: &Wanted<'_>,
        folder: &StateFolder,
    ) -> Result<(Store, String, Option<PathBuf>)> {
        let Some(store) = &wanted.store else {
            let made = self.attempt(store::create(api, &self.file.name))?;
            fault_point("store");
            return match self.fill(api, &made, wanted, folder) {
                Ok((model, kept)) => Ok((made, model, kept)),
                // What is refused leaves no store behind that holds half of it.
                Err(error) if error::exit(&error) == Exit::Failed && api.delete_store(&made.id).is_ok() => {
                    self.state.set(StoreState::Untouched);
                    Err(error)
                }
                Err(error) => Err(error),
            };
        };
        fault_point("store");
        let (model, kept) = self.fill(api, store, wanted, folder)?;
        Ok((store.clone(), model, kept))
    }

    fn fill(
        self,
        api: &Api,
        store: &Store,
        wanted: &Wanted<'_>,
        folder: &StateFolder,
    ) -> Result<(String, Option<PathBuf>)> {
        let model = match wanted.model.same() {
            Some(id) => id.to_owned(),
            None => self.attempt(store::write_model(api, &store.id, self.model))?,
        };
        fault_point("model");
        self.write_missing(api, &store.id, &model, &wanted.tuples)?;
        self.change_conditions(&Replacement { api, store: &store.id, model: &model, folder }, &wanted.tuples)?;
        let kept = if wanted.deletes(self.options) { Some(self.delete(api, store, &wanted.tuples)?) } else { None };
        Ok((model, kept))
    }

    fn write_missing(self, api: &Api, store: &str, model: &str, plan: &Plan<'_>) -> Result<()> {
        if !plan.missing.is_empty() {
            let terminal = &self.context.terminal;
            let progress = terminal.counter("writing tuples", plan.missing.len() as u64);
            let step = |written| {
                progress.set(written);
                fault_point("writing");
            };
            self.attempt_some(&|wrote| {
                plan.write(api, store, model, &|written| {
                    wrote();
                    step(written);
                })
            })?;
        }
        Ok(())
    }

    fn change_conditions(self, replacement: &Replacement<'_>, plan: &Plan<'_>) -> Result<()> {
        if !plan.changed.is_empty() {
            let progress = self.context.terminal.counter("changing conditions", plan.changed.len() as u64);
            replacement.run(&plan.changed, &|done| {
                self.state.set(StoreState::Changed);
                progress.set(done);
            })?;
        }
        Ok(())
    }

    /// Deletes what the file does not hold, after it was saved in a file: that file.
    fn delete(self, api: &Api, store: &Store, plan: &Plan<'_>) -> Result<PathBuf> {
        let terminal = &self.context.terminal;
        let kept = deleted::keep(&self.context.made_backups_folder()?, &store.name, &plan.others)?;
        terminal.note(&format!("The tuples to be deleted are saved in {}", self.context.shown(&kept)));
        fault_point("kept");
        let progress = terminal.counter("deleting tuples", plan.others.len() as u64);
        self.attempt_some(&|deleted| {
            plan.prune(api, &store.id, &|count| {
                deleted();
                progress.set(count);
                fault_point("deleting");
            })
        })?;
        Ok(kept)
    }

    /// After a request that changes something: unless it was refused or never sent, something is changed.
    fn attempt<T>(self, result: Result<T>) -> Result<T> {
        let touched = match &result {
            Ok(_) => true,
            Err(error) if matches!(error::exit(error), Exit::Signal(_)) => false,
            Err(error) => refusal(error).is_none_or(|refusal| refusal.unsure || refusal.is_passing()),
        };
        if touched {
            self.state.set(StoreState::Changed);
        }
        result
    }

    /// Attempts many requests. One that was done counts, whatever becomes of the others.
    fn attempt_some(self, work: &dyn Fn(&(dyn Fn() + Sync)) -> Result<()>) -> Result<()> {
        let some = AtomicBool::new(false);
        let result = work(&|| some.store(true, Ordering::Relaxed));
        if some.load(Ordering::Relaxed) {
            self.state.set(StoreState::Changed);
        }
        self.attempt(result)
    }
}
