//! Links to objects to which the user has not the relation yet, each together with what gives it the relation there.

use super::nearness::Nearness;
use super::{Links, Search};
use crate::openfga::debug::change::Set;
use crate::openfga::debug::node::{TupleName, Verdict};
use crate::openfga::debug::walk::Walk;
use anyhow::Result;
use std::cell::Cell;

/// At most this many objects are tried for one link.
const MOST_OBJECTS: usize = 3;
/// At most this many trees are built for all links together.
const MOST_TREES: usize = 12;
/// At most this many relations are looked at in one such tree.
const MOST_RELATIONS: usize = 30;

impl Search<'_> {
    /// Links to some objects of a type: those of the tree, the nearest first, and others of the store. `link` makes the
    /// tuple of one.
    pub(super) fn linking_farther(
        &self,
        object_type: &str,
        relation: &str,
        link: impl Fn(&str) -> TupleName,
    ) -> Result<Vec<Set>> {
        let mut found = Vec::new();
        if self.links != Links::Farther {
            return Ok(found);
        }
        if self.trees.get() >= MOST_TREES {
            self.are_cut.set(true);
            return Ok(found);
        }
        let mut objects = self.nearness.objects_of(object_type);
        let others = self.source.objects_of_type(object_type)?;
        if others.is_cut {
            self.are_cut.set(true);
        }
        for object in others.names {
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
        let mut left = MOST_OBJECTS;
        for there in objects {
            let tuple = link(&there);
            if tuple.object == there || self.stored(&tuple)?.is_some() {
                continue;
            }
            let Some(rest) = left.checked_sub(1).filter(|_| self.trees.get() < MOST_TREES) else {
                self.are_cut.set(true);
                break;
            };
            left = rest;
            found.extend(self.together(&self.writing(&tuple, None, None), &self.allowing_there(&there, relation)?));
        }
        Ok(found)
    }

    /// What would give the user the relation to another object, without a further link. An object to which it has the
    /// relation has a link of its own.
    fn allowing_there(&self, object: &str, relation: &str) -> Result<Vec<Set>> {
        self.trees.set(self.trees.get() + 1);
        let tree = Walk::new(self.model, self.user, self.source).within(MOST_RELATIONS).relation(object, relation)?;
        if tree.verdict == Verdict::Yes {
            return Ok(Vec::new());
        }
        self.nearness.add_beyond(&tree);
        let there = Search {
            links: Links::Nowhere,
            nearness: Nearness::of(&tree),
            reads: Cell::new(0),
            trees: Cell::new(MOST_TREES),
            has_unlinked: Cell::new(false),
            lacks_links: Cell::new(false),
            are_cut: Cell::new(false),
            ..*self
        };
        let sets = there.allowing(&tree)?;
        self.are_cut.set(self.are_cut.get() || there.are_cut.get());
        Ok(sets)
    }
}
