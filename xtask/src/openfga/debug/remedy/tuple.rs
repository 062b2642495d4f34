//! The sets of one change that write or delete a tuple, or change its condition.

use super::Search;
use crate::openfga::api::Stored;
use crate::openfga::debug::change::{Action, Change, Set, with_other_values};
use crate::openfga::debug::node::{Judged, TupleName};
use crate::openfga::model::{UserType, split_userset, type_of};
use crate::openfga::tuples::Condition;
use anyhow::Result;
use serde_json::Map;

impl Search<'_> {
    pub(super) fn deleting(&self, tuple: &TupleName) -> Result<Vec<Set>> {
        let found = self.stored(tuple)?;
        Ok(found.map(|tuple| vec![Change { action: Action::Delete, tuple }]).into_iter().collect())
    }

    pub(super) fn stored(&self, tuple: &TupleName) -> Result<Option<Stored>> {
        let present = self.source.tuple((&tuple.user, &tuple.relation, &tuple.object))?;
        let listed = self.source.tuples(&tuple.object, &tuple.relation)?;
        Ok(present.or_else(|| listed.tuples.iter().find(|it| TupleName::of(it) == *tuple).cloned()))
    }

    /// The tuple with each condition that the model takes for it, without one first; one that is there not as it is, but
    /// also with other values.
    pub(super) fn writing(&self, tuple: &TupleName, present: Option<&Stored>, judged: Option<&Judged>) -> Vec<Set> {
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
        let written = written.map(|tuple| Change { action, tuple });
        let kept = present.into_iter().flat_map(|present| with_other_values(present, judged));
        let fits = |change: &Change| self.model.why_not(&change.tuple.parts()).is_none();
        written.chain(kept).filter(fits).map(|change| vec![change]).collect()
    }
}
