//! Whether a server takes a tuple: the rules of OpenFGA 1.18's `validation` and `tuple` packages and of its API's field
//! limits. A server that uses the model refuses what is refused here, and takes the rest.

mod form;
mod go;
mod parts;
mod restriction;
mod size;
mod value;

pub use parts::TupleParts;

use super::definition::Model;
use super::names::did_you_mean_in_parentheses;

impl Model {
    /// Why a server does not take this tuple, in one line; `None` where it does.
    pub fn why_not(&self, tuple: &TupleParts<'_>) -> Option<String> {
        form::why_not(tuple)
            .or_else(|| self.why_no_relation(form::type_of(tuple.object), tuple.relation))
            .or_else(|| restriction::why_not(self, tuple))
    }

    /// Why a type has no such relation; `None` where it has.
    pub fn why_no_relation(&self, object_type: &str, relation: &str) -> Option<String> {
        if let Some(why) = self.why_no_type(object_type) {
            return Some(why);
        }
        if self.relation(object_type, relation).is_none() {
            let near = did_you_mean_in_parentheses(relation, self.relations(object_type));
            return Some(format!("type {object_type} has no relation {relation}{near}"));
        }
        None
    }

    fn why_no_type(&self, object_type: &str) -> Option<String> {
        let known = self.types().any(|name| name == object_type);
        (!known).then(|| {
            format!("there is no type {object_type}{}", did_you_mean_in_parentheses(object_type, self.types()))
        })
    }
}
