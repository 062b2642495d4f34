//! Findings in the store file and the files that it names, each with its place.

use crate::error::Fault;
use crate::openfga::model::{Finding, Severity};
use std::sync::Arc;

/// A place in a text, both counted from 1, the column in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

impl Place {
    pub fn of(line: usize, column: usize) -> Self {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: small(line), column: small(column) }
    }
}

/// A text that is being read, and what was found in it.
#[derive(Debug)]
pub struct Report<'a> {
    /// The file's name as the user would type it.
    pub file: Arc<str>,
    text: &'a str,
    findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub fn new(file: &str, text: &'a str) -> Self {
        Self { file: file.into(), text, findings: Vec::new() }
    }

    pub fn error(&mut self, place: Place, message: impl Into<String>) {
        let (line, column) = (place.line as usize, place.column as usize);
        let source_line = self.line(line).unwrap_or_default().to_owned();
        let (message, severity) = (message.into(), Severity::Error);
        self.findings.push(Finding { file: self.file.to_string(), line, column, source_line, message, severity });
    }

    /// A line of the text, counted from 1.
    pub fn line(&self, number: usize) -> Option<&'a str> {
        self.text.lines().nth(number.checked_sub(1)?)
    }

    /// What was found in a file that this one names.
    pub fn take_in(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// Errors as one fault that shows them all; warnings where there are no errors.
pub fn warnings_or_fault(file: &str, mut findings: Vec<Finding>) -> anyhow::Result<Vec<Finding>> {
    const SHOWN: usize = 50;
    findings.dedup();
    let errors: Vec<String> =
        findings.iter().filter(|found| found.severity == Severity::Error).map(ToString::to_string).collect();
    if errors.is_empty() {
        return Ok(findings);
    }
    let count = if errors.len() == 1 { "an error".to_owned() } else { format!("{} errors", errors.len()) };
    let more = errors.len().saturating_sub(SHOWN);
    let mut shown = errors[..errors.len().min(SHOWN)].join("\n");
    if more > 0 {
        shown.push_str(&format!("\n… and {more} more"));
    }
    let fault = Fault::failed(format!("{file} has {count}; nothing was changed"));
    Err(anyhow::Error::msg(shown).context(fault.hint("mend it, then run the command again")))
}

/// The candidate that is most like a word that does not exist.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = |candidate: &&str| distance(word, candidate);
    let nearest = candidates.into_iter().min_by_key(far)?;
    (distance(word, nearest) <= 1 + word.chars().count() / 4).then_some(nearest)
}

/// ` (did you mean …?)`, or nothing.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    closest(word, candidates).map(|nearest| format!(" (did you mean {nearest}?)")).unwrap_or_default()
}

/// How many letters must be put in, taken out or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_nearly_right_is_recognised() {
        let keys = ["name", "model", "model_file", "tuples", "tests"];
        assert_eq!(closest("tuple", keys), Some("tuples"));
        assert_eq!(closest("modelfile", keys), Some("model_file"));
        assert_eq!(closest("something", keys), None);
        assert_eq!(closest("x", []), None);
    }
}
