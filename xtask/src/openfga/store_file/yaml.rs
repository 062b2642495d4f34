//! A YAML document as a tree that knows where each part stands and how each scalar was written.

use super::findings::Place;
use super::value;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Deeper than any store file; a tree without end would exhaust the stack.
const DEEPEST: usize = 64;
/// Copied for anchors and aliases: a file of a few lines can ask for billions. A larger file may ask for more.
const SMALL_COPIES: usize = 100_000;
const MOST_COPIES: usize = 5_000_000;
/// The most keys of one mapping.
const MOST_KEYS: usize = 2_000;

/// One part of the document.
#[derive(Debug, Clone)]
pub struct Node {
    pub place: Place,
    pub content: Content,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Content {
    /// A text and whether it stands without quotes, so that `1` may be a number.
    Scalar(String, Written),
    Sequence(Vec<Node>),
    /// Keys are scalars, each with its place, in the file's order.
    Mapping(Vec<(Key, Node)>),
}

/// How a scalar stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Plain,
    Quoted,
}

/// The key of an entry of a mapping.
#[derive(Debug, Clone)]
pub struct Key {
    pub place: Place,
    pub name: Arc<str>,
}

/// What is wrong with the text, and where.
#[derive(Debug)]
pub struct Refusal {
    pub place: Place,
    pub message: String,
}

/// A sequence or mapping whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<Key>,
}

/// The tree of the one document in this text; `None` where the text is empty.
pub fn parse(text: &str) -> Result<Option<Node>, Refusal> {
    let most_copies = MOST_COPIES.min(SMALL_COPIES + 10 * text.len());
    let mut builder = Builder { copies_left: most_copies, ..Builder::default() };
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

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    copies_left: usize,
    /// Each name once, however many mappings have it: a file may list a hundred thousand tuples.
    names: HashSet<Arc<str>>,
}

impl Builder {
    fn open(&mut self, place: Place, content: Content, anchor: usize) -> Result<(), Refusal> {
        if self.open.len() >= DEEPEST {
            return Err(Refusal { place, message: format!("nested deeper than {DEEPEST} levels") });
        }
        self.open.push(Open { node: Node { place, content }, anchor, key: None });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refusal> {
        match self.open.pop() {
            Some(mut open) => {
                if let Content::Mapping(entries) = &mut open.node.content {
                    merge(entries);
                    entries.shrink_to_fit();
                }
                self.add(open.node, open.anchor)
            }
            None => Ok(()),
        }
    }

    /// Counts values that are copied.
    fn copy(&mut self, values: usize, place: Place) -> Result<(), Refusal> {
        let left = self.copies_left.checked_sub(values);
        self.copies_left = left.ok_or_else(|| Refusal {
            place,
            message: "anchors and aliases make many more values of this file than it has".to_owned(),
        })?;
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Refusal> {
        if anchor != 0 {
            self.copy(size(&node), node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.node.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping(entries) => match parent.key.take() {
                Some(key) => entries.push((key, node)),
                None => parent.key = Some(key(node, entries, &mut self.names)?),
            },
            Content::Scalar(..) => {}
        }
        Ok(())
    }
}

fn key(node: Node, before: &[(Key, Node)], names: &mut HashSet<Arc<str>>) -> Result<Key, Refusal> {
    let refusal = |message: String| Err(Refusal { place: node.place, message });
    if before.len() >= MOST_KEYS {
        return refusal(format!("a mapping with more than {MOST_KEYS} keys"));
    }
    match node.content {
        Content::Scalar(name, _) => match before.iter().find(|(key, _)| *key.name == *name && name != "<<") {
            Some((first, _)) => refusal(format!("the key {name:?} is in line {} already", first.place.line)),
            None => {
                let name = names.get(name.as_str()).cloned().unwrap_or_else(|| Arc::from(name));
                names.insert(Arc::clone(&name));
                Ok(Key { place: node.place, name })
            }
        },
        _ => refusal("a key that is no text".to_owned()),
    }
}

/// `<<: *defaults`: what the mapping does not say itself.
fn merge(entries: &mut Vec<(Key, Node)>) {
    while let Some(at) =
        entries.iter().position(|(key, node)| &*key.name == "<<" && !matches!(node.content, Content::Scalar(..)))
    {
        let (_, merged) = entries.remove(at);
        let sources = match merged.content {
            Content::Sequence(items) => items,
            content => vec![Node { content, ..merged }],
        };
        for source in sources {
            let Content::Mapping(defaults) = source.content else { continue };
            for (key, node) in defaults {
                if !entries.iter().any(|(own, _)| own.name == key.name) {
                    entries.push((key, node));
                }
            }
        }
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::Scalar(..) => 0,
        Content::Sequence(items) => items.iter().map(size).sum(),
        Content::Mapping(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
    }
}

impl Node {
    /// Nothing, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(text, Written::Plain) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.content, Content::Sequence(_))
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(..) if self.is_null() => "nothing",
            Content::Scalar(..) => "a text",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    /// The value as JSON: numbers and truth values by YAML's core schema, all else as text.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(text, Written::Quoted) => Value::String(text.clone()),
            Content::Scalar(text, Written::Plain) => value::plain(text),
            Content::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Mapping(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.name.to_string(), node.to_json())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
