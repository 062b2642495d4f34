//! Targets below a folder that a variable names: `$(BIN)/tool`, where the environment or a condition may name another one.

use super::line::{self, Assignment};
use crate::adopt::included;
use std::collections::{BTreeMap, BTreeSet};

/// Variables, and whether each text that a file gives one is one plain word.
#[derive(Debug, Default)]
pub struct Folders {
    are_plain: BTreeMap<String, bool>,
}

impl Folders {
    /// A file gives a variable a text, or adds to it.
    pub fn assign(&mut self, Assignment { name, operator, value }: &Assignment<'_>) {
        let value = included::expanded(value, &BTreeMap::new(), &BTreeSet::new());
        let is_word = !value.is_empty() && !value.contains('%') && line::is_plain_target(&value);
        let is_plain = is_word && !matches!(operator, None | Some('+' | '!'));
        *self.are_plain.entry((*name).to_owned()).or_insert(true) &= is_plain;
    }

    /// A file gives a variable lines of text.
    pub fn define(&mut self, name: &str) {
        self.are_plain.insert(name.to_owned(), false);
    }

    /// Whether a target is none of these goals, whichever folder the variable at its beginning names. The folder may be the
    /// one that make runs in: then the rest is the whole name.
    pub fn is_elsewhere(&self, target: &str, goals: &[String]) -> bool {
        let inner = target.strip_prefix("$(").and_then(|inner| inner.split_once(")/"));
        let inner = inner.or_else(|| target.strip_prefix("${").and_then(|inner| inner.split_once("}/")));
        let Some((variable, rest)) = inner else { return false };
        let last = rest.rsplit('/').next().unwrap_or_default();
        let is_known = self.are_plain.get(variable) == Some(&true) && line::is_plain_target(rest);
        is_known && !last.is_empty() && !goals.iter().any(|goal| goal == last || takes(last, goal))
    }
}

/// Whether a pattern makes this goal. One that takes every name only catches what has no rule.
pub fn takes(pattern: &str, goal: &str) -> bool {
    let Some((before, after)) = pattern.split_once('%') else { return false };
    let rest = goal.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    pattern != "%" && rest.is_some_and(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> Folders {
        let mut folders = Folders::default();
        for (name, operator, value) in [
            ("BIN", Some('?'), "bin"),
            ("HERE", Some(' '), "$(CURDIR)/out"),
            ("TWICE", Some(':'), "a"),
            ("TWICE", Some(':'), "b/c"),
            ("LIST", Some('?'), "up bin"),
            ("MORE", Some('?'), "bin"),
            ("MORE", Some('+'), "up"),
            ("RUN", Some('!'), "echo"),
            ("CALL", Some('?'), "$(shell pwd)"),
            ("RULE", Some(':'), "up:"),
            ("EMPTY", Some('?'), ""),
            ("GONE", None, ""),
        ] {
            folders.assign(&Assignment { name, operator, value });
        }
        folders.define("LINES");
        folders
    }

    #[test]
    fn a_target_below_a_folder_is_distinguished_from_a_goal() {
        let (goals, folders) = (["up".to_owned(), "db-backup".to_owned()], folders());
        for (target, expected) in [
            ("$(BIN)/tool", true),
            ("${BIN}/a/tool", true),
            ("$(HERE)/tool", true),
            ("$(TWICE)/%.o", true),
            ("$(BIN)/%", true),
            ("$(BIN)", false),
            ("$(BIN)tool", false),
            ("$(BIN)/", false),
            ("$(BIN)/up", false),
            ("$(BIN)/a/up", false),
            ("$(BIN)/db-%", false),
            ("$(BIN)/$(X)", false),
            ("$(BIN)/a*", false),
            ("x$(BIN)/tool", false),
            ("$(NONE)/tool", false),
            ("$(LIST)/tool", false),
            ("$(MORE)/tool", false),
            ("$(RUN)/tool", false),
            ("$(CALL)/tool", false),
            ("$(RULE)/tool", false),
            ("$(EMPTY)/tool", false),
            ("$(GONE)/tool", false),
            ("$(LINES)/tool", false),
            ("$(BIN:a=b)/tool", false),
        ] {
            assert_eq!(folders.is_elsewhere(target, &goals), expected, "{target}");
        }
    }
}
