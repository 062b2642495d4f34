//! The assertions of a store file: asked in front of a person, and shown.

use super::second_openfga::SecondOpenfga;
use crate::context::Context;
use crate::error::Fault;
use crate::openfga::assertions::{self, Live, Outcome, Tally, difference};
use crate::openfga::store_file::StoreFile;
use crate::terminal::{self, counted};
use anyhow::Result;

/// Asks every question of the file, in front of a person. A test with more tuples than a question can carry is asked in
/// a store of its own: the file's model and tuples, and the test's.
pub fn ask<'a>(
    live: Live<'a>,
    file: &StoreFile,
    second: &'a SecondOpenfga<'_>,
    context: &Context,
) -> Result<Vec<Outcome>> {
    let waiting = context.terminal.waiting("asking");
    let own_store = |test: &assertions::Test| second.store(file.required_model()?, &file.tuples, &test.tuples);
    assertions::run(live, &file.tests, &own_store, &|done| waiting.say(&format!("{done} answers")))
}

/// Assertions that have no answer: nothing is said about the model.
pub fn unanswered(tally: Tally, of: &str) -> Fault {
    Fault::unreachable(format!("{} of {of} have no answer", terminal::count(tally.unanswered as u64)))
        .hint("the server is too slow or down: check it with cargo xtask health-check, then run it again")
}

/// One line for an assertion; more where it failed or a person should know more.
pub fn outcome_lines(outcome: &Outcome, context: &Context) -> Vec<String> {
    let terminal = &context.terminal;
    let question = terminal::clean_line(&format!("{} {}", outcome.kind, outcome.question));
    let place = format!("(line {}, {})", outcome.line, terminal::clean_line(&outcome.test));
    let note = outcome.note.iter().map(|note| format!("    {}", terminal::clean_line(note)));
    if outcome.is_unanswered() {
        let why = terminal::clean_line(&outcome.actual.to_string());
        return vec![terminal.warning_line(&format!("{question}  {place}")), format!("    {why}")];
    }
    if !outcome.passed {
        let lines = difference(&outcome.expected, &outcome.actual);
        let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        let lines =
            lines.into_iter().map(|(label, text)| format!("    {label:width$} {}", terminal::clean_line(&text)));
        return std::iter::once(terminal.failure_line(&format!("{question}  {place}")))
            .chain(lines)
            .chain(note)
            .collect();
    }
    let expected = terminal::clean_line(&outcome.expected.to_string());
    if !outcome.extra.is_empty() {
        let extra = terminal::clean_line(&outcome.extra.join(", "));
        let line = format!("{question}: {expected}; the store's other tuples also give {extra}");
        return std::iter::once(terminal.warning_line(&line)).chain(note).collect();
    }
    std::iter::once(terminal.done_line(&format!("{question}: {expected}"))).chain(note).collect()
}

/// `9 assertions passed`, `7 passed, 2 failed`, `7 passed, 2 failed, 1 without an answer`.
pub fn summary(tally: Tally) -> String {
    let Tally { passed, failed, unanswered } = tally;
    let count = |number: usize| terminal::count(number as u64);
    match (passed, failed, unanswered) {
        (0, 0, 0) => "The file has no tests".to_owned(),
        (passed, 0, 0) => format!("{} passed", counted(passed as u64, "assertion", "assertions")),
        (passed, failed, 0) => format!("{} passed, {} failed", count(passed), count(failed)),
        (passed, 0, open) => format!("{} passed, {} without an answer", count(passed), count(open)),
        (passed, failed, open) => {
            format!("{} passed, {} failed, {} without an answer", count(passed), count(failed), count(open))
        }
    }
}
