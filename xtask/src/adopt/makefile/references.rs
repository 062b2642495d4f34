//! References in a line of a Makefile, `$(NAME)` and `$(function …)`.

use std::ops::Range;

/// Functions that make no rule by themselves. `eval`, `guile` and those of loaded objects may.
const HARMLESS: [&str; 36] = [
    "abspath",
    "addprefix",
    "addsuffix",
    "and",
    "basename",
    "dir",
    "error",
    "filter",
    "filter-out",
    "findstring",
    "firstword",
    "flavor",
    "foreach",
    "if",
    "info",
    "intcmp",
    "join",
    "lastword",
    "let",
    "notdir",
    "or",
    "origin",
    "patsubst",
    "realpath",
    "shell",
    "sort",
    "strip",
    "subst",
    "suffix",
    "value",
    "warning",
    "wildcard",
    "word",
    "wordlist",
    "words",
    "file",
];
/// What make calls blank.
pub const BLANK: [char; 2] = [' ', '\t'];

/// Where the references of a line are, those inside of others left out. `None` where one does not end.
pub fn ranges(text: &str) -> Option<Vec<Range<usize>>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let end = match (byte, bytes.get(at.saturating_add(1))) {
            (b'$', Some(b'(')) => closed(bytes, at, b'(', b')')?,
            (b'$', Some(b'{')) => closed(bytes, at, b'{', b'}')?,
            (b'$', Some(next)) if next.is_ascii() => at.saturating_add(2),
            _ => {
                at = at.saturating_add(1);
                continue;
            }
        };
        found.push(at..end);
        at = end;
    }
    Some(found)
}

/// The end of the reference that begins at this `$`.
fn closed(bytes: &[u8], from: usize, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        if *byte == open {
            depth = depth.saturating_add(1);
        } else if *byte == close {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at.saturating_add(1));
            }
        }
    }
    None
}

/// Where one of these letters stands first outside of all references. `None` where there is none, or a reference does not
/// end.
pub fn outside(text: &str, letters: &[char]) -> Option<usize> {
    let mut from = 0;
    for range in ranges(text)? {
        if let Some(at) = text[from..range.start].find(letters) {
            return Some(from.saturating_add(at));
        }
        from = range.end;
    }
    text[from..].find(letters).map(|at| from.saturating_add(at))
}

/// Whether nothing in this text runs a function that may make a rule. What a variable holds is looked at where it is given.
pub fn is_harmless(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let inner = &rest[at.saturating_add(1)..];
        if let Some(inner) = inner.strip_prefix(['(', '{'])
            && !is_harmless_call(inner)
        {
            return false;
        }
        rest = inner.strip_prefix('$').unwrap_or(inner);
    }
    true
}

/// Behind the `(`: a variable, or a function of the list.
fn is_harmless_call(inner: &str) -> bool {
    let inner = inner.trim_start_matches(BLANK);
    let end = inner.find(|letter: char| !letter.is_ascii_alphanumeric() && !"_-.".contains(letter));
    let (word, rest) = inner.split_at(end.unwrap_or(inner.len()));
    if !rest.starts_with(BLANK) {
        return true;
    }
    if word != "call" {
        return HARMLESS.contains(&word);
    }
    // `call` runs a variable, or a function of that name.
    let called = rest.trim_start_matches(BLANK).split([',', ')', '}']).next().unwrap_or_default().trim_end();
    let is_plain = called.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter));
    is_plain && !called.is_empty() && !["eval", "guile", "call"].contains(&called)
}

/// Whether a line has messages alone: `$(info …)` and the like become nothing.
pub fn are_messages(text: &str) -> bool {
    let Some(ranges) = ranges(text) else { return false };
    let is_message = |range: &Range<usize>| {
        let inner = text[range.clone()].trim_start_matches(['$', '(', '{']);
        ["info", "warning", "error"]
            .iter()
            .any(|name| inner.strip_prefix(name).is_some_and(|rest| rest.starts_with(BLANK)))
    };
    let mut end = 0;
    for range in &ranges {
        if !is_message(range) || !text[end..range.start].trim_matches(BLANK).is_empty() {
            return false;
        }
        end = range.end;
    }
    !ranges.is_empty() && text[end..].trim_matches(BLANK).is_empty()
}

/// The same text with parentheses around the names of one letter, `$(X)` for `$X`.
pub fn with_parentheses(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        out.push(letter);
        if letter != '$' {
            continue;
        }
        match letters.next() {
            Some(name) if name.is_ascii_alphanumeric() || name == '_' => {
                out.push('(');
                out.push(name);
                out.push(')');
            }
            next => out.extend(next),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_may_make_rules_are_distinguished_from_others() {
        for (text, expected) in [
            ("$(A) $B ${C:.c=.o} $(A-b.c)", true),
            ("$(shell ls) $(patsubst %.c,%.o,$(wildcard *.c))", true),
            ("$$(eval x)", true),
            ("$(evaluated)", true),
            ("$(call rwildcard,a,*.c)", true),
            ("$(eval x)", false),
            ("${eval\tx}", false),
            ("$(foreach t,a b,$(eval $(call RULE,$(t))))", false),
            ("$(if x,$$,$(eval y))", false),
            ("$(call eval,x)", false),
            ("$(call $(E),x)", false),
            ("$(guile (gmk-eval \"a:\"))", false),
            ("$(theirs x)", false),
        ] {
            assert_eq!(is_harmless(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_of_messages_have_nothing_else() {
        for (text, expected) in [
            ("$(info a: b) ${warning c}", true),
            ("$(error $(A) is missing)", true),
            ("$(info a) b: c", false),
            ("$(information)", false),
            ("$(RULES)", false),
            ("$(info a", false),
            ("", false),
        ] {
            assert_eq!(are_messages(text), expected, "{text}");
        }
    }

    #[test]
    fn letters_are_found_outside_of_references() {
        assert_eq!(outside("$(A:.c=.o): b", &[':']), Some(10));
        assert_eq!(outside("$(A:.c=.o) b", &[':']), None);
        assert_eq!(outside("$(A(:)) $: b:", &[':']), Some(12));
        assert_eq!(outside("$(A: b", &[':']), None);
        assert_eq!(with_parentheses("$N-x $$N $(N) $"), "$(N)-x $$N $(N) $");
    }
}
