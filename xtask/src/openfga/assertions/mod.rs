//! The tests of a store file, asked of a live store.

pub mod junit;

use super::api::{Api, Asking, CheckRequest};
use super::client::refusal;
use super::store_file::{Check, ListObjects, ListUsers, Test};
use crate::process::signals;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeSet;

/// The most that the server takes in one batch.
const BATCH: usize = 50;

/// Which store and model are asked, and how lists are compared.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    pub api: &'a Api,
    pub store: &'a str,
    pub model: &'a str,
    /// A list must be exactly what the file says; else more than that is let pass and named.
    pub exact: bool,
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
}

/// Which request an assertion makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Check,
    ListObjects,
    ListUsers,
}

/// An expected or actual answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Allowed(bool),
    List(BTreeSet<String>),
    /// The server's words in place of an answer.
    Error(String),
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

impl std::fmt::Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Allowed(true) => formatter.write_str("yes"),
            Self::Allowed(false) => formatter.write_str("no"),
            Self::List(names) if names.is_empty() => formatter.write_str("nothing"),
            Self::List(names) => formatter.write_str(&names.iter().cloned().collect::<Vec<_>>().join(", ")),
            Self::Error(message) => write!(formatter, "an error: {message}"),
        }
    }
}

/// Whether any test asks for a list, whose answer depends on everything that the store holds.
pub fn ask_for_lists(tests: &[Test]) -> bool {
    tests.iter().any(|test| !test.list_objects.is_empty() || !test.list_users.is_empty())
}

/// Asks everything, in the order of the file. `done` hears how many assertions have an answer.
pub fn run(live: Live<'_>, tests: &[Test], done: &dyn Fn(usize)) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for test in tests {
        live.check(test, &mut outcomes)?;
        done(outcomes.len());
        for list in &test.list_objects {
            live.list_objects(test, list, &mut outcomes)?;
        }
        for list in &test.list_users {
            live.list_users(test, list, &mut outcomes)?;
        }
        done(outcomes.len());
    }
    Ok(outcomes)
}

impl<'a> Live<'a> {
    fn asking(&self, test: &'a Test) -> Asking<'a> {
        Asking { store: self.store, model: self.model, tuples: &test.tuples, context: None }
    }

    fn check(&self, test: &'a Test, outcomes: &mut Vec<Outcome>) -> Result<()> {
        let questions: Vec<(&Check, &str, bool)> = test
            .checks
            .iter()
            .flat_map(|check| {
                check.assertions.iter().map(move |(relation, expected)| (check, relation.as_str(), *expected))
            })
            .collect();
        for batch in questions.chunks(BATCH) {
            signals::check()?;
            let request = |(check, relation, _): &(&'a Check, &'a str, bool)| CheckRequest {
                user: &check.user,
                relation,
                object: &check.object,
                context: check.context.as_ref(),
            };
            let requests: Vec<CheckRequest<'_>> = batch.iter().map(request).collect();
            let answers = match self.api.check(self.asking(test), &requests) {
                Ok(answers) => answers,
                // What the server refuses as a whole says nothing about the other tests.
                Err(error) => vec![Err(refused(error)?); batch.len()],
            };
            for ((check, relation, expected), answer) in batch.iter().zip(answers) {
                let actual = answer.map_or_else(Answer::Error, Answer::Allowed);
                let expected = Answer::Allowed(*expected);
                outcomes.push(Outcome {
                    test: test.name.clone(),
                    kind: Kind::Check,
                    question: format!("{} {relation} {}", check.user, check.object),
                    line: check.place.line,
                    passed: actual == expected,
                    expected,
                    actual,
                    extra: Vec::new(),
                });
            }
        }
        Ok(())
    }

    fn list_objects(&self, test: &'a Test, list: &'a ListObjects, outcomes: &mut Vec<Outcome>) -> Result<()> {
        let asking = Asking { context: list.context.as_ref(), ..self.asking(test) };
        for (relation, expected) in &list.assertions {
            signals::check()?;
            let answer = self.api.list_objects(asking, &list.user, relation, &list.object_type);
            let question = format!("{} {relation} {}:…", list.user, list.object_type);
            outcomes.push(self.compared(test, Kind::ListObjects, question, list.place.line, expected, answer)?);
        }
        Ok(())
    }

    fn list_users(&self, test: &'a Test, list: &'a ListUsers, outcomes: &mut Vec<Outcome>) -> Result<()> {
        let asking = Asking { context: list.context.as_ref(), ..self.asking(test) };
        for (relation, expected) in &list.assertions {
            // The API takes one filter a request.
            let mut users = Ok(BTreeSet::new());
            for filter in &list.filters {
                signals::check()?;
                users = users.and_then(|mut users: BTreeSet<String>| {
                    users.extend(self.api.list_users(asking, &list.object, relation, filter)?);
                    Ok(users)
                });
            }
            let question = format!("… {relation} {}", list.object);
            outcomes.push(self.compared(test, Kind::ListUsers, question, list.place.line, expected, users)?);
        }
        Ok(())
    }

    fn compared(
        &self,
        test: &Test,
        kind: Kind,
        question: String,
        line: u32,
        expected: &[String],
        answer: Result<BTreeSet<String>>,
    ) -> Result<Outcome> {
        let expected: BTreeSet<String> = expected.iter().cloned().collect();
        let (passed, extra, actual) = match answer {
            Ok(actual) => {
                let extra: Vec<String> = actual.difference(&expected).cloned().collect();
                let passed = expected.is_subset(&actual) && (extra.is_empty() || !self.exact);
                (passed, extra, Answer::List(actual))
            }
            Err(error) => (false, Vec::new(), Answer::Error(refused(error)?)),
        };
        let expected = Answer::List(expected);
        Ok(Outcome { test: test.name.clone(), kind, question, line, passed, expected, actual, extra })
    }
}

/// The server's words where it refused the question itself; any other failure ends the run.
fn refused(error: anyhow::Error) -> Result<String> {
    match refusal(&error).map(|refusal| (refusal.status, refusal.to_string())) {
        Some((Some(400..=404), message)) => Ok(message),
        _ => Err(error),
    }
}
