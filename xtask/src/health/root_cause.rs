//! What other programs said, without the secrets that were set.

use super::report::Finding;
use crate::settings::Settings;

/// The finding, with what the error came from: Compose's own words name the variable or the file.
pub fn with_root_cause(finding: Finding, error: &anyhow::Error, settings: &Settings) -> Finding {
    let words = settings.without_values(&error.root_cause().to_string());
    let Some(shown) = words.filter(|words| !finding.detail.contains(words)) else { return finding };
    Finding { detail: format!("{}: {shown}", finding.detail), ..finding }
}
