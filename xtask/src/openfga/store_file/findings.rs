//! Findings in the store file and the files that it names, each with its place.

use crate::error::Fault;
use crate::openfga::model::{Finding, Severity, WITH_LINES, excerpt, nearest};
use crate::words::counted;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A place in a text, both counted from 1, the column in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

impl Place {
    /// Line and column, both counted from 1.
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
    /// Where its lines start.
    lines: Vec<usize>,
    findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub fn new(file: &str, text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect();
        Self { file: file.into(), text, lines, findings: Vec::new() }
    }

    pub fn error(&mut self, place: Place, message: impl Into<String>) {
        self.add(place, message.into(), Severity::Error);
    }

    pub fn warning(&mut self, place: Place, message: impl Into<String>) {
        self.add(place, message.into(), Severity::Warning);
    }

    /// An error of a tuple that has a condition which no tuple can have.
    pub fn barren(&mut self, place: Place, condition: &str, message: String) {
        self.error(place, message);
        if let Some(last) = self.findings.last_mut() {
            last.barren = Some(condition.to_owned());
        }
    }

    fn add(&mut self, place: Place, message: String, severity: Severity) {
        let (line, column) = (place.line as usize, place.column as usize);
        let (source_line, before) = self.excerpt(place).unwrap_or_default();
        let file = self.file.to_string();
        self.findings.push(Finding { file, line, column, source_line, before, message, severity, barren: None });
    }

    /// What a finding shows of its line, and how much of that stands before the place; `None` once there are many.
    pub fn excerpt(&self, place: Place) -> Option<(String, usize)> {
        if self.findings.len() >= WITH_LINES {
            return None;
        }
        Some(excerpt(self.line(place.line as usize)?, place.column as usize))
    }

    /// A line of the text, counted from 1.
    pub fn line(&self, number: usize) -> Option<&'a str> {
        let start = *self.lines.get(number.checked_sub(1)?)?;
        let end = self.lines.get(number).map_or(self.text.len(), |next| next.saturating_sub(1));
        let line = self.text.get(start..end)?;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// What was found in a file that this one names.
    pub fn take_in(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// At most this many errors are shown, and at most this many warnings.
pub const SHOWN: usize = 50;

/// Errors as one fault that shows them all; warnings where there are no errors.
pub fn warnings_or_fault(file: &str, mut findings: Vec<Finding>) -> anyhow::Result<Vec<Finding>> {
    findings.dedup();
    let findings = with_causes(findings);
    let errors: Vec<String> =
        findings.iter().filter(|found| found.severity == Severity::Error).map(ToString::to_string).collect();
    if errors.is_empty() {
        return Ok(findings);
    }
    let count = if errors.len() == 1 { "an error".to_owned() } else { format!("{} errors", errors.len()) };
    let mut shown = errors[..errors.len().min(SHOWN)].join("\n");
    if errors.len() > SHOWN {
        shown.push_str(&format!("\n… and {} more", errors.len() - SHOWN));
    }
    let fault = Fault::failed(format!("{file} has {count}; nothing was changed"));
    Err(anyhow::Error::msg(shown).context(fault.hint("fix the file, then run the command again")))
}

/// Of a condition that no tuple can have, and of all tuples that have it, one error: that of the model.
fn with_causes(findings: Vec<Finding>) -> Vec<Finding> {
    let is_of_tuple = |found: &Finding| found.severity == Severity::Error;
    let mut tuples: BTreeMap<String, (String, u64)> = BTreeMap::new();
    for found in findings.iter().filter(|found| is_of_tuple(found)) {
        if let Some(condition) = &found.barren {
            let first = || (format!("{}, line {}", found.file, found.line), 0);
            let (_, count) = tuples.entry(condition.clone()).or_insert_with(first);
            *count = count.saturating_add(1);
        }
    }
    let told = |mut found: Finding| {
        let Some((first, count)) = found.barren.as_ref().and_then(|condition| tuples.get(condition)) else {
            return Some(found);
        };
        if is_of_tuple(&found) {
            return None;
        }
        let tuples = counted(*count, "tuple has", "tuples have");
        found.message.push_str(&format!(" ({tuples} it, the first in {first})"));
        found.severity = Severity::Error;
        Some(found)
    };
    findings.into_iter().filter_map(told).collect()
}

/// ` (did you mean …?)`, or nothing.
pub fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    nearest(word, candidates).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default()
}
