//! What the tree's verdict rests on: the tuples that grant it, or the values that are missing.

use super::node::{Judged, Node, TupleName, Verdict, Way};

/// The tuples of one way that leads to the user.
#[derive(Debug, Default)]
pub struct Granting<'n> {
    pub tuples: Vec<&'n TupleName>,
    /// Whether the way goes on where the tree does not: the server alone says that it leads to the user.
    pub is_cut: bool,
}

/// The first of several ways that lead to the user. Where the server alone decided, the way that could not be decided, if
/// there is only one.
pub fn granting(node: &Node) -> Granting<'_> {
    let mut found = Granting::default();
    add_granting(node, &mut found);
    found
}

fn add_granting<'n>(node: &'n Node, found: &mut Granting<'n>) {
    let allowed = || node.children.iter().filter(|child| child.verdict == Verdict::Yes);
    let open: Vec<&Node> = node.children.iter().filter(|child| child.verdict == Verdict::Undecided).collect();
    if let Way::Tuple { tuple } | Way::Userset { tuple } | Way::Object { tuple } = &node.way {
        found.tuples.push(tuple);
    }
    match (&node.way, &node.children[..]) {
        (Way::Tuple { .. } | Way::Itself { .. }, _) => {}
        (Way::Intersection, children) => children.iter().for_each(|child| add_granting(child, found)),
        // What stands behind `but not` grants nothing, unless something behind a further one keeps it from denying.
        (Way::Exclusion, [base, subtract]) => {
            add_granting(base, found);
            add_sparing(subtract, found);
        }
        // A cycle behind `but not` that the server passed over.
        (Way::Relation { .. }, [below]) => add_granting(below, found),
        _ => match (allowed().next(), &open[..]) {
            (Some(next), _) | (None, &[next]) => add_granting(next, found),
            (None, _) => found.is_cut = true,
        },
    }
}

/// The tuples behind `but not` without which a way that does not lead to the user would.
fn add_sparing<'n>(node: &'n Node, found: &mut Granting<'n>) {
    let is_shut = node.condition.as_ref().is_some_and(|condition| condition.verdict != Verdict::Yes);
    if node.verdict != Verdict::No || is_shut {
        return;
    }
    match (&node.way, &node.children[..]) {
        (Way::Tuple { .. } | Way::Missing { .. } | Way::Ignored { .. }, _) => {}
        (Way::Exclusion, [base, subtract]) => match (base.verdict, subtract.verdict) {
            (Verdict::Yes, Verdict::Yes) => add_granting(subtract, found),
            // Either alone keeps it from leading there.
            (_, Verdict::Yes) => {}
            _ => add_sparing(base, found),
        },
        (Way::Intersection, children) => add_sparing_of_all(children, found),
        (_, children) => children.iter().for_each(|child| add_sparing(child, found)),
    }
}

/// The same of `and`: of the first operand that does not lead there, unless one of them does not whatever is spared.
fn add_sparing_of_all<'n>(operands: &'n [Node], found: &mut Granting<'n>) {
    let of = |operand: &'n Node| {
        let mut sparing = Granting::default();
        add_sparing(operand, &mut sparing);
        sparing
    };
    let refusing: Vec<Granting<'n>> = operands.iter().filter(|it| it.verdict == Verdict::No).map(of).collect();
    if refusing.iter().all(|sparing| !sparing.tuples.is_empty() || sparing.is_cut) {
        let first = refusing.into_iter().next().unwrap_or_default();
        found.tuples.extend(first.tuples);
        found.is_cut |= first.is_cut;
    }
}

