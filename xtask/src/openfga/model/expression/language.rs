//! What OpenFGA's own parser refuses in the body of a condition: it reads the body with a lexer that knows less than CEL,
//! after it has cut comments off without regard for quotes.

use super::stretch::{Stretch, is_raw, stretch};

/// What is wrong with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    /// No CEL can have it, so no server takes it: why.
    NoCel(&'static str),
    /// OpenFGA's own tools refuse it, or read it otherwise: what they want.
    Unread(&'static str),
}

/// Places between `start` and `end` that are wrong, the first of each kind.
pub fn odd(text: &str, start: usize, end: usize) -> Vec<(usize, Odd)> {
    let mut found: Vec<(usize, Odd)> = Vec::new();
    let mut note = |offset: usize, odd: Odd| {
        if found.iter().all(|(_, known)| *known != odd) {
            found.push((offset, odd));
        }
    };
    let mut at = start;
    while at < end {
        let (kind, stretch_end) = stretch(text, at);
        let part = &text[at..stretch_end];
        let mut next = stretch_end;
        match kind {
            Stretch::Comment => {
                if let Some(wanted) = comment(&text[..at], part, &text[stretch_end..]) {
                    note(at, wanted);
                }
            }
            Stretch::OpenText => {}
            Stretch::Text => {
                if let Some((offset, wanted)) = quoted(&text[..at], part) {
                    note(at + offset, wanted);
                }
            }
            Stretch::Code => match code(&text[at..end]) {
                (length, None) => next = at + length,
                (length, Some(wanted)) => {
                    note(at, wanted);
                    next = at + length;
                }
            },
        }
        at = next;
    }
    found
}

/// The token at the start of a text that is no comment and no string: its length, and what is wrong with it.
fn code(text: &str) -> (usize, Option<Odd>) {
    const PAIRS: [&str; 6] = ["==", "!=", "<=", ">=", "&&", "||"];
    if PAIRS.iter().any(|pair| text.starts_with(pair)) {
        return (2, None);
    }
    let Some(letter) = text.chars().next() else { return (1, None) };
    if letter.is_ascii_alphabetic() || letter == '_' {
        let length = word(text);
        let wanted = (&text[..length] == "condition").then_some(Odd::Unread("no word `condition` in an expression"));
        return (length, wanted);
    }
    let read = letter.is_ascii_digit() || " \t\n\r\u{c}[]().-!?+*/%:,<>#".contains(letter);
    let wanted = match letter {
        '{' | '}' => Some(Odd::Unread("no braces inside an expression: it ends at the first `}`")),
        // Newer CEL has names in backticks.
        '`' => Some(Odd::Unread("no backtick in an expression")),
        _ if !read => Some(Odd::NoCel("no expression has this letter or sign outside of quotes")),
        _ => None,
    };
    (letter.len_utf8(), wanted)
}

/// How long the name at the start of a text is.
fn word(text: &str) -> usize {
    let part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let plain = text.find(|letter| !part(letter) && letter != '-').unwrap_or(text.len());
    let mut length = text.find(|letter| !part(letter)).unwrap_or(text.len());
    loop {
        let rest = &text[length..];
        let Some(behind) = rest.strip_prefix(['/', '.', '-']) else { break };
        let more = behind.find(|letter| !part(letter)).unwrap_or(behind.len());
        if more == 0 {
            break;
        }
        length += 1 + more;
    }
    plain.max(length)
}

/// What is wrong with a comment between these texts.
fn comment(before: &str, comment: &str, after: &str) -> Option<Odd> {
    if after.starts_with('\r') && !after.starts_with("\r\n") {
        return Some(Odd::Unread("a line feed at the end of a comment: they take all up to the next for its text"));
    }
    let cut_off = before.is_empty() || before.ends_with([' ', '\n']);
    (comment.starts_with('#') && !cut_off).then_some(Odd::Unread("a space before a comment"))
}

/// The first thing that is wrong with a string behind this text: where in it, and what.
fn quoted(before: &str, string: &str) -> Option<(usize, Odd)> {
    let mut line = 0;
    for part in string.split_inclusive('\n') {
        // A string that starts behind blanks does not make a line of its own; what follows inside it may.
        let hash = part.find(" #").map(|at| at + 1);
        let own =
            if line > 0 { part.find('#').filter(|at| part[..*at].trim_start_matches(' ').is_empty()) } else { None };
        if let Some(at) = own.or(hash) {
            return Some((line + at, Odd::Unread("no ` #` in a text: they cut the line off there")));
        }
        line += part.len();
    }
    if is_raw(before) {
        None
    } else {
        escape(string).map(|at| (at, Odd::NoCel("no text has this escape; a backslash itself is `\\\\`")))
    }
}

/// Where a string has a backslash that the language does not read.
fn escape(string: &str) -> Option<usize> {
    let mut rest = string;
    while let Some(at) = rest.find('\\') {
        let behind = &rest[at + 1..];
        let digits = |from: usize, count: usize, radix: u32| {
            behind.get(from..from + count).is_some_and(|digits| digits.chars().all(|digit| digit.is_digit(radix)))
        };
        let known = match behind.chars().next() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '"' | '\'' | '\\' | '?' | '`') => true,
            Some('0'..='3') => digits(0, 3, 8),
            Some('x' | 'X') => digits(1, 2, 16),
            Some('u') => digits(1, 4, 16),
            Some('U') => digits(1, 8, 16),
            _ => false,
        };
        if !known {
            return Some(string.len() - rest.len() + at);
        }
        rest = &behind[1..];
    }
    None
}
