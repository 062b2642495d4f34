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
use super::parts::{Relation, Rewrite, TypeDefinition};

/// Looks a model over. `unread` are the words of statements that could not be read: what they may define is not missed.
pub fn check(model: &Model, unread: &[String]) -> Vec<Note> {
    let mut notes = Vec::new();
    limits::check(model, unread.is_empty(), &mut notes);
    let checked = references::check(model, unread, &mut notes);
    if unread.is_empty() {
        entry::check(model, &checked, &mut notes);
        if notes.iter().all(|note| note.severity == Severity::Warning) {
            search::check(model, &mut notes);
        }
        habits::check(model, &mut notes);
    }
    notes
}

fn relation_of<'m>(definition: &'m TypeDefinition, name: &str) -> Option<&'m Relation> {
    definition.relations.iter().find(|relation| relation.name.text == name)
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
