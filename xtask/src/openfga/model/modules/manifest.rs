//! `fga.mod` as YAML: a mapping of a scalar and a list of scalars, each with its place.

use super::super::finding::{Note, Place};
use super::super::names;
use super::super::parts::Name;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

/// What `fga.mod` says: a schema version, and files by their paths.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) schema: Option<(Name, ScalarStyle)>,
    pub(super) contents: Option<Vec<Name>>,
}

/// Reads `fga.mod`: a YAML mapping of a scalar and a list of scalars.
pub(super) fn manifest(text: &str, file: usize) -> (Manifest, Vec<Note>) {
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
}
