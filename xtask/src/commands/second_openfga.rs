//! The second OpenFGA of a command that runs a store file's tests: started when it is needed first, said to people.

use crate::context::Context;
use crate::openfga::api::Api;
use crate::openfga::assertions::OwnStore;
use crate::openfga::model::Model;
use crate::openfga::second::Second;
use crate::openfga::tuples::Tuple;
use crate::target::Target;
use anyhow::{Context as _, Result};
use std::cell::OnceCell;

/// Started when it is needed first.
#[derive(Debug)]
pub struct SecondOpenfga<'a> {
    target: &'a Target,
    live: &'a Api,
    /// Whether stores may be made on the live server.
    temporary: bool,
    context: &'a Context,
    started: OnceCell<Second<'a>>,
}

impl<'a> SecondOpenfga<'a> {
    pub fn new(target: &'a Target, live: &'a Api, temporary: bool, context: &'a Context) -> Self {
        Self { target, live, temporary, context, started: OnceCell::new() }
    }

    /// A store of this model and these tuples, a test's own among them.
    pub fn store(&self, model: &Model, tuples: &[Tuple], own: &[Tuple]) -> Result<OwnStore<'_>> {
        self.start()?;
        self.started.get().context("the second OpenFGA")?.store(model, tuples, own)
    }

    /// Starts it, where it does not run yet.
    pub fn start(&self) -> Result<()> {
        if self.started.get().is_none() {
            let waiting = self.context.terminal.waiting("starting a second OpenFGA");
            let (settings, root) = (&self.context.settings, &self.context.root);
            let started = Second::start(self.target, settings, root, self.live, self.temporary)?;
            drop(waiting);
            if started.rows_stay() {
                let text = "The tests use a temporary store of the live server: it is deleted afterwards, its rows stay in the database";
                self.context.terminal.warn(text);
            }
            self.started.get_or_init(|| started);
        }
        Ok(())
    }
}
