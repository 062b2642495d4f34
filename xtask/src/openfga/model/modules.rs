//! `fga.mod` and the modules that it names, made one model (schema 1.2).

use super::definition::Model;
use super::finding::{Note, Place, Sources};
use super::names;
use super::parser::{self, Document, Header, TypeStatement};
use super::parts::{Name, Origin};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use std::collections::BTreeSet;

/// What `fga.mod` says: a schema version, and files by their paths.
#[derive(Debug, Default)]
struct Manifest {
    schema: Option<(Name, ScalarStyle)>,
    contents: Option<Vec<Name>>,
}

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

fn schema(manifest: &Manifest, start: Place, notes: &mut Vec<Note>) -> Name {
    let Some((schema, style)) = &manifest.schema else {
        notes.push(Note::error(start, "expected `schema: '1.2'` in `fga.mod`"));
        return Name::new("1.2", start);
    };
    if *style == ScalarStyle::Plain && schema.text == "1.2" {
        notes.push(Note::warning(schema.place, "OpenFGA's own tools want the version in quotes: `schema: '1.2'`"));
    }
    if schema.text != "1.2" {
        notes.push(Note::error(
            schema.place,
            format!("expected the schema's version '1.2', which modules need, found `{schema}`"),
        ));
        return Name::new("1.2", start);
    }
    schema.clone()
}

/// The files to read, by their path with `/`, each once.
fn contents(contents: Option<Vec<Name>>, start: Place, notes: &mut Vec<Note>) -> Vec<(String, Place)> {
    let Some(contents) = contents else {
        notes.push(Note::error(start, "expected `contents:` and a list of `.fga` files in `fga.mod`"));
        return Vec::new();
    };
    let mut files: Vec<(String, Place)> = Vec::new();
    let mut listed = BTreeSet::new();
    for Name { text, place } in contents {
        let slashes = decoded(&text).replace('\\', "/");
        let path = slashes.trim_start_matches("./").to_owned();
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/');
        let stem = path.strip_suffix(".fga");
        if path.starts_with('/') || path.split('/').any(|part| part == "..") || path.contains(':') {
            notes.push(Note::error(place, format!("expected a file in the folder of `fga.mod`, found `{text}`")));
        } else if stem.is_none() {
            notes.push(Note::error(place, format!("expected a file that ends in `.fga`, found `{text}`")));
        } else if !stem.is_some_and(|stem| (1..=100).contains(&stem.len()) && stem.bytes().all(letter)) {
            let rule = "letters, digits, `_`, `-` and `/` before `.fga`, 100 at most: a server takes no other name";
            notes.push(Note::error(place, format!("expected {rule}, found `{text}`")));
        } else if !listed.insert(path.clone()) {
            notes.push(Note::error(place, format!("`{path}` is listed twice")));
        } else {
            files.push((path, place));
        }
    }
    files
}

/// `%20` and its like as the characters that they stand for, as the reference tool reads paths.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

/// Reads `fga.mod`: a YAML mapping of a scalar and a list of scalars.
fn manifest(text: &str, file: usize) -> (Manifest, Vec<Note>) {
    let mut places = Places { text: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1, column: 0, byte: 0 };
    let bom = text.len() - places.text.len();
    let mut reading = Reading::default();
    for event in Parser::new_from_str(places.text) {
        match event {
            Ok((event, span)) => reading.take(event, Place { file, offset: bom + places.byte_of(&span.start) }),
            Err(error) => {
                let place = Place { file, offset: bom + places.byte_of(error.marker()) };
                reading.notes.push(Note::error(place, format!("this is not YAML: {}", error.info())));
                break;
            }
        }
    }
    (reading.manifest, reading.notes)
}

/// What ends a line of YAML; `\r\n` is one end.
const LINE_ENDS: [char; 2] = ['\n', '\r'];

/// The bytes of places in a text. A place behind the one before costs only what lies between: a line may be long, and have
/// thousands of places.
struct Places<'t> {
    text: &'t str,
    /// The place before: its line, counted from 1, its column, counted from 0 in letters, and its byte.
    line: usize,
    column: usize,
    byte: usize,
}

