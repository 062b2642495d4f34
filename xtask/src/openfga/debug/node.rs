//! One place of the tree: a way through the model, and where it leads.

use crate::openfga::api::Stored;
use crate::openfga::tuples::Condition;
use serde::Serialize;
use serde_json::{Map, Value};

/// Whether a way leads to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Yes,
    /// It depends on a value that is missing, or on what was not read.
    Undecided,
    No,
    /// A cycle in the tuples: a server answers no, also where it stands behind `but not`.
    Cycle,
}

impl Verdict {
    /// Whether this is the server's answer. A server has no word for a cycle: it is a no.
    pub fn agrees_with(self, server: Self) -> bool {
        let plain = |verdict| if verdict == Self::Cycle { Self::No } else { verdict };
        plain(self) == plain(server)
    }

    /// `or`: one is enough.
    pub fn any(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let found: Vec<Self> = verdicts.into_iter().collect();
        let order = [Self::Yes, Self::Undecided, Self::Cycle];
        order.into_iter().find(|verdict| found.contains(verdict)).unwrap_or(Self::No)
    }

    /// `and`: all of them.
    pub fn all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let found: Vec<Self> = verdicts.into_iter().collect();
        let order = [Self::No, Self::Cycle, Self::Undecided];
        order.into_iter().find(|verdict| found.contains(verdict)).unwrap_or(Self::Yes)
    }

    /// `but not`.
    pub fn but_not(self, other: Self) -> Self {
        match (self, other) {
            (Self::No | Self::Cycle, _) => self,
            (_, Self::Yes) => Self::No,
            (_, Self::Cycle) => Self::Cycle,
            (Self::Undecided, _) | (_, Self::Undecided) => Self::Undecided,
            (Self::Yes, Self::No) => Self::Yes,
        }
    }
}

/// A tuple of the store, or one that it could have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TupleName {
    pub user: String,
    pub relation: String,
    pub object: String,
}

impl TupleName {
    pub fn of(stored: &Stored) -> Self {
        let Stored { user, relation, object, .. } = stored.clone();
        Self { user, relation, object }
    }
}

impl std::fmt::Display for TupleName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} {}", self.user, self.relation, self.object)
    }
}

/// A tuple's condition, as the server decided it.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    pub name: String,
    /// CEL; empty where the model does not define it.
    pub expression: String,
    /// The values that the tuple brings.
    pub of_tuple: Map<String, Value>,
    /// The values of `--context` that it names and the tuple does not bring.
    pub of_request: Map<String, Value>,
    pub verdict: Verdict,
    /// Parameters that have no value, where it cannot be decided.
    pub missing: Vec<String>,
    /// Where it does not hold: for some parameters another value with which it does, the others unchanged. The server
    /// confirmed each. A parameter that is not here may have such a value, too.
    pub holds_with: Map<String, Value>,
    /// Where none of the tuple's values alone makes it hold: two of them with which it does, the others unchanged.
    pub holds_with_both: Map<String, Value>,
    /// Why the server refuses to decide it.
    pub refusal: Option<String>,
}

impl Judged {
    /// The condition as one that holds, whatever its values.
    pub fn holding(condition: &Condition) -> Self {
        Self {
            name: condition.name.clone(),
            expression: String::new(),
            of_tuple: condition.context.clone(),
            of_request: Map::new(),
            verdict: Verdict::Yes,
            missing: Vec::new(),
            holds_with: Map::new(),
            holds_with_both: Map::new(),
            refusal: None,
        }
    }

