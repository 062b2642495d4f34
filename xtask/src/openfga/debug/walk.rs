//! Every way through the model from a relation of an object to the user, each with what became of it.

use super::node::{Judged, Node, TupleName, Unshown, Verdict, Way};
use super::source::{Source, Userset};
use crate::openfga::api::Stored;
use crate::openfga::model::{Model, Rewrite, UserForm, UserType, is_wildcard, split_userset, type_of};
use crate::process::signals;
use anyhow::Result;

mod branches;

/// A server goes no deeper.
const DEEPEST: usize = 25;
/// At most this many relations of objects are looked at in one tree; the server is asked for the others.
const MOST_RELATIONS: usize = 300;
/// And so many behind tuples whose conditions do not hold: a change could open the way.
const MOST_BEHIND_SHUT: usize = 100;

/// One walk through a model.
pub struct Walk<'a> {
    model: &'a Model,
    user: &'a str,
    source: &'a dyn Source,
    /// The relations that led here, object first.
    path: Vec<Userset>,
    /// How many relations may still be looked at.
    left: usize,
    /// The same for the other side: in the open while the walk is behind a condition that does not hold, and the other way
    /// round.
    left_beyond: usize,
    is_behind_shut: bool,
    /// Whether a cycle behind `but not` decided about a relation: what a server makes of it depends on the way it takes.
    has_doubt: bool,
}

impl std::fmt::Debug for Walk<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Walk {{ user: {:?}, path: {:?} }}", self.user, self.path)
    }
}

impl<'a> Walk<'a> {
    pub fn new(model: &'a Model, user: &'a str, source: &'a dyn Source) -> Self {
        let (path, left, left_beyond) = (Vec::new(), MOST_RELATIONS, MOST_BEHIND_SHUT);
        Self { model, user, source, path, left, left_beyond, is_behind_shut: false, has_doubt: false }
    }

    /// The same, with at most so many relations that are looked at.
    #[must_use]
    pub fn within(self, relations: usize) -> Self {
        Self { left: relations, left_beyond: relations, ..self }
    }

    /// The tree of a relation of an object.
    pub fn relation(&mut self, object: &str, relation: &str) -> Result<Node> {
        signals::check()?;
        let here = (object.to_owned(), relation.to_owned());
        let (object, relation) = here.clone();
        if self.path.contains(&here) {
            return Ok(Node::leaf(Way::Cycle { object, relation }, Verdict::Cycle));
        }
        if self.user == format!("{object}#{relation}") {
            return Ok(Node::leaf(Way::Itself { object, relation }, Verdict::Yes));
        }
        if self.is_behind_shut && self.left == 0 {
            let node = Node::leaf(Way::Unfollowed { object, relation }, Verdict::Undecided);
            return Ok(node.with_note(format!(
                "only {MOST_BEHIND_SHUT} relations behind conditions that do not hold are looked at"
            )));
        }
        if self.path.len() >= DEEPEST || self.left == 0 {
            return self.asked(here);
        }
        let model = self.model;
        let Some(rewrite) = model.rewrite(type_of(&object), &relation) else {
            let node = Node::leaf(Way::Relation { object, relation }, Verdict::No);
            return Ok(node.with_note("the model has no such relation"));
        };
        self.left -= 1;
        self.path.push(here);
        let below = self.rewrite(rewrite, &object, &relation);
        let here = self.path.pop();
        let below = below?;
        let node = Node::new(Way::Relation { object, relation }, below.verdict, vec![below]);
        match here {
            Some(here) => self.settled(node, &here),
            None => Ok(node),
        }
    }

    /// The node as it is, or where it is not decided, or in doubt, with the server's answer.
    fn settled(&mut self, node: Node, here: &Userset) -> Result<Node> {
        let is_in_doubt = is_in_doubt(&node);
        self.has_doubt |= is_in_doubt;
        if node.verdict == Verdict::Undecided {
            return self.decided_by_server(node, here, "not everything below was decided: this is the server's answer");
        }
        if is_in_doubt || (self.has_doubt && self.path.is_empty()) {
            return self.decided_by_server(node, here, "there is a cycle behind but not: this is the server's answer");
        }
        Ok(node)
    }

