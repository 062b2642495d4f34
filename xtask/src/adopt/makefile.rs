//! The names that people type behind `make`: those that are free lead to this program, the others stay.

use super::change::Change;
use super::name::PackageName;
use super::repository::Repository;
use super::toml_text;
use crate::error::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// As GNU make looks for it.
const NAMES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
/// Files that include one another are followed so far.
const DEPTH: usize = 8;
/// Options come only from make's own command line, so that an `ARGS=--yes` of the environment skips no question.
const ARGUMENTS: &str = "$(if $(filter command,$(origin ARGS)),$(ARGS))";

/// A rule of a Makefile.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    file: String,
    /// Counted from 1.
    line: usize,
    recipe: Vec<String>,
}

/// The rules of a Makefile by their targets, and what could not be looked at.
#[derive(Debug, Default)]
struct Rules {
    by_target: BTreeMap<String, Rule>,
    not_read: Vec<String>,
}

/// What becomes of the Makefile.
#[derive(Debug, Default)]
pub struct Planned {
    pub change: Option<Change>,
    /// Names that other recipes have, each with the lines to replace.
    pub by_hand: Vec<String>,
    /// For people: the targets that are there.
    pub found: String,
}

/// Works it out. `goals` are the commands, `help` among them.
pub fn plan(repository: &Repository, goals: &[String], name: &PackageName) -> Result<Planned, Fault> {
    let Some(file) = NAMES.into_iter().find(|name| repository.has(name)) else {
        let line = format!("{}:: ; @cargo {name} $@ {ARGUMENTS}\n", goals.join(" "));
        let change = Change::new("Makefile", line, format!("make names for all {} commands", goals.len()));
        return Ok(Planned { change: Some(change), found: "no Makefile".to_owned(), ..Planned::default() });
    };
    let text = repository.text(file)?.unwrap_or_default();
    let mut rules = Rules::default();
    rules.read(repository, file, &text, DEPTH);
    let free: Vec<&str> =
        goals.iter().map(String::as_str).filter(|goal| !rules.by_target.contains_key(*goal)).collect();
    let free: Vec<&str> = free.into_iter().filter(|goal| *goal != "help" || rules.by_target.is_empty()).collect();
    let taken = goals.iter().filter_map(|goal| Some((goal.as_str(), rules.by_target.get(goal)?)));
    let by_hand = taken
        .filter(|(goal, rule)| *goal != "help" && !rule.is_ours(name))
        .map(|(goal, rule)| rule.to_replace(goal, name));
    let mut by_hand: Vec<String> = by_hand.collect();
    by_hand.extend(rules.not_read.iter().map(|what| {
        format!("{what}: if it has a rule of the same name, remove that name from the last lines of {file}")
    }));
    let change = (!free.is_empty()).then(|| {
        let names = free.join(" ");
        let lines =
            format!("# Added by cargo {name} adopt\n.PHONY: {names}\n{names}: ; @cargo {name} $@ {ARGUMENTS}\n");
        Change::new(file, toml_text::appended(&text, &lines), format!("make names that are free: {names}"))
    });
    let targets = rules.by_target.len();
    let same: BTreeSet<&str> =
        goals.iter().map(String::as_str).filter(|goal| rules.by_target.contains_key(*goal)).collect();
    let same: Vec<&str> = same.into_iter().collect();
    let shared = if same.is_empty() { String::new() } else { format!("; of the same names: {}", same.join(", ")) };
    let noun = if targets == 1 { "target" } else { "targets" };
    Ok(Planned { change, by_hand, found: format!("{file}, {targets} {noun}{shared}") })
}

impl Rules {
    fn read(&mut self, repository: &Repository, file: &str, text: &str, depth: usize) {
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            let first = at;
            let mut logical = (*line).to_owned();
            while logical.ends_with('\\') && at + 1 < lines.len() {
                logical.pop();
                at += 1;
                logical.push(' ');
                logical.push_str(lines[at].trim_start());
            }
            at += 1;
            let words = logical.split('#').next().unwrap_or_default().trim();
            if line.starts_with('\t') || words.is_empty() {
                continue;
            }
            if words.starts_with("define ") {
                at += lines[at..].iter().take_while(|line| line.trim() != "endef").count();
            } else if let Some(names) =
                ["include ", "-include ", "sinclude "].iter().find_map(|word| words.strip_prefix(word))
            {
                self.include(repository, names, depth);
            } else if let Some((targets, inline)) = rule(words) {
                let mut recipe: Vec<String> = inline.map(str::to_owned).into_iter().collect();
                recipe.extend(
                    lines[at..].iter().take_while(|line| line.starts_with('\t')).map(|line| line.trim().to_owned()),
                );
                for target in targets.split_whitespace().filter(|target| !target.starts_with('.')) {
                    let rule = Rule { file: file.to_owned(), line: first + 1, recipe: recipe.clone() };
                    // Of several rules of a target, the one with a recipe.
                    let known = self.by_target.entry(target.to_owned()).or_insert_with(|| rule.clone());
                    if known.recipe.is_empty() {
                        *known = rule;
                    }
                }
            }
        }
    }

    fn include(&mut self, repository: &Repository, names: &str, depth: usize) {
        for name in names.split_whitespace() {
            let is_plain = !name.contains(['$', '*', '?', '[', '~'])
                && !name.starts_with('/')
                && !name.split('/').any(|part| part == "..");
            match repository.text(name) {
                Ok(Some(text)) if is_plain && depth > 0 => self.read(repository, name, &text, depth - 1),
                Ok(None) if is_plain => {}
                _ => self.not_read.push(format!("The included file {name} was not looked at")),
            }
        }
    }
}

/// The targets of a rule, and the recipe that stands on its line; `None` for an assignment and the like.
fn rule(line: &str) -> Option<(&str, Option<&str>)> {
    let colon = line.find(':')?;
    let (targets, rest) = line.split_at(colon);
    let rest = rest.trim_start_matches(':');
    if rest.starts_with('=') || targets.contains('=') || targets.contains('$') {
        return None;
    }
    // `target: NAME = value` sets a variable for the target alone.
    let inline = rest.split_once(';').map(|(_, recipe)| recipe.trim());
    if inline.is_none() && rest.contains('=') {
        return None;
    }
    Some((targets.trim_end_matches('&'), inline))
}

impl Rule {
    fn is_ours(&self, name: &PackageName) -> bool {
        let call = format!("cargo {name} ");
        self.recipe.iter().any(|line| line.contains(&call))
    }

    fn to_replace(&self, goal: &str, name: &PackageName) -> String {
        let Self { file, line, recipe } = self;
        let old: Vec<String> = recipe.iter().map(|line| format!("\n  - {line}")).collect();
        format!(
            "{file}:{line}: {goal} keeps its recipe; to have this tool do it, replace{}\n  + @cargo {name} {goal} {ARGUMENTS}",
            old.concat()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_from_assignments() {
        for (line, expected) in [
            ("a b: c", Some(("a b", None))),
            ("a:: ; @x = 1", Some(("a", Some("@x = 1")))),
            ("a &: b", Some(("a ", None))),
            ("A := b:c", None),
            ("A = b:c", None),
            ("A ::= b", None),
            ("a: B = c", None),
            ("export PATH", None),
            ("$(NAMES): x", None),
        ] {
            assert_eq!(rule(line), expected, "{line}");
        }
    }
}