    /// Its values, those of the tuple and those of the request.
    pub fn values(&self) -> Map<String, Value> {
        self.of_request.iter().chain(&self.of_tuple).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// A kind of way.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Way {
    /// A relation of an object; below it is how the model defines it.
    Relation { object: String, relation: String },
    /// The user is this relation of this object.
    Itself { object: String, relation: String },
    /// A relation that is being looked at already, further up.
    Cycle { object: String, relation: String },
    /// The server's answer alone: nothing below it was looked at.
    Asked { object: String, relation: String },
    /// It was neither looked at nor asked for.
    Unfollowed { object: String, relation: String },
    /// `[…]` of a relation of an object.
    Direct { object: String, relation: String, takes: Vec<String> },
    /// A tuple that names the user, or everybody of its type.
    Tuple { tuple: TupleName },
    /// A tuple that would, but is not there.
    Missing { tuple: TupleName },
    /// A tuple that the model does not take: the server passes over it.
    Ignored { tuple: TupleName },
    /// A tuple that names a userset; below it is that.
    Userset { tuple: TupleName },
    /// Another relation of the same object; below it is that.
    Computed { relation: String },
    /// `relation from tupleset` of an object; below it are the objects of the tupleset.
    From { object: String, relation: String, tupleset: String },
    /// A tuple that names an object of a tupleset; below it is the object's relation.
    Object { tuple: TupleName },
    /// `or`
    Union,
    /// `and`
    Intersection,
    /// `but not`
    Exclusion,
    /// A tuple beside every way, which the server reads all the same: it decides nothing while this condition lacks a value.
    Beside { tuple: TupleName },
    /// Tuples beyond the most that are read.
    Unread,
}

/// Ways beside the children that are not shown, by their verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Unshown {
    pub yes: u64,
    pub undecided: u64,
    pub no: u64,
}

impl Unshown {
    /// How many they are.
    pub fn count(&self) -> u64 {
        self.yes + self.undecided + self.no
    }

    pub fn add(&mut self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Yes => &mut self.yes,
            Verdict::Undecided => &mut self.undecided,
            Verdict::No | Verdict::Cycle => &mut self.no,
        };
        *counter += 1;
    }
}

/// One place of the tree.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    #[serde(flatten)]
    pub way: Way,
    pub verdict: Verdict,
    /// The condition of the way's own tuple.
    pub condition: Option<Judged>,
    /// What a person should know about it.
    pub note: Option<String>,
    pub children: Vec<Node>,
    pub unshown: Unshown,
}

impl Node {
    pub fn new(way: Way, verdict: Verdict, children: Vec<Self>) -> Self {
        Self { way, verdict, condition: None, note: None, children, unshown: Unshown::default() }
    }

    /// Without anything below it.
    pub fn leaf(way: Way, verdict: Verdict) -> Self {
        Self::new(way, verdict, Vec::new())
    }

    /// A tuple that the model does not take, and why.
    pub fn ignored(tuple: TupleName, why: String) -> Self {
        Self::leaf(Way::Ignored { tuple }, Verdict::No).with_note(why)
    }

    #[must_use]
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    #[must_use]
    pub fn with_condition(self, condition: Option<Judged>) -> Self {
        Self { condition, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Cycle, No, Undecided, Yes};
    use super::*;

    #[test]
    fn a_missing_value_decides_nothing_that_is_not_decided_without_it() {
        assert_eq!(Verdict::any([No, Undecided, Yes]), Yes);
        assert_eq!(Verdict::any([No, Undecided]), Undecided);
        assert_eq!(Verdict::any([]), No);
        assert_eq!(Verdict::all([Yes, Undecided, No]), No);
        assert_eq!(Verdict::all([Yes, Undecided]), Undecided);
        assert_eq!(Undecided.but_not(Yes), No);
        assert_eq!(Undecided.but_not(No), Undecided);
        assert_eq!(Yes.but_not(Undecided), Undecided);
        assert_eq!(No.but_not(Undecided), No);
        assert_eq!(Yes.but_not(No), Yes);
    }

    #[test]
    fn a_cycle_never_allows() {
        assert_eq!(Verdict::any([Cycle, No]), Cycle);
        assert_eq!(Verdict::any([Cycle, Yes]), Yes);
        assert_eq!(Verdict::all([Cycle, Yes]), Cycle);
        assert_eq!(Yes.but_not(Cycle), Cycle);
        assert_eq!(Yes.but_not(Yes.but_not(Cycle)), Cycle);
        assert!(Cycle.agrees_with(No) && !Undecided.agrees_with(No) && !Undecided.agrees_with(Yes));
    }
}
