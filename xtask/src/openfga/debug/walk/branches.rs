//! Tuples that lead on to a relation of another object.

use super::Walk;
use crate::openfga::api::Stored;
use crate::openfga::debug::node::{Judged, Node, TupleName, Unshown, Verdict, Way};
use crate::openfga::debug::source::Userset;
use crate::openfga::model::type_of;
use anyhow::Result;
use std::collections::HashSet;

/// At most this many branches of one kind are followed.
const MOST_BRANCHES: usize = 20;
/// For at most this many of them the server is asked which ones to follow.
const MOST_ASKED: usize = 200;
/// Of at most this many kinds, those with a tuple of the user's own come first.
const MOST_KINDS: usize = 5;

/// A tuple that leads on to a relation of another object.
struct Branch<'t> {
    tuple: &'t Stored,
    next: Userset,
    condition: Option<Judged>,
}

impl Branch<'_> {
    /// Whether its condition lets it lead on.
    fn gate(&self) -> Verdict {
        self.condition.as_ref().map_or(Verdict::Yes, |condition| condition.verdict)
    }

    /// The type of the next object, and its relation.
    fn kind(&self) -> Userset {
        (type_of(&self.next.0).to_owned(), self.next.1.clone())
    }
}

impl Walk<'_> {
    /// Tuples that lead on. Of many, those that the server says lead to the user are followed first.
    pub(super) fn branches(&mut self, tuples: Vec<(&Stored, Userset)>, way: fn(TupleName) -> Way) -> Result<Branches> {
        let mut found = Branches::default();
        let mut open = Vec::new();
        for (tuple, next) in tuples {
            if let Some(why) = self.model.why_not(&tuple.parts()) {
                found.verdicts.push(Verdict::No);
                found.ignored.push(Node::ignored(TupleName::of(tuple), why));
                continue;
            }
            let condition = self.judged(tuple)?;
            open.push(Branch { tuple, next, condition });
        }
        let rest = if open.len() > MOST_BRANCHES { self.best_first(&mut open)? } else { Vec::new() };
        let are_asked = self.ask_behind_shut(&open)?;
        for branch in open {
            let gate = branch.gate();
            let below = match gate {
                Verdict::No if !are_asked => None,
                Verdict::No => Some(self.behind_shut(&branch.next)?),
                _ => Some(self.relation(&branch.next.0, &branch.next.1)?),
            };
            let verdict = below.as_ref().map_or(Verdict::No, |below| behind(gate, below.verdict));
            found.verdicts.push(verdict);
            let node = Node::new(way(TupleName::of(branch.tuple)), verdict, below.into_iter().collect());
            found.nodes.push(node.with_condition(branch.condition));
        }
        let ignored = std::mem::take(&mut found.ignored);
        let more = ignored.len().saturating_sub(MOST_BRANCHES);
        found.nodes.extend(ignored.into_iter().take(MOST_BRANCHES));
        rest.iter().for_each(|verdict| found.unshown.add(*verdict));
        (0..more).for_each(|_| found.unshown.add(Verdict::No));
        found.verdicts.extend(rest);
        Ok(found)
    }

    /// Tuples of a tupleset to objects without the relation: they lead nowhere. A server decides their conditions all the
    /// same, and where one of them lacks a value it decides nothing.
    pub(super) fn undecided_beside(&self, tuples: &[&Stored], relation: &str, found: &mut Branches) -> Result<()> {
        let mut left = MOST_ASKED;
        for tuple in tuples.iter().filter(|tuple| self.model.why_not(&tuple.parts()).is_none()) {
            let Some(condition) = &tuple.condition else { continue };
            if left == 0 {
                found.verdicts.push(Verdict::Undecided);
                found.unshown.add(Verdict::Undecided);
                continue;
            }
            left -= 1;
            let judged = self.source.condition(tuple.key(), condition)?;
            if judged.verdict == Verdict::Undecided {
                let note = format!("{} has no relation {relation}, its condition is decided all the same", tuple.user);
                let node = Node::leaf(Way::Object { tuple: TupleName::of(tuple) }, Verdict::Undecided);
                found.nodes.push(node.with_condition(Some(judged)).with_note(note));
                found.verdicts.push(Verdict::Undecided);
            }
        }
        Ok(())
    }

    /// Asks the server at once for the branches whose conditions do not hold, and counts them as looked at. `false`: they are
    /// more than may still be looked at, and none was asked for.
    fn ask_behind_shut(&mut self, open: &[Branch<'_>]) -> Result<bool> {
        let shut = open.iter().filter(|branch| branch.gate() == Verdict::No);
        let shut: Vec<Userset> = shut.map(|branch| branch.next.clone()).collect();
        let left = if self.is_behind_shut { &mut self.left } else { &mut self.left_beyond };
        let Some(rest) = left.checked_sub(shut.len()) else { return Ok(false) };
        *left = rest;
        if !shut.is_empty() {
            self.source.ask(self.user, &shut)?;
        }
        Ok(true)
    }

    /// Where a tuple would lead whose condition does not hold. Where that is not the user, what is missing there is
    /// looked for, too.
    fn behind_shut(&mut self, next: &Userset) -> Result<Node> {
        let answer = self.asked(next.clone())?;
        if answer.verdict == Verdict::Yes {
            return Ok(answer);
        }
        if self.is_behind_shut {
            return if self.left == 0 { Ok(answer) } else { self.relation(&next.0, &next.1) };
        }
        std::mem::swap(&mut self.left, &mut self.left_beyond);
        self.is_behind_shut = true;
        let below = if self.left == 0 { Ok(answer) } else { self.relation(&next.0, &next.1) };
        self.is_behind_shut = false;
        std::mem::swap(&mut self.left, &mut self.left_beyond);
        below
    }

    /// Keeps the branches that are followed; the verdicts of the others, as the server answers.
    fn best_first(&self, open: &mut Vec<Branch<'_>>) -> Result<Vec<Verdict>> {
        let mut kinds: Vec<Userset> = open.iter().map(|branch| branch.kind()).collect();
        kinds.sort();
        kinds.dedup();
        let mut own = HashSet::new();
        for (object_type, relation) in kinds.into_iter().take(MOST_KINDS) {
            let objects = self.source.objects_of(self.user, &relation, &object_type)?;
            own.extend(objects.into_iter().map(|object| (object, relation.clone())));
        }
        open.sort_by_key(|branch| !own.contains(&branch.next));
        let unasked = open.split_off(MOST_ASKED.min(open.len()));
        let usersets: Vec<Userset> = open.iter().map(|branch| branch.next.clone()).collect();
        let answers = self.source.ask(self.user, &usersets)?;
        let judged = std::mem::take(open).into_iter().zip(answers);
        let mut judged: Vec<(Verdict, Branch<'_>)> =
            judged.map(|(branch, answer)| (behind(branch.gate(), answer.verdict), branch)).collect();
        judged.sort_by_key(|(verdict, _)| *verdict);
        let rest = judged.split_off(MOST_BRANCHES.min(judged.len()));
        open.extend(judged.into_iter().map(|(_, branch)| branch));
        let unasked = unasked.iter().map(|branch| behind(branch.gate(), Verdict::Undecided));
        Ok(rest.into_iter().map(|(verdict, _)| verdict).chain(unasked).collect())
    }
}

/// A tuple leads on while its condition holds. Where that cannot be decided a server goes no further.
fn behind(gate: Verdict, below: Verdict) -> Verdict {
    if gate == Verdict::Yes { below } else { gate }
}

/// What became of tuples that lead on.
#[derive(Default)]
pub(super) struct Branches {
    pub(super) nodes: Vec<Node>,
    ignored: Vec<Node>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) unshown: Unshown,
}
