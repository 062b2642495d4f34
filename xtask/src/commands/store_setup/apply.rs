//! The steps of a run, in their order: look, ask, write, delete, test, and the ids at the end.

use super::chosen::Chosen;
use super::env::Ids;
use super::options::Options;
use super::plan::Wanted;
use super::report::{Done, Report};
use crate::commands::absent_tuples;
use crate::commands::assertions::{ask, outcome_lines, unanswered};
use crate::commands::second_openfga::SecondOpenfga;
use crate::commands::store_file::connected;
use crate::context::Context;
use crate::error::{self, Exit, Fault};
use crate::openfga::api::{Api, Store};
use crate::openfga::assertions::{Live, Outcome, OwnStore, Tally, needs_own_store};
use crate::openfga::client::refusal;
use crate::openfga::model::Model;
use crate::openfga::reconcile::replace::Replacement;
use crate::openfga::reconcile::{self, Plan, deleted};
use crate::openfga::server::OpenfgaServer;
use crate::openfga::store;
use crate::openfga::store_file::StoreFile;
use crate::process::signals;
use crate::settings::fault_point;
use crate::target::Target;
use crate::target::state_folder::StateFolder;
use crate::terminal::{self, count, counted};
use anyhow::{Context as _, Result};
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// How the store stands while a run changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreState {
    /// Nothing was written, or all that was written is taken away again.
    Untouched,
    Changed,
    /// The tests were asked: what they say is said already.
    Tested,
}

/// What a run is about.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    pub options: Options<'a>,
    pub target: &'a Target,
    pub file: &'a StoreFile,
    pub model: &'a Model,
    pub ids: &'a Ids,
    pub state: &'a Cell<StoreState>,
    pub context: &'a Context,
}

