//! Which remedies hold: each is asked of the server before it is shown.

use super::change::{Action, Change, Set, SetOrder, gives_everybody, order_of};
use super::condition::{tuple, unknown_id};
use super::live::Live;
use super::node::{Node, Verdict};
use super::remedy::{Links, candidates};
use super::source::Changed;
use super::walk::Walk;
use crate::openfga::api::Stored;
use crate::openfga::model::{Model, is_wildcard, type_of};
use crate::openfga::tuples::{Key, Tuple};
use anyhow::Result;
use std::collections::BTreeSet;

/// At most this many candidates are tried.
const TRIED: usize = 100;
/// At most this many single changes are shown.
const MOST: usize = 10;
/// And so many whose values a person has to choose, of so many that are tried.
const MOST_OPEN: usize = 3;
const TRIED_OPEN: usize = 20;
/// What is shown has at most so many changes, or links to what the user does not have yet are looked for; so many are tried.
const FARTHEST: usize = 2;
const TRIED_FARTHER: usize = 30;

/// What would allow it.
#[derive(Debug, Default)]
pub struct Remedies {
    /// The single changes each of which would allow it; where there is none, the smallest set of changes.
    pub verified: Vec<Set>,
    /// Where each of these gives it to everybody of a type: changes that do not, if some were found.
    pub narrower: Option<Set>,
    /// The same for changes that need other values of a condition. Which values make it hold is not known. The tree says
    /// that the changes allow the question if it holds.
    pub open: Vec<Set>,
    /// Whether a limit kept verified ones from being found; of the open ones only a few are looked for.
    pub are_cut: bool,
}

/// What would allow a question that is denied.
pub fn remedies(model: &Model, live: &Live<'_>, question: Key<'_>, tree: &Node) -> Result<Remedies> {
    let (known, found) = (BTreeSet::new(), Remedies::default());
    let mut finder = Finder { model, live, question, tree, known, found, lacks_links: false };
    let has_unlinked = finder.search(Links::Last, TRIED, |_| true)?;
    let smallest = finder.smallest();
    if smallest > 1 && has_unlinked {
        // One link may do where two changes were found.
        let left = TRIED.saturating_sub(finder.known.len());
        finder.search(Links::Everywhere, left, |set| set.len() < smallest)?;
    }
    let smallest = finder.smallest();
    if smallest > FARTHEST {
        finder.search(Links::Farther, TRIED_FARTHER, |set| set.len() < smallest)?;
    } else if !is_wildcard(question.0) && finder.all_reach_everybody()? {
        finder.find_narrower()?;
    }
    let Finder { mut found, lacks_links, .. } = finder;
    found.are_cut |= lacks_links && found.verified.is_empty() && found.open.is_empty();
    found.are_cut |= live.has_tried_enough_values();
    Ok(found)
}

/// One search after the other, each wider than the one before.
struct Finder<'a> {
    model: &'a Model,
    live: &'a Live<'a>,
    question: Key<'a>,
    tree: &'a Node,
    /// What was looked at.
    known: BTreeSet<SetOrder>,
    found: Remedies,
    lacks_links: bool,
}

impl Finder<'_> {
    /// How many changes those have that were found.
    fn smallest(&self) -> usize {
        self.found.verified.first().map_or(usize::MAX, Vec::len)
    }

    /// Tries so many of the sets that are wanted. Gives whether there are places where a link was not looked for.
    fn search(&mut self, links: Links, most: usize, is_wanted: impl Fn(&Set) -> bool) -> Result<bool> {
        let Self { model, live, question, tree, .. } = *self;
        let next = candidates(model, live, question.0, tree, links)?;
        self.lacks_links |= next.lacks_links;
        let new = next.sets.into_iter().filter(|set| is_wanted(set) && self.known.insert(order_of(set)));
        let new: Vec<Set> = new.collect();
        self.found.are_cut |= next.are_cut || new.len() > most;
        let more = tried(model, live, question, new.into_iter().take(most).collect())?;
        self.found.are_cut |= more.are_cut;
        if !more.verified.is_empty() {
            self.found.verified = more.verified;
        }
        let open = std::mem::take(&mut self.found.open);
        self.found.open = open_of_both(open, more.open, &self.found.verified);
        Ok(next.has_unlinked)
    }

    /// Whether each set that was found gives it to everybody of the user's type: by its own tuple, or by a link to what
    /// everybody has.
    fn all_reach_everybody(&self) -> Result<bool> {
        for set in &self.found.verified {
            let has_link = set.iter().any(|change| change.tuple.user != self.question.0);
            let reaches_everybody =
                gives_everybody(set) || (has_link && is_written(set) && self.allows_a_stranger(set)?);
            if !reaches_everybody {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Beside those the first that does not.
    fn find_narrower(&mut self) -> Result<()> {
        let Self { model, live, question, tree, .. } = *self;
        let next = candidates(model, live, question.0, tree, Links::Farther)?;
        let is_narrow = |set: &Set| set.len() <= FARTHEST && is_written(set) && !gives_everybody(set);
        let new = next.sets.into_iter().filter(|set| is_narrow(set) && !self.known.contains(&order_of(set)));
        for set in tried(model, live, question, new.take(TRIED_FARTHER).collect())?.verified {
            if !self.allows_a_stranger(&set)? {
                self.found.narrower = Some(set);
                break;
            }
        }
        Ok(())
    }

    /// Whether tuples that are written allow it to a user of whom nothing is known.
    fn allows_a_stranger(&self, set: &Set) -> Result<bool> {
        let (user, relation, object) = self.question;
        let stranger = format!("{}:{}", type_of(user), unknown_id());
        allows(self.model, self.live, (&stranger, relation, object), set)
    }
}

/// Whether a check can try all of these changes.
fn is_written(set: &[Change]) -> bool {
    set.iter().all(|change| change.action != Action::Delete)
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
