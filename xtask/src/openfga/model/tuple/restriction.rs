//! Whether the model lets a tuple's user have the relation, under its condition.
//!
//! A server looks twice: whether some entry of `[…]` has the user's form, and whether some entry has the condition. They
//! need not be the same entry.

use super::super::definition::Model;
use super::super::names::{EXPRESSION, did_you_mean_in_parentheses};
use super::super::parts::{UserForm, UserType};
use super::form::{is_wildcard, split_userset, type_of};
use super::parts::TupleParts;
use super::{size, value};
use serde_json::{Map, Value};

/// The values of a tuple's condition, in the bytes of a server's message.
const MOST_BYTES: usize = 32 * 1024;

/// Why the relation does not take this user or this condition. The relation exists.
pub fn why_not(model: &Model, tuple: &TupleParts<'_>) -> Option<String> {
    let object_type = type_of(tuple.object);
    let allowed = model.relation(object_type, tuple.relation).unwrap_or_default();
    let name = format!("{object_type}#{}", tuple.relation);
    if allowed.is_empty() {
        return Some(format!("{name} is computed; a tuple cannot give it"));
    }
    let list = || allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (user_type, (_, relation)) = (type_of(tuple.user), split_userset(tuple.user));
    if !relation.is_empty()
        && let Some(why) = model.why_no_relation(user_type, relation)
    {
        return Some(why);
    }
    let has_form = |candidate: &UserType| {
        candidate.type_name.text == user_type
            && match &candidate.form {
                UserForm::Userset(userset) => userset.text == relation,
                UserForm::Wildcard => relation.is_empty() && is_wildcard(tuple.user),
                UserForm::Object => relation.is_empty() && !is_wildcard(tuple.user),
            }
    };
    if !allowed.iter().any(has_form) {
        return Some(format!("{name} takes [{}]", list()));
    }
    if let Some((condition, context)) = tuple.condition {
        let has_condition = |candidate: &UserType| {
            let own = candidate.condition.as_ref();
            candidate.type_name.text == user_type && own.is_some_and(|name| name.text == condition)
        };
        let takes_it = allowed.iter().any(has_condition);
        return why_no_condition(model, (condition, context), takes_it, &name, &list());
    }
    let fits = allowed.iter().any(|candidate| fits_without_condition(candidate, tuple.user));
    (!fits).then(|| format!("{name} needs a condition: it takes [{}]", list()))
}

/// Why a tuple of the relation `name`, which takes `list`, cannot have this condition with these values.
fn why_no_condition(
    model: &Model,
    (condition, context): (&str, &Map<String, Value>),
    takes_it: bool,
    name: &str,
    list: &str,
) -> Option<String> {
    let Some(defined) = model.condition(condition) else {
        // Each tuple brings its own: nothing is known of it here.
        let known = takes_it && condition == EXPRESSION;
        return (!known).then(|| format!("there is no condition {condition}; {name} takes [{list}]"));
    };
    if !takes_it {
        return Some(format!("{name} does not take the condition {condition}, but [{list}]"));
    }
    let known = || defined.parameters.iter().map(|(name, _)| name.text.as_str());
    if let Some(unknown) = context.keys().find(|key| !known().any(|name| name == *key)) {
        let near = did_you_mean_in_parentheses(unknown, known());
        return Some(format!("the condition {condition} has no parameter {unknown}{near}"));
    }
    for (parameter, kind) in &defined.parameters {
        let given = context.get(&parameter.text);
        if let Some(why) = given.and_then(|given| value::why_not(given, kind)) {
            return Some(format!("{} of the condition {condition}: {why}", parameter.text));
        }
    }
    let bytes = size::of(context);
    (bytes > MOST_BYTES).then(|| format!("the values of its condition have {bytes} bytes, {MOST_BYTES} are allowed"))
}

/// Decides as a server does: an entry for single objects fits a userset of its type, too.
fn fits_without_condition(candidate: &UserType, user: &str) -> bool {
    candidate.condition.is_none()
        && candidate.type_name.text == type_of(user)
        && match &candidate.form {
            UserForm::Userset(userset) => userset.text == split_userset(user).1,
            UserForm::Wildcard => is_wildcard(user),
            UserForm::Object => !is_wildcard(user),
        }
}
