//! The names behind `include` in a Makefile, as make reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// At most so many variables are expanded, those in the texts of others included.
const MOST: usize = 64;
/// The longest list of names, in bytes.
const LONGEST: usize = 1 << 12;

/// Expands the variables in a list of names. The function `wildcard` becomes its patterns. Any other function stays as it
/// is, and so does a variable that is not known, or uncertain.
pub fn expanded(names: &str, variables: &BTreeMap<String, String>, uncertain: &BTreeSet<String>) -> String {
    let text_of = |name: &str| variables.get(name).filter(|_| !uncertain.contains(name));
    let mut text = names.to_owned();
    let mut end = text.len();
    for _ in 0..MOST {
        // The last one has no other one inside.
        let Some(at) = text[..end].rfind("$(").max(text[..end].rfind("${")) else { break };
        match value_at(&text, at, &text_of) {
            Some((value, after)) if text.len().saturating_add(value.len()) <= LONGEST => {
                end = at.saturating_add(value.len());
                text.replace_range(at..after, &value);
            }
            _ => end = at,
        }
    }
    text
}

/// The value of the variable or function that begins here, and where that ends.
fn value_at<'v>(text: &str, at: usize, text_of: &dyn Fn(&str) -> Option<&'v String>) -> Option<(String, usize)> {
    let close = if text[at..].starts_with("$(") { ')' } else { '}' };
    let begin = at.saturating_add(2);
    let (inner, _) = text[begin..].split_once(close)?;
    let value = match inner.strip_prefix("wildcard ") {
        Some(patterns) => patterns.trim().to_owned(),
        None if inner == "CURDIR" => ".".to_owned(),
        None => text_of(inner)?.trim().to_owned(),
    };
    Some((value, begin.saturating_add(inner.len()).saturating_add(1)))
}

/// The path without `.` and `..`. `None` where it leaves the folder, or where `..` follows something other than a folder:
/// behind a link make goes to the folder above the link's target.
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
            assert_eq!(expanded(names, &variables, &BTreeSet::new()), expected, "{names}");
        }
        let uncertain = BTreeSet::from(["DIR".to_owned()]);
        assert_eq!(expanded("$(ALL) $(DIR)", &variables, &uncertain), "${DIR}/a.mk $(NONE) $(DIR)");
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
