//! What would turn a denial into an allowance: tuples to write, or to delete where they stand behind `but not`.

use super::node::{Node, TupleName, Verdict, Way};
use super::source::Source;
use crate::openfga::api::Stored;
use crate::openfga::model::{Model, UserType, is_wildcard, split_userset, type_of};
use crate::openfga::tuples::Condition;
use anyhow::Result;
use serde_json::Map;

/// No set of changes is larger.
const LARGEST: usize = 3;
/// So many sets are looked at in one place of the tree.
const MOST: usize = 60;

/// What is done with a tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Write,
    /// It is there with another condition: a server refuses to write it until it is deleted.
    ChangeCondition,
    Delete,
}

/// One change of the store.
#[derive(Debug, Clone)]
pub struct Change {
    pub action: Action,
    /// The tuple to write, or the stored tuple to delete.
    pub tuple: Stored,
}

impl Change {
    /// Narrow ones first.
    fn order(&self) -> (bool, bool, Action, TupleName, String) {
        let condition = self.tuple.condition.as_ref().map(Condition::shown).unwrap_or_default();
        let everybody = is_wildcard(&self.tuple.user);
        (everybody, !condition.is_empty(), self.action, TupleName::of(&self.tuple), condition)
    }
}

/// Changes that are made together.
pub type Set = Vec<Change>;

/// The sets of changes that the tree says would allow it, small and narrow ones first. The server has verified none.
pub fn candidates(model: &Model, source: &dyn Source, tree: &Node) -> Result<Vec<Set>> {
    let mut sets = Remedies { model, source }.allowing(tree)?;
    for set in &mut sets {
        set.sort_by_key(Change::order);
    }
    let order = |set: &Set| (set.len(), set.iter().map(Change::order).collect::<Vec<_>>());
    sets.sort_by_cached_key(order);
    sets.dedup_by_key(|set| order(set));
    Ok(sets)
}

struct Remedies<'a> {
    model: &'a Model,
    source: &'a dyn Source,
}

impl Remedies<'_> {
    /// Sets after which the node leads to the user.
    fn allowing(&self, node: &Node) -> Result<Vec<Set>> {
        if node.verdict == Verdict::Yes {
            return Ok(vec![Vec::new()]);
        }
        Ok(match &node.way {
            Way::Missing { tuple } => self.writing(tuple, None),
            Way::Tuple { tuple } => {
                let present = self.source.tuple((&tuple.user, &tuple.relation, &tuple.object))?;
                self.writing(tuple, present.as_ref())
            }
            // Its condition does not let it lead on: with another one, or with none, it may.
            Way::Userset { tuple } | Way::Object { tuple } if is_shut(node) => {
                let opened = self.writing(tuple, self.stored(tuple)?.as_ref());
                together(&opened, &self.one_of(node.children.iter(), Self::allowing)?)
            }
            Way::Relation { .. }
            | Way::Computed { .. }
            | Way::Userset { .. }
            | Way::Object { .. }
            | Way::Direct { .. }
            | Way::From { .. }
            | Way::Union => self.one_of(node.children.iter(), Self::allowing)?,
            Way::Intersection => self.all_of(node.children.iter(), Self::allowing)?,
            Way::Exclusion => self.allowing_exclusion(node)?,
            Way::Itself { .. } | Way::Cycle { .. } | Way::Asked { .. } | Way::Ignored { .. } | Way::Unread => {
                Vec::new()
            }
        })
    }

    /// Sets after which the first operand leads to the user and the second does not.
    fn allowing_exclusion(&self, node: &Node) -> Result<Vec<Set>> {
        let [base, subtract] = &node.children[..] else { return Ok(Vec::new()) };
        let unblocked = match subtract.verdict {
            Verdict::No => vec![Vec::new()],
            Verdict::Yes => self.denying(subtract)?,
            Verdict::Undecided | Verdict::Cycle => Vec::new(),
        };
        Ok(together(&self.allowing(base)?, &unblocked))
    }

    /// Sets after which the node, which leads to the user, does so no more.
    fn denying(&self, node: &Node) -> Result<Vec<Set>> {
        if node.unshown.yes + node.unshown.undecided > 0 {
            return Ok(Vec::new());
        }
        let allowed = || node.children.iter().filter(|child| child.verdict == Verdict::Yes);
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
        found.truncate(MOST);
        Ok(found)
    }

    fn all_of<'n>(
        &self,
        nodes: impl Iterator<Item = &'n Node>,
        sets: fn(&Self, &Node) -> Result<Vec<Set>>,
    ) -> Result<Vec<Set>> {
        let mut found = vec![Vec::new()];
        for node in nodes {
            found = together(&found, &sets(self, node)?);
        }
        Ok(found)
    }

    fn deleting(&self, tuple: &TupleName) -> Result<Vec<Set>> {
        let found = self.stored(tuple)?;
        Ok(found.map(|tuple| vec![Change { action: Action::Delete, tuple }]).into_iter().collect())
    }

    fn stored(&self, tuple: &TupleName) -> Result<Option<Stored>> {
        let present = self.source.tuple((&tuple.user, &tuple.relation, &tuple.object))?;
        let listed = self.source.tuples(&tuple.object, &tuple.relation)?;
        Ok(present.or_else(|| listed.tuples.iter().find(|it| TupleName::of(it) == *tuple).cloned()))
    }

    /// The tuple with each condition that the model takes for it, without one first; but not as it is.
    fn writing(&self, tuple: &TupleName, present: Option<&Stored>) -> Vec<Set> {
        let TupleName { user, relation, object } = tuple;
        let takes = self.model.relation(type_of(object), relation).unwrap_or_default();
        let of_type = |taken: &&UserType| taken.type_name.text == type_of(split_userset(user).0);
        let mut conditions: Vec<Option<&str>> = vec![None];
        for taken in takes.iter().filter(of_type) {
            let condition = taken.condition.as_ref().map(|name| name.text.as_str());
            if !conditions.contains(&condition) {
                conditions.push(condition);
            }
        }
        let action = if present.is_some() { Action::ChangeCondition } else { Action::Write };
        let now = present.map(|present| present.condition.as_ref().map(|condition| condition.name.as_str()));
        let written = conditions.into_iter().filter(|condition| now != Some(*condition)).map(|name| {
            let condition = name.map(|name| Condition { name: name.to_owned(), context: Map::new() });
            Stored { user: user.clone(), relation: relation.clone(), object: object.clone(), condition }
        });
        let fitting = written.filter(|tuple| self.model.why_not(&tuple.parts()).is_none());
        fitting.map(|tuple| vec![Change { action, tuple }]).collect()
    }
}

/// Whether the condition of the node's own tuple keeps it from leading on.
fn is_shut(node: &Node) -> bool {
    node.condition.as_ref().is_some_and(|condition| condition.verdict != Verdict::Yes)
}

/// Each set of the one with each of the other, as far as they are small enough; the smallest first.
fn together(one: &[Set], other: &[Set]) -> Vec<Set> {
    let pairs = one.iter().flat_map(|left| other.iter().map(move |right| (left, right)));
    let joined = pairs.map(|(left, right)| {
        let known = |change: &&Change| left.iter().any(|it| it.order() == change.order());
        left.iter().chain(right.iter().filter(|change| !known(change))).cloned().collect::<Set>()
    });
    let mut small: Vec<Set> = joined.filter(|set| set.len() <= LARGEST).collect();
    small.sort_by_key(Vec::len);
    small.truncate(MOST);
    small
}
