//! The form in which two models that authorize the same by construction are the same.

use super::definition::Model;
use super::expression;
use super::parts::{Relation, Rewrite};

/// Sorted where order counts for nothing; operators of one kind in each other made one; blanks and comments of
/// expressions made one blank.
pub fn canonical(model: &Model) -> Model {
    let mut model = model.clone();
    for definition in &mut model.types {
        definition.relations.iter_mut().for_each(relation);
        definition.relations.sort();
    }
    model.types.sort();
    for condition in &mut model.conditions {
        condition.parameters.sort();
        condition.expression = expression::canonical(&condition.expression);
    }
    model.conditions.sort();
    model
}

fn relation(relation: &mut Relation) {
    relation.user_types.sort();
    relation.user_types.dedup();
    relation.rewrite = rewrite(&relation.rewrite);
}

/// A rewrite in that form.
pub fn rewrite(tree: &Rewrite) -> Rewrite {
    match tree {
        Rewrite::Union(operands) => {
            joined(operands, Rewrite::Union, |tree| if let Rewrite::Union(inner) = tree { Some(inner) } else { None })
        }
        Rewrite::Intersection(operands) => joined(operands, Rewrite::Intersection, |tree| {
            if let Rewrite::Intersection(inner) = tree { Some(inner) } else { None }
        }),
        Rewrite::Difference(base, subtract) => {
            Rewrite::Difference(Box::new(rewrite(base)), Box::new(rewrite(subtract)))
        }
        leaf => leaf.clone(),
    }
}

/// The operands in order, each once, those of operands with the same operator among them; one alone is itself.
fn joined(
    operands: &[Rewrite],
    make: fn(Vec<Rewrite>) -> Rewrite,
    inner: fn(&Rewrite) -> Option<&Vec<Rewrite>>,
) -> Rewrite {
    let mut all = Vec::new();
    for operand in operands.iter().map(rewrite) {
        match inner(&operand) {
            Some(inner) => all.extend(inner.iter().cloned()),
            None => all.push(operand),
        }
    }
    all.sort();
    all.dedup();
    if all.len() == 1 { all.remove(0) } else { make(all) }
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        let [one, other] = [canonical(self), canonical(other)];
        (one.schema, one.types, one.conditions) == (other.schema, other.types, other.conditions)
    }
}
