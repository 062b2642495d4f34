//! One line of a Makefile, as make reads it outside of recipes. What is not one of the forms here is not known.

use super::references::{self, BLANK};

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'l> {
    /// `ifdef` and the like, `else`, `endif`.
    Condition,
    /// Makes no rule and no variable.
    Directive,
    /// The text of this variable is on the lines below.
    Define(&'l str),
    /// Names of files.
    Include(&'l str),
    Assignment(Assignment<'l>),
    /// `target: NAME = value`.
    OfTarget,
    /// The targets, and the recipe that stands on the line.
    Rule(&'l str, Option<&'l str>),
    Unknown,
}

/// A line that gives a variable its text, adds to it, or removes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Assignment<'l> {
    pub name: &'l str,
    /// The letter before `=`.
    pub operator: Option<char>,
    pub value: &'l str,
}

impl<'l> Line<'l> {
    /// Of a line without its comment and the blanks around it.
    pub fn of(line: &'l str) -> Self {
        if let Some(read) = Self::of_variable(line) {
            return if references::is_harmless(line) { read } else { Self::Unknown };
        }
        let (word, rest) = first_word(line);
        match word {
            _ if rest.starts_with(':') => Self::of_rule(line),
            _ if is_condition(word) => Self::known(line, Self::Condition),
            "include" | "-include" | "sinclude" => Self::known(line, Self::Include(rest)),
            "export" | "unexport" | "vpath" => Self::known(line, Self::Directive),
            _ if references::are_messages(line) => Self::known(line, Self::Directive),
            _ => Self::of_rule(line),
        }
    }

    fn known(line: &str, read: Self) -> Self {
        if references::is_harmless(line) { read } else { Self::Unknown }
    }

    /// `define`, `undefine` and assignments.
    fn of_variable(line: &'l str) -> Option<Self> {
        let line = without_modifiers(line);
        if let Some(assignment) = assignment(line) {
            return Some(if is_known(&assignment) { Self::Assignment(assignment) } else { Self::Unknown });
        }
        let (word, rest) = first_word(line);
        let name = rest.split(BLANK).next().unwrap_or_default().trim_end_matches([':', '?', '+', '!', '=']);
        let read = match word {
            "define" => Self::Define(name),
            "undefine" => Self::Assignment(Assignment { name, operator: None, value: "" }),
            _ => return None,
        };
        Some(if is_name(name) { read } else { Self::Unknown })
    }

    fn of_rule(line: &'l str) -> Self {
        let Some(colon) = references::outside(line, &[':']) else { return Self::Unknown };
        let (targets, rest) = line.split_at(colon);
        let rest = rest.trim_start_matches(':');
        let of_target = assignment(without_modifiers(rest.trim_matches(BLANK)));
        let (read, inline) = match references::outside(rest, &[';']).filter(|_| of_target.is_none()) {
            Some(at) => (&rest[..at], Some(rest[at..].trim_start_matches(';').trim())),
            None => (rest, None),
        };
        if !references::is_harmless(targets) || !references::is_harmless(read) {
            Self::Unknown
        } else if of_target.is_some() {
            Self::OfTarget
        } else {
            Self::Rule(targets.trim_end_matches('&'), inline)
        }
    }
}

/// A line without its comment and the blanks around it.
pub fn without_comment(line: &str) -> &str {
    let is_comment = |at: usize| {
        let before = &line[..at];
        before.len().saturating_sub(before.trim_end_matches('\\').len()).is_multiple_of(2)
    };
    let end = line.match_indices('#').map(|(at, _)| at).find(|at| is_comment(*at));
    line[..end.unwrap_or(line.len())].trim_matches(BLANK)
}

/// The first word, and what follows it.
pub fn first_word(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(BLANK).unwrap_or((line, ""));
    (word, rest.trim_matches(BLANK))
}

/// Whether a target is a name that make takes as it is, or a pattern with `%`.
pub fn is_plain_target(word: &str) -> bool {
    word.chars().all(|letter| letter.is_alphanumeric() || "_-./+@,%".contains(letter))
}

fn is_condition(word: &str) -> bool {
    let word = word.split('(').next().unwrap_or_default();
    matches!(word, "ifdef" | "ifndef" | "ifeq" | "ifneq" | "else" | "endif")
}

/// Without the words before an assignment that say how the variable is kept.
fn without_modifiers(line: &str) -> &str {
    let mut line = line;
    loop {
        let (word, rest) = first_word(line);
        let is_name = rest.trim_start_matches([':', '?', '+', '!']).starts_with('=');
        if !matches!(word, "override" | "export" | "private") || is_name || rest.is_empty() {
            return line;
        }
        // `export A` gives no variable a text.
        if word == "export" && assignment(rest).is_none() && !["define", "override"].contains(&first_word(rest).0) {
            return line;
        }
        line = rest;
    }
}

fn assignment(line: &str) -> Option<Assignment<'_>> {
    let at = references::outside(line, &['='])?;
    let (before, value) = line.split_at(at);
    let name = before.trim_end_matches([':', '?', '+', '!']).trim_end_matches(BLANK);
    let is_one_word = !name.is_empty() && references::outside(name, &[' ', '\t', ':', ';']).is_none();
    let value = value.trim_start_matches('=').trim_matches(BLANK);
    is_one_word.then(|| Assignment { name, operator: before.chars().next_back(), value })
}

