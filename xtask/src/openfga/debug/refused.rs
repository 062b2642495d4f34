//! A question that the server refuses although the tree decides it. A server reads tuples that lead nowhere, too, and gives
//! no answer where the condition of one of them cannot be decided.

use super::grounds::open_conditions;
use super::live::Live;
use super::node::{Judged, Node, TupleName, Verdict, Way};
use super::source::{Answer, Source as _, Userset};
use super::walk::users_of_tuples;
use crate::openfga::api::Stored;
use crate::openfga::model::{Model, Rewrite, UserForm, UserType, split_userset, type_of};
use crate::openfga::tuples::Key;
use crate::process::signals;
use anyhow::Result;
use std::collections::BTreeSet;

/// Of at most so many relations the user's own tuples are read, one page of each.
const MOST_LISTS: usize = 40;
/// At most this many tuples are looked up that a refusal names.
const MOST_NAMED: usize = 3;
/// At most this many conditions are asked for one by one.
const MOST_ASKED: usize = 100;
/// At most this many conditions that cannot be decided are shown.
const MOST_FOUND: usize = 10;
/// Longer words of a server name no tuple.
const LONGEST: usize = 4_000;

/// The tree with what the server refuses to decide: its root is undecided, and below it stand the tuples beside the way
/// whose conditions cannot be decided. A refusal of another kind changes nothing of it.
pub fn explained(mut tree: Node, answer: &Answer, question: Key<'_>, live: &Live<'_>, model: &Model) -> Result<Node> {
    let is_refused = answer.verdict == Verdict::Undecided && !answer.is_too_deep;
    if !is_refused || !open_conditions(&tree).is_empty() {
        return Ok(tree);
    }
    let refusal = answer.refusal.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    for (user, relation, object) in named(refusal) {
        if model.why_no_question(user, relation, object).is_none() {
            found.extend(live.tuple((user, relation, object))?);
        }
    }
    let mut beside = undecided(found, model, live)?;
    let conditions = conditions_named(refusal, model);
    if beside.is_empty() && !conditions.is_empty() {
        beside = undecided(own(question, &conditions, model, live)?, model, live)?;
    }
    if tree.verdict != Verdict::Undecided && !(beside.is_empty() && conditions.is_empty()) {
        tree.verdict = Verdict::Undecided;
        tree.note = Some("the server refuses the question, whatever the ways below say".to_owned());
    }
    tree.children.extend(beside);
    Ok(tree)
}

/// The conditions of the model that a refusal names: a server puts their names in single quotes.
fn conditions_named<'m>(refusal: &str, model: &'m Model) -> Vec<&'m str> {
    let quoted: BTreeSet<&str> = refusal.split('\'').skip(1).collect();
    model.conditions().map(|condition| condition.name.text.as_str()).filter(|name| quoted.contains(name)).collect()
}

/// The first tuples that a refusal names: `… tuple 'doc:1#viewer@user:al' is missing …`; of `and` and `but not` a server joins
/// several. The store is asked whether they are there.
fn named(refusal: &str) -> impl Iterator<Item = Key<'_>> {
    let said = if refusal.len() <= LONGEST { refusal } else { "" };
    let tuples = said.split("tuple '").skip(1);
    let tuples = tuples.filter_map(|rest| Some(rest.split_once("' is missing context parameters")?.0));
    let keys = tuples.filter_map(|tuple| {
        let (object, rest) = tuple.split_once('#')?;
        let (relation, user) = rest.split_once('@')?;
        Some((user, relation, object))
    });
    keys.take(MOST_NAMED)
}

/// The tuples of the user, and of everybody of its type, that carry one of these conditions, in all relations that the
/// question can lead to.
fn own((user, relation, object): Key<'_>, named: &[&str], model: &Model, live: &Live<'_>) -> Result<Vec<Stored>> {
    let is_named = |condition: &str| named.contains(&condition);
    let mut found = Vec::new();
    let mut left = MOST_LISTS;
    for (object_type, relation) in reached(model, type_of(object), relation) {
        let takes = model.relation(&object_type, &relation).unwrap_or_default();
        let takes: Vec<UserType> = takes
            .iter()
            .filter(|taken| taken.condition.as_ref().is_some_and(|name| is_named(&name.text)))
            .cloned()
            .collect();
        for user in users_of_tuples(&takes, user) {
            let Some(rest) = left.checked_sub(1) else { return Ok(found) };
            left = rest;
            let read = live.tuples_of(&user, &relation, &object_type)?.into_iter();
            found.extend(read.filter(|tuple| tuple.condition.as_ref().is_some_and(|it| is_named(&it.name))));
        }
    }
    Ok(found)
}

