//! A live store as a source: each tuple, list and condition is asked for once.

mod objects;

use super::condition;
use super::node::{Judged, Verdict};
use super::source::{Answer, Listing, Objects, Source, Userset};
use super::values;
use crate::openfga::api::{Api, Asking, CheckRequest, Stored};
use crate::openfga::assertions::checks::Pace;
use crate::openfga::assertions::reply::Reply;
use crate::openfga::client::refusal;
use crate::openfga::model::Model;
use crate::openfga::pages::{LONGEST, Pages};
use crate::openfga::tuples::{Condition, Key, Tuple};
use crate::process::signals;
use anyhow::Result;
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// The most tuples of one relation of one object that are read.
pub const MOST_TUPLES: usize = 10_000;
/// The most tuples of all relations together. Of a list that begins beyond it, one page is read.
const MOST_IN_ALL: usize = 200_000;
/// At most this many other values of conditions that do not hold are tried.
const MOST_VALUES: usize = 150;

/// What is asked, and of whom.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub api: &'a Api,
    /// The store's id.
    pub store: &'a str,
    /// The model's id.
    pub model_id: &'a str,
    pub model: &'a Model,
    /// The values that the request brings for conditions.
    pub context: Option<&'a Map<String, Value>>,
}

/// A live store.
#[derive(Debug)]
pub struct Live<'a> {
    asked: Asked<'a>,
    tuples: RefCell<HashMap<(String, String, String), Option<Stored>>>,
    lists: RefCell<HashMap<Userset, Rc<Listing>>>,
    conditions: RefCell<HashMap<String, Judged>>,
    answers: RefCell<HashMap<(String, Userset), Answer>>,
    /// Lists of objects: of which user, relation and type.
    objects: RefCell<HashMap<(String, String, String), Objects>>,
    /// Some objects of each type.
    by_type: RefCell<HashMap<String, Objects>>,
    /// Pages of tuples of a user, a relation and a type.
    pages: RefCell<HashMap<(String, String, String), Vec<Stored>>>,
    /// How many objects of the user's own tuples were asked for.
    own: Cell<usize>,
    /// The server was too slow for such a list: it is asked for no other one.
    is_slow: Cell<bool>,
    /// How many tuples of lists were read.
    listed: Cell<usize>,
    /// And so many bytes, over all lists.
    bytes: Cell<usize>,
    /// And so many other values of conditions were tried.
    values: Cell<usize>,
}

impl<'a> Live<'a> {
    pub fn new(asked: Asked<'a>) -> Self {
        Self {
            asked,
            tuples: RefCell::default(),
            lists: RefCell::default(),
            conditions: RefCell::default(),
            answers: RefCell::default(),
            objects: RefCell::default(),
            by_type: RefCell::default(),
            pages: RefCell::default(),
            own: Cell::default(),
            is_slow: Cell::default(),
            listed: Cell::default(),
            bytes: Cell::default(),
            values: Cell::default(),
        }
    }

    /// The server's answer to a question: the same as long as this one lives.
    ///
    /// # Errors
    /// Exit 4 where no answer comes; a refusal of the question is an answer.
    pub fn answer(&self, (user, relation, object): Key<'_>) -> Result<Answer> {
        let answers = self.ask(user, &[(object.to_owned(), relation.to_owned())])?;
        Ok(answers.into_iter().next().unwrap_or_else(|| Answer::refused("it was not asked")))
    }

    /// The server's answer to a question, with tuples that count for it alone.
    ///
    /// # Errors
    /// Exit 4 where no answer comes; a refusal of the question is an answer.
    pub fn check(&self, question: Key<'_>, tuples: &[Tuple]) -> Result<Answer> {
        self.check_with(question, tuples, self.asked.context)
    }

