//! JSON that knows where in its text each part stands.

use super::super::finding::{Note, Place};
use serde_json::Value;

/// A JSON value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    pub place: Place,
    pub content: Content,
}

/// What a value is; names of fields are kept with their own places.
#[derive(Debug, Clone)]
pub enum Content {
    Object(Vec<(String, Place, Node)>),
    Array(Vec<Node>),
    /// A string, number, truth value or null.
    Scalar(Value),
}

impl Node {
    /// Reads a text; what is wrong with it stops at the first mistake, as JSON readers do.
    pub fn parse(text: &str, file: usize) -> Result<Self, Note> {
        if let Err(error) = serde_json::from_str::<Value>(text) {
            let offset = offset_of(text, error.line(), error.column());
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            return Err(Note::error(Place { file, offset }, format!("this is not JSON: {message}")));
        }
        let mut reader = Reader { text, file, at: 0 };
        Ok(reader.node())
    }

    /// A value without places.
    pub fn without_places(value: &Value) -> Self {
        let place = Place::default();
        let content = match value {
            Value::Object(fields) => Content::Object(
                fields.iter().map(|(name, value)| (name.clone(), place, Self::without_places(value))).collect(),
            ),
            Value::Array(items) => Content::Array(items.iter().map(Self::without_places).collect()),
            scalar => Content::Scalar(scalar.clone()),
        };
        Self { place, content }
    }

    /// Whether it stands for "nothing given".
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Value::Null))
    }

    /// What kind of value it is, for people.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Object(_) => "an object",
            Content::Array(_) => "a list",
            Content::Scalar(Value::String(_)) => "a string",
            Content::Scalar(Value::Bool(_)) => "true or false",
            Content::Scalar(Value::Null) => "null",
            Content::Scalar(_) => "a number",
        }
    }
}

/// The byte that serde's line and column (in bytes, both from 1) mean.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

/// Walks over a text that is known to be JSON.
struct Reader<'t> {
    text: &'t str,
    file: usize,
    at: usize,
}

impl Reader<'_> {
    fn node(&mut self) -> Node {
        self.blanks();
        let place = Place { file: self.file, offset: self.at };
        let content = match self.peek() {
            Some(b'{') => Content::Object(self.members(b'}', |reader| {
                let place = Place { file: reader.file, offset: reader.at };
                let name = reader.scalar().as_str().map(str::to_owned).unwrap_or_default();
                reader.blanks();
                reader.at += 1;
                (name, place, reader.node())
            })),
            Some(b'[') => Content::Array(self.members(b']', Self::node)),
            _ => Content::Scalar(self.scalar()),
        };
        Node { place, content }
    }

    /// What stands between brackets, parted by commas.
    fn members<T>(&mut self, close: u8, mut member: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut members = Vec::new();
        self.at += 1;
        loop {
            self.blanks();
            match self.peek() {
                None => return members,
                Some(byte) if byte == close => {
                    self.at += 1;
                    return members;
                }
                Some(b',') => self.at += 1,
                Some(_) => members.push(member(self)),
            }
        }
    }

    fn scalar(&mut self) -> Value {
        let rest = &self.text[self.at..];
        let length = if rest.starts_with('"') {
            string_length(rest)
        } else {
            rest.find(|letter: char| letter.is_ascii_whitespace() || matches!(letter, ',' | '}' | ']'))
                .unwrap_or(rest.len())
        };
        // At least one byte, so that the walk ends whatever the text holds.
        self.at = (self.at + length.max(1)).min(self.text.len());
        serde_json::from_str(&rest[..length]).unwrap_or_default()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// How long the string is that a text starts with, quotes and all.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return index + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}
