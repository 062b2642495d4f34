//! A report as people read it: one line for each check, folded where the terminal is narrow.

use crate::context::Context;
use crate::health::report::{Check, Report, Status};
use crate::terminal::{Mark, clean, clean_line, folded};
use anyhow::Result;

/// A column of facts that is narrower than this goes below the name.
const NARROWEST: usize = 30;

/// Writes the report to stdout.
pub fn show(report: &Report, context: &Context) -> Result<()> {
    let names = report.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = report.checks.iter().flat_map(|check| lines(check, names, context)).collect();
    context.terminal.result(&lines.join("\n"))
}

fn lines(check: &Check, names: usize, context: &Context) -> Vec<String> {
    let terminal = &context.terminal;
    let (mark, mark_width) = terminal.column(match check.status {
        Status::Ok => Mark::Done,
        Status::Warn => Mark::Warning,
        Status::Fail => Mark::Failure,
        Status::Skipped => Mark::Skipped,
    });
    let begin = mark_width + 1;
    let name = clean_line(&check.name);
    let width = terminal.width_of_results();
    let beside = begin + names + 2;
    let fact = format!("{}  {} ms", clean(&check.detail).replace('\n', "; "), check.ms);
    let indent = if width.is_some_and(|width| width < beside + NARROWEST) { begin + 2 } else { beside };
    let mut lines = Vec::new();
    let fold =
        |text: &str| width.map_or_else(|| vec![text.to_owned()], |width| folded(text, width.saturating_sub(indent)));
    let mut facts = fold(&fact).into_iter();
    if indent == beside {
        let first = facts.next().unwrap_or_default();
        lines.push(format!("{mark} {name:<names$}  {first}"));
    } else {
        lines.push(format!("{mark} {name}"));
    }
    lines.extend(facts.map(|fact| format!("{}{fact}", " ".repeat(indent))));
    for hint in check.hint.iter().flat_map(|hint| hint.lines()) {
        let hint = terminal.hint_line(&clean(hint));
        let folded =
            width.map_or_else(|| vec![hint.clone()], |width| terminal.hanging(&hint, width.saturating_sub(indent)));
        lines.extend(folded.into_iter().map(|hint| format!("{}{hint}", " ".repeat(indent))));
    }
    lines.extend(check.log.iter().map(|line| format!("{}| {}", " ".repeat(begin), clean_line(line))));
    lines
}
