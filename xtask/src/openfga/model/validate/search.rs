//! A server's own search for a user who can have a relation. It remembers what it has visited across the operands of
//! `and` and `but not`, so that it takes some definitions for a loop that are none, and refuses them (seen in 1.18).

use super::super::definition::Model;
use super::super::finding::Note;
use super::super::parts::{Relation, Rewrite, TypeDefinition, UserForm};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// At most this many steps, and at most this deep. Beyond that the server decides.
const MOST_STEPS: usize = 50_000;
const DEEPEST: usize = 1_000;

/// Warns of what a server would refuse, in a model in which there is nothing wrong.
pub fn check(model: &Model, notes: &mut Vec<Note>) {
    let all = model.types.iter().flat_map(|definition| definition.relations.iter().map(move |it| (definition, it)));
    let relations =
        all.map(|(definition, it)| ((definition.name.text.as_str(), it.name.text.as_str()), (definition, it)));
    let mut search = Search { relations: relations.collect(), steps: 0, depth: 0 };
    for definition in &model.types {
        for relation in &definition.relations {
            if !search.finds(definition, relation, &relation.rewrite, &Visited::new()) {
                let message = format!(
                    "OpenFGA 1.18 refuses `{}` as a loop, though it is not one: it reaches one relation in two ways",
                    relation.name
                );
                notes.push(Note::warning(relation.name.place, message));
            }
        }
    }
}

/// By type, the relations that were visited, and whether they are known to be had. The server copies the outer map
/// only: what one operand marks in a type that was visited before, the next one sees.
type Visited<'m> = HashMap<&'m str, Rc<RefCell<HashMap<&'m str, bool>>>>;

struct Search<'m> {
    relations: HashMap<(&'m str, &'m str), (&'m TypeDefinition, &'m Relation)>,
    steps: usize,
    depth: usize,
}

impl<'m> Search<'m> {
    fn finds(
        &mut self,
        definition: &'m TypeDefinition,
        relation: &'m Relation,
        rewrite: &'m Rewrite,
        before: &Visited<'m>,
    ) -> bool {
        self.steps += 1;
        if self.steps > MOST_STEPS || self.depth > DEEPEST {
            return true;
        }
        let (type_name, name) = (definition.name.text.as_str(), relation.name.text.as_str());
        let mut visited = before.clone();
        let own = Rc::clone(visited.entry(type_name).or_default());
        own.borrow_mut().insert(name, false);
        match rewrite {
            Rewrite::Direct => relation.user_types.iter().any(|user_type| match &user_type.form {
                UserForm::Object | UserForm::Wildcard => {
                    own.borrow_mut().insert(name, true);
                    true
                }
                UserForm::Userset(userset) => {
                    let seen = seen(&visited, &user_type.type_name.text, &userset.text);
                    seen.is_none() && self.follows(&user_type.type_name.text, &userset.text, &visited)
                }
            }),
            Rewrite::Computed(computed) => self.has(type_name, &computed.text, &visited),
            Rewrite::From { computed, tupleset } => {
                let leading = self.relations.get(&(type_name, tupleset.text.as_str()));
                let user_types = leading.map(|(_, leading)| leading.user_types.as_slice());
                let mut targets = user_types.unwrap_or_default().iter();
                targets.any(|target| self.has(&target.type_name.text, &computed.text, &visited))
            }
            Rewrite::Union(operands) => {
                operands.iter().any(|operand| self.finds(definition, relation, operand, before))
            }
            Rewrite::Intersection(operands) => {
                operands.iter().all(|operand| self.finds(definition, relation, operand, before))
            }
            Rewrite::Difference(base, subtract) => {
                self.finds(definition, relation, base, before) && self.finds(definition, relation, subtract, before)
            }
        }
    }

    /// What is known of another relation, else what is found there.
    fn has(&mut self, type_name: &str, name: &str, visited: &Visited<'m>) -> bool {
        seen(visited, type_name, name).unwrap_or_else(|| self.follows(type_name, name, visited))
    }

    /// Goes on with another relation, if there is one of that name.
    fn follows(&mut self, type_name: &str, name: &str, visited: &Visited<'m>) -> bool {
        let Some((definition, next)) = self.relations.get(&(type_name, name)).copied() else { return false };
        self.depth += 1;
        let found = self.finds(definition, next, &next.rewrite, visited);
        self.depth -= 1;
        found
    }
}

fn seen(visited: &Visited<'_>, type_name: &str, name: &str) -> Option<bool> {
    visited.get(type_name).and_then(|relations| relations.borrow().get(name).copied())
}