impl Setup<'_> {
    pub fn run(self, mut server: OpenfgaServer) -> Result<Report> {
        let Self { options, file, context, .. } = self;
        self.migrate(&server)?;
        let api = connected(&mut server, self.target, context)?;
        let folder = StateFolder::of(&context.root);
        let chosen = Chosen::find(options, &api, file, context)?;
        chosen.complete(options, context, &|| self.state.set(StoreState::Changed))?;
        let wanted = Wanted::find(options, chosen, file, self.model, context)?;
        wanted.show(file, context);
        if !wanted.tuples.is_nothing() {
            new_enough(&api, &server)?;
        }
        if options.dry_run {
            return self.planned(&api, &wanted);
        }
        let second = SecondOpenfga::new(self.target, &api, options.file.temporary_store, context);
        // Where there is none, that is found out before anything is written.
        if file.tests.iter().any(needs_own_store) {
            second.start()?;
        }
        if wanted.deletes(options) && !file.tests.is_empty() {
            self.try_beforehand(&second)?;
        }
        wanted.confirm(options, file, context)?;
        fault_point("planned");
        let (made, model, kept) = self.write(&api, &wanted, &folder)?;
        wanted.absent.forget()?;
        fault_point("tuples");
        let exact = wanted.tuples.only_ours || options.prune || reconcile::holds_only(&api, &made.id, &file.tuples)?;
        let live = Live { api: &api, store: &made.id, model: &model, exact, tuples: &file.tuples };
        let outcomes = ask(live, file, &second, context)?;
        let changed = self.state.replace(StoreState::Tested) == StoreState::Changed;
        self.check(&outcomes, changed)?;
        drop(second);
        fault_point("tested");
        // It is done and checked: a signal that comes now must not say otherwise.
        signals::shielded(|| {
            let env = self.write_ids(&made.id, &model)?;
            let tally = Tally::of(&outcomes);
            let done = Done { store: &made, model: &model, tally, kept };
            Ok(Report::of_plan(options, &api, file, &wanted, env).done(done))
        })
    }

    /// What a run without `--dry-run` would do.
    fn planned(self, api: &Api, wanted: &Wanted<'_>) -> Result<Report> {
        let id = wanted.store.as_ref().map(|store| store.id.as_str());
        id.map_or(Ok(0), |id| absent_tuples::warn(api, id, self.context))?;
        let env = self.ids.would_change(id, wanted.model.same(), self.context)?;
        Ok(Report::of_plan(self.options, api, self.file, wanted, env))
    }

    /// Whether `.env` was changed.
    fn write_ids(self, store: &str, model: &str) -> Result<bool> {
        self.ids.write(store, model, self.target, self.context).with_context(|| {
            let (id, model) = (terminal::shell_word(store), terminal::shell_word(model));
            let hint = format!("write them by hand: {}={id} {}={model}", store::STORE_ID, store::MODEL_ID);
            Fault::new(Exit::Partial, "The store is set up, but .env could not be written").hint(hint)
        })
    }

    fn migrate(self, server: &OpenfgaServer) -> Result<()> {
        if self.options.dry_run {
            return Ok(());
        }
        let terminal = &self.context.terminal;
        let waiting = terminal.waiting("looking at OpenFGA's tables");
        if server.migrate_if_behind(self.target, &|stage| waiting.say(stage))? {
            waiting.aside(|| terminal.done("OpenFGA's tables were out of date; they are migrated now"));
        }
        Ok(())
    }

    /// What is to be deleted counts for the tests: they are asked of a store that holds what the file says and nothing
    /// else, before the live one is touched.
    fn try_beforehand(self, second: &SecondOpenfga<'_>) -> Result<()> {
        let (file, context) = (self.file, self.context);
        let OwnStore { api, store, model } = second.store(self.model, &file.tuples, &[])?;
        let live = Live { api, store: &store, model: &model, exact: true, tuples: &file.tuples };
        let outcomes = ask(live, file, second, context)?;
        let tally = Tally::of(&outcomes);
        let of = counted(outcomes.len() as u64, "assertion", "assertions");
        self.say(&outcomes);
        if tally.failed > 0 {
            let message = format!(
                "{} of {of} failed with the file's tuples alone; nothing was changed",
                count(tally.failed as u64)
            );
            return Err(Fault::failed(message)
                .hint("fix the model, the tuples or the tests, then run it again")
                .into());
        }
        if tally.unanswered > 0 {
            return Err(unanswered(tally, &of).into());
        }
        context.terminal.done(&format!("{of} passed in a second OpenFGA that holds what the file says"));
        Ok(())
    }

    /// Store, model and tuples; what is deleted is kept in a file, which is given back.
    fn write(self, api: &Api, wanted: &Wanted<'_>, folder: &StateFolder) -> Result<(Store, String, Option<PathBuf>)> {
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

    /// Says what a person must know of the answers.
    fn say(self, outcomes: &[Outcome]) {
        let told = |outcome: &&Outcome| !outcome.passed || !outcome.extra.is_empty() || outcome.note.is_some();
        for outcome in outcomes.iter().filter(told) {
            outcome_lines(outcome, self.context).iter().for_each(|line| self.context.terminal.note(line));
        }
    }

    /// Goes on only where every test passed.
    fn check(self, outcomes: &[Outcome], changed: bool) -> Result<(), Fault> {
        self.say(outcomes);
        let tally = Tally::of(outcomes);
        let of = counted(outcomes.len() as u64, "assertion", "assertions");
        if tally.failed > 0 {
            let message =
                format!("{} of {of} failed; .env keeps the ids that it has", terminal::count(tally.failed as u64));
            let exit = if changed { Exit::Partial } else { Exit::Failed };
            return Err(Fault::new(exit, message).hint("fix the model, the tuples or the tests, then run it again"));
        }
        if tally.unanswered > 0 {
            let unanswered = count(tally.unanswered as u64);
            let message = format!("{unanswered} of {of} have no answer; .env keeps the ids that it has");
            let hint = "the server is too slow or down: check it with cargo xtask health-check, then run it again";
            return Err(Fault::unreachable(message).hint(hint));
        }
        Ok(())
    }
}

/// Without `on_duplicate` a write that is repeated, or that another run did first, is refused.
fn new_enough(api: &Api, server: &OpenfgaServer) -> Result<(), Fault> {
    if !api.is_before_1_10() {
        return Ok(());
    }
    let fault = Fault::failed(format!("OpenFGA at {} is older than 1.10: tuples cannot be written safely", api.url()));
    Err(fault.hint(if server.is_of_stack {
        "unset OPENFGA_IMAGE or XTASK_OPENFGA_BIN, or name a newer one there; then: cargo xtask up"
    } else {
        "upgrade that server to 1.10 or newer"
    }))
}
