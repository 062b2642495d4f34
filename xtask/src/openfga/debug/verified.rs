//! Which remedies hold: each is asked of the server before it is shown.

use super::change::{Action, Change, Set, order_of};
use super::condition::tuple;
use super::live::Live;
use super::node::{Node, Verdict};
use super::remedy::{Links, candidates};
use super::source::Changed;
use super::walk::Walk;
use crate::openfga::api::Stored;
use crate::openfga::model::Model;
use crate::openfga::tuples::{Key, Tuple};
use anyhow::Result;
use std::collections::BTreeSet;

/// So many candidates are tried.
const TRIED: usize = 100;
/// At most this many single changes are shown.
const MOST: usize = 10;
/// And so many whose values a person has to choose, of so many that are tried.
const MOST_OPEN: usize = 3;
const TRIED_OPEN: usize = 20;

/// What would allow it.
#[derive(Debug, Default)]
pub struct Remedies {
    /// The single changes each of which would allow it; where there is none, the smallest set of changes.
    pub verified: Vec<Set>,
    /// The same for changes that need other values of a condition. Which values make it hold is not known. The tree says
    /// that the changes allow the question if it holds.
    pub open: Vec<Set>,
    /// Whether a limit kept verified ones from being found; of the open ones only a few are looked for.
    pub are_cut: bool,
}

/// What would allow a question that is denied.
pub fn remedies(model: &Model, live: &Live<'_>, question: Key<'_>, tree: &Node) -> Result<Remedies> {
    let first = candidates(model, live, question.0, tree, Links::Last)?;
    let known: BTreeSet<_> = first.sets.iter().map(order_of).collect();
    let mut found = tried(model, live, question, first.sets)?;
    found.are_cut |= first.are_cut;
    let mut lacks_links = first.lacks_links;
    let smallest = found.verified.first().map_or(usize::MAX, Vec::len);
    if smallest > 1 && first.has_unlinked {
        let wider = candidates(model, live, question.0, tree, Links::Everywhere)?;
        let left = TRIED.saturating_sub(known.len());
        // One link may do where two changes were found.
        let is_new = |set: &Set| set.len() < smallest && !known.contains(&order_of(set));
        let new: Vec<Set> = wider.sets.into_iter().filter(is_new).collect();
        let is_cut = found.are_cut || wider.are_cut || new.len() > left;
        let more = tried(model, live, question, new.into_iter().take(left).collect())?;
        lacks_links |= wider.lacks_links;
        let verified = if more.verified.is_empty() { found.verified } else { more.verified };
        let open = open_of_both(found.open, more.open, &verified);
        found = Remedies { open, are_cut: is_cut || more.are_cut, verified };
    }
    found.are_cut |= lacks_links && found.verified.is_empty() && found.open.is_empty();
    found.are_cut |= live.has_tried_enough_values();
    Ok(found)
}

/// Which of these hold.
fn tried(model: &Model, live: &Live<'_>, question: Key<'_>, sets: Vec<Set>) -> Result<Remedies> {
    let mut found = Remedies { are_cut: sets.len() > TRIED, ..Remedies::default() };
    let mut open: Vec<Set> = Vec::new();
    for set in sets.into_iter().take(TRIED).filter(|set| !set.is_empty()) {
        if found.verified.first().is_some_and(|first| first.len() < set.len() || set.len() > 1) {
            break;
        }
        if found.verified.len() >= MOST {
            found.are_cut = true;
            break;
        }
        // A tuple with the values that it has changes nothing.
        let is_known = set.iter().all(|change| change.action != Action::ChooseValues);
        if is_known && allows(model, live, question, &set)? {
            found.verified.push(without_needless(model, live, question, set)?);
        } else if set.iter().any(Change::has_condition) {
            open.push(set);
        }
    }
    found.open = open_ones(model, live, question, open, &found.verified)?;
    Ok(found)
}

