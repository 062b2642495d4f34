//! Relations that go round in circles, and relations that nobody can ever have.

use super::super::Model;
use super::super::finding::Note;
use super::super::parts::{Relation, Rewrite, TypeDefinition, UserForm};
use super::references::Wrong;
use super::walk;
use std::collections::{HashMap, HashSet, VecDeque};

/// `wrong` are relations that have been noted already: nothing is concluded from them.
pub fn check(model: &Model, wrong: &Wrong<'_>, notes: &mut Vec<Note>) {
    let mut known = Reached::new();
    for definition in &model.types {
        for relation in &definition.relations {
            let key = (definition.name.text.as_str(), relation.name.text.as_str());
            let circle = circle(definition, relation);
            if let Some(circle) = &circle {
                let message = format!("`{}` goes round in a circle: {}", relation.name, circle.join(" -> "));
                notes.push(Note::error(relation.name.place, message));
            }
            known.insert(key, circle.is_some() || wrong.contains(&key));
        }
    }
    settle(model, &mut known);
    for definition in &model.types {
        for relation in &definition.relations {
            if known.get(&(&definition.name.text, &relation.name.text)) == Some(&false) {
                let message = format!(
                    "nobody can ever have `{}` on a `{}`: its definition leads to no type such as `[user]`",
                    relation.name, definition.name
                );
                notes.push(Note::error(relation.name.place, message));
            }
        }
    }
}

/// By type and relation: whether someone can have it.
type Reached<'m> = HashMap<(&'m str, &'m str), bool>;

/// Finds all relations that someone can have, from the directly assignable ones on.
fn settle<'m>(model: &'m Model, reached: &mut Reached<'m>) {
    loop {
        let mut changed = false;
        for definition in &model.types {
            for relation in &definition.relations {
                let key = (definition.name.text.as_str(), relation.name.text.as_str());
                if reached.get(&key) == Some(&false) && reaches(definition, relation, &relation.rewrite, reached) {
                    reached.insert(key, true);
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}

fn reaches(definition: &TypeDefinition, relation: &Relation, rewrite: &Rewrite, reached: &Reached<'_>) -> bool {
    // What does not exist has been noted, nothing is concluded from it.
    let known = |type_name: &str, name: &str| reached.get(&(type_name, name)).copied().unwrap_or(true);
    match rewrite {
        Rewrite::Direct => relation.user_types.iter().any(|user_type| match &user_type.form {
            UserForm::Object | UserForm::Wildcard => true,
            UserForm::Userset(userset) => known(&user_type.type_name.text, &userset.text),
        }),
        Rewrite::Computed(computed) => known(&definition.name.text, &computed.text),
        Rewrite::From { computed, tupleset } => {
            let leading = super::relation_of(definition, &tupleset.text);
            leading.is_none_or(|leading| {
                let targets = leading.user_types.iter().map(|user_type| user_type.type_name.text.as_str());
                targets.filter_map(|target| reached.get(&(target, computed.text.as_str()))).any(|reached| *reached)
            })
        }
        Rewrite::Union(operands) => operands.iter().any(|operand| reaches(definition, relation, operand, reached)),
        Rewrite::Intersection(operands) => {
            operands.iter().all(|operand| reaches(definition, relation, operand, reached))
        }
        Rewrite::Difference(base, subtract) => {
            reaches(definition, relation, base, reached) && reaches(definition, relation, subtract, reached)
        }
    }
}

/// The shortest way from a relation back to itself through relations of the same object, if there is one.
fn circle<'m>(definition: &'m TypeDefinition, start: &'m Relation) -> Option<Vec<&'m str>> {
    let goal = start.name.text.as_str();
    let mut before: HashMap<&str, &str> = HashMap::new();
    let (mut seen, mut queue) = (HashSet::from([goal]), VecDeque::from([start]));
    while let Some(relation) = queue.pop_front() {
        for next in computed(relation) {
            if next == goal {
                // A relation that names itself has been noted already.
                let way = way(relation.name.text.as_str(), goal, &before);
                return (way.len() > 2).then_some(way);
            }
            if seen.insert(next) {
                before.insert(next, relation.name.text.as_str());
                queue.extend(super::relation_of(definition, next));
            }
        }
    }
    None
}

/// The relations of the same object that a definition names.
fn computed(relation: &Relation) -> Vec<&str> {
    let mut names = Vec::new();
    walk(&relation.rewrite, &mut |rewrite| {
        if let Rewrite::Computed(name) = rewrite {
            names.push(name.text.as_str());
        }
    });
    names
}

fn way<'m>(last: &'m str, goal: &'m str, before: &HashMap<&'m str, &'m str>) -> Vec<&'m str> {
    let mut way = vec![goal];
    let mut at = last;
    while at != goal {
        way.push(at);
        at = before.get(at).copied().unwrap_or(goal);
    }
    way.push(goal);
    way.reverse();
    way
}
