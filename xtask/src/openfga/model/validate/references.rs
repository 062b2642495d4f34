//! Whether every name that is used is defined, and is of the kind that its place wants.

use super::super::definition::Model;
use super::super::finding::{Note, Severity, WITH_LINES};
use super::super::names;
use super::super::parts::{Name, Relation, Rewrite, TypeDefinition, UserForm, UserType};
use super::relations::Relations;
use std::collections::{BTreeSet, HashMap};

/// At most this many types of one relation are listed.
const LISTED: usize = 10;

/// Relations that are wrong in themselves, by type and name.
pub type Wrong<'m> = BTreeSet<(&'m str, &'m str)>;

/// Notes what is wrong; which relations it is wrong with.
pub fn check<'m>(model: &'m Model, relations: &Relations<'m>, unread: &[String], notes: &mut Vec<Note>) -> Wrong<'m> {
    let types = model.types.iter().map(|definition| (definition.name.text.as_str(), definition)).collect();
    let conditions = model.conditions.iter().map(|condition| condition.name.text.as_str()).collect();
    let checker = Checker { types, relations, conditions, unread };
    let mut wrong = Wrong::new();
    for definition in &model.types {
        let tuplesets = tuplesets(definition);
        for relation in &definition.relations {
            let before = notes.len();
            checker.relation(definition, relation, &tuplesets, notes);
            if notes[before..].iter().any(|note| note.severity == Severity::Error) {
                wrong.insert((&definition.name.text, &relation.name.text));
            }
        }
    }
    wrong
}

struct Checker<'c, 'm> {
    types: HashMap<&'m str, &'m TypeDefinition>,
    relations: &'c Relations<'m>,
    conditions: BTreeSet<&'m str>,
    unread: &'c [String],
}

