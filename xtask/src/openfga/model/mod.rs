//! OpenFGA's authorization model: read from the DSL, from modules or from JSON, checked as a server would, compared,
//! written as DSL or JSON. It looks into no other room, so that its tests can compile it by themselves.

mod finding;
mod parts;

pub use finding::{Finding, Severity};
pub use parts::{Condition, Name, ParameterType, UserForm, UserType};

use parts::TypeDefinition;
use serde_json::Value;
use std::fmt;

/// A model. Two are equal if they authorize the same by construction: the order of types, relations, user types and
/// of the operands of `or` and `and` counts for nothing.
#[derive(Debug, Clone)]
pub struct Model {
    schema: Name,
    types: Vec<TypeDefinition>,
    conditions: Vec<Condition>,
}

/// Why the DSL has no words for a model that JSON can hold; one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotExpressible {
    pub reasons: Vec<String>,
}

impl fmt::Display for NotExpressible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the DSL cannot express this model:")?;
        self.reasons.iter().try_for_each(|reason| write!(f, "\n  {reason}"))
    }
}

impl std::error::Error for NotExpressible {}

/// A model with its warnings, or all that is wrong with it.
pub type Read = Result<(Model, Vec<Finding>), Vec<Finding>>;

impl Model {
    /// Reads one DSL file that is no module. `file` is its name in findings.
    pub fn from_dsl(_file: &str, _text: &str) -> Read {
        Err(Vec::new())
    }

    /// Reads `fga.mod` and its modules. `read` gives the text of a file by its path relative to `fga.mod`.
    pub fn from_modules(_file: &str, _text: &str, _read: &dyn Fn(&str) -> anyhow::Result<String>) -> Read {
        Err(Vec::new())
    }

    /// Reads the API's form. A field that the API does not know is an error: the server would drop it in silence.
    pub fn from_json(_file: &str, _text: &str) -> Read {
        Err(Vec::new())
    }

    /// Reads a server's answer, or its `authorization_model` alone; fields of newer servers are passed over.
    pub fn from_value(_value: &Value) -> anyhow::Result<Self> {
        anyhow::bail!("not yet")
    }

    /// What `POST /stores/{id}/authorization-models` takes.
    pub fn to_json(&self) -> Value {
        Value::Null
    }

    /// The model as one DSL file.
    pub fn to_dsl(&self) -> Result<String, NotExpressible> {
        Err(NotExpressible { reasons: Vec::new() })
    }

    /// What becomes of this model when `other` takes its place: `+ …` comes, `- …` goes, `~ …` changes. Empty if equal.
    pub fn difference(&self, _other: &Self) -> Vec<String> {
        Vec::new()
    }

    /// The names of the types.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|definition| definition.name.text.as_str())
    }

    /// The names of a type's relations; none for a type that does not exist.
    pub fn relations(&self, type_name: &str) -> impl Iterator<Item = &str> {
        let definition = self.types.iter().find(|definition| definition.name.text == type_name);
        definition.into_iter().flat_map(|definition| definition.relations.iter().map(|it| it.name.text.as_str()))
    }

    /// Whom a tuple of the relation may name: empty if it is only computed, `None` if type or relation do not exist.
    pub fn relation(&self, type_name: &str, relation: &str) -> Option<&[UserType]> {
        let definition = self.types.iter().find(|definition| definition.name.text == type_name)?;
        let found = definition.relations.iter().find(|candidate| candidate.name.text == relation)?;
        Some(&found.user_types)
    }

    /// A condition, with its parameters.
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.name.text == name)
    }
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }
}
