//! The tuples that a store file or one of its tests lists, in itself and in the files that it names.

use super::super::model::{Finding, Model, Severity};
use super::super::tuples::{self, Tuple};
use super::fields::{Fields, text};
use super::findings::Report;
use super::sources::Folder;
use super::yaml::Node;
use std::collections::HashMap;

/// The tuples that a store file or one of its tests lists or names files of.
pub fn tuples_of(fields: Fields<'_>, folder: &Folder, model: Option<&Model>, report: &mut Report<'_>) -> Vec<Tuple> {
    let nodes = fields.list("tuples", report);
    let mut all = tuples::from_nodes(&nodes, model, report);
    let files: Vec<&Node> = fields.get("tuple_file").into_iter().chain(fields.list("tuple_files", report)).collect();
    for node in files {
        let Some(name) = text(node, "a file of tuples", report) else { continue };
        let mut findings = Vec::new();
        match folder.read(name).and_then(|source| tuples::from_file(&source, model, &mut findings)) {
            Ok(tuples) => {
                if tuples.is_empty() && findings.is_empty() {
                    report.warning(node.place, format!("{name} holds no tuples"));
                }
                all.extend(tuples);
            }
            Err(why) => report.error(node.place, why),
        }
        report.take_in(findings);
    }
    all
}

/// Each tuple once; one that comes again with another condition is an error.
pub fn without_repetitions(tuples: Vec<Tuple>, report: &mut Report<'_>) -> Vec<Tuple> {
    let mut first: HashMap<tuples::Key<'_>, &Tuple> = HashMap::with_capacity(tuples.len());
    let mut again = vec![false; tuples.len()];
    for (tuple, again) in tuples.iter().zip(&mut again) {
        let before = *first.entry(tuple.key()).or_insert(tuple);
        if std::ptr::eq(before, tuple) {
            continue;
        }
        *again = true;
        let same = tuples::same_condition(before.condition.as_deref(), tuple.condition.as_deref());
        let how = if same { "" } else { ", with another condition" };
        let own = tuple.file == report.file;
        let (source_line, left) =
            if own { report.excerpt(tuple.place).unwrap_or_default() } else { (tuple.shown(), 0) };
        report.take_in(vec![Finding {
            file: tuple.file.to_string(),
            line: tuple.place.line as usize,
            column: if own { tuple.place.column as usize } else { 1 },
            source_line,
            before: left,
            message: format!("this tuple is in {}, line {} already{how}", before.file, before.place.line),
            severity: if same { Severity::Warning } else { Severity::Error },
            barren: None,
        }]);
    }
    drop(first);
    tuples.into_iter().zip(again).filter(|(_, again)| !again).map(|(tuple, _)| tuple).collect()
}
