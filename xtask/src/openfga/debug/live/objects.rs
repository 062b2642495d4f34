//! Which objects a user has, and which ones there are.

use super::{Asked, Live};
use crate::openfga::api::{Asking, Stored};
use crate::openfga::client::refusal;
use crate::openfga::debug::node::Verdict;
use crate::openfga::debug::source::{Objects, Source as _};
use crate::openfga::model::{is_wildcard, split_userset, type_of};
use anyhow::Result;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// A server ends a list after three seconds, whole or not, and does not say which.
const LIST_IS_WHOLE: Duration = Duration::from_millis(2500);
/// Where a server gives no list of a user's objects, its own tuples of so many relations are read, and so many objects of
/// them are asked for, in one list and in all.
const MOST_OWN_RELATIONS: usize = 10;
const MOST_OWN_OBJECTS: usize = 50;
const MOST_OWN_IN_ALL: usize = 150;
/// At most this many objects of a type are looked at.
const MOST_LOOKS: usize = 10;
/// The search ends once it has this many objects.
const ENOUGH: usize = 5;

impl Live<'_> {
    /// One page of the tuples that give the user a relation to objects of a type.
    pub fn tuples_of(&self, user: &str, relation: &str, object_type: &str) -> Result<Vec<Stored>> {
        let key = (user.to_owned(), relation.to_owned(), object_type.to_owned());
        if let Some(known) = self.pages.borrow().get(&key) {
            return Ok(known.clone());
        }
        let found = self.asked.api.read_objects(self.asked.store, user, relation, object_type)?;
        self.pages.borrow_mut().insert(key, found.clone());
        Ok(found)
    }

    /// The server's list of the objects to which the user has a relation. `None`: it gives none, or not in time.
    pub(super) fn listed_objects(&self, user: &str, relation: &str, object_type: &str) -> Result<Option<Objects>> {
        if self.is_slow.get() {
            return Ok(None);
        }
        let Asked { api, store, model_id, context, .. } = self.asked;
        let asking = Asking { store, model: model_id, tuples: &[], context };
        let begun = Instant::now();
        match api.list_objects(asking, user, relation, object_type) {
            Ok(found) => {
                let is_cut = begun.elapsed() >= LIST_IS_WHOLE;
                self.is_slow.set(is_cut);
                Ok(Some(Objects { names: found.into_iter().collect(), is_cut }))
            }
            Err(error) => match refusal(&error) {
                Some(refusal) => {
                    self.is_slow.set(!matches!(refusal.status, Some(400..=404)));
                    Ok(None)
                }
                None => Err(error),
            },
        }
    }

    /// Objects of a type of which the user, or everybody of its type, has a tuple, as far as the server says that the user has
    /// this relation to them.
    pub(super) fn own_objects(&self, user: &str, relation: &str, object_type: &str) -> Result<Vec<String>> {
        let is_single = split_userset(user).1.is_empty() && !is_wildcard(user);
        let everybody = is_single.then(|| format!("{}:*", type_of(user)));
        let others = self.asked.model.relations(object_type).filter(|other| *other != relation);
        let mut found = Vec::new();
        for own in std::iter::once(relation).chain(others).take(MOST_OWN_RELATIONS) {
            for user in std::iter::once(user).chain(everybody.as_deref()) {
                let objects = self.objects_of(user, own, object_type)?;
                found.extend(objects.into_iter().map(|object| (object, relation.to_owned())));
            }
        }
        let mut seen = HashSet::new();
        found.retain(|object| seen.insert(object.clone()));
        found.truncate(MOST_OWN_OBJECTS.min(MOST_OWN_IN_ALL.saturating_sub(self.own.get())));
        self.own.set(self.own.get().saturating_add(found.len()));
        let answers = self.ask(user, &found)?;
        let has_it = found.into_iter().zip(answers).filter(|(_, answer)| answer.verdict == Verdict::Yes);
        Ok(has_it.map(|((object, _), _)| object).collect())
    }

    /// Some objects of a type of which the store has tuples now.
    pub(super) fn known_of_type(&self, object_type: &str) -> Result<Objects> {
        if let Some(known) = self.by_type.borrow().get(object_type) {
            return Ok(known.clone());
        }
        let changed = match self.asked.api.changed_objects(self.asked.store, object_type) {
            Ok(found) => found,
            // Without a list of changes none is known.
            Err(error) if refusal(&error).is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
        let of_type: Vec<String> = changed.into_iter().filter(|object| type_of(object) == object_type).collect();
        let mut found = Objects { is_cut: of_type.len() > ENOUGH, ..Objects::default() };
        for object in of_type.into_iter().take(MOST_LOOKS) {
            if found.names.len() < ENOUGH && self.asked.api.has_tuples(self.asked.store, &object)? {
                found.names.push(object);
            }
        }
        self.by_type.borrow_mut().insert(object_type.to_owned(), found.clone());
        Ok(found)
    }
}
