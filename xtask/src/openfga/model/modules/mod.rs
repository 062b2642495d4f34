//! `fga.mod` and the modules that it names, made one model (schema 1.2).

mod listed;
mod manifest;

use super::definition::Model;
use super::finding::{Note, Place, Sources};
use super::names;
use super::parser::{self, Document, Header, TypeStatement};
use super::parts::Origin;
use listed::{contents, schema};
use manifest::manifest;
use std::collections::BTreeSet;

/// The model, the notes, and whether every statement of every file could be read.
pub fn read(
    sources: &mut Sources,
    file: usize,
    text: &str,
    read: &dyn Fn(&str) -> anyhow::Result<String>,
) -> (Model, Vec<Note>, Vec<String>) {
    let (manifest, mut notes) = manifest(text, file);
    let start = Place { file, offset: 0 };
    let schema = schema(&manifest, start, &mut notes);
    let files = contents(manifest.contents, start, &mut notes);
    let mut documents = Vec::new();
    let mut unread = Vec::new();
    for (path, place) in files {
        match read(&path) {
            Ok(text) => {
                let number = sources.add(&path, &text);
                let (mut document, found) = parser::parse(&text, number);
                notes.extend(found);
                unread.append(&mut document.unread);
                documents.push((path, number, document));
            }
            Err(error) => notes.push(Note::error(place, format!("cannot read `{path}`: {error:#}"))),
        }
    }
    let mut model = Model { schema, types: Vec::new(), conditions: Vec::new() };
    let extensions = definitions(&mut model, documents, &mut notes);
    for (origin, extension) in extensions {
        extend(&mut model, &origin, extension, &mut notes);
    }
    (model, notes, unread)
}

fn module_name(header: Header, start: Place, notes: &mut Vec<Note>) -> Option<String> {
    match header {
        Header::Module { name } => {
            if !names::is_accepted(&name.text, names::LONGEST_NAME) {
                let message = format!("`{name}` is longer than the 50 characters that a module's name may have");
                notes.push(Note::error(start, message));
            }
            Some(name.text)
        }
        Header::Model { schema } => {
            let message = "expected `module NAME`: `fga.mod` names modules, and the schema's version";
            notes.push(Note::error(schema.place, message));
            None
        }
        Header::Missing => None,
    }
}

/// Types and conditions of all modules; what extends a type comes back, since its type may be in a later file.
fn definitions(
    model: &mut Model,
    documents: Vec<(String, usize, Document)>,
    notes: &mut Vec<Note>,
) -> Vec<(Origin, TypeStatement)> {
    let mut extensions = Vec::new();
    for (path, number, document) in documents {
        let start = Place { file: number, offset: 0 };
        let module = module_name(document.header, start, notes);
        let origin = Origin { module, file: Some(path) };
        let mut extended = BTreeSet::new();
        for mut statement in document.types {
            if statement.extends {
                let name = &statement.definition.name;
                if !extended.insert(name.text.clone()) {
                    let message =
                        format!("OpenFGA's own tools refuse a file that extends a type twice, as `{name}` here");
                    notes.push(Note::warning(name.place, message));
                }
                extensions.push((origin.clone(), statement));
            } else {
                statement.definition.origin = origin.clone();
                model.types.push(statement.definition);
            }
        }
        for mut condition in document.conditions {
            condition.origin = origin.clone();
            model.conditions.push(condition);
        }
    }
    extensions
}

/// Adds the relations of an `extend type` to their type.
fn extend(model: &mut Model, origin: &Origin, extension: TypeStatement, notes: &mut Vec<Note>) {
    let name = extension.definition.name;
    let Some(target) = model.types.iter_mut().find(|definition| definition.name == name) else {
        let near = names::did_you_mean(&name.text, model.types.iter().map(|definition| definition.name.text.as_str()));
        notes.push(Note::error(name.place, format!("no module defines the type `{name}` that this extends{near}")));
        return;
    };
    for mut relation in extension.definition.relations {
        relation.origin = origin.clone();
        target.relations.push(relation);
    }
}
