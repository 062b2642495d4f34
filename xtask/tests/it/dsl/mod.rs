//! The model DSL, by files with the exact JSON and the exact findings that they make, by chance, and on a real server.
//!
//! It imports no other folder, so these tests compile it by themselves: thousands of models in a moment.

#[path = "../../../src/openfga/model/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the source file is compiled here a second time")]
mod model;

mod cases;
mod chance;
mod compared;
mod generator;
mod json;
mod modules;
mod server;
mod tuples;

use crate::harness::Test;
use crate::harness::sandbox::checkout;
use model::{Finding, Model, Severity};
use std::fs;
use std::path::PathBuf;

pub fn tests() -> Vec<Test> {
    [
        cases::tests(),
        compared::tests(),
        json::tests(),
        modules::tests(),
        chance::tests(),
        server::tests(),
        tuples::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The files of one folder of cases that end so: their names without the ending, and their texts.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, PathBuf)> = fs::read_dir(checkout().join("xtask/tests/it/dsl/cases").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some((path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned(), path)))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no {ending} in {folder}");
    files.into_iter().map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect()
}

/// A model that is read without errors; its warnings are passed over.
#[track_caller]
fn model(text: &str) -> Model {
    match Model::from_dsl("model.fga", text) {
        Ok((model, _)) => model,
        Err(findings) => panic!("{text}\n{}", shown(&findings)),
    }
}

/// Findings as people see them, warnings marked.
fn shown(findings: &[Finding]) -> String {
    let mark = |finding: &Finding| if finding.severity == Severity::Warning { "warning: " } else { "" };
    findings.iter().map(|finding| format!("{}{finding}\n", mark(finding))).collect()
}
