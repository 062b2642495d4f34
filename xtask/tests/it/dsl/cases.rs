//! Each file of `cases`: the JSON that it means, or what is wrong with it and where.

use super::{files, model::Model, shown};
use crate::harness::Test;
use crate::harness::sandbox::checkout;
use serde_json::{Value, json};
use std::fs;

pub fn tests() -> Vec<Test> {
    tests![
        [] what_is_accepted_has_exactly_this_json,
        [] what_is_refused_is_refused_with_exactly_these_findings,
        [] what_is_odd_is_accepted_with_exactly_these_warnings,
        [] a_model_comes_back_from_its_own_dsl,
        [] a_condition_that_tuples_bring_needs_no_definition,
    ]
}

fn what_is_accepted_has_exactly_this_json() {
    for (name, text) in files("accepted", ".fga") {
        let (model, findings) = Model::from_dsl(&name, &text).unwrap_or_else(|found| panic!("{}", shown(&found)));
        assert!(findings.is_empty(), "{}", shown(&findings));
        let file = checkout().join(format!("xtask/tests/it/dsl/cases/accepted/{name}.json"));
        let expected: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(model.to_json(), expected, "{name}: {:#}", model.to_json());
    }
}

/// The file of findings beside the case.
#[track_caller]
fn assert_findings(folder: &str, name: &str, found: &str) {
    let file = checkout().join(format!("xtask/tests/it/dsl/cases/{folder}/{name}.findings"));
    let expected = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert!(found == expected, "{} should hold:\n{found}", file.display());
}

fn what_is_refused_is_refused_with_exactly_these_findings() {
    for (name, text) in files("refused", ".fga") {
        let findings = Model::from_dsl(&format!("{name}.fga"), &text).expect_err(&name);
        assert_findings("refused", &name, &shown(&findings));
    }
}

fn what_is_odd_is_accepted_with_exactly_these_warnings() {
    for (name, text) in files("warned", ".fga") {
        let read = Model::from_dsl(&format!("{name}.fga"), &text);
        let (_, findings) = read.unwrap_or_else(|found| panic!("{}", shown(&found)));
        assert_findings("warned", &name, &shown(&findings));
    }
}

fn a_model_comes_back_from_its_own_dsl() {
    for (name, text) in files("accepted", ".fga") {
        let model = super::model(&text);
        let dsl = model.to_dsl().unwrap();
        let again = super::model(&dsl);
        assert_eq!(again.difference(&model), Vec::<String>::new(), "{name}:\n{dsl}");
        assert_eq!(again.to_dsl().unwrap(), dsl, "{name}");
    }
}

fn a_condition_that_tuples_bring_needs_no_definition() {
    let text = "model\n  schema 1.1\ntype user\ntype tool\n  relations\n    \
                define can_call: [user, user with $expression]\n";
    let (model, findings) = Model::from_dsl("m.fga", text).unwrap_or_else(|found| panic!("{}", shown(&found)));
    let first = shown(&findings);
    assert!(first.starts_with("warning: m.fga:6:39: `$expression` is an experiment of OpenFGA 1.22"), "{first}");
    assert_eq!(findings.len(), 1, "{first}");
    let types = &model.to_json()["type_definitions"][1]["metadata"]["relations"]["can_call"];
    assert_eq!(types["directly_related_user_types"][1], json!({"type": "user", "condition": "$expression"}));
    assert!(super::model(&model.to_dsl().unwrap()) == model);
    let misspelt = Model::from_dsl("m.fga", &text.replace("$expression", "$expresion")).unwrap_err();
    assert!(shown(&misspelt).contains("the condition `$expresion` is not defined"), "{}", shown(&misspelt));
}
