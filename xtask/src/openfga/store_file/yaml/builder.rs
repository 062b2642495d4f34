//! The tree as it grows, event by event, within bounds.

use super::node::{Content, Key, Node, Refusal, size};
use crate::openfga::store_file::findings::Place;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Deeper than any store file; a tree without end would exhaust the stack.
const DEEPEST: usize = 64;
/// The most keys of one mapping.
pub(super) const MOST_KEYS: usize = 2_000;

/// A sequence or mapping whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<Key>,
}

#[derive(Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    pub(super) anchors: HashMap<usize, Node>,
    pub(super) root: Option<Node>,
    copies_left: usize,
    /// Each name once, however many mappings have it: a file may list a hundred thousand tuples.
    names: HashSet<Arc<str>>,
}

impl Builder {
    /// `copies`: so many values may be copied.
    pub(super) fn new(copies: usize) -> Self {
        Self { copies_left: copies, ..Self::default() }
    }

    pub(super) fn open(&mut self, place: Place, content: Content, anchor: usize) -> Result<(), Refusal> {
        if self.open.len() >= DEEPEST {
            return Err(Refusal { place, message: format!("nested deeper than {DEEPEST} levels") });
        }
        self.open.push(Open { node: Node { place, content }, anchor, key: None });
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), Refusal> {
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
    pub(super) fn copy(&mut self, values: usize, place: Place) -> Result<(), Refusal> {
        let left = self.copies_left.checked_sub(values);
        self.copies_left = left.ok_or_else(|| Refusal {
            place,
            message: "anchors and aliases make many more values of this file than it has".to_owned(),
        })?;
        Ok(())
    }

    pub(super) fn add(&mut self, node: Node, anchor: usize) -> Result<(), Refusal> {
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
