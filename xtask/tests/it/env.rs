//! `.env` means what Compose makes of it: the same texts, read by both.

#[path = "env_agreement.rs"]
mod env_agreement;
/// The reader itself. A run of the binary would show a few settings only, and one at a time.
#[expect(dead_code, unused_imports, reason = "the source file is compiled here a second time")]
#[path = "../../src/settings/env_file/mod.rs"]
mod env_file;

use crate::harness::{Sandbox, Test, Xtask};
use env_file::EnvFile;
use std::collections::BTreeMap;

pub fn tests() -> Vec<Test> {
    tests![[Compose] compose_reads_the_settings_file_alike]
}

const NAMES: [&str; 6] = ["A", "B", "C", "D", "E", "F"];
const OUTSIDE: [(&str, &str); 2] = [("OUTSIDE", "outside"), ("HOLLOW", "")];

/// What Compose makes of this `.env`; `None` where it refuses the file.
fn by_compose(sandbox: &Sandbox, text: &str) -> Option<BTreeMap<String, String>> {
    sandbox.write(".env", text);
    let mut run = Xtask::new(sandbox).program("docker").args(["compose", "config", "--format", "json"]);
    for (name, value) in OUTSIDE {
        run = run.env(name, value);
    }
    let outcome = run.run();
    if outcome.code != Some(0) {
        return None;
    }
    let config = outcome.json();
    let values = config["services"]["asked"]["environment"].as_object().unwrap();
    Some(values.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().replace("$$", "$"))).collect())
}

/// What we make of it.
fn by_us(text: &str) -> Option<BTreeMap<String, String>> {
    let outside =
        |name: &str| OUTSIDE.iter().find(|(outside, _)| *outside == name).map(|(_, value)| (*value).to_owned());
    let file = EnvFile::parse(text.as_bytes(), &outside);
    let value = |name: &str| file.get(name).unwrap_or("unset").to_owned();
    file.problems().is_empty().then(|| NAMES.iter().map(|name| ((*name).to_owned(), value(name))).collect())
}

fn compose_reads_the_settings_file_alike() {
    let sandbox = Sandbox::new();
    let lines = NAMES.map(|name| format!("      {name}: \"${{{name}-unset}}\"\n"));
    let yaml = format!("name: agreement\nservices:\n  asked:\n    image: none\n    environment:\n{}", lines.concat());
    sandbox.write("docker-compose.yml", yaml);
    let mut disagreements = Vec::new();
    for (case, text) in env_agreement::CASES {
        let (compose, ours) = (by_compose(&sandbox, text), by_us(text));
        if compose != ours {
            disagreements.push(format!("{case}: {text:?}\n  Compose: {compose:?}\n  we:      {ours:?}"));
        }
    }
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}
