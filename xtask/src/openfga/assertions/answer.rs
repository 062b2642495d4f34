//! An expected or actual answer, and how two of them differ.

use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// An expected or actual answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Allowed(bool),
    List(BTreeSet<String>),
    /// The server's words in place of an answer: it refuses the question.
    Error(String),
    /// Why there is no answer: it may come another time.
    Unanswered(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed(true) => formatter.write_str("yes"),
            Self::Allowed(false) => formatter.write_str("no"),
            Self::List(names) if names.is_empty() => formatter.write_str("nothing"),
            Self::List(names) => formatter.write_str(&names.iter().cloned().collect::<Vec<_>>().join(", ")),
            Self::Error(message) => write!(formatter, "an error: {message}"),
            Self::Unanswered(why) => write!(formatter, "no answer: {why}"),
        }
    }
}

/// At most this many names of a difference are shown.
const SHOWN: usize = 20;

/// How an answer differs from the expected one, a label and a text for each line. Of two lists only the difference.
pub fn difference(expected: &Answer, actual: &Answer) -> Vec<(&'static str, String)> {
    let (Answer::List(expected), Answer::List(actual)) = (expected, actual) else {
        return vec![("expected", expected.to_string()), ("got", actual.to_string())];
    };
    let sides = [("missing", expected.difference(actual)), ("unexpected", actual.difference(expected))];
    let lines = sides.into_iter().filter_map(|(label, names)| {
        let names: Vec<&str> = names.map(String::as_str).collect();
        let more = names.len().saturating_sub(SHOWN);
        let rest = if more > 0 { format!(", … and {more} more") } else { String::new() };
        (!names.is_empty()).then(|| (label, names[..names.len() - more].join(", ") + &rest))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: impl IntoIterator<Item = usize>) -> Answer {
        Answer::List(names.into_iter().map(|name| format!("doc:{name:03}")).collect())
    }

    #[test]
    fn of_two_lists_only_the_difference_is_reported() {
        assert_eq!(
            difference(&list([1, 2, 3]), &list([2, 3, 4])),
            [("missing", "doc:001".to_owned()), ("unexpected", "doc:004".to_owned())]
        );
        assert_eq!(difference(&list([1]), &list([])), [("missing", "doc:001".to_owned())]);
        let many = difference(&list([]), &list(0..100));
        assert!(many[0].1.ends_with("doc:019, … and 80 more"), "{many:?}");
        assert_eq!(
            difference(&Answer::Allowed(true), &Answer::Error("x".into())),
            [("expected", "yes".to_owned()), ("got", "an error: x".to_owned())]
        );
    }
}
