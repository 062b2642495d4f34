//! The tree as lines.

use crate::openfga::debug::node::{Judged, Node, Unshown, Verdict, Way};
use crate::terminal::{Terminal, clean_line, count};
use serde_json::{Map, Value};

/// The columns of a level.
const STEP: usize = 2;
/// A terminal's columns that are kept for the text of the deepest line.
const ROOM: usize = 44;

/// One line for each place of the tree, indented by its depth.
pub fn lines(node: &Node, terminal: &Terminal) -> Vec<String> {
    let mut lines = Vec::new();
    Printer { terminal, lines: &mut lines }.node(node, 0);
    let deepest = lines.iter().map(|(depth, _)| *depth).max().unwrap_or_default();
    let indentation = Indentation::of(deepest, terminal.width_of_results());
    lines.into_iter().map(|(depth, line)| format!("{}{line}", " ".repeat(indentation.before(depth)))).collect()
}

/// How far lines are indented. What stands behind that needs room: of a deep tree on a terminal a level is one column, and
/// the deepest levels stand at the same one.
struct Indentation {
    step: usize,
    most: usize,
}

impl Indentation {
    fn of(deepest: usize, columns: Option<usize>) -> Self {
        let most = columns.map_or(usize::MAX, |columns| columns.saturating_sub(ROOM).max(columns / 3));
        let step = if deepest.saturating_mul(STEP) <= most { STEP } else { 1 };
        Self { step, most }
    }

    fn before(&self, depth: usize) -> usize {
        depth.saturating_mul(self.step).min(self.most)
    }
}

struct Printer<'a> {
    terminal: &'a Terminal,
    /// Each with its depth.
    lines: &'a mut Vec<(usize, String)>,
}

impl Printer<'_> {
    fn node(&mut self, node: &Node, depth: usize) {
        match (&node.way, &node.children[..]) {
            // What is below says its name.
            (Way::Computed { .. }, [below]) => self.node(below, depth),
            (Way::Relation { object, relation }, [below]) => {
                let (title, shown) = match &below.way {
                    Way::Union => ("one of", below),
                    Way::Intersection => ("all of", below),
                    Way::Exclusion => ("the first, but not the second", below),
                    Way::Direct { takes, .. } => {
                        let text = format!("{relation} of {object}: {}", bracketed(takes));
                        return self.with_children(node, &text, below, depth);
                    }
                    _ => ("", node),
                };
                let colon = if title.is_empty() { "" } else { ": " };
                self.with_children(node, &format!("{relation} of {object}{colon}{title}"), shown, depth);
            }
            _ => self.with_children(node, &text(&node.way), node, depth),
        }
    }

    /// The line of a node, and below it the children of `below`.
    fn with_children(&mut self, node: &Node, text: &str, below: &Node, depth: usize) {
        let condition =
            node.condition.as_ref().map(|condition| format!(" with {}", condition.name)).unwrap_or_default();
        self.line(depth, Some(node.verdict), &format!("{text}{condition}"));
        let notes = [Some(node), (!std::ptr::eq(node, below)).then_some(below)];
        for note in notes.into_iter().flatten().filter_map(|node| node.note.as_ref()) {
            self.line(depth + 1, None, note);
        }
        if let Some(condition) = &node.condition {
            values(condition).iter().for_each(|line| self.line(depth + 1, None, line));
        }
        below.children.iter().for_each(|child| self.node(child, depth + 1));
        if below.unshown.count() > 0 {
            self.line(depth + 1, None, &more(below.unshown));
        }
    }

    fn line(&mut self, depth: usize, verdict: Option<Verdict>, text: &str) {
        let text = clean_line(text);
        let marked = match verdict {
            Some(Verdict::Yes) => self.terminal.done_line(&text),
            Some(Verdict::No | Verdict::Cycle) => self.terminal.failure_line(&text),
            Some(Verdict::Undecided) => self.terminal.warning_line(&text),
            None => text,
        };
        self.lines.push((depth, marked));
    }
}

fn bracketed(takes: &[String]) -> String {
    format!("[{}]", takes.join(", "))
}

fn text(way: &Way) -> String {
    match way {
        Way::Relation { object, relation } => format!("{relation} of {object}"),
        Way::Itself { object, relation } => format!("{relation} of {object}: the user itself"),
        Way::Cycle { object, relation } => format!("{relation} of {object}: a cycle, it is looked at above"),
        Way::Asked { object, relation } => format!("{relation} of {object}: the server's answer, not followed further"),
        Way::Unfollowed { object, relation } => format!("{relation} of {object}: not looked at"),
        Way::Direct { takes, .. } => bracketed(takes),
        Way::Tuple { tuple } | Way::Userset { tuple } | Way::Object { tuple } | Way::Beside { tuple } => {
            tuple.to_string()
        }
        Way::Missing { tuple } => format!("no tuple {tuple}"),
        Way::Ignored { tuple } => format!("{tuple}: does not fit the model, ignored"),
        Way::Computed { relation } => relation.clone(),
        Way::From { relation, tupleset, .. } => format!("{relation} from {tupleset}"),
        Way::Union => "one of".to_owned(),
        Way::Intersection => "all of".to_owned(),
        Way::Exclusion => "the first, but not the second".to_owned(),
        Way::Unread => "tuples that were not read".to_owned(),
    }
}

/// A condition with its values, and what keeps it from being decided.
fn values(condition: &Judged) -> Vec<String> {
    let of = |values: &Map<String, Value>, whose: &str| {
        values.iter().map(|(name, value)| format!("{name} = {value} ({whose})")).collect::<Vec<_>>()
    };
    let mut parts = of(&condition.of_tuple, "tuple");
    parts.extend(of(&condition.of_request, "--context"));
    parts.extend(condition.missing.iter().map(|name| format!("{name} is missing")));
    let expression = condition.expression.split_whitespace().collect::<Vec<_>>().join(" ");
    let outcome = match condition.verdict {
        Verdict::Yes => "holds",
        Verdict::No | Verdict::Cycle => "does not hold",
        Verdict::Undecided => "cannot be decided",
    };
    let mut lines = vec![format!("{expression}  {outcome}").trim_start().to_owned()];
    lines.extend((!parts.is_empty()).then(|| parts.join(", ")));
    let others: Vec<String> = condition.holds_with.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    lines.extend((!others.is_empty()).then(|| format!("it would hold with {}", others.join(", or with "))));
    let both: Vec<String> = condition.holds_with_both.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    lines.extend((!both.is_empty()).then(|| format!("it would hold with {} together", both.join(" and "))));
    let refusal = condition.refusal.as_ref().filter(|_| condition.missing.is_empty());
    lines.extend(refusal.cloned());
    lines
}

fn more(unshown: Unshown) -> String {
    let parts = [(unshown.yes, "allow it"), (unshown.undecided, "were not decided"), (unshown.no, "do not allow it")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(number)))
        .collect();
    format!("… and {} more are not shown: {}", count(unshown.count()), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_tree_leaves_room_for_its_text_and_a_flat_one_is_indented_as_ever() {
        let before = |deepest, columns| {
            let indentation = Indentation::of(deepest, columns);
            [0, 1, deepest].map(|depth| indentation.before(depth))
        };
        assert_eq!(before(18, Some(80)), [0, 2, 36]);
        assert_eq!(before(36, Some(80)), [0, 1, 36]);
        assert_eq!(before(70, Some(80)), [0, 1, 36]);
        assert_eq!(before(70, Some(40)), [0, 1, 13]);
        assert_eq!(before(70, None), [0, 2, 140]);
    }
}
