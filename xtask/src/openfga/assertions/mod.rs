//! The tests of a store file, asked of a store.

mod answer;
pub mod checks;
pub mod junit;
mod lists;
pub mod reply;

pub use super::store_file::Test;
pub use answer::{Answer, difference};

use super::api::{Api, Asking, CheckRequest};
use super::store_file::{Check, ListObjects, ListUsers};
use super::tuples::Tuple;
use anyhow::Result;
use checks::Pace;
use lists::{List, Question};
use reply::Reply;
use serde::Serialize;
use std::collections::BTreeSet;

/// The most tuples, and their most bytes, that a server takes along with one question. A test with more has its own store.
const MOST_TUPLES: usize = 100;
const MOST_TUPLE_BYTES: usize = 400_000;

/// Which store and model are asked, and how lists are compared.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    pub api: &'a Api,
    pub store: &'a str,
    pub model: &'a str,
    /// A list must be exactly what the file says; else more than that is let pass and named.
    pub exact: bool,
    /// The file's tuples: where lists are exact, all that the store holds.
    pub tuples: &'a [Tuple],
}

/// A store that holds a test's own tuples beside the file's, in another OpenFGA or beside the live one.
#[derive(Debug)]
pub struct OwnStore<'a> {
    pub api: &'a Api,
    pub store: String,
    pub model: String,
}

/// How one assertion ended.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub test: String,
    pub kind: Kind,
    /// The question, as people put it: `user:anne viewer document:1`.
    pub question: String,
    /// The line of the store file.
    pub line: u32,
    pub passed: bool,
    pub expected: Answer,
    pub actual: Answer,
    /// What a list holds beyond the expected where that is let pass.
    pub extra: Vec<String>,
    /// What a person should know about the answer.
    pub note: Option<String>,
    /// Whether the test was asked in a store of its own, which holds the file's tuples and the test's.
    pub own_store: bool,
}

impl Outcome {
    /// Whether there is no answer, so that it has neither passed nor failed.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.actual, Answer::Unanswered(_))
    }

    /// Whether the answer is another one than expected.
    pub fn has_failed(&self) -> bool {
        !self.passed && !self.is_unanswered()
    }
}

/// How many assertions ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    pub unanswered: usize,
}

impl Tally {
    pub fn of(outcomes: &[Outcome]) -> Self {
        let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
        let unanswered = outcomes.iter().filter(|outcome| outcome.is_unanswered()).count();
        Self { passed, unanswered, failed: outcomes.len() - passed - unanswered }
    }
}

/// Which request an assertion makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Check,
    ListObjects,
    ListUsers,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Check => "check",
            Self::ListObjects => "list_objects",
            Self::ListUsers => "list_users",
        })
    }
}

/// Whether any test asks for a list, whose answer depends on everything that the store holds.
pub fn ask_for_lists(tests: &[Test]) -> bool {
    tests.iter().any(|test| !test.list_objects.is_empty() || !test.list_users.is_empty())
}

/// Whether a test has more tuples of its own than a question can carry.
pub fn needs_own_store(test: &Test) -> bool {
    test.tuples.len() > MOST_TUPLES || bytes(&test.tuples) > MOST_TUPLE_BYTES
}

fn bytes(tuples: &[Tuple]) -> usize {
    tuples.iter().map(|tuple| tuple.to_json().to_string().len()).sum()
}

/// Asks everything, in the order of the file. `own_store` makes a store for a test that needs one; `done` hears how many
/// assertions have an answer.
pub fn run<'a>(
    live: Live<'a>,
    tests: &[Test],
    own_store: &dyn Fn(&Test) -> Result<OwnStore<'a>>,
    done: &dyn Fn(usize),
) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    let mut pace = Pace::new();
    for test in tests {
        if needs_own_store(test) {
            let OwnStore { api, store, model } = own_store(test)?;
            let live = Live { api, store: &store, model: &model, exact: true, tuples: live.tuples };
            let mut pace = Pace::new();
            Interview { live, test, tuples: &[], own_store: true, pace: &mut pace, outcomes: &mut outcomes }.run()?;
        } else {
            let (tuples, pace) = (&test.tuples, &mut pace);
            Interview { live, test, tuples, own_store: false, pace, outcomes: &mut outcomes }.run()?;
        }
        done(outcomes.len());
    }
    Ok(outcomes)
}

/// A question of a test, and the line of the file that it stands on.
struct Assertion {
    kind: Kind,
    question: String,
    line: u32,
}

/// One test being asked.
struct Interview<'a> {
    live: Live<'a>,
    test: &'a Test,
    /// What goes along with each question.
    tuples: &'a [Tuple],
    own_store: bool,
    pace: &'a mut Pace,
    outcomes: &'a mut Vec<Outcome>,
}

