//! The answer, the tree and what would change it, as text and as JSON.

use super::tree;
use crate::context::Context;
use crate::openfga::api::Store;
use crate::openfga::debug::grounds::{granting, open_questions};
use crate::openfga::debug::node::{Node, TupleName, Verdict};
use crate::openfga::debug::remedy::{Action, Change, Set};
use crate::openfga::debug::source::Answer;
use crate::openfga::tuples::{Condition, Key};
use crate::terminal::clean_line;
use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

/// What was found out.
pub struct Report<'a> {
    pub question: Key<'a>,
    pub server: &'a str,
    pub store: &'a Store,
    /// Its id.
    pub model: &'a str,
    pub answer: &'a Answer,
    pub tree: &'a Node,
    /// Verified ones only.
    pub remedies: Vec<Set>,
}

/// `--json`, version 1.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    server: &'a str,
    store: Value,
    model: &'a str,
    user: &'a str,
    relation: &'a str,
    object: &'a str,
    /// `yes`, `no` or `undecided`: the server's answer.
    verdict: Verdict,
    /// Why it is undecided.
    why: Option<String>,
    /// Whether the tree says the same.
    tree_agrees: bool,
    tree: &'a Node,
    granted_by: Vec<&'a TupleName>,
    /// Each set of changes would allow it.
    remedies: Vec<Vec<Value>>,
}

impl Report<'_> {
    /// The values that are missing, or the server's words.
    pub fn why_undecided(&self) -> String {
        let open = open_questions(self.tree);
        let words = || self.answer.refusal.clone().unwrap_or_else(|| "not everything was read".to_owned());
        if open.is_empty() { words() } else { open.join("; ") }
    }

    /// Whether the tree says what the server says. A server that gives up says nothing; the tree asks it for parts of the
    /// way, and so goes further.
    pub fn agrees(&self) -> bool {
        self.answer.is_too_deep || self.tree.verdict.agrees_with(self.answer.verdict)
    }

    /// Writes the result.
    pub fn show(&self, json: bool, context: &Context) -> Result<()> {
        if json { context.terminal.json(&self.document()) } else { self.text(context) }
    }

    fn is_undecided(&self) -> bool {
        self.answer.verdict == Verdict::Undecided
    }

    fn granted_by(&self) -> Vec<&TupleName> {
        if self.answer.verdict == Verdict::Yes { granting(self.tree) } else { Vec::new() }
    }

    fn document(&self) -> Document<'_> {
        let (user, relation, object) = self.question;
        Document {
            version: 1,
            server: self.server,
            store: json!({ "id": self.store.id, "name": self.store.name }),
            model: self.model,
            user,
            relation,
            object,
            verdict: self.answer.verdict,
            why: self.is_undecided().then(|| self.why_undecided()),
            tree_agrees: self.agrees(),
            tree: self.tree,
            granted_by: self.granted_by(),
            remedies: self.remedies.iter().map(|set| set.iter().map(in_json).collect()).collect(),
        }
    }

    fn text(&self, context: &Context) -> Result<()> {
        let (terminal, store) = (&context.terminal, self.store);
        let (user, relation, object) = self.question;
        let question = clean_line(&format!("{user} {relation} {object}"));
        let mut lines = vec![
            clean_line(&format!("Store {} ({}) at {}", store.name, store.id, self.server)),
            format!("Model {}", clean_line(self.model)),
            String::new(),
            match self.answer.verdict {
                Verdict::Yes => terminal.done_line(&format!("{question}: allowed")),
                Verdict::No | Verdict::Cycle => terminal.failure_line(&format!("{question}: denied")),
                Verdict::Undecided => {
                    let why = clean_line(&self.why_undecided());
                    terminal.warning_line(&format!("{question}: cannot be decided: {why}"))
                }
            },
            String::new(),
        ];
        lines.extend(tree::lines(self.tree, terminal));
        lines.extend(self.conclusion().iter().map(|line| clean_line(line)));
        terminal.result_report(&lines.join("\n"))
    }

    /// What grants it, or what would.
    fn conclusion(&self) -> Vec<String> {
        let granted = self.granted_by();
        if !granted.is_empty() {
            let tuples = granted.iter().map(|tuple| format!("  {tuple}"));
            return [String::new(), "Granted by".to_owned()].into_iter().chain(tuples).collect();
        }
        let Some(first) = self.remedies.first() else {
            let none = "No change of up to three tuples was found that would allow it.".to_owned();
            let is_denied = self.answer.verdict == Verdict::No && self.agrees();
            return if is_denied { vec![String::new(), none] } else { Vec::new() };
        };
        let title = match (self.remedies.len(), first.len()) {
            (1, 1) => "It would be allowed by",
            (1, _) => "It would be allowed by these together",
            _ => "It would be allowed by any one of these",
        };
        let changes = self.remedies.iter().flatten().map(|change| format!("  {}", in_words(change)));
        [String::new(), title.to_owned()].into_iter().chain(changes).collect()
    }
}

fn in_words(change: &Change) -> String {
    let tuple = TupleName::of(&change.tuple);
    let condition = change.tuple.condition.as_ref().map(Condition::shown);
    match (change.action, condition) {
        (Action::Write, None) => format!("write {tuple}"),
        (Action::Write, Some(condition)) => format!("write {tuple} with {condition}"),
        (Action::ChangeCondition, None) => format!("change the condition of {tuple}: delete it, write it without one"),
        (Action::ChangeCondition, Some(condition)) => {
            format!("change the condition of {tuple}: delete it, write it with {condition}")
        }
        (Action::Delete, _) => format!("delete {tuple}"),
    }
}

fn in_json(change: &Change) -> Value {
    let action = match change.action {
        Action::Write => "write",
        Action::ChangeCondition => "change_condition",
        Action::Delete => "delete",
    };
    let condition = change.tuple.condition.as_ref().map(|it| json!({ "name": it.name, "context": it.context }));
    json!({ "action": action, "tuple": TupleName::of(&change.tuple), "condition": condition })
}
