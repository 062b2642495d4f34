//! How near to the question a change is: one of the relation that is asked for gives no more than the question asks; one far
//! away, such as a member of a group, may give much else.

use crate::openfga::debug::change::Change;
use crate::openfga::debug::node::{Node, Way};
use crate::openfga::model::type_of;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

/// Trees of other objects begin behind every place of the question's own.
const BEYOND: usize = 1_000;

/// At which depth of the tree each relation of an object stands first: object and relation.
#[derive(Debug, Default)]
pub(super) struct Nearness(RefCell<HashMap<(String, String), usize>>);

impl Nearness {
    pub(super) fn of(tree: &Node) -> Self {
        let found = Self::default();
        found.add(tree, 0);
        found
    }

    /// Counts the tree of another object, too.
    pub(super) fn add_beyond(&self, tree: &Node) {
        self.add(tree, BEYOND);
    }

    fn add(&self, node: &Node, depth: usize) {
        let place = match &node.way {
            Way::Relation { object, relation } | Way::Direct { object, relation, .. } => Some((object, relation)),
            Way::From { object, tupleset, .. } => Some((object, tupleset)),
            _ => None,
        };
        if let Some((object, relation)) = place {
            let mut known = self.0.borrow_mut();
            let known = known.entry((object.clone(), relation.clone())).or_insert(depth);
            *known = depth.min(*known);
        }
        node.children.iter().for_each(|child| self.add(child, depth.saturating_add(1)));
    }

    /// The objects of a type, the nearest first.
    pub(super) fn objects_of(&self, object_type: &str) -> Vec<String> {
        let mut nearest: BTreeMap<String, usize> = BTreeMap::new();
        for ((object, _), depth) in self.0.borrow().iter().filter(|((object, _), _)| type_of(object) == object_type) {
            let known = nearest.entry(object.clone()).or_insert(*depth);
            *known = (*depth).min(*known);
        }
        let mut found: Vec<(usize, String)> = nearest.into_iter().map(|(object, depth)| (depth, object)).collect();
        found.sort();
        found.into_iter().map(|(_, object)| object).collect()
    }

    /// That of the farthest of these changes.
    pub(super) fn of_set(&self, set: &[Change]) -> usize {
        let known = self.0.borrow();
        let place = |change: &Change| (change.tuple.object.clone(), change.tuple.relation.clone());
        set.iter().map(|change| known.get(&place(change)).copied().unwrap_or(usize::MAX)).max().unwrap_or_default()
    }
}
