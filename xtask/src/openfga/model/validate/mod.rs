//! What a server would refuse (errors) and what its author probably did not mean (warnings), before any request.
//!
//! The rules are those of OpenFGA 1.18's `typesystem` package and of its API's field limits, tried on the server.

mod entry;
mod habits;
mod limits;
mod references;
mod search;

use super::Model;
use super::finding::{Note, Severity};
use super::parts::{Relation, Rewrite};
use std::collections::HashMap;

/// Looks a model over. `unread` are the words of statements that could not be read: what they may define is not missed.
pub fn check(model: &Model, unread: &[String]) -> Vec<Note> {
    let mut notes = Vec::new();
    limits::check(model, unread.is_empty(), &mut notes);
    let relations = relations(model);
    let wrong = references::check(model, &relations, unread, &mut notes);
    if unread.is_empty() {
        entry::check(model, &relations, &wrong, &mut notes);
        if notes.iter().all(|note| note.severity == Severity::Warning) {
            search::check(model, &mut notes);
        }
        habits::check(model, &mut notes);
    }
    notes
}

/// Every relation, by the names of its type and of itself; of two with one name the first.
type Relations<'m> = HashMap<(&'m str, &'m str), &'m Relation>;

fn relations(model: &Model) -> Relations<'_> {
    let mut relations = Relations::new();
    for definition in &model.types {
        for relation in &definition.relations {
            relations.entry((&definition.name.text, &relation.name.text)).or_insert(relation);
        }
    }
    relations
}

/// Calls `visit` with a rewrite and everything in it.
fn walk<'m>(rewrite: &'m Rewrite, visit: &mut dyn FnMut(&'m Rewrite)) {
    visit(rewrite);
    match rewrite {
        Rewrite::Direct | Rewrite::Computed(_) | Rewrite::From { .. } => {}
        Rewrite::Union(operands) | Rewrite::Intersection(operands) => {
            operands.iter().for_each(|operand| walk(operand, visit));
        }
        Rewrite::Difference(base, subtract) => {
            walk(base, visit);
            walk(subtract, visit);
        }
    }
}
