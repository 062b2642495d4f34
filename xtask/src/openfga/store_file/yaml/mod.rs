//! A YAML document as a tree that knows where each part stands and how each scalar was written.

mod builder;
mod node;

pub use node::{Content, Key, Node, Refusal, Written};

use super::findings::Place;
use builder::Builder;
use node::size;
use saphyr_parser::{Event, Parser, ScalarStyle};

/// Copied for anchors and aliases: a file of a few lines can ask for billions. A larger file may ask for more.
const SMALL_COPIES: usize = 100_000;
const MOST_COPIES: usize = 5_000_000;

/// The tree of the one document in this text; `None` where the text is empty.
pub fn parse(text: &str) -> Result<Option<Node>, Refusal> {
    let most_copies = MOST_COPIES.min(SMALL_COPIES + 10 * text.len());
    let mut builder = Builder::new(most_copies);
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Refusal {
            place: Place::of(error.marker().line(), error.marker().col() + 1),
            message: error.info().to_owned(),
        })?;
        let place = Place::of(span.start.line(), span.start.col() + 1);
        let refusal = |message: &str| Refusal { place, message: message.to_owned() };
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if builder.root.is_some() => {
                return Err(refusal("a second document; one file holds one store"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let written = if style == ScalarStyle::Plain && !is_text { Written::Plain } else { Written::Quoted };
                builder.add(Node { place, content: Content::Scalar(text.into_owned(), written) }, anchor)?;
            }
            Event::Alias(anchor) => {
                let size = builder.anchors.get(&anchor).map(size);
                let size = size.ok_or_else(|| refusal("an alias of something that is not complete"))?;
                builder.copy(size, place)?;
                if let Some(copied) = builder.anchors.get(&anchor).cloned() {
                    builder.add(copied, 0)?;
                }
            }
            Event::SequenceStart(anchor, _) => builder.open(place, Content::Sequence(Vec::new()), anchor)?,
            Event::MappingStart(anchor, _) => builder.open(place, Content::Mapping(Vec::new()), anchor)?,
            Event::SequenceEnd | Event::MappingEnd => builder.close()?,
            _ => {}
        }
    }
    Ok(builder.root.filter(|root| !root.is_null()))
}

#[cfg(test)]
mod tests {
    use super::builder::MOST_KEYS;
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> serde_json::Value {
        parse(text).unwrap().unwrap().to_json()
    }

    fn refused(text: &str) -> String {
        let refusal = parse(text).unwrap_err();
        format!("{}:{} {}", refusal.place.line, refusal.place.column, refusal.message)
    }

    #[test]
    fn scalars_keep_what_people_wrote() {
        let text = "a: 1h\nb: 192.168.0.1\nc: 10\nd: 1.5\ne: '10'\nf: true\ng: 2024-01-01T00:00:00Z\nh: 0x1F\ni: ~\nj: yes\nk: .inf\nl: !!str 7\nm: 1e3\nn: -3\no: 18446744073709551615\n";
        let expected = json!({
            "a": "1h", "b": "192.168.0.1", "c": 10, "d": 1.5, "e": "10", "f": true, "g": "2024-01-01T00:00:00Z",
            "h": 31, "i": null, "j": "yes", "k": ".inf", "l": "7", "m": 1000.0, "n": -3, "o": u64::MAX
        });
        assert_eq!(read(text), expected);
    }

    #[test]
    fn places_count_from_one_in_letters() {
        let Some(Node { content: Content::Mapping(entries), .. }) = parse("# é\nname: x\nlist:\n  - é: y\n").unwrap()
        else {
            panic!("no mapping")
        };
        assert_eq!((entries[0].0.place.line, entries[0].0.place.column), (2, 1));
        assert_eq!((entries[0].1.place.line, entries[0].1.place.column), (2, 7));
        let Content::Sequence(items) = &entries[1].1.content else { panic!("no list") };
        let Content::Mapping(inner) = &items[0].content else { panic!("no mapping") };
        assert_eq!((inner[0].1.place.line, inner[0].1.place.column), (4, 8));
    }

    #[test]
    fn aliases_and_merges_are_followed() {
        let text = "base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\nagain: *b\n";
        assert_eq!(read(text), json!({"base": {"x": 1, "y": 2}, "more": {"y": 3, "x": 1}, "again": {"x": 1, "y": 2}}));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        assert_eq!(refused("a: 1\na: 2\n"), "2:1 the key \"a\" is in line 1 already");
        assert!(refused("a: 1\n---\nb: 2\n").starts_with("2:1 a second document"));
        assert!(refused("a: [1\n").starts_with("2:"));
        assert!(refused("a:\n\t- b\n").starts_with("2:"));
        assert!(refused(&"- ".repeat(100)).contains("nested deeper"));
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(refused("a: &a [*a]\n").contains("not complete"));
    }

    #[test]
    fn a_file_that_multiplies_itself_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let copies = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{copies}]\n"));
        }
        assert!(refused(&text).starts_with("5:"), "{}", refused(&text));
        // Anchors in each other copy as aliases do.
        let many = "x, ".repeat(20_000);
        let nested = format!("{}{many}{}", "&a [".repeat(60), "]".repeat(60));
        assert!(refused(&nested).contains("anchors and aliases make many more values"));
        let keys: String = (0..=MOST_KEYS).map(|number| format!("k{number}: 1\n")).collect();
        assert!(refused(&keys).contains("a mapping with more than"));
    }

    #[test]
    fn a_large_file_may_repeat_itself() {
        let tuples = "  - {user: 'user:anne', relation: viewer, object: 'doc:1'}\n".repeat(2_000);
        let tests: String = (0..20).map(|_| "  - tuples: *t\n").collect();
        assert!(parse(&format!("tuples: &t\n{tuples}tests:\n{tests}")).is_ok());
    }

    #[test]
    fn an_empty_file_is_no_document() {
        assert!(parse("").unwrap().is_none());
        assert!(parse("# nothing\n").unwrap().is_none());
    }
}
