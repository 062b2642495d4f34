//! The model of a store file: written in it, or in a file of its own (DSL, JSON, modules).

use super::fields::{Fields, text};
use super::findings::{Place, Report};
use super::sources::Folder;
use crate::openfga::model::{Finding, Model};

/// The model that the file means; `model` wins over `model_file`. A file with tests need not have one.
pub fn read(fields: Fields<'_>, folder: &Folder, report: &mut Report<'_>) -> Option<Model> {
    if let Some(node) = fields.get("model") {
        let text = text(node, "model", report)?;
        let file = report.file.to_string();
        let read = if text.trim_start().starts_with('{') {
            Model::from_json(&file, text)
        } else {
            Model::from_dsl(&file, text)
        };
        let read = match read {
            Ok((model, warnings)) => Ok((model, moved(warnings, text, node.place, report))),
            Err(findings) => Err(moved(findings, text, node.place, report)),
        };
        return taken(read, node.place, report);
    }
    let Some(node) = fields.get("model_file") else {
        if fields.get("tests").is_none() {
            report.error(fields.place, "there is neither model nor model_file");
        }
        return None;
    };
    let name = text(node, "model_file", report)?;
    let source = match folder.read(name) {
        Ok(source) => source,
        Err(why) => {
            report.error(node.place, why);
            return None;
        }
    };
    let read = if source.shown.ends_with(".json") {
        Model::from_json(&source.shown, &source.text)
    } else if source.shown.ends_with(".mod") {
        let module = |name: &str| source.folder.read(name).map(|module| module.text).map_err(anyhow::Error::msg);
        Model::from_modules(&source.shown, &source.text, &module)
    } else {
        Model::from_dsl(&source.shown, &source.text)
    };
    taken(read, node.place, report)
}

fn taken(read: Result<(Model, Vec<Finding>), Vec<Finding>>, place: Place, report: &mut Report<'_>) -> Option<Model> {
    match read {
        Ok((model, warnings)) => {
            report.take_in(warnings);
            Some(model)
        }
        Err(findings) => {
            if findings.is_empty() {
                report.error(place, "the model cannot be read");
            }
            report.take_in(findings);
            None
        }
    }
}

/// Findings of a block in the store file, at their places in the file itself.
fn moved(findings: Vec<Finding>, text: &str, block: Place, report: &Report<'_>) -> Vec<Finding> {
    let lead = first_line(text, block, report);
    let lines: Vec<&str> = text.lines().collect();
    // Findings come line by line, and a line may be long.
    let mut last = (0, None);
    let moved = |mut found: Finding| {
        let placed = lead.and_then(|first| {
            let at = first + found.line - 1;
            if last.0 != found.line {
                let words = lines.get(found.line - 1)?.trim_end();
                let indentation = report.line(at).and_then(|line| line.trim_end().strip_suffix(words));
                last = (found.line, indentation.map(|blanks| blanks.chars().count()));
            }
            Some((at, last.1?))
        });
        match placed {
            Some((at, indentation)) => {
                found.line = at;
                found.column += indentation;
                // A line is walked to its column: only for a finding that shows it.
                let shows = !found.source_line.is_empty();
                let shown = shows.then(|| report.excerpt(Place::of(at, found.column))).flatten();
                (found.source_line, found.before) = shown.unwrap_or_default();
            }
            None => found.file = format!("{} (model)", found.file),
        }
        found
    };
    findings.into_iter().map(moved).collect()
}

/// The line of the file on which a block's text begins: the one where it is marked, or the next.
fn first_line(text: &str, block: Place, report: &Report<'_>) -> Option<usize> {
    let (index, words) = text.lines().enumerate().find(|(_, line)| !line.trim().is_empty())?;
    let start = block.line as usize;
    (start..start + 2).find(|first| report.line(first + index).is_some_and(|line| line.trim() == words.trim()))
}
