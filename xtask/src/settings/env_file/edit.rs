//! One value changed; every other byte as people wrote it.

use super::EnvFile;
use super::scanner::{Content, Scanner, Statement, decode, is_line_start, next_line};
use std::iter;
use std::ops::Range;

/// The text with `name` set to `value`. Everything else keeps its bytes: other lines, comments, line ends, `export `.
/// The last assignment is replaced; without one the line goes below a commented-out `# NAME=`, else to the end.
/// The text comes back unchanged if it yields the value already, or if no line could: a bad name, a NUL in the value,
/// or a quote left open further up that the new line would close.
pub fn set(text: &[u8], name: &str, value: &str) -> Vec<u8> {
    let yields = |text: &[u8]| EnvFile::parse(text, &|_| None).get(name) == Some(value);
    if yields(text) {
        return text.to_vec();
    }
    let place = Place::find(&decode(text), name);
    let edited = spellings(value).map(|spelling| place.fill(text, &spelling)).find(|edited| yields(edited));
    edited.unwrap_or_else(|| text.to_vec())
}

/// The ways to write a value, the most readable first; what stands behind it on the line decides which of them work.
fn spellings(value: &str) -> impl Iterator<Item = String> {
    let is_plain = value.chars().all(|c| c.is_alphanumeric() || "_-./:,@%+=".contains(c));
    let is_single = !value.contains(|c: char| c == '\'' || c.is_control());
    let plain = is_plain.then(|| value.to_owned());
    let single = is_single.then(|| format!("'{value}'"));
    plain.into_iter().chain(single).chain(iter::once(double_quoted(value)))
}

fn double_quoted(value: &str) -> String {
    let mut quoted = String::from('"');
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' | '"' | '$' => quoted.extend(['\\', c]),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Where a value goes, and what has to stand around it there.
struct Place {
    slot: Range<usize>,
    before: String,
    after: &'static str,
}

impl Place {
    fn find(text: &str, name: &str) -> Self {
        let mut scanner = Scanner::new(text);
        let last = scanner.by_ref().flatten().filter(|statement| statement.name == name).last();
        if let Some(Statement { content, slot, .. }) = last {
            let before = if matches!(content, Content::Inherited) { "=" } else { "" };
            return Self { slot, before: before.to_owned(), after: "" };
        }
        let commented_out = scanner.comments.into_iter().rev().find(|at| is_commented_out(&text[*at..], name));
        Self::new_line(text, commented_out.map_or(text.len(), |at| next_line(text, at)), name)
    }

    fn new_line(text: &str, at: usize, name: &str) -> Self {
        let line_end = match text.find('\n') {
            Some(end) if text[..end].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        let missing = if is_line_start(&text[..at]) { "" } else { line_end };
        Self { slot: at..at, before: format!("{missing}{name}="), after: line_end }
    }

    fn fill(&self, text: &[u8], value: &str) -> Vec<u8> {
        let (start, end) = (&text[..self.slot.start], &text[self.slot.end..]);
        [start, self.before.as_bytes(), value.as_bytes(), self.after.as_bytes(), end].concat()
    }
}

fn is_commented_out(comment: &str, name: &str) -> bool {
    let words = comment.trim_start_matches(['#', ' ', '\t']);
    let assignment = words.strip_prefix("export ").unwrap_or(words).trim_start_matches(' ');
    assignment.strip_prefix(name).is_some_and(|rest| rest.trim_start_matches(' ').starts_with('='))
}
