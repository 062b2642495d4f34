//! A model as a whole, and what is looked up in it.

use super::parts::{Condition, Name, Relation, Rewrite, TypeDefinition, UserType};

/// A model. Two are equal if they authorize the same by construction: the order of types, relations, user types and
/// of the operands of `or` and `and` counts for nothing.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) schema: Name,
    pub(super) types: Vec<TypeDefinition>,
    pub(super) conditions: Vec<Condition>,
}

impl Model {
    /// Whether `other` may refuse a tuple that this model takes: some relation takes less there, or some condition's
    /// parameters are others.
    pub fn narrows(&self, other: &Self) -> bool {
        let parameters = |model: &Self, name: &str| {
            let mut parameters = model.condition(name).map(|condition| condition.parameters.clone());
            parameters.iter_mut().for_each(|parameters| parameters.sort());
            parameters
        };
        let taken = |user_type: &UserType, there: &[UserType]| {
            let same_condition = |name: &Name| parameters(self, &name.text) == parameters(other, &name.text);
            there.contains(user_type) && user_type.condition.as_ref().is_none_or(same_condition)
        };
        self.types.iter().any(|definition| {
            definition.relations.iter().any(|relation| {
                let there = other.relation(&definition.name.text, &relation.name.text).unwrap_or_default();
                !relation.user_types.iter().all(|user_type| taken(user_type, there))
            })
        })
    }

    /// A relation of a type.
    pub(super) fn definition(&self, type_name: &str, relation: &str) -> Option<&Relation> {
        let definition = self.types.iter().find(|definition| definition.name.text == type_name)?;
        definition.relations.iter().find(|candidate| candidate.name.text == relation)
    }

    /// The names of the types.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|definition| definition.name.text.as_str())
    }

    /// The names of a type's relations; none for a type that does not exist.
    pub fn relations(&self, type_name: &str) -> impl Iterator<Item = &str> {
        let definition = self.types.iter().find(|definition| definition.name.text == type_name);
        definition.into_iter().flat_map(|definition| definition.relations.iter().map(|it| it.name.text.as_str()))
    }

    /// Whom a tuple of the relation may name: empty if it is only computed, `None` if type or relation do not exist.
    pub fn relation(&self, type_name: &str, relation: &str) -> Option<&[UserType]> {
        self.definition(type_name, relation).map(|relation| relation.user_types.as_slice())
    }

    /// Who has the relation; `None` if type or relation do not exist.
    pub fn rewrite(&self, type_name: &str, relation: &str) -> Option<&Rewrite> {
        self.definition(type_name, relation).map(|relation| &relation.rewrite)
    }

    /// The conditions, each with its parameters.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter()
    }

    /// A condition, with its parameters.
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.name.text == name)
    }
}
