//! Which remedies hold: each is asked of the server before it is shown.

use super::condition::tuple;
use super::live::Live;
use super::node::{Node, Verdict};
use super::remedy::{Action, Set, candidates};
use super::source::Changed;
use super::walk::Walk;
use crate::openfga::api::Stored;
use crate::openfga::model::Model;
use crate::openfga::tuples::{Key, Tuple};
use anyhow::Result;

/// So many candidates are tried.
const TRIED: usize = 40;
/// At most this many single changes are shown.
const MOST: usize = 10;

/// The single changes each of which would allow it; where there is none, the smallest set of changes.
pub fn remedies(model: &Model, live: &Live<'_>, question: Key<'_>, tree: &Node) -> Result<Vec<Set>> {
    let mut found: Vec<Set> = Vec::new();
    for set in candidates(model, live, tree)?.into_iter().take(TRIED) {
        let is_enough =
            found.len() >= MOST || found.first().is_some_and(|first| first.len() < set.len() || set.len() > 1);
        if is_enough {
            break;
        }
        if !set.is_empty() && allows(model, live, question, &set)? {
            found.push(set);
        }
    }
    Ok(found)
}

/// Whether the changes allow it. What a check can try the server decides: the tuples go along with the question. It cannot
/// take a tuple away; then the tree decides, which agrees with the server about the store as it is.
fn allows(model: &Model, live: &Live<'_>, (user, relation, object): Key<'_>, set: &Set) -> Result<bool> {
    let with = |wanted: fn(Action) -> bool| -> Vec<Stored> {
        set.iter().filter(|change| wanted(change.action)).map(|change| change.tuple.clone()).collect()
    };
    let (written, deleted) = (with(|action| action != Action::Delete), with(|action| action == Action::Delete));
    if deleted.is_empty() {
        let of = |stored: &Stored| tuple(&stored.user, &stored.relation, &stored.object, stored.condition.clone());
        let tuples: Vec<Tuple> = written.iter().map(of).collect();
        return Ok(live.check((user, relation, object), &tuples)?.verdict == Verdict::Yes);
    }
    let changed = Changed { source: live, written: &written, deleted: &deleted };
    Ok(Walk::new(model, user, &changed).relation(object, relation)?.verdict == Verdict::Yes)
}
