//! One change of the other repository.

use std::collections::BTreeMap;

/// What becomes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Text(String),
    /// A folder that is not there yet: paths inside, and texts.
    Folder(BTreeMap<String, String>),
    Removed,
}

/// One file or folder, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// From the repository's folder, with `/`.
    pub path: String,
    pub(super) content: Content,
    /// For people.
    pub what: String,
}

impl Change {
    pub(super) fn new(path: impl Into<String>, text: String, what: String) -> Self {
        Self { path: path.into(), content: Content::Text(text), what }
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> Option<&str> {
        if let Content::Text(text) = &self.content { Some(text) } else { None }
    }
}
