//! Whether a server takes what a test asks, and whether an answer that it expects can ever come.

use crate::openfga::model::{Model, form_of_object, form_of_user, is_wildcard, split_userset, type_of};

/// Users of a type, or those of a relation to objects of it.
#[derive(Debug, Clone)]
pub struct UserFilter {
    pub user_type: String,
    pub relation: Option<String>,
}

impl UserFilter {
    /// Why a server does not take it; unknown without a model.
    pub fn why_not(&self, model: Option<&Model>) -> Option<String> {
        let model = model?;
        match &self.relation {
            Some(relation) => model.why_no_relation(&self.user_type, relation),
            None => model.why_no_type(&self.user_type),
        }
    }

    /// Whether a list by this filter can hold this user.
    fn finds(&self, user: &str) -> bool {
        let relation = split_userset(user).1;
        type_of(user) == self.user_type
            && (is_wildcard(user) || relation == self.relation.as_deref().unwrap_or_default())
    }
}

/// Why a server does not take a question about this user; without a model only its form is known.
pub fn why_no_user(model: Option<&Model>, user: &str) -> Option<String> {
    model.map_or_else(|| form_of_user(user), |model| model.why_no_user(user))
}

/// Why a list of objects of this type cannot hold this one.
pub fn why_never_listed(object: &str, object_type: &str) -> Option<String> {
    form_of_object(object).or_else(|| {
        (type_of(object) != object_type)
            .then(|| format!("{object:?} can never be in this list, which holds objects of type {object_type}"))
    })
}

/// Why a list by these filters cannot hold this user.
pub fn why_never_found(user: &str, filters: &[UserFilter]) -> Option<String> {
    form_of_user(user).or_else(|| {
        let found = filters.is_empty() || filters.iter().any(|filter| filter.finds(user));
        (!found).then(|| format!("{user:?} can never be in this list: no user_filter finds it"))
    })
}
