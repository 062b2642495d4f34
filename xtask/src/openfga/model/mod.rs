//! OpenFGA's authorization model: read from the DSL, from modules or from JSON, checked as a server would, compared,
//! written as DSL or JSON. It imports no other folder, so that its tests can compile it by themselves.

mod canonical;
mod definition;
mod difference;
mod expression;
mod finding;
mod json;
mod lexer;
mod modules;
mod names;
mod parser;
mod parts;
mod printer;
mod tuple;
mod types;
mod validate;

pub use definition::Model;
pub use finding::{Finding, Severity, WITH_LINES, excerpt};
pub use names::nearest;
pub use parts::{Name, ParameterType, Rewrite, UserForm, UserType};
pub use printer::NotExpressible;
pub use tuple::{TupleParts, form_of_object, form_of_user, is_wildcard, split_userset, type_of, why_no_question};

use finding::{Note, Place, Sources};
use json::Node;
use parser::Header;
use serde_json::Value;

/// A model with its warnings, or all that is wrong with it.
pub type Read = Result<(Model, Vec<Finding>), Vec<Finding>>;

impl Model {
    /// Reads one DSL file that is no module. `file` is its name in findings.
    pub fn from_dsl(file: &str, text: &str) -> Read {
        let mut sources = Sources::default();
        let (mut document, mut notes) = parser::parse(text, sources.add(file, text));
        let schema = match document.header {
            Header::Model { schema } => schema,
            Header::Module { name } => {
                let message = format!("`{name}` is a module: name the `fga.mod` that lists it, not the module's file");
                notes.push(Note::error(name.place, message));
                Name::new("1.2", name.place)
            }
            Header::Missing => {
                document.unread.push(String::new());
                Name::new("1.1", Place::default())
            }
        };
        let types = document.types.into_iter().map(|statement| statement.definition).collect();
        let model = Self { schema, types, conditions: document.conditions };
        model.checked(&sources, notes, &document.unread)
    }

    /// Reads `fga.mod` and its modules. `read` gives the text of a file by its path relative to `fga.mod`.
    pub fn from_modules(file: &str, text: &str, read: &dyn Fn(&str) -> anyhow::Result<String>) -> Read {
        let mut sources = Sources::default();
        let number = sources.add(file, text);
        let (model, notes, unread) = modules::read(&mut sources, number, text, read);
        model.checked(&sources, notes, &unread)
    }

    /// Reads the API's form. A field that the API does not know is a warning: the server would drop it in silence.
    pub fn from_json(file: &str, text: &str) -> Read {
        let mut sources = Sources::default();
        let number = sources.add(file, text);
        let node = Node::parse(text, number).map_err(|note| sources.findings(vec![note]))?;
        let (model, notes) = json::read(&node);
        let unread: Vec<String> =
            notes.iter().filter(|note| note.severity == Severity::Error).map(|_| String::new()).collect();
        model.checked(&sources, notes, &unread)
    }

    /// Reads a server's answer, or its `authorization_model` alone; fields of newer servers are passed over, and
    /// nothing is checked: the server has taken it.
    pub fn from_value(value: &Value) -> anyhow::Result<Self> {
        let (model, notes) = json::read(&Node::without_places(value));
        match notes.into_iter().find(|note| note.severity == Severity::Error) {
            Some(note) => anyhow::bail!("this is not an authorization model: {}", note.message),
            None => Ok(model),
        }
    }

    fn checked(self, sources: &Sources, mut notes: Vec<Note>, unread: &[String]) -> Read {
        notes.extend(validate::check(&self, unread));
        let refused = notes.iter().any(|note| note.severity == Severity::Error);
        let findings = sources.findings(notes);
        if refused { Err(findings) } else { Ok((self, findings)) }
    }

    /// What `POST /stores/{id}/authorization-models` takes.
    pub fn to_json(&self) -> Value {
        json::write(self)
    }

    /// The model as one DSL file; the modules and files of its parts become comments.
    pub fn to_dsl(&self) -> Result<String, NotExpressible> {
        printer::print(self)
    }

    /// What becomes of this model when `other` takes its place: `+ …` comes, `- …` goes, `~ …` changes. Empty if they
    /// authorize the same. Which module and file defined a thing counts where `other` says it of anything: a model in one
    /// file may be what [`Model::to_dsl`] made of modules.
    pub fn difference(&self, other: &Self) -> Vec<String> {
        difference::difference(self, other)
    }
}
