//! A model in OpenFGA's language, or as JSON. Nothing panics; findings point into the text; what is read is written and
//! read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xtask_fuzz::openfga::model::Model;

fuzz_target!(|text: &str| {
    if text.trim_start().starts_with('{') {
        if let Ok((model, _)) = Model::from_json("model.json", text) {
            goes_round(&model);
        }
        return;
    }
    let lines = 2 + text.matches(['\n', '\r']).count();
    let findings = match Model::from_dsl("model.fga", text) {
        Ok((model, findings)) => {
            goes_round(&model);
            findings
        }
        Err(findings) => {
            assert!(!findings.is_empty());
            findings
        }
    };
    for finding in findings {
        assert!((1..=lines).contains(&finding.line) && finding.column >= 1, "{finding}");
        assert!(finding.before <= finding.source_line.chars().count() && !finding.to_string().is_empty());
    }
    let _ = Model::from_modules("fga.mod", text, &|_| Ok(text.to_owned()));
});

fn goes_round(model: &Model) {
    assert!(Model::from_value(&model.to_json()).expect("its own JSON") == *model);
    if let Ok(dsl) = model.to_dsl() {
        match Model::from_dsl("model.fga", &dsl) {
            Ok((again, _)) => assert!(again == *model, "{dsl}"),
            Err(findings) => panic!("{dsl}\n{findings:?}"),
        }
    }
}
