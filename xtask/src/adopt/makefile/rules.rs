//! The rules of a Makefile and of the files that it includes.

use super::folders::{Folders, takes};
use super::line::{self, Assignment, Line};
use super::reading::{Reading, Recipe};
use super::references::{self, BLANK};
use crate::adopt::included;
use crate::adopt::repository::Repository;
use crate::error::Fault;
use crate::process::signals;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Files that include one another are followed so far.
const DEPTH: usize = 8;
/// At most this many files are read, each once.
const MOST_FILES: usize = 64;
/// At most this many names with `*` or `?` are looked for, each in whole folders.
const MOST_PATTERNS: usize = 64;
/// At most this many lines that are not known are named.
const MOST_LINES: usize = 8;

/// A rule of a Makefile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The same for all targets of the rule.
    pub recipe: Rc<Vec<String>>,
}

/// The rules of a Makefile by their targets, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Rules {
    pub by_target: BTreeMap<String, Rule>,
    /// Variables whose text is plain.
    variables: BTreeMap<String, String>,
    /// Those whose text a condition, the environment, a program or a second assignment decides.
    uncertain: BTreeSet<String>,
    folders: Folders,
    /// The names that people type.
    goals: Vec<String>,
    /// How many conditions are open around the line that is read, those around an `include` of its file among them.
    conditions: usize,
    not_read: BTreeSet<String>,
    /// How many lines are none of the forms that are known.
    unknown: usize,
    files: BTreeSet<String>,
    /// How many names of included files had `*` or `?`.
    patterns: usize,
}

impl Rules {
    /// Those of this file, which is there, for these goals.
    pub fn of_file(repository: &Repository, file: &str, text: &str, goals: &[String]) -> Result<Self, Fault> {
        let files = BTreeSet::from([file.to_owned()]);
        let mut rules = Self { files, goals: goals.to_vec(), ..Self::default() };
        rules.read(repository, file, text, DEPTH)?;
        Ok(rules)
    }

    /// The rule that makes a goal now, with its target: its own one, else that of a pattern.
    pub fn of(&self, goal: &str) -> Option<(&str, &Rule)> {
        let own = self.by_target.get_key_value(goal);
        let is_pattern = |(target, rule): &(&String, &Rule)| takes(target, goal) && !rule.recipe.is_empty();
        let mut patterns = self.by_target.iter().filter(is_pattern);
        own.or_else(|| patterns.next()).map(|(target, rule)| (target.as_str(), rule))
    }

    /// What was not looked at: files and lines.
    pub fn not_read(&self) -> Vec<String> {
        let of_same_name = |what: &String| format!("{what} was not looked at: it may have a rule of the same name");
        let mut not_read: Vec<String> = self.not_read.iter().map(of_same_name).collect();
        match self.unknown.saturating_sub(MOST_LINES) {
            0 => {}
            1 => not_read.push(of_same_name(&"One more line".to_owned())),
            more => {
                not_read.push(format!("{more} more lines were not looked at: they may have rules of the same names"));
            }
        }
        not_read
    }

    fn read(&mut self, repository: &Repository, file: &str, text: &str, depth: usize) -> Result<(), Fault> {
        let mut reading = Reading::of(file, text, depth);
        let around = self.conditions;
        while let Some(logical) = reading.lines.get(reading.at) {
            signals::check()?;
            reading.at += 1;
            let words = line::without_comment(&logical.text);
            if words.is_empty() || (logical.has_tab() && reading.recipe == Recipe::Yes) {
                continue;
            }
            let (number, has_tab, words) = (logical.number, logical.has_tab(), words.to_owned());
            let read = Line::of(&words);
            if has_tab && reading.recipe == Recipe::Perhaps {
                // A command of a recipe, where it is one.
                let may_matter = matches!(read, Line::Define(_) | Line::Include(_));
                if may_matter || !references::is_harmless(&words) {
                    self.leave_out_line(file, number);
                }
                continue;
            }
            self.take(repository, &mut reading, read, (&words, number))?;
            self.conditions = around.saturating_add(reading.conditions());
        }
        self.conditions = around;
        Ok(())
    }

    /// Keeps what a line says.
    fn take(
        &mut self,
        repository: &Repository,
        reading: &mut Reading<'_>,
        read: Line<'_>,
        (words, number): (&str, usize),
    ) -> Result<(), Fault> {
        match read {
            Line::Condition => {
                reading.condition(line::first_word(words).0);
                return Ok(());
            }
            Line::Rule(targets, inline) => {
                self.rule(reading, targets, inline, number);
                reading.recipe = Recipe::Yes;
                return Ok(());
            }
            Line::Directive | Line::OfTarget => {}
            Line::Define(name) => {
                self.uncertain.insert(name.to_owned());
                self.folders.define(name);
                if !reading.skip_definition() {
                    self.leave_out_line(reading.file, number);
                }
            }
            Line::Include(names) => self.include(repository, names, reading.depth)?,
            Line::Assignment(assignment) => {
                self.folders.assign(&assignment);
                self.assign(&assignment);
            }
            Line::Unknown => self.leave_out_line(reading.file, number),
        }
        reading.recipe = Recipe::No;
        Ok(())
    }

    /// Keeps the text that this line gives a variable, and whether something else may decide it.
    fn assign(&mut self, Assignment { name, operator, value }: &Assignment<'_>) {
        let adds = *operator == Some('+');
        let is_again = !adds && self.variables.contains_key(*name);
        if is_again || self.conditions > 0 || matches!(operator, Some('?' | '!')) {
            self.uncertain.insert((*name).to_owned());
        }
        let text = self.variables.entry((*name).to_owned()).or_default();
        if !adds {
            text.clear();
        }
        text.push(' ');
        text.push_str(value);
    }

    /// Keeps a rule under its targets. Of several rules of a target, the one with a recipe.
    fn rule(&mut self, reading: &Reading<'_>, targets: &str, inline: Option<&str>, number: usize) {
        let targets = included::expanded(&references::with_parentheses(targets), &self.variables, &self.uncertain);
        let is_known = |word: &str| line::is_plain_target(word) || self.folders.is_elsewhere(word, &self.goals);
        let (known, unknown): (Vec<&str>, Vec<&str>) = targets.split(BLANK).partition(|word| is_known(word));
        if !unknown.is_empty() {
            self.leave_out_line(reading.file, number);
        }
        let mut recipe: Vec<String> = inline.map(str::to_owned).into_iter().collect();
        recipe.extend(reading.recipe_below());
        let rule = Rule { file: reading.file.to_owned(), line: number, recipe: Rc::new(recipe) };
        for target in known {
            let target = without_dots(target);
            if target.is_empty() || target.starts_with('.') {
                continue;
            }
            let known = self.by_target.entry(target.to_owned()).or_insert_with(|| rule.clone());
            if known.recipe.is_empty() {
                *known = rule.clone();
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
            self.not_read.insert(format!("The included file {name}"));
        }
    }

    fn leave_out_line(&mut self, file: &str, number: usize) {
        self.unknown = self.unknown.saturating_add(1);
        if self.unknown <= MOST_LINES {
            self.not_read.insert(format!("The line {file}:{number}"));
        }
    }
}

/// A target as make knows it.
fn without_dots(target: &str) -> &str {
    let mut target = target;
    while let Some(rest) = target.strip_prefix("./").filter(|rest| !rest.is_empty()) {
        target = rest.trim_start_matches('/');
    }
    target
}
