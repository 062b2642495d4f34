//! Whether the model allows a tuple, found before any request: which one, and why not.

use super::Tuple;
use crate::openfga::model::{Model, UserForm, UserType};
use crate::openfga::store_file::findings::did_you_mean;

/// Why the model does not allow this tuple; `None` where it does.
pub fn why_not(tuple: &Tuple, model: &Model) -> Option<String> {
    let malformed = |text: &&String| text.contains(char::is_whitespace);
    if let Some(text) = [&tuple.user, &tuple.relation, &tuple.object].into_iter().find(malformed) {
        return Some(format!("{text:?} has a blank in it"));
    }
    let Some((object_type, id)) = tuple.object.split_once(':').filter(|(_, id)| !id.is_empty()) else {
        return Some(format!("{:?} is no object; type:id was expected", tuple.object));
    };
    if id == "*" || id.contains('#') {
        return Some(format!("{:?} is no single object", tuple.object));
    }
    let Some((user_type, user)) = tuple.user.split_once(':').filter(|(_, id)| !id.is_empty()) else {
        return Some(format!("{:?} is no user; type:id, type:* or type:id#relation was expected", tuple.user));
    };
    if let Some(why) = check_relation(model, object_type, &tuple.relation) {
        return Some(why);
    }
    let allowed = model.relation(object_type, &tuple.relation).unwrap_or_default();
    let name = format!("{object_type}#{}", tuple.relation);
    if allowed.is_empty() {
        return Some(format!("{name} is only computed, no tuple can give it"));
    }
    let of_type = |candidate: &&UserType| {
        candidate.type_name.text == user_type
            && match (&candidate.form, user.split_once('#')) {
                (UserForm::Userset(relation), Some((_, given))) => relation.text == given,
                (UserForm::Wildcard, None) => user == "*",
                (UserForm::Object, None) => user != "*",
                _ => false,
            }
    };
    let forms: Vec<&UserType> = allowed.iter().filter(of_type).collect();
    let list = || allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if forms.is_empty() {
        return Some(format!("{name} takes [{}]", list()));
    }
    let given = tuple.condition.as_ref().map(|condition| condition.name.as_str());
    if forms.iter().any(|form| form.condition.as_ref().map(|name| name.text.as_str()) == given) {
        return given.and_then(|given| wrong_parameters(tuple, model, given));
    }
    Some(match given {
        Some(given) if model.condition(given).is_none() => {
            format!("there is no condition {given}; {name} takes [{}]", list())
        }
        Some(given) => format!("{name} does not take the condition {given}, but [{}]", list()),
        None => format!("{name} wants a condition: it takes [{}]", list()),
    })
}

/// Why a type has no such relation; `None` where it has.
pub fn check_relation(model: &Model, object_type: &str, relation: &str) -> Option<String> {
    if !model.types().any(|name| name == object_type) {
        return Some(format!("there is no type {object_type}{}", did_you_mean(object_type, model.types())));
    }
    if model.relation(object_type, relation).is_none() {
        let meant = did_you_mean(relation, model.relations(object_type));
        return Some(format!("type {object_type} has no relation {relation}{meant}"));
    }
    None
}

fn wrong_parameters(tuple: &Tuple, model: &Model, name: &str) -> Option<String> {
    let (condition, given) = (model.condition(name)?, tuple.condition.as_ref()?);
    let known = || condition.parameters.iter().map(|(name, _)| name.text.as_str());
    let unknown = given.context.keys().find(|key| !known().any(|name| name == *key))?;
    Some(format!("the condition {name} has no parameter {unknown}{}", did_you_mean(unknown, known())))
}
