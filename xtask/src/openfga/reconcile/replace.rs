//! Tuples whose condition changed, one batch after the other: recorded, deleted, written.
//!
//! A request cannot delete and write the same tuple, so each batch is absent for a moment. At no time is more than one:
//! a signal waits for the batch's end, and what a killed run left is completed by the next ([`super::absent`]).

use super::batches::{batches, size};
use super::pending::{Pair, Pending};
use crate::error::{Exit, Fault};
use crate::openfga::api::{Api, Asking, CheckRequest, Stored};
use crate::openfga::client::refusal;
use crate::openfga::tuples::{Condition, Tuple, key_json};
use crate::process::signals;
use crate::settings::fault_point;
use crate::target::state_folder::StateFolder;
use anyhow::Result;
use serde_json::Value;

/// A tuple as the file has it, and the condition that the store has it with.
pub type Changed<'t> = (&'t Tuple, Option<Condition>);

/// Where tuples are replaced, and where batches are recorded.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    pub api: &'a Api,
    pub store: &'a str,
    pub model: &'a str,
    pub folder: &'a StateFolder,
}

impl Replacement<'_> {
    /// Replaces all of them; `done` hears how many are.
    ///
    /// # Errors
    /// Exit 1 where the server refuses a tuple: no batch is touched before each is known to be taken. Exit 6 where a
    /// batch may be absent now.
    pub fn run(self, changed: &[Changed<'_>], done: &dyn Fn(u64)) -> Result<()> {
        let batches = batches(changed, |(tuple, before)| {
            size(tuple) + before.as_ref().map_or(0, |before| before.shown().len() + 40)
        });
        for batch in &batches {
            signals::check()?;
            self.validate(batch)?;
        }
        let mut count = 0;
        for batch in batches {
            signals::check()?;
            // A signal must not leave the batch deleted and not written.
            signals::shielded(|| self.replace(batch))?;
            count += batch.len() as u64;
            done(count);
        }
        Ok(())
    }

    /// Asks a question whose answer does not matter, with the batch as contextual tuples: the server looks at them as if
    /// they were to be written.
    fn validate(self, batch: &[Changed<'_>]) -> Result<()> {
        let Some((first, _)) = batch.first() else { return Ok(()) };
        let tuples: Vec<Tuple> = batch.iter().map(|(tuple, _)| (*tuple).clone()).collect();
        let other = |text: &str| format!("{}:xtask-{}", text.split(':').next().unwrap_or_default(), std::process::id());
        let (user, object) = (other(&first.user), other(&first.object));
        let asking = Asking { store: self.store, model: self.model, tuples: &tuples, context: None };
        let request = CheckRequest { user: &user, relation: &first.relation, object: &object, context: None };
        match self.api.check(asking, &request) {
            Err(error) if refusal(&error).is_some_and(|refusal| !refusal.is_passing()) => {
                Err(error.context(Fault::failed("The server does not accept a tuple with its new condition")))
            }
            asked => asked.map(drop),
        }
    }

    fn replace(self, batch: &[Changed<'_>]) -> Result<()> {
        let pairs = batch.iter().map(|(tuple, before)| Pair {
            before: Stored::of(tuple.key(), before.as_ref()),
            after: Stored::of(tuple.key(), tuple.condition.as_deref()),
        });
        let pending = Pending::record(self.folder, self.api.url(), self.store, pairs.collect())?;
        fault_point("recorded");
        let keys: Vec<Value> = batch.iter().map(|(tuple, _)| key_json(tuple.key())).collect();
        self.api.delete(self.store, &keys).map_err(|error| self.unfinished(error, &pending, batch.len()))?;
        fault_point("absent");
        let after: Vec<Value> = pending.pairs().iter().map(|pair| pair.after.to_json()).collect();
        if let Err(error) = self.api.write(self.store, self.model, &after) {
            let refused = refusal(&error).is_some_and(|refusal| !refusal.is_passing());
            let before: Vec<Value> = pending.pairs().iter().map(|pair| pair.before.to_json()).collect();
            // What the server does not take is put back as it was.
            if refused && self.api.write(self.store, self.model, &before).is_ok() {
                pending.forget()?;
                return Err(error);
            }
            return Err(self.unfinished(error, &pending, batch.len()));
        }
        fault_point("replaced");
        pending.forget()
    }

    fn unfinished(self, error: anyhow::Error, pending: &Pending, count: usize) -> anyhow::Error {
        let tuples = crate::words::counted(count as u64, "tuple", "tuples");
        let fault =
            Fault::new(Exit::Partial, format!("{tuples} may be missing now; they are recorded in {}", pending.path()));
        error.context(fault.hint("run it again when the server answers: that writes them first"))
    }
}
