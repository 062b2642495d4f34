//! A report as people read it: one line for each check, folded where the terminal is narrow.

use crate::context::Context;
use crate::health::report::{Check, Report, Status};
use crate::terminal::{Mark, clean};
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
    let name = clean(&check.name);
    let width = terminal.width_of_results();
    let beside = begin + names + 2;
    let fact = format!("{}  {} ms", clean(&check.detail).replace('\n', "; "), check.ms);
    let indent = if width.is_some_and(|width| width < beside + NARROWEST) { begin + 2 } else { beside };
    let mut lines = Vec::new();
    let mut facts = folded(&fact, width.map(|width| width.saturating_sub(indent))).into_iter();
    if indent == beside {
        let first = facts.next().unwrap_or_default();
        lines.push(format!("{mark} {name:<names$}  {first}"));
    } else {
        lines.push(format!("{mark} {name}"));
    }
    lines.extend(facts.map(|fact| format!("{}{fact}", " ".repeat(indent))));
    for hint in check.hint.iter().flat_map(|hint| hint.lines()) {
        let hint = terminal.hint_line(&clean(hint));
        let hints = folded(&hint, width.map(|width| width.saturating_sub(indent)));
        lines.extend(hints.into_iter().map(|hint| format!("{}{hint}", " ".repeat(indent))));
    }
    lines.extend(check.log.iter().map(|line| format!("{}| {}", " ".repeat(begin), clean(line))));
    lines
}

/// A text in lines of so many letters, broken at blanks; a longer word is broken as well.
fn folded(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.map(|width| width.max(8)) else { return vec![text.to_owned()] };
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + letters.len() > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        } else if length > 0 {
            line.push(' ');
            length += 1;
        }
        for letter in letters {
            if length == width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            line.push(letter);
            length += 1;
        }
    }
    lines.push(line);
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal_and_no_letter_is_lost() {
        let text = "it does not answer at 127.0.0.1:8080: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  12 ms";
        for width in [8, 12, 20, 40] {
            let lines = folded(text, Some(width));
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
        assert_eq!(folded(text, None), [text]);
    }
}
