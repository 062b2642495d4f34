//! Whether a server takes a tuple: the rules of OpenFGA 1.18's `validation` and `tuple` packages and of its API's field
//! limits. A server that uses the model refuses what is refused here, and takes the rest.

mod form;
mod go;
mod number;
mod parts;
mod restriction;
mod size;
mod value;

pub use form::{form_of_object, form_of_user, is_wildcard, split_userset, type_of, why_no_question};
pub use parts::TupleParts;

use super::definition::Model;
use super::names::{OF_TUPLE_CONDITION, did_you_mean_in_parentheses};

impl Model {
    /// Why a server does not take this tuple, in one line; `None` where it does.
    pub fn why_not(&self, tuple: &TupleParts<'_>) -> Option<String> {
        form::why_not(tuple)
            .or_else(|| self.why_no_relation(form::type_of(tuple.object), tuple.relation))
            .or_else(|| restriction::why_not(self, tuple))
    }

    /// The condition of this tuple, where a server does not take it for that alone: the model has it by a name that is too
    /// short for any tuple.
    pub fn barren_condition<'a>(&self, tuple: &TupleParts<'a>) -> Option<&'a str> {
        let (name, _) = tuple.condition?;
        let is_short = name.chars().count() < *OF_TUPLE_CONDITION.start() && self.condition(name).is_some();
        let is_else_well = || form::why_not(&TupleParts { condition: None, ..*tuple }).is_none();
        (is_short && is_else_well()).then_some(name)
    }

    /// Why a server does not take this question, in one line, and the names that its place could have; `None` where it
    /// takes it.
    pub fn why_no_question(&self, user: &str, relation: &str, object: &str) -> Option<(String, Vec<&str>)> {
        let types = || self.types().collect();
        if let Some(why) = form::why_no_question(user, relation, object) {
            return Some((why, types()));
        }
        let (object_type, user_type) = (form::type_of(object), form::type_of(user));
        if let Some(why) = self.why_no_type(object_type).or_else(|| self.why_no_type(user_type)) {
            return Some((why, types()));
        }
        let unknown = |name, relation| {
            self.why_no_relation(name, relation).map(|why| (why, self.relations(name).collect::<Vec<_>>()))
        };
        let userset = form::split_userset(user).1;
        let of_user = (!userset.is_empty()).then(|| unknown(user_type, userset)).flatten();
        unknown(object_type, relation).or(of_user)
    }

    /// Why a server does not take a question about this user, in one line; `None` where it does.
    pub fn why_no_user(&self, user: &str) -> Option<String> {
        let (user_type, userset) = (form::type_of(user), form::split_userset(user).1);
        form::form_of_user(user).or_else(|| match userset {
            "" => self.why_no_type(user_type),
            relation => self.why_no_relation(user_type, relation),
        })
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

    /// Why there is no such type; `None` where there is.
    pub fn why_no_type(&self, object_type: &str) -> Option<String> {
        let known = self.types().any(|name| name == object_type);
        (!known).then(|| {
            format!("there is no type {object_type}{}", did_you_mean_in_parentheses(object_type, self.types()))
        })
    }
}
