//! Tuples that an interrupted run deleted and did not write again: found by its records, and written.
//!
//! A record is believed for this server and this store alone, and for tuples that the store's model takes. A tuple that
//! the present file names is not written from a record: the plan has it.

use super::pending::{Pair, Pending};
use crate::error::{Exit, Fault};
use crate::openfga::api::{Api, Stored};
use crate::openfga::model::Model;
use crate::openfga::tuples::{Key, Tuple};
use crate::target::state_folder::StateFolder;
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use std::collections::HashSet;

/// What is recorded, and what of it is absent.
#[derive(Debug, Default)]
pub struct Absent {
    /// The records of this store.
    records: Vec<Pending>,
    /// What the store does not have and the file does not name, with the record's number.
    pairs: Vec<(usize, Pair)>,
    /// Records of other stores or servers: where each is, and whose it is.
    pub others: Vec<(String, String)>,
}

impl Absent {
    /// Looks at the records and at the store; without a store each record is another's.
    ///
    /// # Errors
    /// Exit 6 for a record that cannot be understood.
    pub fn find(api: &Api, folder: &StateFolder, store: Option<&str>, tuples: &[Tuple]) -> Result<Self> {
        let all = Pending::all(folder)?;
        let is_ours = |pending: &Pending| store.is_some_and(|store| pending.is_of(api.url(), store));
        let (records, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_ours);
        let others = others.iter().map(|pending| (pending.path(), pending.about())).collect();
        let named: HashSet<Key<'_>> =
            if records.is_empty() { HashSet::new() } else { tuples.iter().map(Tuple::key).collect() };
        let mut pairs = Vec::new();
        for (number, pending) in records.iter().enumerate() {
            for pair in pending.pairs().iter().filter(|pair| !named.contains(&pair.after.key())) {
                if api.read_one(store.unwrap_or_default(), pair.after.key())?.is_none() {
                    pairs.push((number, pair.clone()));
                }
            }
        }
        Ok(Self { records, pairs, others })
    }

    /// The tuples that are to be written, as people write them.
    pub fn shown(&self) -> Vec<String> {
        let shown = |(_, pair): &(usize, Pair)| match &pair.after.condition {
            Some(condition) => format!("{} with {}", pair.after.shown(), condition.shown()),
            None => pair.after.shown(),
        };
        self.pairs.iter().map(shown).collect()
    }

    /// Writes them; `wrote` hears of each.
    ///
    /// # Errors
    /// Exit 6 for a tuple that is taken neither as it was to be nor as it was.
    pub fn write(&self, api: &Api, store: &str, wrote: &dyn Fn()) -> Result<()> {
        if self.pairs.is_empty() {
            return Ok(());
        }
        let (id, value) = api.newest_model(store)?.unwrap_or_default();
        // A newer server's model may hold what we have no words for: then it judges alone.
        let model = Model::from_value(&value).ok();
        for (number, pair) in &self.pairs {
            let write = |one: &_| write_one(api, (store, &id), model.as_ref(), one);
            // The newest model may be another one by now: then as it was.
            write(&pair.after).or_else(|_| write(&pair.before)).with_context(|| {
                let tuple = pair.after.shown();
                let message = format!("A tuple that an earlier run deleted cannot be written: {tuple}");
                let path = self.records.get(*number).map(Pending::path).unwrap_or_default();
                Fault::new(Exit::Partial, message)
                    .hint(format!("write it by hand; or, if it is not needed, remove {}", shell_word(&path)))
            })?;
            wrote();
        }
        Ok(())
    }

    /// Nothing that is recorded is absent any more.
    pub fn forget(&self) -> Result<()> {
        self.records.iter().try_for_each(Pending::forget)
    }
}

fn write_one(api: &Api, (store, id): (&str, &str), model: Option<&Model>, tuple: &Stored) -> Result<()> {
    if let Some(why) = model.and_then(|model| model.why_not(&tuple.parts())) {
        anyhow::bail!("the store's model does not take it: {why}");
    }
    api.write(store, id, &[tuple.to_json()])
}
