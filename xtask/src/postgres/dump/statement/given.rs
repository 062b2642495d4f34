//! Which role an object goes to, and in which schema: a role must be allowed to make objects there.

use super::grammar::Item;
use super::written::Meaning;
use super::{Contents, names};
use crate::sql::Token;

/// The schema and the role that a statement names last.
#[derive(Debug, Default)]
pub(super) struct Given {
    schema: Option<String>,
    owner: Option<String>,
}

impl Given {
    pub(super) fn note(&mut self, item: Item, token: Token<'_>) {
        match item {
            Item::Schema => self.schema = names::identifier(token),
            // Of the functions that an object is made of another schema says nothing.
            Item::RoutineSchema if self.schema.is_none() => self.schema = names::identifier(token),
            Item::Owner => self.owner = names::role(token),
            _ => {}
        }
    }

    /// Notes the schema that a statement makes. Where it makes an object in a schema that no statement has made, notes
    /// that schema; tables name it as their target.
    pub(super) fn tell_schema(&self, meaning: Meaning, target: &str, line: u64, contents: &mut Contents) {
        let schema = match meaning {
            Meaning::CreatesSchema => self.schema.as_deref(),
            meaning if meaning.creates_in_schema() => self.schema.as_deref(),
            meaning if meaning.creates() => Some(target),
            _ => None,
        };
        match schema.filter(|schema| !schema.is_empty()) {
            Some(schema) if meaning == Meaning::CreatesSchema => drop(contents.schemas.insert(schema.to_owned())),
            // An extension may bring a schema of its own.
            Some(schema)
                if schema != "public" && contents.extensions.is_empty() && !contents.schemas.contains(schema) =>
            {
                contents.absent_schema.get_or_insert_with(|| (line, schema.to_owned()));
            }
            _ => {}
        }
    }

    /// Whether the schema is `public`.
    pub(super) fn is_public(&self) -> bool {
        self.schema.as_deref() == Some("public")
    }

    pub(super) fn tell(self, meaning: Meaning, line: u64, contents: &mut Contents) {
        let (Some(schema), Some(owner)) = (self.schema, self.owner) else { return };
        match meaning {
            Meaning::Gives => drop(contents.given.entry((schema, owner)).or_insert(line)),
            Meaning::GivesSchema => drop(contents.schema_owners.insert(schema, owner)),
            _ => {}
        }
    }
}
