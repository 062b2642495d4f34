//! What a server takes, though its author probably meant something else.

use super::super::canonical;
use super::super::definition::Model;
use super::super::finding::{Note, Place};
use super::super::names::{EXPRESSION, OF_TUPLE_CONDITION};
use super::super::parts::{Relation, Rewrite};
use std::collections::{BTreeSet, HashMap};

/// At most this many operands that stand twice in one definition are placed, the others are counted.
const PLACED: usize = 10;

/// Warns of what is valid and mostly a mistake.
pub fn check(model: &Model, notes: &mut Vec<Note>) {
    let mut used = HashMap::new();
    for relation in model.types.iter().flat_map(|definition| &definition.relations) {
        let mut listed = BTreeSet::new();
        for user_type in &relation.user_types {
            if let Some(condition) = &user_type.condition {
                used.entry(condition.text.as_str()).or_insert(condition);
            }
            if !listed.insert(user_type) {
                let message = format!("`{user_type}` is in this list twice");
                notes.push(Note::warning(user_type.type_name.place, message));
            }
        }
        relation.rewrite.visit(&mut |rewrite| twice(relation, rewrite, notes));
    }
    if let Some(name) = used.get(EXPRESSION) {
        let message = format!(
            "`{name}` is an experiment of OpenFGA 1.22 (OPENFGA_EXPERIMENTALS=inline_expressions): a server without it \
             refuses the model"
        );
        notes.push(Note::warning(name.place, message));
    }
    for condition in &model.conditions {
        if !used.contains_key(condition.name.text.as_str()) {
            let message = format!("no relation uses the condition `{}`", condition.name);
            notes.push(Note::warning(condition.name.place, message));
        }
        let least = OF_TUPLE_CONDITION.start();
        if condition.name.text.chars().count() < *least {
            let name = &condition.name;
            let message =
                format!("no tuple can have the condition `{name}`: there its name needs {least} characters; rename it");
            notes.push(Note { barren: Some(name.text.clone()), ..Note::warning(name.place, message) });
        }
    }
}

/// Finds an operand that stands on two sides of one operator.
fn twice(relation: &Relation, rewrite: &Rewrite, notes: &mut Vec<Note>) {
    let (operands, meaning): (Vec<&Rewrite>, &str) = match rewrite {
        Rewrite::Union(operands) | Rewrite::Intersection(operands) => (operands.iter().collect(), "once is enough"),
        Rewrite::Difference(base, subtract) => (vec![base, subtract], "nothing is left"),
        _ => return,
    };
    let mut seen = BTreeSet::new();
    let again: Vec<&Rewrite> =
        operands.into_iter().filter(|operand| !seen.insert(canonical::rewrite(operand))).collect();
    for (index, operand) in again.iter().take(PLACED + 1).enumerate() {
        let place = place(operand).unwrap_or(relation.name.place);
        let message = match again.len() - index {
            more if index == PLACED && more > 1 => {
                format!("the definition of `{}` has {more} more operands twice", relation.name)
            }
            _ => format!("the definition of `{}` has the same operand twice: {meaning}", relation.name),
        };
        notes.push(Note::warning(place, message));
    }
}

/// Where a rewrite begins, as far as its names know it.
fn place(rewrite: &Rewrite) -> Option<Place> {
    let mut first: Option<Place> = None;
    rewrite.visit(&mut |part| {
        if let Rewrite::Computed(name) | Rewrite::From { computed: name, .. } = part {
            first = first.or(Some(name.place));
        }
    });
    first
}
