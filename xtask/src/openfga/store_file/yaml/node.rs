//! The tree, and what its parts are.

use crate::openfga::store_file::findings::Place;
use crate::openfga::store_file::value;
use serde_json::Value;
use std::sync::Arc;

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

pub(super) fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::Scalar(..) => 0,
        Content::Sequence(items) => items.iter().map(size).sum(),
        Content::Mapping(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
    }
}
