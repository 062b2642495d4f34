//! Settings that were detected, for `.env.example`: a later reader sees which services are meant.

use super::change::Change;
use super::repository::Repository;
use super::toml_text::appended;
use crate::error::Fault;

const PATH: &str = ".env.example";

/// Adds those that the file does not name.
pub fn plan(repository: &Repository, settings: &[(String, String)]) -> Result<Option<Change>, Fault> {
    let text = repository.text(PATH)?.unwrap_or_default();
    let names = |line: &str, name: &str| {
        let line = line.trim_start_matches(['#', ' ', '\t']);
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let missing = settings.iter().filter(|(name, _)| !text.lines().any(|line| names(line, name)));
    let lines: Vec<String> = missing.map(|(name, value)| format!("{name}={value}\n")).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let added = format!("# Which services of this stack are meant (cargo xtask)\n{}", lines.concat());
    let what = format!("the settings {}", lines.join(" ").replace('\n', ""));
    Ok(Some(Change::new(PATH, appended(&text, &added), what)))
}