    /// What the tree cannot decide the server may: it reads everything.
    fn decided_by_server(&self, mut node: Node, here: &Userset, note: &str) -> Result<Node> {
        let answers = self.source.ask(self.user, std::slice::from_ref(here))?;
        let answer = answers.into_iter().next().filter(|answer| answer.verdict != Verdict::Undecided);
        if let Some(answer) = answer.filter(|answer| !node.verdict.agrees_with(answer.verdict)) {
            node.verdict = answer.verdict;
            node.note = Some(note.to_owned());
        }
        Ok(node)
    }

    fn asked(&self, here: Userset) -> Result<Node> {
        let answers = self.source.ask(self.user, std::slice::from_ref(&here))?;
        let answer = answers.into_iter().next();
        let verdict = answer.as_ref().map_or(Verdict::Undecided, |answer| answer.verdict);
        let (object, relation) = here;
        let node = Node::leaf(Way::Asked { object, relation }, verdict);
        Ok(match answer.and_then(|answer| answer.refusal) {
            Some(refusal) => node.with_note(refusal),
            None => node,
        })
    }

    fn rewrite(&mut self, rewrite: &Rewrite, object: &str, relation: &str) -> Result<Node> {
        Ok(match rewrite {
            Rewrite::Direct => self.direct(object, relation)?,
            Rewrite::Computed(name) => {
                let below = self.relation(object, &name.text)?;
                Node::new(Way::Computed { relation: name.text.clone() }, below.verdict, vec![below])
            }
            Rewrite::From { computed, tupleset } => self.from(object, &computed.text, &tupleset.text)?,
            Rewrite::Union(operands) => {
                let below = self.operands(operands, object, relation)?;
                Node::new(Way::Union, Verdict::any(below.iter().map(|node| node.verdict)), below)
            }
            Rewrite::Intersection(operands) => {
                let below = self.operands(operands, object, relation)?;
                Node::new(Way::Intersection, Verdict::all(below.iter().map(|node| node.verdict)), below)
            }
            Rewrite::Difference(base, subtract) => {
                let base = self.rewrite(base, object, relation)?;
                let subtract = self.rewrite(subtract, object, relation)?;
                Node::new(Way::Exclusion, base.verdict.but_not(subtract.verdict), vec![base, subtract])
            }
        })
    }

    fn operands(&mut self, operands: &[Rewrite], object: &str, relation: &str) -> Result<Vec<Node>> {
        operands.iter().map(|operand| self.rewrite(operand, object, relation)).collect()
    }

    /// `[…]`: the tuple of the user, that of everybody of its type, those of usersets.
    fn direct(&mut self, object: &str, relation: &str) -> Result<Node> {
        let model = self.model;
        let takes = model.relation(type_of(object), relation).unwrap_or_default();
        let mut children = Vec::new();
        for user in users_of_tuples(takes, self.user) {
            children.push(self.tuple(&user, relation, object)?);
        }
        let mut unshown = Unshown::default();
        let mut verdicts: Vec<Verdict> = children.iter().map(|node| node.verdict).collect();
        if takes.iter().any(|user_type| matches!(user_type.form, UserForm::Userset(_))) {
            let listing = self.source.tuples(object, relation)?;
            let usersets = listing.tuples.iter().filter(|tuple| tuple.user.contains('#') && tuple.user != self.user);
            let usersets: Vec<(&Stored, Userset)> = usersets
                .map(|tuple| {
                    let (object, relation) = split_userset(&tuple.user);
                    (tuple, (object.to_owned(), relation.to_owned()))
                })
                .collect();
            let branches = self.branches(usersets, |tuple| Way::Userset { tuple })?;
            verdicts.extend(branches.verdicts);
            children.extend(branches.nodes);
            unshown = branches.unshown;
            children.extend(unread(listing.is_cut, &mut verdicts));
        }
        let takes = takes.iter().map(ToString::to_string).collect();
        let way = Way::Direct { object: object.to_owned(), relation: relation.to_owned(), takes };
        let node = Node { unshown, ..Node::new(way, Verdict::any(verdicts), children) };
        let is_empty = node.children.is_empty();
        Ok(if is_empty { node.with_note(format!("no tuple here leads to {}", self.user)) } else { node })
    }

