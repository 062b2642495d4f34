//! The names that people type behind `make`: those that are free lead to this program, the others stay.

use super::change::Change;
use super::included;
use super::name::PackageName;
use super::repository::Repository;
use super::toml_text;
use crate::error::Fault;
use crate::process::signals;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The names that GNU make looks for, in its order.
const NAMES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
/// Files that include one another are followed so far.
const DEPTH: usize = 8;
/// So many files are read, each once.
const MOST_FILES: usize = 64;
/// So many names with `*` or `?` are looked for, each in whole folders.
const MOST_PATTERNS: usize = 64;
/// The longest text of a variable that is put into rules, in bytes.
const LONGEST_TARGETS: usize = 1 << 12;
/// Options come only from make's own command line, so that an `ARGS=--yes` of the environment skips no question.
const ARGUMENTS: &str = "$(if $(filter command,$(origin ARGS)),$(ARGS))";

/// A rule of a Makefile.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    file: String,
    /// Counted from 1.
    line: usize,
    /// The same for all targets of the rule.
    recipe: Rc<Vec<String>>,
}

/// The rules of a Makefile by their targets, and what could not be looked at.
#[derive(Debug, Default)]
struct Rules {
    by_target: BTreeMap<String, Rule>,
    /// Variables whose text is plain.
    variables: BTreeMap<String, String>,
    /// Those whose text a condition, the environment, a program or a second assignment decides.
    uncertain: BTreeSet<String>,
    /// How many conditions are open around the line that is read, those around an `include` of its file among them.
    conditions: usize,
    not_read: BTreeSet<String>,
    files: BTreeSet<String>,
    /// How many names of included files had `*` or `?`.
    patterns: usize,
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
    let mut rules = Rules { files: BTreeSet::from([file.to_owned()]), ..Rules::default() };
    rules.read(repository, file, &text, DEPTH)?;
    let taken: Vec<(&str, &str, &Rule)> =
        goals.iter().filter_map(|goal| rules.of(goal).map(|(target, rule)| (goal.as_str(), target, rule))).collect();
    let same: BTreeSet<&str> = taken.iter().map(|(goal, ..)| *goal).collect();
    let free: Vec<&str> = goals.iter().map(String::as_str).filter(|goal| !same.contains(goal)).collect();
    let free: Vec<&str> = free.into_iter().filter(|goal| *goal != "help" || rules.by_target.is_empty()).collect();
    let by_hand = taken
        .iter()
        .filter(|(goal, _, rule)| *goal != "help" && !rule.is_ours(name))
        .map(|(goal, target, rule)| rule.to_replace(goal, target, name));
    let mut by_hand: Vec<String> = by_hand.collect();
    by_hand.extend(rules.not_read.iter().map(|what| format!("{what}: it may have a rule of the same name")));
    let names = free.join(" ");
    let lines = format!(".PHONY: {names}\n{names}: ; @cargo {name} $@ {ARGUMENTS}\n");
    let is_known = rules.not_read.is_empty();
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

/// How many conditions are open behind a line.
fn behind(words: &str, open: usize) -> usize {
    match words.split([' ', '\t', '(']).next() {
        Some("ifdef" | "ifndef" | "ifeq" | "ifneq") => open.saturating_add(1),
        Some("endif") => open.saturating_sub(1),
        _ => open,
    }
}

impl Rules {
    /// The rule that makes a goal now, with its target: its own one, else that of a pattern. A pattern that takes every
    /// name only catches what has no rule.
    fn of(&self, goal: &str) -> Option<(&str, &Rule)> {
        let is_pattern = |target: &str| {
            let Some((before, after)) = target.split_once('%') else { return false };
            let rest = goal.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            target != "%" && rest.is_some_and(|stem| !stem.is_empty())
        };
        let own = self.by_target.get_key_value(goal);
        let mut patterns = self.by_target.iter().filter(|(target, rule)| is_pattern(target) && !rule.recipe.is_empty());
        own.or_else(|| patterns.next()).map(|(target, rule)| (target.as_str(), rule))
    }

    fn read(&mut self, repository: &Repository, file: &str, text: &str, depth: usize) -> Result<(), Fault> {
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            signals::check()?;
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
            self.conditions = behind(words, self.conditions);
            if let Some(name) = defined(words) {
                self.uncertain.insert(name.to_owned());
                at += lines[at..].iter().take_while(|line| line.trim() != "endef").count();
            } else if let Some(names) =
                ["include ", "-include ", "sinclude "].iter().find_map(|word| words.strip_prefix(word))
            {
                self.include(repository, names, depth)?;
            } else if let Some((name, value)) = assignment(words) {
                self.assign(name, value, words);
            } else if let Some((targets, inline)) = rule(&self.expanded(words, file, first + 1)) {
                let mut recipe: Vec<String> = inline.map(str::to_owned).into_iter().collect();
                recipe.extend(
                    lines[at..].iter().take_while(|line| line.starts_with('\t')).map(|line| line.trim().to_owned()),
                );
                self.add(targets, &Rule { file: file.to_owned(), line: first + 1, recipe: Rc::new(recipe) });
            }
        }
        Ok(())
    }

    /// Keeps the text that this line gives a variable, and whether something else may decide it.
    fn assign(&mut self, name: &str, value: &str, line: &str) {
        let operator = line.split('=').next().and_then(|before| before.chars().next_back());
        let adds = operator == Some('+');
        let is_again = !adds && self.variables.contains_key(name);
        if is_again || self.conditions > 0 || matches!(operator, Some('?' | '!')) {
            self.uncertain.insert(name.to_owned());
        }
        let text = self.variables.entry(name.to_owned()).or_default();
        if !adds {
            text.clear();
        }
        text.push(' ');
        text.push_str(value);
    }

