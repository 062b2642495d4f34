//! What a server takes, though its author probably meant something else.

use super::super::Model;
use super::super::canonical::same;
use super::super::finding::{Note, Place};
use super::super::parts::{Relation, Rewrite};
use super::walk;
use std::collections::HashSet;

pub fn check(model: &Model, notes: &mut Vec<Note>) {
    let mut used = HashSet::new();
    for relation in model.types.iter().flat_map(|definition| &definition.relations) {
        for (index, user_type) in relation.user_types.iter().enumerate() {
            used.extend(user_type.condition.as_ref().map(|condition| condition.text.as_str()));
            if relation.user_types[..index].contains(user_type) {
                let message = format!("`{user_type}` is in this list twice");
                notes.push(Note::warning(user_type.type_name.place, message));
            }
        }
        walk(&relation.rewrite, &mut |rewrite| twice(relation, rewrite, notes));
    }
    for condition in &model.conditions {
        if !used.contains(condition.name.text.as_str()) {
            let message = format!("no relation uses the condition `{}`", condition.name);
            notes.push(Note::warning(condition.name.place, message));
        }
    }
}

/// The same operand on two sides of one operator.
fn twice(relation: &Relation, rewrite: &Rewrite, notes: &mut Vec<Note>) {
    let (operands, meaning): (Vec<&Rewrite>, &str) = match rewrite {
        Rewrite::Union(operands) | Rewrite::Intersection(operands) => (operands.iter().collect(), "once is enough"),
        Rewrite::Difference(base, subtract) => (vec![base, subtract], "nothing is left"),
        _ => return,
    };
    for (index, operand) in operands.iter().enumerate() {
        if operands[..index].iter().any(|other| same(other, operand)) {
            let place = place(operand).unwrap_or(relation.name.place);
            let message = format!("the same stands twice in the definition of `{}`: {meaning}", relation.name);
            notes.push(Note::warning(place, message));
        }
    }
}

/// Where a rewrite begins, as far as its names know it.
fn place(rewrite: &Rewrite) -> Option<Place> {
    let mut first: Option<Place> = None;
    walk(rewrite, &mut |part| {
        if let Rewrite::Computed(name) | Rewrite::From { computed: name, .. } = part {
            first = first.or(Some(name.place));
        }
    });
    first
}
