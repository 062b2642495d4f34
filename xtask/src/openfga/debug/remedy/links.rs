//! Tuples that link what the user has already.

use super::Search;
use crate::openfga::debug::change::Set;
use crate::openfga::debug::node::TupleName;
use crate::openfga::debug::source::Objects;
use crate::openfga::model::{Rewrite, UserForm, type_of};
use anyhow::Result;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

/// At most this many objects that the user has already are tried as a link, after so many reads.
const MOST_LINKS: usize = 3;
const MOST_READS: usize = 20;

impl Search<'_> {
    /// Where no tuple of the user's own can be written: those of usersets that the user is in.
    pub(super) fn linking_usersets(&self, object: &str, relation: &str) -> Result<Vec<Set>> {
        let takes = self.model.relation(type_of(object), relation).unwrap_or_default();
        let mut found = Vec::new();
        for taken in takes {
            let UserForm::Userset(name) = &taken.form else { continue };
            let object_type = &taken.type_name.text;
            let link = |there: &str| {
                let user = format!("{there}#{}", name.text);
                TupleName { user, relation: relation.to_owned(), object: object.to_owned() }
            };
            for there in self.objects_of_user(&name.text, object_type, &BTreeSet::new())? {
                found.extend(self.writing(&link(&there), None, None));
            }
            found.extend(self.linking_farther(object_type, &name.text, link)?);
        }
        Ok(found)
    }

    /// Where the object has no tupleset that could lead on: objects to which the user has the relation.
    pub(super) fn linking_objects(&self, object: &str, relation: &str, tupleset: &str) -> Result<Vec<Set>> {
        let takes = self.model.relation(type_of(object), tupleset).unwrap_or_default();
        let mut found = Vec::new();
        let beside = self.relations_from(type_of(object), tupleset);
        let leads_on = |name: &str| self.model.rewrite(name, relation).is_some();
        for taken in takes.iter().filter(|it| it.form == UserForm::Object && leads_on(&it.type_name.text)) {
            let object_type = &taken.type_name.text;
            let link = |user: &str| {
                let (relation, object) = (tupleset.to_owned(), object.to_owned());
                TupleName { user: user.to_owned(), relation, object }
            };
            for user in self.objects_of_user(relation, object_type, &beside)? {
                found.extend(self.writing(&link(&user), None, None));
            }
            found.extend(self.linking_farther(object_type, relation, link)?);
        }
        Ok(found)
    }

    /// The relations that a type asks of the objects of a tupleset.
    fn relations_from(&self, object_type: &str, tupleset: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for relation in self.model.relations(object_type) {
            let Some(rewrite) = self.model.rewrite(object_type, relation) else { continue };
            rewrite.visit(&mut |part| match part {
                Rewrite::From { computed, tupleset: through } if through.text == tupleset => {
                    found.insert(computed.text.as_str());
                }
                _ => {}
            });
        }
        found
    }

    /// Some objects of a type to which the user has the relation. Of many those come first to which it has relations
    /// `beside` it, too: one link may do for all of them.
    fn objects_of_user(&self, relation: &str, object_type: &str, beside: &BTreeSet<&str>) -> Result<Vec<String>> {
        let Some(mut objects) = self.listed(relation, object_type)? else { return Ok(Vec::new()) };
        if objects.is_cut || objects.names.len() > MOST_LINKS {
            self.are_cut.set(true);
        }
        if objects.names.is_empty() {
            self.lacks_links.set(true);
        }
        if objects.names.len() > MOST_LINKS {
            let has_it = |other: &&&str| **other != relation && self.model.rewrite(object_type, other).is_some();
            let others = beside.iter().filter(has_it).map(|other| self.listed(other, object_type));
            let of_each = |objects: Objects| objects.names.into_iter().collect::<HashSet<String>>();
            let others = others.map(|objects| Ok(objects?.map(of_each).unwrap_or_default()));
            let others = others.collect::<Result<Vec<_>>>()?;
            let number = |name: &String| others.iter().filter(|other| other.contains(name)).count();
            objects.names.sort_by_cached_key(|name| Reverse(number(name)));
        }
        objects.names.truncate(MOST_LINKS);
        Ok(objects.names)
    }

    /// The server's list; `None` where no more lists may be asked for.
    fn listed(&self, relation: &str, object_type: &str) -> Result<Option<Objects>> {
        if self.reads.get() >= MOST_READS {
            self.are_cut.set(true);
            return Ok(None);
        }
        self.reads.set(self.reads.get() + 1);
        self.source.objects_with(self.user, relation, object_type).map(Some)
    }
}
