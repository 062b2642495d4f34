//! What a tuple is made of.

use serde_json::{Map, Value};

/// A tuple's parts, as a file or a server writes them.
#[derive(Debug, Clone, Copy)]
pub struct TupleParts<'a> {
    /// `user:anne`, `user:*` or `team:x#member`.
    pub user: &'a str,
    pub relation: &'a str,
    /// `document:plan`
    pub object: &'a str,
    /// The condition's name and the values that the tuple brings along.
    pub condition: Option<(&'a str, &'a Map<String, Value>)>,
}