    fn check_with(
        &self,
        (user, relation, object): Key<'_>,
        tuples: &[Tuple],
        context: Option<&Map<String, Value>>,
    ) -> Result<Answer> {
        let Asked { api, store, model_id, .. } = self.asked;
        let asking = Asking { store, model: model_id, tuples, context };
        match api.check(asking, &CheckRequest { user, relation, object, context: None }) {
            Ok(allowed) => Ok(Answer::of(allowed)),
            Err(error) => match refusal(&error) {
                Some(refusal) if matches!(refusal.status, Some(400..=404)) => {
                    Ok(Answer { is_too_deep: refusal.is_too_deep, ..Answer::refused(refusal.to_string()) })
                }
                _ => Err(error),
            },
        }
    }

    /// Finds other values with which a condition that does not hold would: one for each of its values, the others unchanged;
    /// where none of the tuple is among them, two of the tuple together.
    fn find_values(&self, judged: &mut Judged) -> Result<()> {
        let defined = self.asked.model.condition(&judged.name).filter(|_| judged.verdict == Verdict::No);
        let Some(defined) = defined else { return Ok(()) };
        let tried = defined.parameters.iter();
        let tried = tried.map(|(name, kind)| (name.text.clone(), values::others(judged, &name.text, &kind.name)));
        let tried: Vec<(String, Vec<Value>)> = tried.collect();
        for (name, values) in &tried {
            let of_one = values.iter().map(|value| vec![(name.clone(), value.clone())]);
            let found = self.first_to_hold(judged, of_one)?;
            judged.holds_with.extend(found);
        }
        if !judged.holds_with.keys().any(|name| judged.of_tuple.contains_key(name)) {
            let found = self.first_to_hold(judged, values::pairs(&judged.of_tuple, &tried).into_iter())?;
            judged.holds_with_both.extend(found);
        }
        Ok(())
    }

    /// The first of these values with which the condition holds.
    fn first_to_hold(
        &self,
        judged: &Judged,
        mut tried: impl Iterator<Item = Vec<(String, Value)>>,
    ) -> Result<Vec<(String, Value)>> {
        while let Some(values) = tried.next().filter(|_| self.values.get() < MOST_VALUES) {
            self.values.set(self.values.get() + 1);
            let mut context = judged.values();
            context.extend(values.iter().cloned());
            let with_them = Condition { name: judged.name.clone(), context };
            let Some(probe) = condition::probe(self.asked.model, &with_them) else { break };
            if self.check_with(probe.key(), std::slice::from_ref(&probe), None)?.verdict == Verdict::Yes {
                return Ok(values);
            }
        }
        Ok(Vec::new())
    }

    /// Whether a condition holds, as the server decides it. No other values are tried for it.
    pub fn decided(&self, condition: &Condition) -> Result<Judged> {
        if let Some(known) = self.conditions.borrow().get(&condition.shown()) {
            return Ok(known.clone());
        }
        let Asked { model, context, .. } = self.asked;
        let answer = match condition::probe(model, condition) {
            Some(probe) => Some(self.check(probe.key(), std::slice::from_ref(&probe))?),
            None => None,
        };
        Ok(condition::judged(model, condition, context, answer))
    }

    /// The parameters of a condition to which neither its tuple nor the question gives a value.
    pub fn without_value(&self, condition: &Condition) -> Vec<String> {
        condition::without_value(self.asked.model, condition, self.asked.context)
    }

    /// Whether so many other values of conditions were tried that no more are.
    pub fn has_tried_enough_values(&self) -> bool {
        self.values.get() >= MOST_VALUES
    }

    fn read_list(&self, object: &str, relation: &str) -> Result<Listing> {
        let Asked { api, store, .. } = self.asked;
        let mut listing = Listing::default();
        let mut pages = Pages::of_at_most(2 * MOST_TUPLES as u64, LONGEST);
        loop {
            signals::check()?;
            let (tuples, turn) = api.read_relation(store, object, relation, pages.token())?;
            // A server that does not know the filter lists them all.
            listing.tuples.extend(tuples.into_iter().filter(|it| it.object == object && it.relation == relation));
            self.listed.set(self.listed.get().saturating_add(turn.entries));
            self.bytes.set(self.bytes.get().saturating_add(turn.bytes));
            let is_enough =
                listing.tuples.len() >= MOST_TUPLES || self.listed.get() >= MOST_IN_ALL || self.bytes.get() >= LONGEST;
            if is_enough && !turn.next.is_empty() {
                listing.tuples.truncate(MOST_TUPLES);
                listing.is_cut = true;
                return Ok(listing);
            }
            if !api.go_on(&mut pages, turn)? {
                return Ok(listing);
            }
        }
    }
}

