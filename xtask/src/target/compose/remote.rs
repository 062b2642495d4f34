//! The other files that a Compose file names by `include` and `extends`. Compose fetches those that are elsewhere, by git
//! and other programs.

use saphyr_parser::{Event, Parser};

/// How the parser numbers a node without an anchor.
const NO_ANCHOR: usize = 0;
/// Deeper than any Compose file.
const DEEPEST: usize = 64;

/// Whether this can only be a path from a folder: Compose takes an address for a repository or a registry.
pub(super) fn is_plain(name: &str) -> bool {
    let letters = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-+/ ".contains(letter));
    letters && !name.is_empty() && !name.starts_with(['/', '-']) && !name.to_ascii_lowercase().starts_with("github.com")
}

/// What a value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Other,
    /// What a mapping takes keys from: the value of `<<`, or what may be such a value by its anchor.
    Merged,
    /// All of `include`, and the `path` in it.
    Include,
    /// The whole of `extends`: a service's name, or what has its file.
    Extends,
    File,
}

#[derive(Debug, Clone, Copy)]
enum Open {
    Sequence(Meaning),
    Mapping {
        meaning: Meaning,
        /// Whether its keys are those of the file, or may become such.
        is_top: bool,
        /// What the value of the key before means; `None` where a key comes next.
        next: Option<Meaning>,
    },
}

/// The names that a Compose file has for other files. `extends` counts wherever it stands. `include` counts at the top, and
/// where an anchor or `<<` may bring it there; further down it is a service's own word, as in `develop.watch`.
///
/// # Errors
/// It is no YAML, or does not show which file it names.
pub(super) fn named(text: &str) -> Result<Vec<String>, String> {
    let mut reader = Reader::default();
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| format!("line {}: {}", error.marker().line(), error.info()))?;
        let line = span.start.line();
        if event == Event::StreamEnd {
            break;
        }
        reader.take(event).map_err(|why| format!("line {line}: {why}"))?;
    }
    Ok(reader.named)
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    named: Vec<String>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, _, _, tag) => match self.open.last_mut() {
                Some(Open::Mapping { meaning, is_top, next: next @ None }) => {
                    if tag.is_some() {
                        return Err("a key has a tag");
                    }
                    *next = Some(of_key(*meaning, *is_top, &text)?);
                }
                _ => match self.value() {
                    Meaning::Include | Meaning::File => self.named.push(text.into_owned()),
                    Meaning::Other | Meaning::Merged | Meaning::Extends => {}
                },
            },
            Event::Alias(_) if self.is_at_key() || !matches!(self.value(), Meaning::Other | Meaning::Merged) => {
                return Err("an alias stands where a file may be named");
            }
            Event::SequenceStart(anchor, _) => {
                let meaning = self.nested()?;
                let is_merged = meaning == Meaning::Other && anchor != NO_ANCHOR;
                self.open.push(Open::Sequence(if is_merged { Meaning::Merged } else { meaning }));
            }
            Event::MappingStart(anchor, _) => {
                let is_first = self.open.is_empty();
                let meaning = self.nested()?;
                let is_top = is_first || meaning == Meaning::Merged || anchor != NO_ANCHOR;
                self.open.push(Open::Mapping { meaning, is_top, next: None });
            }
            Event::SequenceEnd | Event::MappingEnd => drop(self.open.pop()),
            _ => {}
        }
        Ok(())
    }

    fn is_at_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Mapping { next: None, .. }))
    }

    /// What the value that begins here means.
    fn value(&mut self) -> Meaning {
        match self.open.last_mut() {
            Some(Open::Sequence(meaning)) => *meaning,
            Some(Open::Mapping { next, .. }) => next.take().unwrap_or(Meaning::Other),
            None => Meaning::Other,
        }
    }

    fn nested(&mut self) -> Result<Meaning, &'static str> {
        if self.is_at_key() {
            return Err("a key is no text");
        }
        if self.open.len() >= DEEPEST {
            return Err("it is nested too deeply");
        }
        Ok(self.value())
    }
}

fn of_key(within: Meaning, is_top: bool, key: &str) -> Result<Meaning, &'static str> {
    match (within, key) {
        (Meaning::Other | Meaning::Merged, "include") if is_top => Ok(Meaning::Include),
        (Meaning::Other | Meaning::Merged, "extends") => Ok(Meaning::Extends),
        (Meaning::Other | Meaning::Merged, "<<") => Ok(Meaning::Merged),
        (Meaning::Other | Meaning::Merged, _) | (Meaning::Extends, "service") => Ok(Meaning::Other),
        (Meaning::Include, "path") | (Meaning::Extends, "file") => Ok(Meaning::File),
        _ => Err("include or extends has a key that changes what is named"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_however_they_are_named() {
        for (text, expected) in [
            ("services: {a: {image: x, extends: b}}", &[][..]),
            ("include: a.yml", &["a.yml"]),
            ("include:\n- a.yml\n- path: b.yml\n- path: [c.yml]\n", &["a.yml", "b.yml", "c.yml"]),
            ("\"incl\\u0075de\": [oci://x]", &["oci://x"]),
            ("x: &x\n  include: [git://x]\n<<: *x\n", &["git://x"]),
            ("services: {a: {extends: {file: b.yml, service: a}}}", &["b.yml"]),
            ("services: {a: {develop: {watch: [{path: ., include: ['src/**']}]}}}", &[]),
            ("services: {a: {environment: {include: x}, labels: {include: y}}, include: {image: z}}", &[]),
            // What an anchor or a merge may bring to the top.
            ("services: {a: {develop: {watch: [&w {include: [git://x]}]}}}\n<<: *w\n", &["git://x"]),
            ("services: {a: &a [{include: [git://x]}]}\n<<: *a\n", &["git://x"]),
            ("<<: {include: [git://x]}\n", &["git://x"]),
            ("<<: [{<<: {include: [git://x]}}]\n", &["git://x"]),
            ("a: {b: {<<: {include: [git://x]}}}\n", &["git://x"]),
            ("services: {}\n---\ninclude: [git://x]\n", &["git://x"]),
        ] {
            assert_eq!(named(text).unwrap(), expected, "{text}");
        }
        for text in [
            "x: &x [git://x]\ninclude: *x\n",
            "x: &x include\n*x : [git://x]\n",
            "!!binary aW5jbHVkZQ==: [git://x]\n",
            "include: [{path: a.yml, project_directory: 'git://x'}]\n",
            "x: &x {file: git://x}\nservices: {a: {extends: {<<: *x}}}\n",
            "? [include]\n: x\n",
            "a: [\n",
        ] {
            assert!(named(text).is_err(), "{text}");
        }
        assert!(named(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn an_address_is_no_plain_path() {
        for name in ["a.yml", "../common/a b.yaml", "./x/y.yml"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "/etc/x", "git@host:x", "ssh://x", "oci://x", "https://x/y.git", "github.com/x/y", "$A", "-x"]
        {
            assert!(!is_plain(name), "{name}");
        }
    }
}
