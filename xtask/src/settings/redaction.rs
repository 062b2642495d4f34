//! What another program said of the files that it read, without the values in them.

use super::{KNOWN, Settings, is_secret};
use crate::words::{clean_line, masked, shortened};

/// At most this much of another program's words is shown.
const LONGEST: usize = 200;
const SHORTEST_SECRET: usize = 4;

/// What comes before the first quote, backtick, `=` or `$` of a line: a line of a file that Compose could not read stands behind it,
/// with the value in it. An apostrophe within a word is no quote.
fn before_a_value(line: &str) -> &str {
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        if matches!(letter, '"' | '=' | '$' | '`') || (letter == '\'' && !before.is_alphabetic()) {
            return line.get(..at).unwrap_or_default().trim_end();
        }
        before = letter;
    }
    line.trim_end()
}

/// The line that says what is wrong: the first one. Warnings stand before it, and behind it a value of several lines.
fn first_error(said: &str) -> Option<&str> {
    let is_warning = |line: &str| line.starts_with("time=") || line.starts_with("WARN");
    said.lines().map(str::trim).find(|line| !line.is_empty() && !is_warning(line))
}

impl Settings {
    /// What another program said is wrong, without values and secrets; `None`: nothing of it can be shown.
    pub fn without_values(&self, said: &str) -> Option<String> {
        let shown = before_a_value(first_error(said)?);
        let shown = clean_line(&masked(shown, &secrets_among(self.all_set())));
        (!shown.is_empty()).then(|| shortened(&shown, LONGEST).into_owned())
    }

    /// What is set, for this program and in `.env`, as names and values.
    pub fn all_set(&self) -> impl Iterator<Item = (&str, &str)> {
        let known = KNOWN.iter().filter_map(|(name, _)| Some((*name, self.get(name)?)));
        known.chain(self.in_files())
    }
}

/// The values that are secrets, as their names say.
pub fn secrets_among<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    // A list of keys is several secrets. A documented default is none.
    let secret = values.filter(|(name, _)| is_secret(name));
    let values = secret.flat_map(|(_, value)| value.split(',').chain([value]));
    let is_public = |value: &str| KNOWN.iter().any(|(_, default)| *default == value);
    values
        .map(str::trim)
        .filter(|value| value.len() >= SHORTEST_SECRET && !is_public(value))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_quote_is_not_shown() {
        for (said, shown) in [
            ("line 2: unterminated quoted value 'hunter2zz", "line 2: unterminated quoted value"),
            ("invalid template: \"${hunter2zz\"", "invalid template:"),
            ("unexpected character in X=hunter2zz", "unexpected character in X"),
            ("can't read 'hunter2zz", "can't read"),
            ("'hunter2zz", ""),
            ("${hunter2zz", ""),
            ("cannot unmarshal !!str `hunter2zz` into int", "cannot unmarshal !!str"),
            ("", ""),
        ] {
            assert_eq!(before_a_value(said), shown, "{said}");
        }
        let mut settings = Settings::default();
        settings.set_flag("POSTGRES_PASSWORD", "hunter2zz");
        assert_eq!(settings.without_values("missing: hunter2zz\u{7} x\nb").unwrap(), "missing: ***\\u{7} x");
        let warned = "time=\"now\" level=warning msg=\"x\"\n\ninvalid format for services.db.\n${unknown\nvalue";
        assert_eq!(settings.without_values(warned).unwrap(), "invalid format for services.db.");
        assert_eq!(settings.without_values("'hunter2zz'\na"), None);
    }
}
