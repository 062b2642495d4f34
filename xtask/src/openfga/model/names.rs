//! Names: which a server takes, which the reference grammar reads, and which one a misspelt one may have meant.

use super::types;

/// The most characters of a type's name.
pub const LONGEST_TYPE: usize = 254;
/// The most characters of the name of a relation, condition, parameter or module.
pub const LONGEST_NAME: usize = 50;

/// How many characters a condition's name has in a tuple. In a model one is enough.
pub const OF_TUPLE_CONDITION: std::ops::RangeInclusive<usize> = 2..=256;

/// The reference grammar's keywords that it never reads as names.
const KEYWORDS: [&str; 11] =
    ["and", "or", "from", "with", "relations", "define", "condition", "in", "true", "false", "null"];
/// Those that it reads as the name of a type or relation only.
const SOFT_KEYWORDS: [&str; 6] = ["module", "model", "schema", "extend", "type", "relation"];

/// The condition that no model defines: each tuple brings its own expression. Only newer servers know it.
pub const EXPRESSION: &str = "$expression";

/// Whether a server takes the name: `^[^:#@\s]{1,longest}$`.
pub fn is_accepted(name: &str, longest: usize) -> bool {
    let refused = |letter: char| matches!(letter, ':' | '#' | '@' | ' ' | '\t' | '\n' | '\r' | '\u{c}');
    !name.contains(refused) && (1..=longest).contains(&name.chars().count())
}

/// Whether the reference grammar reads it as the name of a type or relation: letters, digits, `_`, `-`, with `/` and
/// `.` between them, starting with a letter or `_`.
pub fn is_plain(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let parted = starts_plainly(name) && name.split(['/', '.', '-']).all(part);
    (parted || is_identifier(name)) && !KEYWORDS.contains(&name)
}

/// Whether the reference grammar reads it as the name of a module: no `/` and no `.`.
pub fn is_plain_module(name: &str) -> bool {
    is_identifier(name) && !KEYWORDS.contains(&name)
}

/// Whether the reference grammar reads it as the name of a condition: no `/` and no `.`.
pub fn is_plain_condition(name: &str) -> bool {
    is_plain_parameter(name) && !KEYWORDS.contains(&name) && !SOFT_KEYWORDS.contains(&name)
}

/// Whether the reference grammar reads it behind `with`.
pub fn is_plain_use(name: &str) -> bool {
    name == EXPRESSION || is_plain_condition(name)
}

/// Whether the reference grammar reads it as a parameter's name.
pub fn is_plain_parameter(name: &str) -> bool {
    is_identifier(name) && (name == "any" || !types::NAMES.contains(&name))
}

fn is_identifier(name: &str) -> bool {
    starts_plainly(name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn starts_plainly(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
}

/// The name that is at most two letters away, if there is one.
pub fn nearest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let near = candidates.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (near.0 <= 2 && near.0 * 2 < name.chars().count()).then_some(near.1)
}

/// `; did you mean …?`, or nothing.
pub fn did_you_mean<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> String {
    nearest(name, candidates).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// ` (did you mean …?)`, or nothing.
pub fn did_you_mean_in_parentheses<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> String {
    nearest(name, candidates).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default()
}

/// How many letters have to be put in, taken out or changed to make one name of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    if one.len().abs_diff(other.len()) > 8 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.chars().enumerate() {
            let changed = diagonal + usize::from(letter != candidate);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
