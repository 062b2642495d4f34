//! Tuples that link what the user has already.

use super::Search;
use crate::openfga::debug::change::Set;
use crate::openfga::debug::node::TupleName;
use crate::openfga::model::{UserForm, type_of};
use anyhow::Result;

/// So many objects that the user has already are tried as a link, after so many reads at most.
const MOST_LINKS: usize = 3;
const MOST_READS: usize = 20;

impl Search<'_> {
    /// Where no tuple of the user's own can be written: those of usersets that the user is in.
    pub(super) fn linking_usersets(&self, object: &str, relation: &str) -> Result<Vec<Set>> {
        let takes = self.model.relation(type_of(object), relation).unwrap_or_default();
        let mut found = Vec::new();
        for taken in takes {
            let UserForm::Userset(name) = &taken.form else { continue };
            for there in self.objects_of_user(&name.text, &taken.type_name.text)? {
                let user = format!("{there}#{}", name.text);
                let tuple = TupleName { user, relation: relation.to_owned(), object: object.to_owned() };
                found.extend(self.writing(&tuple, None, None));
            }
        }
        Ok(found)
    }

    /// Where the object has no tupleset that could lead on: objects to which the user has the relation.
    pub(super) fn linking_objects(&self, object: &str, relation: &str, tupleset: &str) -> Result<Vec<Set>> {
        let takes = self.model.relation(type_of(object), tupleset).unwrap_or_default();
        let mut found = Vec::new();
        let leads_on = |name: &str| self.model.rewrite(name, relation).is_some();
        for taken in takes.iter().filter(|it| it.form == UserForm::Object && leads_on(&it.type_name.text)) {
            for user in self.objects_of_user(relation, &taken.type_name.text)? {
                let tuple = TupleName { user, relation: tupleset.to_owned(), object: object.to_owned() };
                found.extend(self.writing(&tuple, None, None));
            }
        }
        Ok(found)
    }

    /// Some objects of a type to which the user has the relation.
    fn objects_of_user(&self, relation: &str, object_type: &str) -> Result<Vec<String>> {
        if self.reads.get() >= MOST_READS {
            self.are_cut.set(true);
            return Ok(Vec::new());
        }
        self.reads.set(self.reads.get() + 1);
        let mut objects = self.source.objects_with(self.user, relation, object_type)?;
        if objects.is_cut || objects.names.len() > MOST_LINKS {
            self.are_cut.set(true);
        }
        if objects.names.is_empty() {
            self.lacks_links.set(true);
        }
        objects.names.truncate(MOST_LINKS);
        Ok(objects.names)
    }
}
