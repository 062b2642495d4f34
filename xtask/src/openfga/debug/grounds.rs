//! What the tree's verdict rests on: the tuples that grant it, or the values that are missing.

use super::node::{Node, TupleName, Verdict, Way};

/// The tuples of one way that leads to the user: the first of several.
pub fn granting(node: &Node) -> Vec<&TupleName> {
    let allowed = || node.children.iter().filter(|child| child.verdict == Verdict::Yes);
    let mut found = match &node.way {
        Way::Tuple { tuple } | Way::Userset { tuple } | Way::Object { tuple } => vec![tuple],
        _ => Vec::new(),
    };
    match &node.way {
        Way::Intersection => found.extend(allowed().flat_map(granting)),
        // What stands behind `but not` grants nothing.
        Way::Exclusion => found.extend(node.children.iter().take(1).flat_map(granting)),
        _ => found.extend(allowed().take(1).flat_map(granting)),
    }
    found
}

/// Why it cannot be decided: one line for each condition, and the server's words for what it refuses.
pub fn open_questions(node: &Node) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |text: String| {
        if !found.contains(&text) {
            found.push(text);
        }
    };
    node.visit(&mut |node| {
        let Some(condition) = node.condition.as_ref().filter(|it| it.verdict == Verdict::Undecided) else { return };
        match (&condition.missing[..], &condition.refusal) {
            ([one], _) => add(format!("{one} is missing (condition {})", condition.name)),
            ([], Some(refusal)) => add(format!("condition {}: {refusal}", condition.name)),
            ([], None) => add(format!("condition {} cannot be asked by itself", condition.name)),
            (several, _) => add(format!("{} are missing (condition {})", several.join(", "), condition.name)),
        }
    });
    found
}
