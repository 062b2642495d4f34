//! The steps of a run, in their order: look, ask, write, delete, test, and the ids at the end.

use super::chosen::Chosen;
use super::env::Ids;
use super::options::Options;
use super::plan::Wanted;
use super::report::{Done, Report};
use crate::commands::absent_tuples;
use crate::commands::assertions::ask;
use crate::commands::second_openfga::SecondOpenfga;
use crate::commands::store_file::connected;
use crate::context::Context;
use crate::error::{Exit, Fault};
use crate::openfga::api::Api;
use crate::openfga::assertions::{Live, Tally, needs_own_store};
use crate::openfga::model::Model;
use crate::openfga::reconcile;
use crate::openfga::server::OpenfgaServer;
use crate::openfga::store;
use crate::openfga::store_file::StoreFile;
use crate::process::signals;
use crate::settings::fault_point;
use crate::target::Target;
use crate::target::state_folder::StateFolder;
use crate::terminal;
use anyhow::{Context as _, Result};
use std::cell::Cell;

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
