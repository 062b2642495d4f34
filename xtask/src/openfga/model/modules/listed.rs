//! What `fga.mod` says, checked: the schema's version, and the files by their paths.

use super::super::finding::{Note, Place};
use super::super::parts::Name;
use super::manifest::Manifest;
use saphyr_parser::ScalarStyle;
use std::collections::BTreeSet;

pub(super) fn schema(manifest: &Manifest, start: Place, notes: &mut Vec<Note>) -> Name {
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
pub(super) fn contents(contents: Option<Vec<Name>>, start: Place, notes: &mut Vec<Note>) -> Vec<(String, Place)> {
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

#[cfg(test)]
mod tests {
    use super::super::manifest::manifest;
    use super::*;

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
