//! Changes of the store, and sets of them that are made together.

use super::node::{Judged, TupleName};
use crate::openfga::api::Stored;
use crate::openfga::model::is_wildcard;
use crate::openfga::tuples::Condition;
use serde_json::{Map, Value};

/// No set of changes is larger.
pub const LARGEST: usize = 3;

/// What is done with a tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Write,
    /// It is there with another condition: a server refuses to write it until it is deleted.
    ChangeCondition,
    /// It is there with this condition, and other values.
    ChangeValues,
    /// It is there with this condition, which does not hold. Which values would make it hold is not known.
    ChooseValues,
    Delete,
}

/// One change of the store.
#[derive(Debug, Clone)]
pub struct Change {
    pub action: Action,
    /// The tuple to write, or the stored tuple to delete or whose values are to change.
    pub tuple: Stored,
}

impl Change {
    /// Whether the values of a condition decide what the change does.
    pub fn has_condition(&self) -> bool {
        self.action != Action::Delete && self.tuple.condition.is_some()
    }

    /// Narrow ones first.
    pub fn order(&self) -> Order {
        let condition = self.tuple.condition.as_ref().map(Condition::shown).unwrap_or_default();
        let everybody = is_wildcard(&self.tuple.user);
        (everybody, !condition.is_empty(), self.action, TupleName::of(&self.tuple), condition)
    }
}

/// How a change is ordered among others.
pub type Order = (bool, bool, Action, TupleName, String);

/// Changes that are made together.
pub type Set = Vec<Change>;

/// How a set is ordered among others.
pub type SetOrder = (usize, bool, u8, Vec<Order>);

/// The order of a set: few changes first, then the user's own before everybody's. Values that are known are
/// narrower than no condition; what needs values of a person comes last.
pub fn order_of(set: &Set) -> SetOrder {
    let width = |change: &Change| match (&change.tuple.condition, change.action) {
        (_, Action::Write | Action::Delete) | (Some(_), Action::ChangeValues) => 0,
        (None, _) => 1,
        (Some(_), _) => 2,
    };
    let has_everybody = gives_everybody(set);
    let widest = set.iter().map(width).max().unwrap_or_default();
    (set.len(), has_everybody, widest, set.iter().map(Change::order).collect())
}

/// Whether a tuple for everybody of a type is among those that are written.
pub fn gives_everybody(set: &[Change]) -> bool {
    set.iter().any(|change| change.action != Action::Delete && is_wildcard(&change.tuple.user))
}

/// A tuple with its condition and other values: those with which it is known to hold, and those that a person has to choose.
pub fn with_other_values(present: &Stored, judged: Option<&Judged>) -> Vec<Change> {
    let Some(condition) = &present.condition else { return Vec::new() };
    let with = |values: Map<String, Value>| {
        let mut condition = condition.clone();
        condition.context.extend(values);
        Change { action: Action::ChangeValues, tuple: Stored { condition: Some(condition), ..present.clone() } }
    };
    let known = judged.into_iter().flat_map(|judged| &judged.holds_with);
    let known = known.filter(|(name, _)| condition.context.contains_key(*name));
    let known = known.map(|(name, value)| with(Map::from_iter([(name.clone(), value.clone())])));
    let both = judged.map(|judged| judged.holds_with_both.clone()).filter(|both| !both.is_empty()).map(with);
    known.chain(both).chain([Change { action: Action::ChooseValues, tuple: present.clone() }]).collect()
}

/// The changes of both, where they are few enough and do not differ about the same tuple.
pub fn joined(left: &[Change], right: &[Change]) -> Option<Set> {
    let mut set = left.to_vec();
    for change in right {
        match left.iter().find(|it| it.tuple.key() == change.tuple.key()) {
            Some(same) if same.order() == change.order() => {}
            Some(_) => return None,
            None => set.push(change.clone()),
        }
    }
    (set.len() <= LARGEST).then_some(set)
}
