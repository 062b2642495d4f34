//! The names behind `include` in a Makefile, as make reads them.

use std::collections::BTreeMap;
use std::path::Path;

/// Variables are put in so often, those in their texts too.
const MOST: usize = 64;
/// The longest list of names, in bytes.
const LONGEST: usize = 1 << 12;

/// The names with the texts of these variables. The patterns of the function `wildcard` stand for themselves. Whatever else
/// begins with `$` stays as it is.
pub fn expanded(names: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = names.to_owned();
    let mut end = text.len();
    for _ in 0..MOST {
        // The last one has no other one inside.
        let Some(at) = text[..end].rfind("$(").max(text[..end].rfind("${")) else { break };
        match value_at(&text, at, variables) {
            Some((value, after)) if text.len().saturating_add(value.len()) <= LONGEST => {
                end = at.saturating_add(value.len());
                text.replace_range(at..after, &value);
            }
            _ => end = at,
        }
    }
    text
}

/// What a variable or function stands for that begins here, and where it ends.
fn value_at(text: &str, at: usize, variables: &BTreeMap<String, String>) -> Option<(String, usize)> {
    let close = if text[at..].starts_with("$(") { ')' } else { '}' };
    let begin = at.saturating_add(2);
    let (inner, _) = text[begin..].split_once(close)?;
    let value = match inner.strip_prefix("wildcard ") {
        Some(patterns) => patterns.trim().to_owned(),
        None if inner == "CURDIR" => ".".to_owned(),
        None => variables.get(inner)?.trim().to_owned(),
    };
    Some((value, begin.saturating_add(inner.len()).saturating_add(1)))
}

/// The path without `.` and `..`; `None` where it leaves the folder, or goes back out of what is no folder: make would go to
/// the folder above the one that a link leads to.
pub fn below(folder: &Path, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                let inner = folder.join(parts.join("/"));
                inner.symlink_metadata().ok().filter(|found| found.is_dir())?;
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_variables_and_patterns_are_put_in() {
        let variables = [("DIR", " mk"), ("ALL", " ${DIR}/a.mk $(NONE)"), ("LOOP", " $(LOOP)")];
        let variables: BTreeMap<String, String> =
            variables.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        for (names, expected) in [
            ("$(DIR)/../more.mk", "mk/../more.mk"),
            ("${DIR}/a.mk b.mk", "mk/a.mk b.mk"),
            ("$(wildcard $(DIR)/*.mk c.mk)", "mk/*.mk c.mk"),
            ("$(CURDIR)/a.mk", "./a.mk"),
            ("$(ALL)", "mk/a.mk $(NONE)"),
            ("$(NONE) $(DIR)/a.mk $(shell ls)", "$(NONE) mk/a.mk $(shell ls)"),
            ("$(LOOP)", "$(LOOP)"),
            ("$(DIR", "$(DIR"),
        ] {
            assert_eq!(expanded(names, &variables), expected, "{names}");
        }
    }

    #[test]
    fn a_path_stays_in_its_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, expected) in [
            ("src/../Cargo.toml", Some("Cargo.toml")),
            ("./src//main.rs", Some("src/main.rs")),
            ("src/*.rs", Some("src/*.rs")),
            ("../x", None),
            ("src/../../x", None),
            ("none/../x", None),
            ("src/main.rs/../x", None),
            ("src/*/../x", None),
            ("src/..", None),
        ] {
            assert_eq!(below(folder, name).as_deref(), expected, "{name}");
        }
    }
}
