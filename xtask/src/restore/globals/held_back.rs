//! What a file of globals says and no restore does by itself, each with its reason and the statement for a person.

use serde::Serialize;

/// One such thing; in `--json`, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// `SUPERUSER of role boss`.
    pub what: String,
    pub why: String,
    /// What to type so that it is done: `--role boss`.
    pub option: Option<String>,
    /// SQL that does it afterwards.
    pub by_hand: String,
}

impl HeldBack {
    /// In one line.
    pub fn line(&self) -> String {
        let Self { what, why, option, .. } = self;
        let option = option.as_ref().map_or_else(String::new, |option| format!("; with {option} it is done"));
        format!("{what}: {why}{option}")
    }
}