impl Source for Live<'_> {
    fn tuple(&self, key: Key<'_>) -> Result<Option<Stored>> {
        let (user, relation, object) = key;
        let owned = (user.to_owned(), relation.to_owned(), object.to_owned());
        if let Some(known) = self.tuples.borrow().get(&owned) {
            return Ok(known.clone());
        }
        let found = self.asked.api.read_one(self.asked.store, key)?.filter(|stored| stored.key() == key);
        self.tuples.borrow_mut().insert(owned, found.clone());
        Ok(found)
    }

    fn tuples(&self, object: &str, relation: &str) -> Result<Rc<Listing>> {
        let key = (object.to_owned(), relation.to_owned());
        if let Some(known) = self.lists.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let read = Rc::new(self.read_list(object, relation)?);
        self.lists.borrow_mut().insert(key, Rc::clone(&read));
        Ok(read)
    }

    fn objects_of(&self, user: &str, relation: &str, object_type: &str) -> Result<Vec<String>> {
        let found = self.tuples_of(user, relation, object_type)?;
        Ok(found.into_iter().map(|stored| stored.object).collect())
    }

    fn objects_with(&self, user: &str, relation: &str, object_type: &str) -> Result<Objects> {
        let key = (user.to_owned(), relation.to_owned(), object_type.to_owned());
        if let Some(known) = self.objects.borrow().get(&key) {
            return Ok(known.clone());
        }
        let found = match self.listed_objects(user, relation, object_type)? {
            Some(listed) => listed,
            None => Objects { names: self.own_objects(user, relation, object_type)?, is_cut: true },
        };
        self.objects.borrow_mut().insert(key, found.clone());
        Ok(found)
    }

    fn objects_of_type(&self, object_type: &str) -> Result<Objects> {
        self.known_of_type(object_type)
    }

    fn condition(&self, _: Key<'_>, condition: &Condition) -> Result<Judged> {
        let key = condition.shown();
        if let Some(known) = self.conditions.borrow().get(&key) {
            return Ok(known.clone());
        }
        let mut judged = self.decided(condition)?;
        self.find_values(&mut judged)?;
        self.conditions.borrow_mut().insert(key, judged.clone());
        Ok(judged)
    }

    fn ask(&self, user: &str, usersets: &[Userset]) -> Result<Vec<Answer>> {
        let key = |userset: &Userset| (user.to_owned(), userset.clone());
        let known = |userset: &&Userset| self.answers.borrow().contains_key(&key(userset));
        let open: Vec<&Userset> = usersets.iter().filter(|userset| !known(userset)).collect();
        if let [(object, relation)] = open[..] {
            let answer = self.check((user, relation, object), &[])?;
            self.answers.borrow_mut().insert((user.to_owned(), (object.clone(), relation.clone())), answer);
        } else {
            let Asked { api, store, model_id, context, .. } = self.asked;
            let asking = Asking { store, model: model_id, tuples: &[], context };
            let requests: Vec<CheckRequest<'_>> =
                open.iter().map(|(object, relation)| CheckRequest { user, relation, object, context: None }).collect();
            let replies = Pace::new().ask(api, asking, &requests, 0)?;
            let answers = replies.into_iter().map(|reply| match reply {
                Reply::Answered(allowed) => Answer::of(allowed),
                Reply::Refused(why) | Reply::Unanswered(why) => Answer::refused(why),
            });
            let mut kept = self.answers.borrow_mut();
            open.into_iter().zip(answers).for_each(|(userset, answer)| drop(kept.insert(key(userset), answer)));
        }
        let kept = self.answers.borrow();
        let answer = |userset| kept.get(&key(userset)).cloned().unwrap_or_else(|| Answer::refused("it was not asked"));
        Ok(usersets.iter().map(answer).collect())
    }
}