impl Places<'_> {
    /// The byte of a place; beyond its line, the line's end.
    fn byte_of(&mut self, place: &Marker) -> usize {
        if (place.line(), place.col()) < (self.line, self.column) {
            (self.line, self.column, self.byte) = (1, 0, 0);
        }
        while self.line < place.line() {
            let rest = &self.text[self.byte..];
            let end = rest.find(LINE_ENDS).unwrap_or(rest.len());
            let width = if rest[end..].starts_with("\r\n") { 2 } else { usize::from(end < rest.len()) };
            (self.line, self.column, self.byte) = (self.line + 1, 0, self.byte + end + width);
        }
        let letters = self.text[self.byte..].chars().take_while(|letter| !LINE_ENDS.contains(letter));
        for letter in letters.take(place.col() - self.column) {
            self.column += 1;
            self.byte += letter.len_utf8();
        }
        self.byte
    }
}

/// `fga.mod` as far as it is read.
#[derive(Default)]
struct Reading {
    manifest: Manifest,
    notes: Vec<Note>,
    /// The key that waits for its value.
    key: Option<String>,
    depth: usize,
    /// Whether a list of `contents` is open.
    listing: bool,
}

impl Reading {
    fn take(&mut self, event: Event<'_>, place: Place) {
        match event {
            Event::Scalar(scalar, ..) if self.depth == 1 && self.key.is_none() => {
                if !["schema", "contents"].contains(&scalar.as_ref()) {
                    let near = names::did_you_mean(&scalar, ["schema", "contents"].into_iter());
                    self.notes.push(Note::warning(place, format!("`fga.mod` has no key `{scalar}`{near}")));
                }
                self.key = Some(scalar.into_owned());
            }
            Event::Scalar(scalar, style, ..) if self.depth == 1 => match self.key.take().as_deref() {
                Some("schema") => self.manifest.schema = Some((Name::new(scalar, place), style)),
                Some("contents") => {
                    self.manifest.contents = Some(Vec::new());
                    self.notes.push(Note::error(place, "expected a list of `.fga` files"));
                }
                _ => {}
            },
            Event::Scalar(scalar, ..) if self.depth == 2 && self.listing => {
                self.manifest.contents.get_or_insert_default().push(Name::new(scalar, place));
            }
            Event::SequenceStart(..) => self.open(true, place),
            Event::MappingStart(..) => self.open(false, place),
            Event::SequenceEnd | Event::MappingEnd => {
                self.depth = self.depth.saturating_sub(1);
                self.listing = self.listing && self.depth > 1;
            }
            _ => {}
        }
    }

    fn open(&mut self, is_list: bool, place: Place) {
        match (self.depth, self.key.take().as_deref()) {
            (0, _) if is_list => self.notes.push(Note::error(place, "expected `schema:` and `contents:`")),
            (1, Some("contents")) if is_list => {
                self.listing = true;
                self.manifest.contents.get_or_insert_default();
            }
            (1, Some("contents" | "schema")) => {
                self.notes.push(Note::error(place, "expected a text or a list of texts"));
            }
            (2, _) if self.listing => self.notes.push(Note::error(place, "expected the path of a `.fga` file")),
            _ => {}
        }
        self.depth += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_any_order() {
        let text = "ä: 1\r\nb:\r  c: ö x\n\nd";
        let mut places = Places { text, line: 1, column: 0, byte: 0 };
        for (line, column, byte) in [
            (1, 0, 0),
            (1, 1, 2),
            (2, 0, 7),
            (3, 5, 15),
            (3, 7, 18),
            (1, 3, 4),
            (5, 0, 21),
            (4, 0, 20),
            (9, 3, 22),
            (3, 99, 19),
        ] {
            assert_eq!(places.byte_of(&Marker::new(0, line, column)), byte, "{line}:{column}");
        }
    }

    #[test]
    fn a_long_line_of_many_names_is_read_once() {
        let names: Vec<String> = (0..50_000).map(|number| format!("a/b{number}.fga")).collect();
        let (manifest, notes) =
            manifest(&format!("\u{feff}schema: '1.2'\ncontents: [{}, {}]", names.join(", "), names[7]), 0);
        let mut found = Vec::new();
        let files = contents(manifest.contents, Place::default(), &mut found);
        assert_eq!((files.len(), notes.len(), found.len()), (names.len(), 0, 1));
        assert!(found[0].message.contains("`a/b7.fga` is listed twice"));
    }
}