    /// The tuple that names this user, or that it is not there.
    fn tuple(&self, user: &str, relation: &str, object: &str) -> Result<Node> {
        let Some(stored) = self.source.tuple((user, relation, object))? else {
            let (user, relation, object) = (user.to_owned(), relation.to_owned(), object.to_owned());
            return Ok(Node::leaf(Way::Missing { tuple: TupleName { user, relation, object } }, Verdict::No));
        };
        if let Some(why) = self.model.why_not(&stored.parts()) {
            return Ok(Node::ignored(TupleName::of(&stored), why));
        }
        let condition = self.judged(&stored)?;
        let verdict = condition.as_ref().map_or(Verdict::Yes, |condition| condition.verdict);
        Ok(Node::leaf(Way::Tuple { tuple: TupleName::of(&stored) }, verdict).with_condition(condition))
    }

    fn judged(&self, stored: &Stored) -> Result<Option<Judged>> {
        stored.condition.as_ref().map(|condition| self.source.condition(stored.key(), condition)).transpose()
    }

    /// `computed from tupleset`
    fn from(&mut self, object: &str, computed: &str, tupleset: &str) -> Result<Node> {
        let listing = self.source.tuples(object, tupleset)?;
        let model = self.model;
        let leads_on = |tuple: &&Stored| {
            let has_it = model.rewrite(type_of(&tuple.user), computed).is_some();
            has_it && !tuple.user.contains('#') && !is_wildcard(&tuple.user)
        };
        let (objects, others): (Vec<&Stored>, Vec<&Stored>) = listing.tuples.iter().partition(leads_on);
        let objects = objects.into_iter().map(|tuple| (tuple, (tuple.user.clone(), computed.to_owned()))).collect();
        let mut branches = self.branches(objects, |tuple| Way::Object { tuple })?;
        self.undecided_beside(&others, computed, &mut branches)?;
        let (mut verdicts, mut children) = (branches.verdicts, branches.nodes);
        children.extend(unread(listing.is_cut, &mut verdicts));
        let (relation, tupleset) = (computed.to_owned(), tupleset.to_owned());
        let way = Way::From { object: object.to_owned(), relation, tupleset: tupleset.clone() };
        let node = Node { unshown: branches.unshown, ..Node::new(way, Verdict::any(verdicts), children) };
        let none = node.children.is_empty();
        Ok(if none { node.with_note(format!("{object} has no {tupleset} with the relation {computed}")) } else { node })
    }
}

/// Whether nothing but a cycle behind `but not` keeps it from leading to the user.
fn is_in_doubt(node: &Node) -> bool {
    let decides = |base: &Node| matches!(base.verdict, Verdict::Yes | Verdict::Undecided);
    let is_here = matches!(node.way, Way::Exclusion) && node.children.first().is_some_and(decides);
    node.verdict == Verdict::Cycle && (is_here || node.children.iter().any(is_in_doubt))
}

/// The users that a tuple can name for this one: itself, and everybody of its type.
pub(super) fn users_of_tuples(takes: &[UserType], user: &str) -> Vec<String> {
    let (user_type, userset) = (type_of(user), split_userset(user).1);
    let of_type = |form: &dyn Fn(&UserForm) -> bool| {
        takes.iter().any(|user_type_taken| user_type_taken.type_name.text == user_type && form(&user_type_taken.form))
    };
    let is_single = userset.is_empty() && !is_wildcard(user);
    let takes_everybody = of_type(&|form| *form == UserForm::Wildcard);
    let takes_user = match (userset, is_single) {
        ("", true) => of_type(&|form| *form == UserForm::Object),
        ("", false) => takes_everybody,
        (userset, _) => of_type(&|form| matches!(form, UserForm::Userset(name) if name.text == userset)),
    };
    let own = takes_user.then(|| user.to_owned());
    let everybody = (is_single && takes_everybody).then(|| format!("{user_type}:*"));
    own.into_iter().chain(everybody).collect()
}

/// What stands for the tuples that were not read.
fn unread(is_cut: bool, verdicts: &mut Vec<Verdict>) -> Option<Node> {
    is_cut.then(|| {
        verdicts.push(Verdict::Undecided);
        Node::leaf(Way::Unread, Verdict::Undecided).with_note("there are more tuples than are read")
    })
}
