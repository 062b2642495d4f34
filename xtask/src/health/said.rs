//! What other programs said, without the secrets that were set.

use super::report::Finding;
use crate::settings::{self, Settings};
use crate::words::{clean_line, masked, shortened};

/// So much of another program's words is enough.
const LONGEST: usize = 200;
const SHORTEST_SECRET: usize = 4;

/// The finding, with the last line of what the error came from: Compose's own words name the variable or the file.
pub fn with_last_line(finding: Finding, error: &anyhow::Error, settings: &Settings) -> Finding {
    let words = error.root_cause().to_string();
    let Some(last) = words.trim().lines().last().filter(|line| !finding.detail.contains(*line)) else { return finding };
    let secrets = secrets_among(of_settings(settings));
    // A line of a file that Compose could not read stands in quotes, with the value in it.
    let unquoted = last.trim().split(['"', '=']).next().unwrap_or_default().trim_end();
    if unquoted.is_empty() {
        return finding;
    }
    let shown = clean_line(&masked(unquoted, &secrets));
    Finding { detail: format!("{}: {}", finding.detail, shortened(&shown, LONGEST)), ..finding }
}

/// What is set, for this program and in `.env`, as names and values.
pub fn of_settings(settings: &Settings) -> impl Iterator<Item = (&str, &str)> {
    let known = settings::KNOWN.iter().filter_map(|(name, _)| Some((*name, settings.get(name)?)));
    known.chain(settings.in_files())
}

/// The values that are secrets, as their names say.
pub fn secrets_among<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    // A list of keys is several secrets. A documented default is none.
    let secret = values.filter(|(name, _)| settings::is_secret(name));
    let values = secret.flat_map(|(_, value)| value.split(',').chain([value]));
    let is_public = |value: &str| settings::KNOWN.iter().any(|(_, default)| *default == value);
    values
        .map(str::trim)
        .filter(|value| value.len() >= SHORTEST_SECRET && !is_public(value))
        .map(str::to_owned)
        .collect()
}
