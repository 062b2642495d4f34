//! A Makefile line by line: what make reads as one line, and which lines belong to a recipe.

use super::line::{self, Line};
use super::references::{self, BLANK};

/// A file that is read, and how far.
#[derive(Debug)]
pub struct Reading<'t> {
    pub file: &'t str,
    pub lines: Vec<Logical<'t>>,
    pub at: usize,
    pub depth: usize,
    /// Whether a line with a tab belongs to a recipe here.
    pub recipe: Recipe,
    /// The same before each condition that is open.
    before: Vec<Recipe>,
}

/// Whether a line with a tab belongs to the recipe of a rule above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    Yes,
    No,
    /// A condition decides it.
    Perhaps,
}

/// Lines that make reads as one.
#[derive(Debug)]
pub struct Logical<'t> {
    /// Of the first one, counted from 1.
    pub number: usize,
    physical: Vec<&'t str>,
    pub text: String,
}

impl Logical<'_> {
    /// As a command of a recipe has one.
    pub fn has_tab(&self) -> bool {
        self.text.starts_with('\t')
    }

    fn first_word(&self) -> &str {
        line::first_word(line::without_comment(&self.text)).0
    }
}

impl<'t> Reading<'t> {
    /// From the beginning of this text.
    pub fn of(file: &'t str, text: &'t str, depth: usize) -> Self {
        Self { file, lines: logical_lines(text), at: 0, depth, recipe: Recipe::No, before: Vec::new() }
    }

    /// How many conditions are open.
    pub fn conditions(&self) -> usize {
        self.before.len()
    }

    /// At a line that begins, turns or ends a condition.
    pub fn condition(&mut self, word: &str) {
        if !matches!(word, "else" | "endif") {
            self.before.push(self.recipe);
            return;
        }
        let before = if word == "endif" { self.before.pop() } else { self.before.last().copied() };
        if before.is_some_and(|before| before != self.recipe) {
            self.recipe = Recipe::Perhaps;
        }
    }

    /// Goes behind the end of the text of a variable. Says whether nothing in it may make a rule.
    pub fn skip_definition(&mut self) -> bool {
        let mut open = 1_usize;
        let mut is_harmless = true;
        while let Some(logical) = self.lines.get(self.at) {
            self.at += 1;
            let word = line::first_word(logical.text.trim_matches(BLANK)).0;
            match word {
                "define" if !logical.has_tab() => open = open.saturating_add(1),
                "endef" if !logical.has_tab() => open = open.saturating_sub(1),
                _ => is_harmless &= references::is_harmless(&logical.text),
            }
            if open == 0 {
                break;
            }
        }
        is_harmless
    }

    /// The recipe of the rule above: empty lines, comments and conditions do not end it.
    pub fn recipe_below(&self) -> Vec<String> {
        let below = self.lines.iter().skip(self.at).take_while(|logical| {
            let word = logical.first_word();
            logical.has_tab() || word.is_empty() || Line::of(word) == Line::Condition
        });
        let lines = below.filter(|logical| logical.has_tab()).flat_map(|logical| &logical.physical);
        lines.map(|line| line.trim().to_owned()).collect()
    }
}

/// The lines of a file, those that end with a backslash joined with the next.
fn logical_lines(text: &str) -> Vec<Logical<'_>> {
    let mut lines = Vec::new();
    let mut physical = text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate();
    while let Some((at, first)) = physical.next() {
        let mut logical = Logical { number: at.saturating_add(1), physical: vec![first], text: first.to_owned() };
        while goes_on(&logical.text)
            && let Some((_, next)) = physical.next()
        {
            logical.text.pop();
            logical.text.push(' ');
            logical.text.push_str(next.trim_start_matches(BLANK));
            logical.physical.push(next);
        }
        lines.push(logical);
    }
    lines
}

/// Whether a line ends with a backslash that has none of its own.
fn goes_on(line: &str) -> bool {
    let backslashes = line.len().saturating_sub(line.trim_end_matches('\\').len());
    !backslashes.is_multiple_of(2)
}
