//! The fields of the API's objects, in both of their styles.

use super::super::finding::{Note, Place};
use super::super::names;
use super::node::{Content, Node};

/// The fields of one object of the API, by their names in `snake_case`.
pub struct Fields<'n> {
    pub place: Place,
    pub is_object: bool,
    given: Vec<(String, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// The fields of a node that should be an object; messages call it `what`. Fields that are not `known` are warnings.
    pub fn new(notes: &mut Vec<Note>, node: &'n Node, what: &str, known: &[&str]) -> Self {
        let mut given: Vec<(String, &Node)> = Vec::new();
        let Content::Object(fields) = &node.content else {
            notes.push(Note::error(node.place, format!("expected {what}, an object, found {}", node.kind())));
            return Self { place: node.place, is_object: false, given };
        };
        for (name, place, value) in fields {
            let snake = snake_case(name);
            if !known.contains(&snake.as_str()) {
                let near = names::nearest(&snake, known.iter().copied());
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                notes.push(Note::warning(
                    *place,
                    format!("{what} has no field `{name}`: a server drops it silently{hint}"),
                ));
            } else if given.iter().any(|(other, _)| *other == snake) {
                notes.push(Note::error(*place, format!("the field `{name}` is given twice")));
                continue;
            }
            given.push((snake, value));
        }
        Self { place: node.place, is_object: true, given }
    }

    /// The value of a field that is given and not null.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.given.iter().find(|(given, node)| given == name && !node.is_null()).map(|(_, node)| *node)
    }
}

/// `computedUserset` as `computed_userset`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