/// The relations of types that a relation of a type can lead to, by the model; the type comes first.
fn reached(model: &Model, object_type: &str, relation: &str) -> BTreeSet<Userset> {
    let mut found = BTreeSet::new();
    let mut open = vec![(object_type.to_owned(), relation.to_owned())];
    while let Some(here) = open.pop() {
        let Some(rewrite) = model.rewrite(&here.0, &here.1).filter(|_| !found.contains(&here)) else { continue };
        let taken = |relation: &str| model.relation(&here.0, relation).unwrap_or_default();
        rewrite.visit(&mut |part| match part {
            Rewrite::Direct => open.extend(taken(&here.1).iter().filter_map(|taken| match &taken.form {
                UserForm::Userset(relation) => Some((taken.type_name.text.clone(), relation.text.clone())),
                _ => None,
            })),
            Rewrite::Computed(name) => open.push((here.0.clone(), name.text.clone())),
            Rewrite::From { computed, tupleset } => {
                let types = taken(&tupleset.text).iter().map(|taken| taken.type_name.text.clone());
                open.extend(types.map(|name| (name, computed.text.clone())));
            }
            _ => {}
        });
        found.insert(here);
    }
    found
}

/// Of these tuples one for each condition that cannot be decided for the same reason.
fn undecided(tuples: Vec<Stored>, model: &Model, live: &Live<'_>) -> Result<Vec<Node>> {
    let mut found: Vec<Node> = Vec::new();
    let mut asked = BTreeSet::new();
    for tuple in tuples.into_iter().filter(|tuple| model.why_not(&tuple.parts()).is_none()) {
        let Some(condition) = &tuple.condition else { continue };
        let missing = live.without_value(condition);
        let mut known = found.iter().filter_map(|node| node.condition.as_ref());
        let is_known = |known: &Judged| known.name == condition.name && !missing.is_empty() && known.missing == missing;
        if known.any(is_known) || !asked.insert(condition.shown()) {
            continue;
        }
        if found.len() >= MOST_FOUND || asked.len() > MOST_ASKED {
            break;
        }
        signals::check()?;
        let judged = live.decided(condition)?;
        let is_same = |known: &Judged| known.name == judged.name && known.refusal == judged.refusal;
        let mut known = found.iter().filter_map(|node| node.condition.as_ref());
        if judged.verdict == Verdict::Undecided && !known.any(is_same) {
            let node = Node::leaf(Way::Beside { tuple: TupleName::of(&tuple) }, Verdict::Undecided);
            let note = format!("it does not decide here; the server reads what {} has elsewhere, too", owner(&tuple));
            found.push(node.with_condition(Some(judged)).with_note(note));
        }
    }
    Ok(found)
}

fn owner(tuple: &Stored) -> &str {
    split_userset(&tuple.user).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_a_tuple_or_none() {
        let missing =
            |tuple: &str| format!("… 'late' - tuple '{tuple}' is missing context parameters '[hour]' (HTTP 400)");
        for (tuple, key) in [
            ("group:2#member@user:al", ("user:al", "member", "group:2")),
            ("doc:a'b@c#viewer@team:x#member", ("team:x#member", "viewer", "doc:a'b@c")),
            ("doc:1#viewer@user:al@example.com", ("user:al@example.com", "viewer", "doc:1")),
        ] {
            assert_eq!(named(&missing(tuple)).collect::<Vec<_>>(), [key]);
        }
        for odd in
            ["", "tuple '", "tuple 'a#b' is missing context parameters", "parameter type error on condition 'late'"]
        {
            assert_eq!(named(odd).count(), 0, "{odd}");
        }
        assert_eq!(named(&missing(&"é#@".repeat(LONGEST))).count(), 0);
        let both = format!("{}\n{}", missing("group:2#member@user:al"), missing("doc:1#viewer@user:al"));
        let keys = [("user:al", "member", "group:2"), ("user:al", "viewer", "doc:1")];
        assert_eq!(named(&both).collect::<Vec<_>>(), keys);
    }

    #[test]
    fn a_refusal_names_conditions_of_the_model_or_is_of_another_kind() {
        let text = "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user with late, user with l]\n\
                    condition late(hour: int) {\n  hour > 1\n}\ncondition l(hour: int) {\n  hour > 1\n}\n";
        let model = Model::from_dsl("m.fga", text).unwrap().0;
        for (refusal, named) in [
            ("failed to evaluate relationship condition: 'late' - no such overload", &["late"][..]),
            ("tuple 'doc:a'b#viewer@user:al' of 'late' and 'l'", &["late", "l"]),
            ("authorization model not found: late l", &[]),
            ("'other' 'lat'", &[]),
            ("", &[]),
        ] {
            assert_eq!(conditions_named(refusal, &model), named, "{refusal}");
        }
    }

    #[test]
    fn relations_are_reached_through_groups_parents_and_each_other() {
        let text = "model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user, group#member]\n    \
                    define other: [user]\ntype folder\n  relations\n    define viewer: [user]\ntype doc\n  relations\n    \
                    define parent: [folder]\n    define owner: [group#member]\n    \
                    define viewer: owner or (viewer from parent but not owner)\n";
        let model = Model::from_dsl("m.fga", text).unwrap().0;
        let found: Vec<String> =
            reached(&model, "doc", "viewer").into_iter().map(|(kind, relation)| format!("{kind}#{relation}")).collect();
        assert_eq!(found, ["doc#owner", "doc#viewer", "folder#viewer", "group#member"]);
        assert!(reached(&model, "doc", "none").is_empty());
    }
}