    /// Of several rules of a target, the one with a recipe.
    fn add(&mut self, targets: &str, rule: &Rule) {
        for target in targets.split_whitespace().filter(|target| !target.starts_with('.')) {
            let known = self.by_target.entry(target.to_owned()).or_insert_with(|| rule.clone());
            if known.recipe.is_empty() {
                *known = rule.clone();
            }
        }
    }

    /// The line of a rule whose targets are in a variable, with the variable's text.
    fn expanded(&mut self, line: &str, file: &str, number: usize) -> String {
        let Some((name, rest)) = of_variable(line) else { return line.to_owned() };
        let is_plain = |text: &&String| text.len() <= LONGEST_TARGETS && !text.contains(['$', ':', '=']);
        match self.variables.get(name).filter(|_| !self.uncertain.contains(name)).filter(is_plain) {
            Some(text) => format!("{text}{rest}"),
            None => {
                self.not_read.insert(format!("The rule of $({name}) ({file}:{number}) was not looked at"));
                line.to_owned()
            }
        }
    }

    fn include(&mut self, repository: &Repository, names: &str, depth: usize) -> Result<(), Fault> {
        let names = included::expanded(names, &self.variables, &self.uncertain);
        for name in names.split_whitespace() {
            signals::check()?;
            let is_known = !name.contains(['$', '[', '~', '\\']) && !name.starts_with('/');
            self.patterns += usize::from(name.contains(['*', '?']));
            let path = included::below(&repository.folder, name).filter(|_| is_known && self.patterns <= MOST_PATTERNS);
            let files = match path {
                Some(path) => repository.matching(&path, MOST_FILES)?,
                None => None,
            };
            match files {
                Some(files) => files.iter().try_for_each(|file| self.include_file(repository, file, depth))?,
                None => self.leave_out(name),
            }
        }
        Ok(())
    }

    fn include_file(&mut self, repository: &Repository, name: &str, depth: usize) -> Result<(), Fault> {
        if self.files.contains(name) {
            return Ok(());
        }
        let is_read = depth > 0 && self.files.len() < MOST_FILES;
        let text = if is_read { repository.text(name).ok() } else { None };
        let Some(text) = text else {
            self.leave_out(name);
            return Ok(());
        };
        self.files.insert(name.to_owned());
        self.read(repository, name, &text.unwrap_or_default(), depth - 1)
    }

    fn leave_out(&mut self, name: &str) {
        if self.not_read.len() < MOST_FILES {
            self.not_read.insert(format!("The included file {name} was not looked at"));
        }
    }
}

/// A line without the words before an assignment that say how the variable is kept.
fn without_modifiers(line: &str) -> &str {
    let mut line = line;
    while let Some(rest) = ["override ", "export ", "private "].iter().find_map(|word| line.strip_prefix(word)) {
        line = rest.trim_start();
    }
    line
}

/// The variable whose text is on the lines below this one.
fn defined(line: &str) -> Option<&str> {
    without_modifiers(line).strip_prefix("define ")?.split([' ', ':', '?', '+', '!', '=']).find(|name| !name.is_empty())
}

/// A variable and its text, in a line that gives, adds or removes one.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = without_modifiers(line);
    let (name, value) = match line.strip_prefix("undefine ") {
        Some(name) => (name, ""),
        None => line.split_once('=')?,
    };
    let name = name.trim_end_matches([':', '?', '+', '!']).trim();
    is_name(name).then(|| (name, value.trim()))
}

/// The variable that holds the targets of a rule, and the rest of its line.
fn of_variable(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("$(")?.split_once(')')?;
    let is_rule = rest.trim_start().starts_with(':') && !rest.contains('=');
    (is_rule && is_name(name)).then_some((name, rest))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
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

    fn to_replace(&self, goal: &str, target: &str, name: &PackageName) -> String {
        let Self { file, line, recipe } = self;
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

    #[test]
    fn a_rule_whose_names_are_in_a_variable_is_noticed() {
        for (line, expected) in [
            ("$(NAMES): x", Some(("NAMES", ": x"))),
            ("$(NAMES) :: ; @x", Some(("NAMES", " :: ; @x"))),
            ("$(NAMES): A = b", None),
            ("$(info a: b)", None),
            ("$(DIR)/a: b", None),
            ("$(A) := b", None),
            ("a: $(B)", None),
        ] {
            assert_eq!(of_variable(line), expected, "{line}");
        }
        for (line, expected) in [
            ("A = b c", Some(("A", "b c"))),
            ("A:=b", Some(("A", "b"))),
            ("A += d", Some(("A", "d"))),
            ("A ::= b", Some(("A", "b"))),
            ("A != b", Some(("A", "b"))),
            ("override A = b", Some(("A", "b"))),
            ("override export A := b", Some(("A", "b"))),
            ("undefine A", Some(("A", ""))),
            ("a: B = c", None),
            ("$(A) = b", None),
            ("a: b", None),
            ("export PATH", None),
        ] {
            assert_eq!(assignment(line), expected, "{line}");
        }
        for (line, expected) in [
            ("define A", Some("A")),
            ("define A=", Some("A")),
            ("override define A :=", Some("A")),
            ("defined = x", None),
            ("define ", None),
        ] {
            assert_eq!(defined(line), expected, "{line}");
        }
    }
}
