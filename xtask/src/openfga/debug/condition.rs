//! Whether the condition of a tuple holds: the server decides it.
//!
//! A check is asked about an object that does not exist, with one contextual tuple that carries the condition. Nothing but
//! the condition decides about the answer.

use super::node::{Judged, Verdict};
use super::source::Answer;
use crate::openfga::model::{Model, Rewrite, UserForm, UserType};
use crate::openfga::store_file::findings::Place;
use crate::openfga::tuples::{Condition, Tuple};
use serde_json::{Map, Value};
use std::hash::{BuildHasher as _, RandomState};

/// A tuple about an object with a random name, with this condition; `None` where no relation of the model is
/// decided by such a tuple alone.
pub fn probe(model: &Model, condition: &Condition) -> Option<Tuple> {
    let (object_type, relation, user_type) = carrier(model, &condition.name)?;
    let id = unknown_id();
    // Another id than the object's: `group:a#member` is a member of `group:a` without any tuple.
    let user = match &user_type.form {
        UserForm::Object => format!("{}:{id}-user", user_type.type_name),
        UserForm::Wildcard => format!("{}:*", user_type.type_name),
        UserForm::Userset(relation) => format!("{}:{id}-user#{relation}", user_type.type_name),
    };
    Some(tuple(&user, relation, &format!("{object_type}:{id}"), Some(condition.clone())))
}

/// The id of an object or a user that a store does not have.
pub fn unknown_id() -> String {
    format!("xtask-debug-auth-{:016x}", RandomState::new().hash_one(0))
}

/// A tuple for a question.
pub fn tuple(user: &str, relation: &str, object: &str, condition: Option<Condition>) -> Tuple {
    let (user, relation, object) = (user.to_owned(), relation.to_owned(), object.to_owned());
    Tuple { user, relation, object, condition: condition.map(Box::new), file: "".into(), place: Place::of(0, 0) }
}

/// A type, its relation, and an entry of `[…]` with the condition, which decides about the relation where nothing else
/// leads to the object.
fn carrier<'m>(model: &'m Model, condition: &str) -> Option<(&'m str, &'m str, &'m UserType)> {
    let has_it = |user_type: &&UserType| user_type.condition.as_ref().is_some_and(|name| name.text == condition);
    model.types().find_map(|object_type| {
        model.relations(object_type).find_map(|relation| {
            let decides = model.rewrite(object_type, relation).is_some_and(is_decided_by_a_tuple);
            let taken = model.relation(object_type, relation).unwrap_or_default();
            let user_type = taken.iter().find(has_it).filter(|_| decides)?;
            Some((object_type, relation, user_type))
        })
    })
}

fn is_decided_by_a_tuple(rewrite: &Rewrite) -> bool {
    match rewrite {
        Rewrite::Direct => true,
        Rewrite::Union(operands) => operands.iter().any(is_decided_by_a_tuple),
        // A model in JSON may take the same tuple away again.
        Rewrite::Difference(base, subtracted) => is_decided_by_a_tuple(base) && !has_direct(subtracted),
        Rewrite::Computed(_) | Rewrite::From { .. } | Rewrite::Intersection(_) => false,
    }
}

fn has_direct(rewrite: &Rewrite) -> bool {
    let mut found = false;
    rewrite.visit(&mut |part| found |= matches!(part, Rewrite::Direct));
    found
}

/// The parameters of a condition to which neither the tuple nor the request gives a value.
pub fn without_value(model: &Model, condition: &Condition, request: Option<&Map<String, Value>>) -> Vec<String> {
    let has_value = |name: &String| {
        condition.context.contains_key(name) || request.is_some_and(|request| request.contains_key(name))
    };
    let parameters = model.condition(&condition.name).into_iter().flat_map(|condition| &condition.parameters);
    parameters.map(|(name, _)| name.text.clone()).filter(|name| !has_value(name)).collect()
}

/// The condition with its values, as the server answered; `None` where it could not be asked.
pub fn judged(
    model: &Model,
    condition: &Condition,
    request: Option<&Map<String, Value>>,
    answer: Option<Answer>,
) -> Judged {
    let defined = model.condition(&condition.name);
    let is_parameter =
        |name: &String| defined.is_some_and(|it| it.parameters.iter().any(|(known, _)| known.text == *name));
    let of_request: Map<String, Value> = request
        .into_iter()
        .flatten()
        .filter(|(name, _)| !condition.context.contains_key(*name) && is_parameter(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let verdict = answer.as_ref().map_or(Verdict::Undecided, |answer| answer.verdict);
    let refusal = answer.and_then(|answer| answer.refusal);
    let is_undecided = verdict == Verdict::Undecided;
    let missing = if is_undecided { without_value(model, condition, request) } else { Vec::new() };
    Judged {
        name: condition.name.clone(),
        expression: defined.map(|condition| condition.expression.trim().to_owned()).unwrap_or_default(),
        of_tuple: condition.context.clone(),
        of_request,
        verdict,
        missing,
        holds_with: Map::new(),
        holds_with_both: Map::new(),
        refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openfga::model::Name;

    const CONDITION: &str = "condition less(x: int, y: int) {\n  x < y\n}\n";

    fn model(relations: &str) -> Model {
        let text = format!("model\n  schema 1.1\ntype user\ntype doc\n  relations\n{relations}{CONDITION}");
        Model::from_dsl("m.fga", &text).unwrap().0
    }

    fn condition() -> Condition {
        Condition { name: "less".to_owned(), context: Map::from_iter([("x".to_owned(), Value::from(1))]) }
    }

    #[test]
    fn a_probe_is_a_tuple_that_decides_alone() {
        let mixed = model(
            "    define a: [user]\n    define b: [user with less] and a\n    define d: ([user:* with less] but not a) or a\n",
        );
        let tuple = probe(&mixed, &condition()).unwrap();
        assert_eq!((tuple.user.as_str(), tuple.relation.as_str()), ("user:*", "d"));
        assert!(mixed.why_not(&tuple.parts()).is_none());
        assert_ne!(probe(&mixed, &condition()).unwrap().object, tuple.object, "its name cannot be known before");
        let none = model("    define a: [user]\n    define b: [user with less] and a\n");
        assert!(probe(&none, &condition()).is_none());
    }

    #[test]
    fn a_probe_of_a_userset_is_about_another_object_and_nothing_takes_it_away_again() {
        let own = model("    define a: [user, doc#a with less]\n");
        let tuple = probe(&own, &condition()).unwrap();
        assert_ne!(tuple.user, format!("{}#a", tuple.object));
        assert!(own.why_not(&tuple.parts()).is_none());
        let decided = |subtracted: Rewrite| {
            let subtracted = Rewrite::Union(vec![Rewrite::Computed(Name::default()), subtracted]);
            is_decided_by_a_tuple(&Rewrite::Difference(Box::new(Rewrite::Direct), Box::new(subtracted)))
        };
        assert!(decided(Rewrite::Computed(Name::default())) && !decided(Rewrite::Direct));
    }

    #[test]
    fn a_value_is_missing_only_where_the_server_cannot_do_without() {
        let model = model("    define a: [user with less]\n");
        let request = Map::from_iter([("x".to_owned(), Value::from(9)), ("z".to_owned(), Value::from(9))]);
        let refused = judged(&model, &condition(), Some(&request), Some(Answer::refused("no")));
        assert_eq!((refused.missing, refused.of_request), (vec!["y".to_owned()], Map::new()));
        assert_eq!(refused.verdict, Verdict::Undecided);
        assert!(judged(&model, &condition(), None, Some(Answer::of(false))).missing.is_empty());
    }
}
