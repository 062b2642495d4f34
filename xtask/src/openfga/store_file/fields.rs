//! A mapping's keys: those that may be there, read one by one; all others are errors.

use super::findings::{Place, Report, did_you_mean};
use super::yaml::{Content, Key, Node, Written};
use serde_json::{Map, Value};

/// The keys of one mapping.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'n> {
    entries: &'n [(Key, Node)],
    pub place: Place,
}

impl<'n> Fields<'n> {
    /// The mapping, if it is one; keys that are not `allowed` are reported.
    pub fn of(node: &'n Node, what: &str, allowed: &[&str], report: &mut Report<'_>) -> Option<Self> {
        let Content::Mapping(entries) = &node.content else {
            report.error(
                node.place,
                format!("{what} is {}; a mapping with {} was expected", node.kind(), allowed.join(", ")),
            );
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !allowed.contains(&&*key.name)) {
            let meant = did_you_mean(&key.name, allowed.iter().copied());
            report.error(
                key.place,
                format!("{what} has no key {:?}{meant}; it can have {}", key.name, allowed.join(", ")),
            );
        }
        Some(Self { entries, place: node.place })
    }

    /// The value of a key that is there and not null.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(key, node)| &*key.name == name && !node.is_null()).map(|(_, node)| node)
    }

    /// A text.
    pub fn text(&self, name: &str, report: &mut Report<'_>) -> Option<&'n str> {
        text(self.get(name)?, name, report)
    }

    /// A text that must be there.
    pub fn required(&self, name: &str, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
        if self.get(name).is_none() {
            report.error(self.place, format!("{what} has no {name}"));
        }
        self.text(name, report)
    }

    /// A list's entries; a key that is not there is an empty one.
    pub fn list(&self, name: &str, report: &mut Report<'_>) -> Vec<&'n Node> {
        self.get(name).map_or_else(Vec::new, |node| list(node, name, report))
    }

    /// Where the value of a key stands, else the mapping.
    pub fn place_of(&self, name: &str) -> Place {
        self.get(name).map_or(self.place, |node| node.place)
    }

    /// The texts of a list that must hold some, each with its place.
    fn texts(&self, name: &str, report: &mut Report<'_>) -> Vec<(&'n str, Place)> {
        let nodes = self.list(name, report);
        if let Some(node) = self.get(name).filter(|node| nodes.is_empty() && node.is_list()) {
            report.error(node.place, format!("{name} is empty: nothing would be asked"));
        }
        nodes.iter().filter_map(|node| Some((text(node, name, report)?, node.place))).collect()
    }

    /// One text under the first name, or several under the second, each with its place.
    pub fn one_or_many(&self, one: &str, many: &str, what: &str, report: &mut Report<'_>) -> Vec<(&'n str, Place)> {
        match (self.get(one), self.get(many)) {
            (Some(_), Some(node)) => {
                report.error(node.place, format!("{what} has both {one} and {many}"));
                Vec::new()
            }
            (None, None) => {
                report.error(self.place, format!("{what} has neither {one} nor {many}"));
                Vec::new()
            }
            (Some(node), None) => self.text(one, report).map(|text| (text, node.place)).into_iter().collect(),
            (None, Some(_)) => self.texts(many, report),
        }
    }

    /// A mapping as JSON: a condition's context.
    pub fn context(&self, report: &mut Report<'_>) -> Option<Map<String, Value>> {
        let node = self.get("context")?;
        match node.to_json() {
            Value::Object(context) => Some(context),
            _ => {
                report.error(node.place, format!("context is {}; a mapping was expected", node.kind()));
                None
            }
        }
    }

    /// The entries of a mapping whose keys are names of the author's own; it must have some.
    pub fn named(&self, name: &str, what: &str, report: &mut Report<'_>) -> &'n [(Key, Node)] {
        match self.get(name).map(|node| (&node.content, node)) {
            Some((Content::Mapping(entries), node)) => {
                if entries.is_empty() {
                    report.error(node.place, format!("{name} is empty: nothing would be asked"));
                }
                entries
            }
            Some((_, node)) => {
                report.error(node.place, format!("{name} is {}; a mapping was expected", node.kind()));
                &[]
            }
            None => {
                report.error(self.place, format!("{what} has no {name}"));
                &[]
            }
        }
    }
}

/// A list's entries; empty ones are passed over.
pub fn list<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Vec<&'n Node> {
    match &node.content {
        Content::Sequence(items) => {
            for empty in items.iter().filter(|item| item.is_null()) {
                report.warning(empty.place, format!("an empty entry in {what} is ignored"));
            }
            items.iter().filter(|item| !item.is_null()).collect()
        }
        _ if node.is_null() => Vec::new(),
        _ => {
            report.error(node.place, format!("{what} is {}; a list was expected", node.kind()));
            Vec::new()
        }
    }
}

/// A scalar's text, whatever YAML would make of it: ids may be numbers.
pub fn text<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> Option<&'n str> {
    match &node.content {
        Content::Scalar(text, _) if !node.is_null() => Some(text),
        _ => {
            report.error(node.place, format!("{what} is {}; a text was expected", node.kind()));
            None
        }
    }
}

/// A truth value, also in YAML 1.1's words.
pub fn truth(node: &Node, what: &str, report: &mut Report<'_>) -> Option<bool> {
    if let Content::Scalar(text, Written::Plain) = &node.content {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => return Some(true),
            "false" | "no" | "off" | "n" => return Some(false),
            _ => {}
        }
    }
    report.error(node.place, format!("{what} is {}; true or false was expected", node.kind()));
    None
}
