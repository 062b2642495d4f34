//! Every relation of a model, by its names.

use super::super::definition::Model;
use super::super::parts::Relation;
use std::collections::HashMap;

/// Every relation, by the names of its type and of itself; of two with one name the first.
pub type Relations<'m> = HashMap<(&'m str, &'m str), &'m Relation>;

/// All relations of the model.
pub fn relations(model: &Model) -> Relations<'_> {
    let mut relations = Relations::new();
    for definition in &model.types {
        for relation in &definition.relations {
            relations.entry((&definition.name.text, &relation.name.text)).or_insert(relation);
        }
    }
    relations
}