impl<'m> Checker<'_, 'm> {
    fn relation_of(&self, definition: &TypeDefinition, name: &str) -> Option<&'m Relation> {
        self.relations.get(&(definition.name.text.as_str(), name)).copied()
    }

    fn relation(
        &self,
        definition: &'m TypeDefinition,
        relation: &'m Relation,
        tuplesets: &BTreeSet<&str>,
        notes: &mut Vec<Note>,
    ) {
        let mut direct = false;
        relation.rewrite.visit(&mut |rewrite| match rewrite {
            Rewrite::Direct => direct = true,
            Rewrite::Computed(computed) => self.computed(definition, relation, computed, notes),
            Rewrite::From { computed, tupleset } => self.from(definition, computed, tupleset, notes),
            Rewrite::Union(operands) | Rewrite::Intersection(operands) if operands.len() < 2 => {
                let message = format!("expected at least two operands in the definition of `{}`", relation.name);
                // A server looks at the outermost always, into it only until it knows enough.
                let outermost = std::ptr::eq(rewrite, &relation.rewrite);
                let severity = if outermost { Severity::Error } else { Severity::Warning };
                notes.push(Note { severity, ..Note::error(relation.name.place, message) });
            }
            Rewrite::Union(_) | Rewrite::Intersection(_) | Rewrite::Difference(..) => {}
        });
        if direct && relation.user_types.is_empty() && self.unread.is_empty() {
            let message = format!("`{}` is directly assignable, but to no type", relation.name);
            notes.push(Note::error(relation.name.place, message));
        }
        if let Some(user_type) = relation.user_types.first().filter(|_| !direct) {
            let message = format!("`{}` has user types, but nothing in it is directly assignable", relation.name);
            notes.push(Note::error(user_type.type_name.place, message));
        }
        let is_tupleset = tuplesets.contains(relation.name.text.as_str());
        for user_type in &relation.user_types {
            self.user_type(relation, user_type, is_tupleset, notes);
        }
    }

    fn computed(&self, definition: &TypeDefinition, relation: &Relation, computed: &Name, notes: &mut Vec<Note>) {
        if *computed == relation.name {
            notes.push(Note::error(computed.place, format!("`{computed}` cannot be defined by itself")));
        } else if self.relation_of(definition, &computed.text).is_none() {
            self.missing_relation(definition, computed, notes);
        }
    }

    fn from(&self, definition: &TypeDefinition, computed: &Name, tupleset: &Name, notes: &mut Vec<Note>) {
        let Some(leading) = self.relation_of(definition, &tupleset.text) else {
            self.missing_relation(definition, tupleset, notes);
            return;
        };
        if leading.rewrite != Rewrite::Direct {
            let message = format!(
                "`{tupleset}` stands after `from`, so it must be directly assignable and nothing else: `define {tupleset}: [TYPE]`"
            );
            notes.push(Note::error(tupleset.place, message));
            return;
        }
        let mut targets = targets_of(leading);
        let known =
            |name: &str| self.types.get(name).is_none_or(|target| self.relation_of(target, &computed.text).is_some());
        if targets.clone().next().is_some() && !targets.any(known) && !self.unread.contains(&computed.text) {
            let names: BTreeSet<&str> = targets_of(leading).take(LISTED).collect();
            let candidates = names.iter().filter_map(|name| self.types.get(name)).flat_map(|target| &target.relations);
            let near = near(&computed.text, candidates.map(|relation| relation.name.text.as_str()), notes);
            let listed = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = if leading.user_types.len() > LISTED { ", …" } else { "" };
            let message = format!("no type of `{tupleset}` ({listed}{more}) has a relation `{computed}`{near}");
            notes.push(Note::error(computed.place, message));
        }
    }

    fn user_type(&self, relation: &Relation, user_type: &UserType, is_tupleset: bool, notes: &mut Vec<Note>) {
        let name = &user_type.type_name;
        if let Some(target) = self.types.get(name.text.as_str()) {
            if let UserForm::Userset(userset) = &user_type.form
                && self.relation_of(target, &userset.text).is_none()
            {
                self.missing_relation(target, userset, notes);
            }
        } else if !self.unread.contains(&name.text) {
            let near = near(&name.text, self.types.keys().copied(), notes);
            notes.push(Note::error(name.place, format!("the type `{name}` is not defined{near}")));
        }
        if is_tupleset && user_type.form != UserForm::Object {
            let message = format!(
                "`{0}` stands after a `from`, so its types must be plain ones: no `:*`, no `#relation`",
                relation.name
            );
            notes.push(Note::error(name.place, message));
        }
        if let Some(condition) = &user_type.condition {
            let defined = self.conditions.contains(condition.text.as_str());
            let known = defined || condition.text == names::EXPRESSION;
            if !known && !self.unread.contains(&condition.text) {
                let near = near(&condition.text, self.conditions.iter().copied(), notes);
                notes.push(Note::error(condition.place, format!("the condition `{condition}` is not defined{near}")));
            }
        }
    }

    fn missing_relation(&self, definition: &TypeDefinition, name: &Name, notes: &mut Vec<Note>) {
        if self.unread.contains(&name.text) {
            return;
        }
        let candidates = definition.relations.iter().map(|relation| relation.name.text.as_str());
        let near = near(&name.text, candidates, notes);
        notes.push(Note::error(name.place, format!("the type `{}` has no relation `{name}`{near}", definition.name)));
    }
}

/// The types to which a relation leads.
fn targets_of(leading: &Relation) -> impl Iterator<Item = &str> + Clone {
    leading.user_types.iter().map(|user_type| user_type.type_name.text.as_str())
}

/// `; did you mean …?`, or nothing. Nothing, too, where there are so many findings that this one is not read.
fn near<'n>(name: &str, candidates: impl Iterator<Item = &'n str>, notes: &[Note]) -> String {
    if notes.len() < WITH_LINES { names::did_you_mean(name, candidates) } else { String::new() }
}

/// The relations of the type that stand after a `from`.
fn tuplesets(definition: &TypeDefinition) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for relation in &definition.relations {
        relation.rewrite.visit(&mut |rewrite| {
            if let Rewrite::From { tupleset, .. } = rewrite {
                found.insert(tupleset.text.as_str());
            }
        });
    }
    found
}