/// Why it cannot be decided: one line for each condition, and the server's words for what it refuses. What is decided
/// whatever a value is asks for none.
pub fn open_questions(node: &Node) -> Vec<String> {
    let mut found = Vec::new();
    for text in open_nodes(node).into_iter().filter_map(why_open) {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// The conditions for which it cannot be decided.
pub fn open_conditions(node: &Node) -> Vec<&Judged> {
    open_nodes(node).into_iter().filter_map(|node| node.condition.as_ref()).collect()
}

/// The places that carry them.
fn open_nodes(node: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    add_open(node, &mut found);
    found
}

fn add_open<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
    if node.verdict != Verdict::Undecided {
        return;
    }
    let is_open = node.condition.as_ref().is_some_and(|condition| condition.verdict == Verdict::Undecided);
    found.extend(is_open.then_some(node));
    node.children.iter().for_each(|child| add_open(child, found));
}

fn why_open(node: &Node) -> Option<String> {
    let condition = node.condition.as_ref()?;
    let mut name = format!("condition {}", condition.name);
    if let Way::Beside { tuple } = &node.way {
        name.push_str(&format!(" of {tuple}, which the server reads, too"));
    }
    Some(match (&condition.missing[..], &condition.refusal) {
        ([one], _) => format!("{one} is missing ({name})"),
        ([], Some(refusal)) => format!("{name}: {refusal}"),
        ([], None) => format!("{name} cannot be asked by itself"),
        (several, _) => format!("{} are missing ({name})", several.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(name: &str) -> Node {
        let judged = Judged {
            name: name.to_owned(),
            expression: String::new(),
            of_tuple: serde_json::Map::new(),
            of_request: serde_json::Map::new(),
            verdict: Verdict::Undecided,
            missing: vec![format!("value of {name}")],
            holds_with: serde_json::Map::new(),
            holds_with_both: serde_json::Map::new(),
            refusal: None,
        };
        Node::leaf(Way::Unread, Verdict::Undecided).with_condition(Some(judged))
    }

    #[test]
    fn what_keeps_an_exclusion_from_denying_grants_too() {
        let tuple = |relation: &str, verdict| {
            let name = |text: &str| text.to_owned();
            let tuple = TupleName { user: name("user:al"), relation: name(relation), object: name("doc:1") };
            Node::leaf(Way::Tuple { tuple }, verdict)
        };
        let but_not = |base: Node, subtract: Node| {
            let verdict = base.verdict.but_not(subtract.verdict);
            Node::new(Way::Exclusion, verdict, vec![base, subtract])
        };
        let granted = |tree: &Node| granting(tree).tuples.iter().map(|it| it.relation.clone()).collect::<Vec<_>>();
        let (yes, no) = (Verdict::Yes, Verdict::No);
        let spared = but_not(tuple("banned", yes), tuple("pardoned", yes));
        assert_eq!(granted(&but_not(tuple("viewer", yes), spared)), ["viewer", "pardoned"]);
        let never = but_not(tuple("banned", no), tuple("pardoned", yes));
        let either = Node::new(Way::Union, no, vec![but_not(tuple("late", yes), tuple("excused", yes)), never]);
        assert_eq!(granted(&but_not(tuple("viewer", yes), either)), ["viewer", "excused"]);
        // What refuses by itself, whatever is spared, needs no tuple.
        let spared = || but_not(tuple("banned", yes), tuple("pardoned", yes));
        let both = |other: Node| Node::new(Way::Intersection, no, vec![spared(), other]);
        assert_eq!(granted(&but_not(tuple("viewer", yes), both(tuple("strict", no)))), ["viewer"]);
        assert_eq!(granted(&but_not(tuple("viewer", yes), both(tuple("strict", yes)))), ["viewer", "pardoned"]);
        assert_eq!(granted(&but_not(tuple("viewer", yes), but_not(spared(), tuple("never", yes)))), ["viewer"]);
        let shut = Node::new(Way::Relation { object: "o".to_owned(), relation: "r".to_owned() }, no, vec![spared()]);
        assert_eq!(granted(&but_not(tuple("viewer", yes), shut.with_condition(under("x").condition))), ["viewer"]);
    }

    #[test]
    fn a_value_that_decides_nothing_is_not_missing() {
        let granted = || Node::leaf(Way::Unread, Verdict::Yes);
        let union = Node::new(Way::Union, Verdict::Yes, vec![granted(), under("beside")]);
        let tree = Node::new(Way::Exclusion, Verdict::Undecided, vec![union, under("decides")]);
        assert_eq!(open_questions(&tree), ["value of decides is missing (condition decides)"]);
        let decided = Node::new(Way::Union, Verdict::Yes, vec![granted(), under("beside")]);
        assert_eq!(open_questions(&decided), Vec::<String>::new());
    }
}
