//! What would allow a question that is denied, as text and as JSON.

use crate::openfga::debug::change::{Action, Change, LARGEST, Set};
use crate::openfga::debug::node::{Judged, Node, TupleName, Way};
use crate::openfga::debug::verified::Remedies;
use crate::openfga::model::Model;
use crate::openfga::tuples::Condition;
use serde_json::{Value, json};

/// The lines below the tree.
pub fn in_words(remedies: &Remedies, tree: &Node, model: &Model) -> Vec<String> {
    let Remedies { verified, narrower, open, are_cut } = remedies;
    let mut lines = Vec::new();
    if let Some(first) = verified.first() {
        lines.extend([String::new(), title("It would be allowed by", verified, first)]);
        lines.extend(verified.iter().flatten().map(|change| format!("  {}", change_in_words(change))));
    }
    if let Some(set) = narrower {
        let begin = "It would be allowed without a tuple for everybody by";
        lines.extend([String::new(), title(begin, std::slice::from_ref(set), set)]);
        lines.extend(set.iter().map(|change| format!("  {}", change_in_words(change))));
    }
    if let Some(first) = open.first() {
        let begin = "With values that make the condition hold (not verified) it would be allowed by";
        let mut below = vec![String::new(), title(begin, open, first)];
        for change in open.iter().flatten() {
            below.push(format!("  {}", change_in_words(change)));
            below.extend(values(change, tree, model).into_iter().map(|line| format!("    {line}")));
        }
        // Fewer changes come first.
        let is_smaller = verified.first().is_some_and(|verified| first.len() < verified.len());
        let at = if is_smaller { 0 } else { lines.len() };
        lines.splice(at..at, below);
    }
    if lines.is_empty() {
        let none = format!("No change of up to {} tuples was found that would allow it.", NUMBERS[LARGEST]);
        lines.extend([String::new(), none]);
    }
    if *are_cut {
        lines.push("Not every change was looked for: the search has limits, and there may be others.".to_owned());
    }
    lines
}

const NUMBERS: [&str; LARGEST + 1] = ["no", "one", "two", "three"];

fn title(begin: &str, sets: &[Set], first: &Set) -> String {
    match (sets.len(), first.len()) {
        (1, 1) => begin.to_owned(),
        (1, _) => format!("{begin} these together"),
        _ => format!("{begin} any one of these"),
    }
}

fn change_in_words(change: &Change) -> String {
    let tuple = TupleName::of(&change.tuple);
    let shown = |it: &Condition| if it.context.is_empty() { it.name.clone() } else { it.shown() };
    let condition = change.tuple.condition.as_ref().map(shown);
    match (change.action, condition) {
        (Action::Write, None) => format!("write {tuple}"),
        (Action::Write, Some(condition)) => format!("write {tuple} with {condition}"),
        (Action::ChangeCondition, None) => format!("change the condition of {tuple}: delete it, write it without one"),
        (Action::ChangeCondition, Some(condition)) => {
            format!("change the condition of {tuple}: delete it, write it with {condition}")
        }
        (Action::ChangeValues, condition) => {
            let condition = condition.unwrap_or_default();
            format!("change the values of {tuple}: delete it, write it with {condition}, for example")
        }
        (Action::ChooseValues, _) => format!("change the values of the condition of {tuple}"),
        (Action::Delete, _) => format!("delete {tuple}"),
    }
}

/// The condition of a change, and the values that a person has to choose.
fn values(change: &Change, tree: &Node, model: &Model) -> Vec<String> {
    let Some(condition) = change.tuple.condition.as_ref().filter(|_| change.has_condition()) else { return Vec::new() };
    let defined = model.condition(&condition.name);
    let expression = defined.map(|it| it.expression.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut lines = vec![format!("{}: {}", condition.name, expression.unwrap_or_default())];
    let judged = condition_in(tree, &TupleName::of(&change.tuple)).filter(|judged| judged.name == condition.name);
    let Some(judged) = judged else {
        let parameters = defined.into_iter().flat_map(|it| &it.parameters);
        let parameters: Vec<String> = parameters.map(|(name, kind)| format!("{} ({kind})", name.text)).collect();
        lines.push(format!("choose its values, in the tuple or by --context: {}", parameters.join(", ")));
        return lines;
    };
    let decides = |name: &str| judged.holds_with.is_empty() || judged.holds_with.contains_key(name);
    let example = |name: &str| judged.holds_with.get(name).map(|it| format!(", for example {it}")).unwrap_or_default();
    for (name, value) in judged.of_tuple.iter().filter(|(name, _)| decides(name)) {
        lines.push(format!(
            "{name} = {value} of the tuple: delete the tuple, write it with another {name}{}",
            example(name)
        ));
    }
    for (name, value) in judged.of_request.iter().filter(|(name, _)| decides(name)) {
        lines.push(format!("{name} = {value} of --context: ask with another {name}{}", example(name)));
    }
    lines.extend(judged.missing.iter().map(|name| format!("{name} is missing: ask with it in --context")));
    lines
}

/// The condition of a tuple of the tree.
fn condition_in<'t>(node: &'t Node, wanted: &TupleName) -> Option<&'t Judged> {
    let own = match &node.way {
        Way::Tuple { tuple } | Way::Userset { tuple } | Way::Object { tuple } if tuple == wanted => {
            node.condition.as_ref()
        }
        _ => None,
    };
    own.or_else(|| node.children.iter().find_map(|child| condition_in(child, wanted)))
}

/// The sets as JSON.
pub fn in_json<'s>(sets: impl IntoIterator<Item = &'s Set>) -> Vec<Vec<Value>> {
    sets.into_iter().map(|set| set.iter().map(change_in_json).collect()).collect()
}

fn change_in_json(change: &Change) -> Value {
    let action = match change.action {
        Action::Write => "write",
        Action::ChangeCondition => "change_condition",
        Action::ChangeValues => "change_values",
        Action::ChooseValues => "choose_values",
        Action::Delete => "delete",
    };
    let condition = change.tuple.condition.as_ref().map(|it| json!({ "name": it.name, "context": it.context }));
    json!({ "action": action, "tuple": TupleName::of(&change.tuple), "condition": condition })
}
