//! What would allow a question that is denied: tuples to write or to delete, and conditions or their values to change.

mod farther;
mod links;
mod nearness;
mod tuple;

use super::change::{Change, Set, joined, order_of};
use super::node::{Node, Verdict, Way};
use super::source::Source;
use crate::openfga::model::Model;
use anyhow::Result;
use nearness::Nearness;
use std::cell::Cell;

/// At most this many sets are looked at in one place of the tree.
const MOST: usize = 60;

/// Where tuples are looked for that link what the user has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    Nowhere,
    /// Where the tree has nothing else.
    Last,
    Everywhere,
    /// Everywhere, also to what the user does not have, together with what gives it that.
    Farther,
}

/// Sets of changes, small and narrow ones first.
#[derive(Debug)]
pub struct Candidates {
    pub sets: Vec<Set>,
    /// Whether a limit left some out.
    pub are_cut: bool,
    /// There are places where a link was not looked for.
    pub has_unlinked: bool,
    /// A link was looked for, and the user has nothing that could be linked.
    pub lacks_links: bool,
}

/// The sets of changes that the tree says would allow it. The server has verified none.
pub fn candidates(model: &Model, source: &dyn Source, user: &str, tree: &Node, links: Links) -> Result<Candidates> {
    let (are_cut, has_unlinked, lacks_links) = (Cell::new(false), Cell::new(false), Cell::new(false));
    let (nearness, reads, trees) = (Nearness::of(tree), Cell::new(0), Cell::new(0));
    let search = Search { model, source, user, links, are_cut, has_unlinked, lacks_links, nearness, reads, trees };
    let mut sets = search.allowing(tree)?;
    for set in &mut sets {
        set.sort_by_key(Change::order);
    }
    sets.sort_by_cached_key(|set| {
        let (number, everybody, widest, order) = order_of(set);
        (number, everybody, widest, search.breadth(set), order)
    });
    sets.dedup_by_key(|set| order_of(set));
    let Search { are_cut, has_unlinked, lacks_links, .. } = search;
    Ok(Candidates { sets, are_cut: are_cut.get(), has_unlinked: has_unlinked.get(), lacks_links: lacks_links.get() })
}

struct Search<'a> {
    model: &'a Model,
    source: &'a dyn Source,
    user: &'a str,
    links: Links,
    nearness: Nearness,
    reads: Cell<usize>,
    /// Trees of other objects that were built.
    trees: Cell<usize>,
    has_unlinked: Cell<bool>,
    lacks_links: Cell<bool>,
    /// Whether a limit of the tree or of this search left something out.
    are_cut: Cell<bool>,
}

