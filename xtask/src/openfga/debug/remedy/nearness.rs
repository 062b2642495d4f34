//! How near to the question a change is: one of the object that is asked for gives no more than the question asks; one far
//! away, such as a member of a group, may give much else.

use crate::openfga::debug::change::Change;
use crate::openfga::debug::node::{Node, Way};
use std::collections::HashMap;

/// At which depth of the tree each object stands first.
#[derive(Debug, Default)]
pub(super) struct Nearness(HashMap<String, usize>);

impl Nearness {
    pub(super) fn of(tree: &Node) -> Self {
        let mut found = Self::default();
        found.add(tree, 0);
        found
    }

    fn add(&mut self, node: &Node, depth: usize) {
        if let Way::Relation { object, .. } | Way::Direct { object, .. } | Way::From { object, .. } = &node.way {
            let known = self.0.entry(object.clone()).or_insert(depth);
            *known = depth.min(*known);
        }
        node.children.iter().for_each(|child| self.add(child, depth.saturating_add(1)));
    }

    /// That of the farthest of these changes.
    pub(super) fn of_set(&self, set: &[Change]) -> usize {
        let of = |change: &Change| self.0.get(&change.tuple.object).copied().unwrap_or(usize::MAX);
        set.iter().map(of).max().unwrap_or_default()
    }
}
