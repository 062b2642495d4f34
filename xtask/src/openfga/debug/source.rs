//! What the tree is built from: tuples, conditions and the server's own answers.

use super::node::{Judged, Verdict};
use crate::openfga::api::Stored;
use crate::openfga::tuples::{Condition, Key};
use anyhow::Result;
use std::rc::Rc;

/// The tuples that give one relation to one object.
#[derive(Debug, Default)]
pub struct Listing {
    pub tuples: Vec<Stored>,
    /// Whether there are more than are read.
    pub is_cut: bool,
}

/// Objects to which a user has a relation.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    pub names: Vec<String>,
    /// Whether there may be others.
    pub is_cut: bool,
}

/// An answer of the server, and its words where it refuses one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    pub refusal: Option<String>,
    /// The way to an answer is longer than the server goes (its resolve node limit).
    pub is_too_deep: bool,
}

impl Answer {
    pub fn of(allowed: bool) -> Self {
        Self { verdict: if allowed { Verdict::Yes } else { Verdict::No }, refusal: None, is_too_deep: false }
    }

    pub fn refused(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Undecided, refusal: Some(why.into()), is_too_deep: false }
    }
}

/// A relation of an object: the object comes first.
pub type Userset = (String, String);

/// Where the tree's facts come from.
pub trait Source {
    /// The tuple of this key.
    fn tuple(&self, key: Key<'_>) -> Result<Option<Stored>>;

    /// The tuples that give a relation to an object.
    fn tuples(&self, object: &str, relation: &str) -> Result<Rc<Listing>>;

    /// Objects of a type to which a tuple gives the user a relation; not all of many.
    fn objects_of(&self, user: &str, relation: &str, object_type: &str) -> Result<Vec<String>>;

    /// Objects of a type to which the user has the relation in any way, as the server lists them.
    fn objects_with(&self, user: &str, relation: &str, object_type: &str) -> Result<Objects>;

    /// Some objects of a type, of which any user has a tuple.
    fn objects_of_type(&self, object_type: &str) -> Result<Objects>;

    /// Whether the condition of the tuple of this key holds for this request.
    fn condition(&self, key: Key<'_>, condition: &Condition) -> Result<Judged>;

    /// Whether the user has each of these, as the server answers.
    fn ask(&self, user: &str, usersets: &[Userset]) -> Result<Vec<Answer>>;
}

/// A source in which tuples were written and deleted that the store has not, or has.
#[derive(Clone, Copy)]
pub struct Changed<'a> {
    pub source: &'a dyn Source,
    pub written: &'a [Stored],
    pub deleted: &'a [Stored],
    /// Tuples whose conditions hold, whatever their values.
    pub holding: &'a [Stored],
}

impl std::fmt::Debug for Changed<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { written, deleted, holding, .. } = self;
        write!(formatter, "Changed {{ written: {written:?}, deleted: {deleted:?}, holding: {holding:?} }}")
    }
}

impl Changed<'_> {
    fn stays(&self, key: Key<'_>) -> bool {
        !self.deleted.iter().chain(self.written).any(|changed| changed.key() == key)
    }
}

impl Source for Changed<'_> {
    fn tuple(&self, key: Key<'_>) -> Result<Option<Stored>> {
        if let Some(written) = self.written.iter().find(|written| written.key() == key) {
            return Ok(Some(written.clone()));
        }
        if self.stays(key) { self.source.tuple(key) } else { Ok(None) }
    }

    fn tuples(&self, object: &str, relation: &str) -> Result<Rc<Listing>> {
        let listing = self.source.tuples(object, relation)?;
        let kept = listing.tuples.iter().filter(|tuple| self.stays(tuple.key()));
        let written = self.written.iter().filter(|tuple| tuple.object == object && tuple.relation == relation);
        let tuples = kept.chain(written).cloned().collect();
        Ok(Rc::new(Listing { tuples, is_cut: listing.is_cut }))
    }

    fn objects_of(&self, user: &str, relation: &str, object_type: &str) -> Result<Vec<String>> {
        self.source.objects_of(user, relation, object_type)
    }

    fn objects_with(&self, user: &str, relation: &str, object_type: &str) -> Result<Objects> {
        self.source.objects_with(user, relation, object_type)
    }

    fn objects_of_type(&self, object_type: &str) -> Result<Objects> {
        self.source.objects_of_type(object_type)
    }

    fn condition(&self, key: Key<'_>, condition: &Condition) -> Result<Judged> {
        if self.holding.iter().any(|held| held.key() == key) {
            return Ok(Judged::holding(condition));
        }
        self.source.condition(key, condition)
    }

    /// No server knows.
    fn ask(&self, _: &str, usersets: &[Userset]) -> Result<Vec<Answer>> {
        Ok(usersets.iter().map(|_| Answer { verdict: Verdict::Undecided, refusal: None, is_too_deep: false }).collect())
    }
}