impl<'a> Interview<'a> {
    fn run(mut self) -> Result<()> {
        self.checks()?;
        for list in &self.test.list_objects {
            self.list_objects(list)?;
        }
        for list in &self.test.list_users {
            self.list_users(list)?;
        }
        Ok(())
    }

    fn asking(&self) -> Asking<'a> {
        Asking { store: self.live.store, model: self.live.model, tuples: self.tuples, context: None }
    }

    fn checks(&mut self) -> Result<()> {
        let test = self.test;
        let questions: Vec<(&Check, &str, bool)> = test
            .checks
            .iter()
            .flat_map(|check| {
                check.assertions.iter().map(move |(relation, expected)| (check, relation.as_str(), *expected))
            })
            .collect();
        let request = |(check, relation, _): &(&'a Check, &'a str, bool)| CheckRequest {
            user: &check.user,
            relation,
            object: &check.object,
            context: check.context.as_ref(),
        };
        let requests: Vec<CheckRequest<'_>> = questions.iter().map(request).collect();
        let replies = self.pace.ask(self.live.api, self.asking(), &requests, bytes(self.tuples))?;
        for ((check, relation, expected), reply) in questions.into_iter().zip(replies) {
            let actual = match reply {
                Reply::Answered(allowed) => Answer::Allowed(allowed),
                Reply::Refused(why) => Answer::Error(why),
                Reply::Unanswered(why) => Answer::Unanswered(why),
            };
            let expected = Answer::Allowed(expected);
            let asked = Assertion {
                kind: Kind::Check,
                question: format!("{} {relation} {}", check.user, check.object),
                line: check.place.line,
            };
            self.outcomes.push(Outcome { passed: actual == expected, actual, ..self.outcome(asked, expected) });
        }
        Ok(())
    }

    fn list_objects(&mut self, list: &'a ListObjects) -> Result<()> {
        let asking = Asking { context: list.context.as_ref(), ..self.asking() };
        for (relation, expected) in &list.assertions {
            let expected: BTreeSet<String> = expected.iter().cloned().collect();
            let question = Question::Objects { user: &list.user, relation, object_type: &list.object_type };
            let reply = self.list(asking, question, &expected)?;
            let question = format!("{} {relation} {}:…", list.user, list.object_type);
            self.compare(Assertion { kind: Kind::ListObjects, question, line: list.place.line }, expected, reply);
        }
        Ok(())
    }

    fn list_users(&mut self, list: &'a ListUsers) -> Result<()> {
        let asking = Asking { context: list.context.as_ref(), ..self.asking() };
        for (relation, expected) in &list.assertions {
            let expected: BTreeSet<String> = expected.iter().cloned().collect();
            let question = Question::Users { object: &list.object, relation, filters: &list.filters };
            let reply = self.list(asking, question, &expected)?;
            let question = format!("… {relation} {}", list.object);
            self.compare(Assertion { kind: Kind::ListUsers, question, line: list.place.line }, expected, reply);
        }
        Ok(())
    }

    fn list(&mut self, asking: Asking<'_>, question: Question<'_>, expected: &BTreeSet<String>) -> Result<Reply<List>> {
        let users = self.live.tuples.iter().chain(&self.test.tuples).map(|tuple| tuple.user.as_str());
        let known = if self.live.exact { users.collect() } else { BTreeSet::new() };
        lists::Asked { api: self.live.api, asking, question, expected, exact: self.live.exact, known }.ask(self.pace)
    }

    fn compare(&mut self, asked: Assertion, expected: BTreeSet<String>, reply: Reply<List>) {
        let outcome = match reply {
            Reply::Answered((actual, note)) => {
                let extra: Vec<String> = actual.difference(&expected).cloned().collect();
                let passed = expected.is_subset(&actual) && (extra.is_empty() || !self.live.exact);
                let outcome = self.outcome(asked, Answer::List(expected));
                Outcome { passed, extra, note, actual: Answer::List(actual), ..outcome }
            }
            Reply::Refused(why) => {
                Outcome { actual: Answer::Error(why), ..self.outcome(asked, Answer::List(expected)) }
            }
            Reply::Unanswered(why) => {
                Outcome { actual: Answer::Unanswered(why), ..self.outcome(asked, Answer::List(expected)) }
            }
        };
        self.outcomes.push(outcome);
    }

    /// An assertion that has no answer yet.
    fn outcome(&self, Assertion { kind, question, line }: Assertion, expected: Answer) -> Outcome {
        Outcome {
            test: self.test.name.clone(),
            kind,
            question,
            line,
            passed: false,
            expected,
            actual: Answer::Unanswered(String::new()),
            extra: Vec::new(),
            note: None,
            own_store: self.own_store,
        }
    }
}
