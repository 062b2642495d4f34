//! The names that people type behind `make`: those that are free lead to this program, the others stay.

mod folders;
mod line;
mod reading;
mod references;
mod rules;

use super::change::Change;
use super::name::PackageName;
use super::repository::Repository;
use super::toml_text;
use crate::error::Fault;
use rules::{Rule, Rules};
use std::collections::BTreeSet;

/// The names that GNU make looks for, in its order.
const NAMES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
/// Options come only from make's own command line, so that an `ARGS=--yes` of the environment skips no question.
const ARGUMENTS: &str = "$(if $(filter command,$(origin ARGS)),$(ARGS))";

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
    let rules = Rules::of_file(repository, file, &text, goals)?;
    let taken: Vec<(&str, &str, &Rule)> =
        goals.iter().filter_map(|goal| rules.of(goal).map(|(target, rule)| (goal.as_str(), target, rule))).collect();
    let same: BTreeSet<&str> = taken.iter().map(|(goal, ..)| *goal).collect();
    let free: Vec<&str> = goals.iter().map(String::as_str).filter(|goal| !same.contains(goal)).collect();
    let free: Vec<&str> = free.into_iter().filter(|goal| *goal != "help" || rules.by_target.is_empty()).collect();
    let by_hand = taken
        .iter()
        .filter(|(goal, _, rule)| *goal != "help" && !is_ours(rule, name))
        .map(|(goal, target, rule)| to_replace(rule, goal, target, name));
    let mut by_hand: Vec<String> = by_hand.collect();
    let not_read = rules.not_read();
    by_hand.extend(not_read.iter().cloned());
    let names = free.join(" ");
    let lines = format!(".PHONY: {names}\n{names}: ; @cargo {name} $@ {ARGUMENTS}\n");
    let is_known = not_read.is_empty();
    if !free.is_empty() && !is_known {
        let lines: String = lines.lines().map(|line| format!("\n  + {line}")).collect();
        by_hand.push(format!(
            "{file} is not changed: add these lines to it, without the names that have a rule already{lines}"
        ));
    }
    let change = (!free.is_empty() && is_known).then(|| {
        let text = toml_text::appended(&text, &format!("# Added by cargo {name} adopt\n{lines}"));
        Change::new(file, text, format!("make names that are free: {names}"))
    });
    let targets = rules.by_target.len();
    let same: Vec<&str> = same.into_iter().collect();
    let shared = if same.is_empty() { String::new() } else { format!("; of the same names: {}", same.join(", ")) };
    let noun = if targets == 1 { "target" } else { "targets" };
    Ok(Planned { change, by_hand, found: format!("{file}, {targets} {noun}{shared}") })
}

fn is_ours(rule: &Rule, name: &PackageName) -> bool {
    let call = format!("cargo {name} ");
    rule.recipe.iter().any(|line| line.contains(&call))
}

fn to_replace(rule: &Rule, goal: &str, target: &str, name: &PackageName) -> String {
    let Rule { file, line, recipe } = rule;
    if goal != target {
        return format!(
            "{file}:{line}: {goal} keeps the recipe of {target}; to have this tool do it, add\n  + {goal}:: ; @cargo \
             {name} {goal} {ARGUMENTS}"
        );
    }
    let old: Vec<String> = recipe.iter().map(|line| format!("\n  - {line}")).collect();
    format!(
        "{file}:{line}: {goal} keeps its recipe; to have this tool do it, replace{}\n  + @cargo {name} {goal} {ARGUMENTS}",
        old.concat()
    )
}
