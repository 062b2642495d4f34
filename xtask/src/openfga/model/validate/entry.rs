//! Relations that go round in circles, and relations that no user can ever have.

use super::super::definition::Model;
use super::super::finding::Note;
use super::super::parts::{Relation, Rewrite, TypeDefinition, UserForm};
use super::references::Wrong;
use super::relations::Relations;
use std::collections::{HashMap, HashSet, VecDeque};

/// At most this many operands are looked at. Beyond that the server decides.
const MOST_STEPS: usize = 5_000_000;

/// `wrong` are relations that have been noted already: nothing is concluded from them.
pub fn check(model: &Model, relations: &Relations<'_>, wrong: &Wrong<'_>, notes: &mut Vec<Note>) {
    let mut known = Reached::new();
    for definition in &model.types {
        let entangled = entangled(definition);
        for relation in &definition.relations {
            let key = (definition.name.text.as_str(), relation.name.text.as_str());
            let circle = circle(&entangled, key.1);
            if let Some(circle) = &circle {
                let message = format!("`{}` is defined by itself: {}", relation.name, circle.join(" -> "));
                notes.push(Note::error(relation.name.place, message));
            }
            known.insert(key, circle.is_some() || wrong.contains(&key));
        }
    }
    settle(model, relations, &mut known);
    for definition in &model.types {
        for relation in &definition.relations {
            if known.get(&(&definition.name.text, &relation.name.text)) == Some(&false) {
                let message = format!(
                    "no user can ever have `{}` on a `{}`: its definition reaches no type such as `[user]`",
                    relation.name, definition.name
                );
                notes.push(Note::error(relation.name.place, message));
            }
        }
    }
}

/// By type and relation: whether a user can have it.
type Reached<'m> = HashMap<(&'m str, &'m str), bool>;

/// Finds all relations that a user can have, from the directly assignable ones on.
fn settle<'m>(model: &'m Model, relations: &Relations<'_>, reached: &mut Reached<'m>) {
    let all = model.types.iter().flat_map(|definition| definition.relations.iter().map(move |it| (definition, it)));
    let mut open: Vec<(&TypeDefinition, &Relation)> = all.collect();
    let operands: usize = open.iter().map(|(definition, relation)| cost(relations, definition, relation)).sum();
    for _ in 0..MOST_STEPS / operands.max(1) {
        let before = open.len();
        open.retain(|(definition, relation)| {
            let key = (definition.name.text.as_str(), relation.name.text.as_str());
            let known = reached.get(&key) == Some(&true)
                || reaches(relations, definition, relation, &relation.rewrite, reached);
            reached.insert(key, known);
            !known
        });
        if open.len() == before {
            return;
        }
        // Definitions lead to earlier ones or to later ones: each way is gone in turn.
        open.reverse();
    }
    // Nothing is concluded of the others.
    reached.extend(open.iter().map(|(definition, it)| ((&*definition.name.text, &*it.name.text), true)));
}

/// How many relations a definition may have to be looked up in.
fn cost(relations: &Relations<'_>, definition: &TypeDefinition, relation: &Relation) -> usize {
    let mut cost = relation.user_types.len();
    relation.rewrite.visit(&mut |rewrite| {
        cost += 1;
        if let Rewrite::From { tupleset, .. } = rewrite {
            let leading = relations.get(&(definition.name.text.as_str(), tupleset.text.as_str()));
            cost += leading.map_or(0, |leading| leading.user_types.len());
        }
    });
    cost
}

fn reaches(
    relations: &Relations<'_>,
    definition: &TypeDefinition,
    relation: &Relation,
    rewrite: &Rewrite,
    reached: &Reached<'_>,
) -> bool {
    let inner = |rewrite: &Rewrite| reaches(relations, definition, relation, rewrite, reached);
    // What does not exist has been noted, nothing is concluded from it.
    let known = |type_name: &str, name: &str| reached.get(&(type_name, name)).copied().unwrap_or(true);
    match rewrite {
        Rewrite::Direct => relation.user_types.iter().any(|user_type| match &user_type.form {
            UserForm::Object | UserForm::Wildcard => true,
            UserForm::Userset(userset) => known(&user_type.type_name.text, &userset.text),
        }),
        Rewrite::Computed(computed) => known(&definition.name.text, &computed.text),
        Rewrite::From { computed, tupleset } => {
            let leading = relations.get(&(definition.name.text.as_str(), tupleset.text.as_str()));
            leading.is_none_or(|leading| {
                let targets = leading.user_types.iter().map(|user_type| user_type.type_name.text.as_str());
                targets.filter_map(|target| reached.get(&(target, computed.text.as_str()))).any(|reached| *reached)
            })
        }
        Rewrite::Union(operands) => operands.iter().any(inner),
        Rewrite::Intersection(operands) => operands.iter().all(inner),
        Rewrite::Difference(base, subtract) => inner(base) && inner(subtract),
    }
}

/// By relation, the relations of the same object that its definition names.
type Edges<'m> = HashMap<&'m str, Vec<&'m str>>;

/// The relations whose ways do not all end: all circles are among them.
fn entangled(definition: &TypeDefinition) -> Edges<'_> {
    let mut edges: Edges<'_> =
        definition.relations.iter().map(|relation| (relation.name.text.as_str(), computed(relation))).collect();
    let defined: HashSet<&str> = edges.keys().copied().collect();
    let mut back: Edges<'_> = Edges::new();
    for (name, next) in &mut edges {
        next.retain(|next| defined.contains(next));
        next.iter().for_each(|next| back.entry(next).or_default().push(name));
    }
    let mut left: HashMap<&str, usize> = edges.iter().map(|(name, next)| (*name, next.len())).collect();
    let mut ended: Vec<&str> = left.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = ended.pop() {
        edges.remove(name);
        for before in back.get(name).into_iter().flatten() {
            if let Some(count) = left.get_mut(before) {
                *count -= 1;
                ended.extend((*count == 0).then_some(*before));
            }
        }
    }
    edges
}

/// The shortest way from a relation back to itself through relations of the same object, if there is one.
fn circle<'m>(edges: &Edges<'m>, goal: &'m str) -> Option<Vec<&'m str>> {
    let mut before: HashMap<&str, &str> = HashMap::new();
    let (mut seen, mut queue) = (HashSet::from([goal]), VecDeque::from([goal]));
    while let Some(name) = queue.pop_front() {
        for &next in edges.get(name).into_iter().flatten() {
            if next == goal {
                // A relation that names itself has been noted already.
                let way = way(name, goal, &before);
                return (way.len() > 2).then_some(way);
            }
            if seen.insert(next) {
                before.insert(next, name);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The relations of the same object that a definition names.
fn computed(relation: &Relation) -> Vec<&str> {
    let mut names = Vec::new();
    relation.rewrite.visit(&mut |rewrite| {
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