/// Whether it changes one variable that is known, and not how the lines below it are read.
fn is_known(assignment: &Assignment<'_>) -> bool {
    let is_flag = |word: &str| {
        let short =
            word.strip_prefix('-').is_some_and(|flags| flags.chars().all(|flag| "rRskj0123456789".contains(flag)));
        short
            || ["--no-", "--warn-undefined", "--silent", "--quiet", "--jobs", "--output-sync", "-O"]
                .iter()
                .any(|flag| word.starts_with(flag))
    };
    match assignment.name {
        ".RECIPEPREFIX" => false,
        "MAKEFLAGS" | "GNUMAKEFLAGS" => assignment.value.split(BLANK).all(|word| word.is_empty() || is_flag(word)),
        name => is_name(name),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['$', ':', '#', '=', ';', '(', ')', '{', '}', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given<'l>(name: &'l str, operator: Option<char>, value: &'l str) -> Line<'l> {
        Line::Assignment(Assignment { name, operator, value })
    }

    #[test]
    fn rules_are_distinguished_from_assignments() {
        for (line, expected) in [
            ("a b: c", Line::Rule("a b", None)),
            ("a:: ; @x = 1", Line::Rule("a", Some("@x = 1"))),
            ("a &: b", Line::Rule("a ", None)),
            ("a: $(B:.c=.o)", Line::Rule("a", None)),
            ("a: ; $(eval B = c)", Line::Rule("a", Some("$(eval B = c)"))),
            ("$(A:.c=.o): x", Line::Rule("$(A:.c=.o)", None)),
            ("include: x", Line::Rule("include", None)),
            ("export : x", Line::Rule("export ", None)),
            ("A := b:c", given("A", Some(':'), "b:c")),
            ("A = b:c", given("A", Some(' '), "b:c")),
            ("A ::= b", given("A", Some(':'), "b")),
            ("A+=d", given("A", Some('+'), "d")),
            ("A != b", given("A", Some('!'), "b")),
            ("override\texport A := b", given("A", Some(':'), "b")),
            ("export = b", given("export", Some(' '), "b")),
            ("undefine A", given("A", None, "")),
            ("MAKEFLAGS += -rR --no-print-directory", given("MAKEFLAGS", Some('+'), "-rR --no-print-directory")),
            ("define\tA", Line::Define("A")),
            ("define A=", Line::Define("A")),
            ("override define A :=", Line::Define("A")),
            ("defined = x", given("defined", Some(' '), "x")),
            ("a: B = c", Line::OfTarget),
            ("$(A): export B ?= c", Line::OfTarget),
        ] {
            assert_eq!(Line::of(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_known_form_is_unknown() {
        for line in ["include\ta.mk", "-include  a.mk", "sinclude a.mk"] {
            assert_eq!(Line::of(line), Line::Include("a.mk"), "{line}");
        }
        for line in ["ifdef A", "ifeq ($(A),b: c)", "else ifdef B", "endif"] {
            assert_eq!(Line::of(line), Line::Condition, "{line}");
        }
        for line in ["export", "export PATH", "export A B", "vpath %.c src", "$(info a: b)", "$(error $(A))"] {
            assert_eq!(Line::of(line), Line::Directive, "{line}");
        }
        for line in [
            "$(RULES)",
            "$(foreach t,a b,$(eval $(call RULE,$(t))))",
            "A := $(eval b: ; c)",
            "ifeq ($(eval b: ; c),)",
            "$(info a) b: c; $(eval d:)",
            "a: $(eval b: ; c)",
            "load a.so",
            "$(A) = b",
            ".RECIPEPREFIX = >",
            "MAKEFLAGS += --eval=a:",
            "define ",
            "$(info a",
        ] {
            let read = Line::of(line);
            let is_rule_of_unknown = matches!(read, Line::Rule(targets, _) if targets.contains('$'));
            assert!(read == Line::Unknown || is_rule_of_unknown, "{line}: {read:?}");
        }
        for (line, expected) in
            [(" a # b", "a"), ("# a", ""), ("a \\# b", "a \\# b"), ("a \\\\# b", "a \\\\"), ("a", "a")]
        {
            assert_eq!(without_comment(line), expected, "{line}");
        }
    }
}
