//! Live tuples that fit the live model but not the new one: the server would ignore them.

use crate::openfga::api::Stored;
use crate::openfga::model::Model;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many tuples of one relation no longer fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stranded {
    #[serde(rename = "type")]
    pub object_type: String,
    pub relation: String,
    pub tuples: usize,
}

impl std::fmt::Display for Stranded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tuples = crate::words::counted(self.tuples as u64, "tuple", "tuples");
        write!(formatter, "{}#{}: {tuples}", self.object_type, self.relation)
    }
}

/// What of these tuples `before` takes and `after` does not, by type and relation. Where nothing is known of the model
/// before, all that `after` does not take.
pub fn find(before: Option<&Model>, after: &Model, tuples: &[Stored]) -> Vec<Stranded> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for tuple in tuples {
        let parts = tuple.parts();
        if after.why_not(&parts).is_some() && before.is_none_or(|before| before.why_not(&parts).is_none()) {
            let object_type =
                tuple.object.split_once(':').map_or(tuple.object.as_str(), |(object_type, _)| object_type);
            *counts.entry((object_type, &tuple.relation)).or_default() += 1;
        }
    }
    let stranded = |((object_type, relation), tuples): ((&str, &str), usize)| Stranded {
        object_type: object_type.to_owned(),
        relation: relation.to_owned(),
        tuples,
    };
    counts.into_iter().map(stranded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fitted_before_can_be_stranded() {
        let model = |definition: &str| {
            let text = format!("model\n  schema 1.1\ntype user\ntype robot\ntype doc\n  relations\n    {definition}\n");
            Model::from_dsl("m", &text).unwrap().0
        };
        let before = model("define viewer: [user, user:*]\n    define editor: [user]");
        let after = model("define viewer: [user, robot]");
        let tuple = |user: &str, relation: &str| Stored {
            user: user.into(),
            relation: relation.into(),
            object: "doc:1".into(),
            condition: None,
        };
        let tuples = [
            tuple("user:a", "viewer"),
            tuple("user:*", "viewer"),
            tuple("user:a", "editor"),
            tuple("user:b", "editor"),
            tuple("robot:x", "gone"),
        ];
        let shown = |found: Vec<Stranded>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(find(Some(&before), &after, &tuples)), ["doc#editor: 2 tuples", "doc#viewer: 1 tuple"]);
        assert_eq!(find(None, &after, &tuples).len(), 3);
        assert!(before.narrows(&after) && !before.narrows(&before) && after.narrows(&before));
        let wider = model("define viewer: [user, user:*, robot]\n    define editor: [user]");
        assert!(!before.narrows(&wider));
    }
}
