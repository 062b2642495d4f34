//! The answer, the tree and what would change it, as text and as JSON.

use super::{remedies, tree};
use crate::context::Context;
use crate::openfga::api::Store;
use crate::openfga::debug::grounds::{Granting, granting, open_questions};
use crate::openfga::debug::node::{Node, TupleName, Verdict};
use crate::openfga::debug::source::Answer;
use crate::openfga::debug::verified::Remedies;
use crate::openfga::model::Model;
use crate::openfga::tuples::Key;
use crate::terminal::clean_line;
use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

const ENDS_EARLY: &str = "  further tuples, which the tree does not decide: that they lead on is the server's answer";

/// What was found out.
pub struct Report<'a> {
    pub question: Key<'a>,
    pub server: &'a str,
    pub store: &'a Store,
    /// Its id.
    pub model_id: &'a str,
    pub model: &'a Model,
    pub answer: &'a Answer,
    pub tree: &'a Node,
    pub remedies: Remedies,
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
    /// Whether the way goes on where the tree does not.
    granted_by_is_cut: bool,
    /// Each set of changes would allow it.
    remedies: Vec<Vec<Value>>,
    /// Each set would, where the values of its conditions make them hold.
    open_remedies: Vec<Vec<Value>>,
    /// Whether a limit kept verified ones from being found; of the open ones only a few are looked for.
    remedies_are_cut: bool,
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

    fn granted_by(&self) -> Granting<'_> {
        if self.answer.verdict == Verdict::Yes { granting(self.tree) } else { Granting::default() }
    }

    fn document(&self) -> Document<'_> {
        let (user, relation, object) = self.question;
        let granted = self.granted_by();
        Document {
            version: 1,
            server: self.server,
            store: json!({ "id": self.store.id, "name": self.store.name }),
            model: self.model_id,
            user,
            relation,
            object,
            verdict: self.answer.verdict,
            why: self.is_undecided().then(|| self.why_undecided()),
            tree_agrees: self.agrees(),
            tree: self.tree,
            granted_by: granted.tuples,
            granted_by_is_cut: granted.is_cut,
            remedies: remedies::in_json(self.remedies.verified.iter().chain(&self.remedies.narrower)),
            open_remedies: remedies::in_json(&self.remedies.open),
            remedies_are_cut: self.remedies.are_cut,
        }
    }

    fn text(&self, context: &Context) -> Result<()> {
        let (terminal, store) = (&context.terminal, self.store);
        let (user, relation, object) = self.question;
        let question = clean_line(&format!("{user} {relation} {object}"));
        let mut lines = vec![
            clean_line(&format!("Store {} ({}) at {}", store.name, store.id, self.server)),
            format!("Model {}", clean_line(self.model_id)),
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
        if !granted.tuples.is_empty() || granted.is_cut {
            let mut lines = vec![String::new(), "Granted by".to_owned()];
            lines.extend(granted.tuples.iter().map(|tuple| format!("  {tuple}")));
            lines.extend(granted.is_cut.then(|| ENDS_EARLY.to_owned()));
            return lines;
        }
        let is_denied = self.answer.verdict == Verdict::No && self.agrees();
        if is_denied { remedies::in_words(&self.remedies, self.tree, self.model) } else { Vec::new() }
    }
}