impl Search<'_> {
    /// Sets after which the node leads to the user.
    fn allowing(&self, node: &Node) -> Result<Vec<Set>> {
        if node.verdict == Verdict::Yes {
            return Ok(vec![Vec::new()]);
        }
        if node.unshown.count() > 0 {
            self.are_cut.set(true);
        }
        Ok(match &node.way {
            Way::Missing { tuple } => self.writing(tuple, None, None),
            Way::Tuple { tuple } | Way::Ignored { tuple } => {
                let present = self.source.tuple((&tuple.user, &tuple.relation, &tuple.object))?;
                self.writing(tuple, present.as_ref(), node.condition.as_ref())
            }
            // Its condition does not let it lead on: with another one, or with none, it may.
            Way::Userset { tuple } | Way::Object { tuple } if is_shut(node) => {
                let opened = self.writing(tuple, self.stored(tuple)?.as_ref(), node.condition.as_ref());
                if node.children.is_empty() {
                    self.are_cut.set(true);
                }
                self.together(&opened, &self.one_of(node.children.iter(), Self::allowing)?)
            }
            Way::Relation { .. } | Way::Computed { .. } | Way::Userset { .. } | Way::Object { .. } | Way::Union => {
                self.one_of(node.children.iter(), Self::allowing)?
            }
            Way::Direct { object, relation, .. } => {
                self.or_linking(node, || self.linking_usersets(object, relation))?
            }
            Way::From { object, relation, tupleset } => {
                self.or_linking(node, || self.linking_objects(object, relation, tupleset))?
            }
            Way::Intersection => self.all_of(node.children.iter(), Self::allowing)?,
            Way::Exclusion => self.allowing_exclusion(node)?,
            Way::Asked { .. } | Way::Unfollowed { .. } | Way::Unread => {
                self.are_cut.set(true);
                Vec::new()
            }
            Way::Itself { .. } | Way::Cycle { .. } | Way::Beside { .. } => Vec::new(),
        })
    }

    /// The sets of what is below, and links where those are wanted.
    fn or_linking(&self, node: &Node, links: impl Fn() -> Result<Vec<Set>>) -> Result<Vec<Set>> {
        let mut found = self.one_of(node.children.iter(), Self::allowing)?;
        let is_wanted = match self.links {
            Links::Nowhere => false,
            Links::Last => found.is_empty(),
            Links::Everywhere | Links::Farther => true,
        };
        if is_wanted {
            found.extend(links()?);
            self.cut(&mut found);
        } else {
            self.has_unlinked.set(true);
        }
        Ok(found)
    }

    /// Sets after which the first operand leads to the user and the second does not.
    fn allowing_exclusion(&self, node: &Node) -> Result<Vec<Set>> {
        let [base, subtract] = &node.children[..] else { return Ok(Vec::new()) };
        let unblocked = match subtract.verdict {
            Verdict::No => vec![Vec::new()],
            Verdict::Yes => self.denying(subtract)?,
            // A server may pass over a cycle, or let it deny: it is asked before the set is shown.
            Verdict::Cycle => [vec![Vec::new()], self.denying(subtract)?].concat(),
            Verdict::Undecided => {
                self.are_cut.set(true);
                Vec::new()
            }
        };
        Ok(self.together(&self.allowing(base)?, &unblocked))
    }

    /// Sets after which a node that leads to the user leads there no more, and a node that is a cycle is none any more.
    fn denying(&self, node: &Node) -> Result<Vec<Set>> {
        if node.unshown.yes + node.unshown.undecided > 0 {
            self.are_cut.set(true);
            return Ok(Vec::new());
        }
        let allowed = || node.children.iter().filter(|child| child.verdict == node.verdict);
        if !node.children.is_empty() && allowed().next().is_none() {
            // The server alone decided.
            self.are_cut.set(true);
            return Ok(Vec::new());
        }
        Ok(match &node.way {
            Way::Tuple { tuple } => self.deleting(tuple)?,
            Way::Userset { tuple } | Way::Object { tuple } => {
                let mut sets = self.deleting(tuple)?;
                sets.extend(self.one_of(allowed(), Self::denying)?);
                sets
            }
            Way::Relation { .. } | Way::Computed { .. } | Way::Direct { .. } | Way::From { .. } | Way::Union => {
                self.all_of(allowed(), Self::denying)?
            }
            Way::Intersection => self.one_of(allowed(), Self::denying)?,
            Way::Exclusion => match &node.children[..] {
                [base, subtract] => {
                    let mut sets = self.denying(base)?;
                    sets.extend(self.allowing(subtract)?);
                    sets
                }
                _ => Vec::new(),
            },
            Way::Asked { .. } | Way::Unfollowed { .. } | Way::Unread => {
                self.are_cut.set(true);
                Vec::new()
            }
            _ => Vec::new(),
        })
    }

    fn one_of<'n>(
        &self,
        nodes: impl Iterator<Item = &'n Node>,
        sets: fn(&Self, &Node) -> Result<Vec<Set>>,
    ) -> Result<Vec<Set>> {
        let mut found = Vec::new();
        for node in nodes {
            found.extend(sets(self, node)?);
        }
        self.cut(&mut found);
        Ok(found)
    }

    /// Whether the changes reach others than this user, as those of a group's tuples do; and how far from the question.
    fn breadth(&self, set: &[Change]) -> (bool, usize) {
        (set.iter().any(|change| change.tuple.user != self.user), self.nearness.of_set(set))
    }

    /// The smallest of many, the narrowest first.
    fn cut(&self, sets: &mut Vec<Set>) {
        sets.sort_by_cached_key(|set| (set.len(), self.breadth(set)));
        if sets.len() > MOST {
            self.are_cut.set(true);
            sets.truncate(MOST);
        }
    }

    /// Each set of the one with each of the other, as far as they are small enough; the smallest first.
    fn together(&self, one: &[Set], other: &[Set]) -> Vec<Set> {
        let pairs = one.iter().flat_map(|left| other.iter().map(move |right| (left, right)));
        let mut joined: Vec<Set> = pairs.filter_map(|(left, right)| joined(left, right)).collect();
        self.cut(&mut joined);
        joined
    }

    fn all_of<'n>(
        &self,
        nodes: impl Iterator<Item = &'n Node>,
        sets: fn(&Self, &Node) -> Result<Vec<Set>>,
    ) -> Result<Vec<Set>> {
        let mut found = vec![Vec::new()];
        for node in nodes {
            found = self.together(&found, &sets(self, node)?);
        }
        Ok(found)
    }
}

/// Whether the condition of the node's own tuple keeps it from leading on.
fn is_shut(node: &Node) -> bool {
    node.condition.as_ref().is_some_and(|condition| condition.verdict != Verdict::Yes)
}
