//! What a server would refuse (errors) and what its author probably did not mean (warnings), before any request.
//!
//! The rules are those of OpenFGA 1.18's `typesystem` package and of its API's field limits, tried on the server.

mod entry;
mod habits;
mod limits;
mod references;
mod relations;
mod search;

use super::definition::Model;
use super::finding::{Note, Severity};
use relations::relations;

/// Looks a model over. `unread` are the words of statements that could not be read: what they may define is not missed.
pub fn check(model: &Model, unread: &[String]) -> Vec<Note> {
    let mut notes = Vec::new();
    if limits::is_too_large(model, &mut notes) {
        return notes;
    }
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