/// A set that allows it, without the changes that it does not need.
fn without_needless(model: &Model, live: &Live<'_>, question: Key<'_>, mut set: Set) -> Result<Set> {
    let mut at = 0;
    while set.len() > 1 && at < set.len() {
        let mut fewer = set.clone();
        fewer.remove(at);
        if allows(model, live, question, &fewer)? {
            set = fewer;
        } else {
            at = at.saturating_add(1);
        }
    }
    Ok(set)
}

/// Of the sets whose conditions need other values the smallest ones, as far as they are no larger than the verified ones.
/// Of those that are no smaller, only other values of a tuple that is there are worth a look.
fn open_ones(model: &Model, live: &Live<'_>, question: Key<'_>, sets: Vec<Set>, verified: &[Set]) -> Result<Vec<Set>> {
    let mut found: Vec<Set> = Vec::new();
    for set in sets.into_iter().filter(|set| is_wanted(set, verified)).take(TRIED_OPEN) {
        if found.len() >= MOST_OPEN || found.first().is_some_and(|first| first.len() < set.len() || set.len() > 1) {
            break;
        }
        let holding: Vec<Stored> =
            set.iter().filter(|change| change.has_condition()).map(|change| change.tuple.clone()).collect();
        if allows_by_the_tree(model, live, question, &set, &holding)? {
            found.push(set);
        }
    }
    Ok(found)
}

/// Whether an open set is worth a look beside the verified ones.
fn is_wanted(set: &Set, verified: &[Set]) -> bool {
    let has_values = verified.iter().flatten().any(|change| change.action == Action::ChangeValues);
    let has_own = |change: &Change| change.tuple.condition.as_ref().is_some_and(|it| !it.context.is_empty());
    let is_there = set.iter().all(|it| !it.has_condition() || (it.action == Action::ChooseValues && has_own(it)));
    let is_smaller = verified.first().is_none_or(|first| set.len() < first.len());
    is_smaller || (!has_values && is_there)
}

/// The open sets of both searches, as one search would have kept them.
fn open_of_both(first: Vec<Set>, more: Vec<Set>, verified: &[Set]) -> Vec<Set> {
    let mut all: Vec<Set> = first.into_iter().chain(more).filter(|set| is_wanted(set, verified)).collect();
    all.sort_by_key(Vec::len);
    let smallest = all.first().map_or(0, Vec::len);
    all.retain(|set| set.len() == smallest);
    all.truncate(if smallest == 1 { MOST_OPEN } else { 1 });
    all
}

/// The tuples of the changes of some kinds.
fn of(set: &[Change], wanted: fn(Action) -> bool) -> Vec<Stored> {
    set.iter().filter(|change| wanted(change.action)).map(|change| change.tuple.clone()).collect()
}

/// Whether the changes allow it. What a check can try the server decides: the tuples go along with the question. It cannot
/// take a tuple away; then the tree decides, which agrees with the server about the store as it is.
fn allows(model: &Model, live: &Live<'_>, question: Key<'_>, set: &Set) -> Result<bool> {
    if set.iter().any(|change| change.action == Action::Delete) {
        return allows_by_the_tree(model, live, question, set, &[]);
    }
    let contextual = |stored: &Stored| tuple(&stored.user, &stored.relation, &stored.object, stored.condition.clone());
    let tuples: Vec<Tuple> = set.iter().map(|change| contextual(&change.tuple)).collect();
    Ok(live.check(question, &tuples)?.verdict == Verdict::Yes)
}

fn allows_by_the_tree(
    model: &Model,
    live: &Live<'_>,
    (user, relation, object): Key<'_>,
    set: &Set,
    holding: &[Stored],
) -> Result<bool> {
    let written = of(set, |action| !matches!(action, Action::ChooseValues | Action::Delete));
    let deleted = of(set, |action| action == Action::Delete);
    let changed = Changed { source: live, written: &written, deleted: &deleted, holding };
    Ok(Walk::new(model, user, &changed).relation(object, relation)?.verdict == Verdict::Yes)
}
