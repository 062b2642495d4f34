//! A statement that begins or ends a transaction.

use crate::migration::reader::Lexeme;

/// A statement that begins or ends a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// With the modes that it names, as words: `isolation level serializable`.
    Begin(String),
    Commit,
    /// COMMIT AND CHAIN: the next transaction begins at once, with the same modes.
    Chain,
    /// ROLLBACK, PREPARE TRANSACTION and their like, by their first word.
    Other(String),
}

/// Modes that `SET TRANSACTION` takes, too.
const MODES: &[&str] = &[
    "isolation level serializable",
    "isolation level repeatable read",
    "isolation level read committed",
    "isolation level read uncommitted",
    "read write",
    "read only",
    "not deferrable",
    "deferrable",
];

impl Control {
    /// What the tokens of a statement are, if it is one of these.
    pub fn of(statement: &[Lexeme]) -> Option<Self> {
        let words: Option<Vec<&str>> =
            statement.iter().filter(|token| **token != Lexeme::Symbol(b',')).map(Lexeme::word).collect();
        let first = statement.first()?.word()?;
        let second = statement.get(1).and_then(Lexeme::word);
        let other = || Some(Self::Other(first.to_owned()));
        let Some(words) = words else {
            // `PREPARE TRANSACTION 'x'`, or something else with a name in it.
            let controls =
                matches!((first, second), ("prepare", Some("transaction")) | ("begin" | "commit" | "end" | "abort", _))
                    || matches!(first, "rollback") && !statement.iter().any(|token| token.word() == Some("to"));
            return if controls { other() } else { None };
        };
        let rest = |skipped: usize| {
            let rest = &words[skipped..];
            if matches!(rest.first(), Some(&("work" | "transaction"))) { rest[1..].join(" ") } else { rest.join(" ") }
        };
        match (first, second) {
            ("begin", _) => modes(&rest(1)).map(Self::Begin).or_else(other),
            ("start", Some("transaction")) => modes(&words[2..].join(" ")).map(Self::Begin).or_else(other),
            ("commit" | "end", _) if matches!(rest(1).as_str(), "" | "and no chain") => Some(Self::Commit),
            ("commit" | "end", _) if rest(1) == "and chain" => Some(Self::Chain),
            ("commit" | "end" | "abort", _) | ("prepare", Some("transaction")) => other(),
            ("rollback", _) if !words.contains(&"to") => other(),
            _ => None,
        }
    }
}

/// The words, if they are modes and nothing else.
fn modes(words: &str) -> Option<String> {
    let mut rest = words;
    while !rest.is_empty() {
        let mode = MODES
            .iter()
            .find(|mode| rest.strip_prefix(**mode).is_some_and(|after| after.is_empty() || after.starts_with(' ')))?;
        rest = rest[mode.len()..].trim_start();
    }
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(text: &str) -> Option<Control> {
        let word = |word: &str| match word {
            "," => Lexeme::Symbol(b','),
            word if word.starts_with('\'') => Lexeme::Text(word.to_owned()),
            word => Lexeme::Word(word.to_owned()),
        };
        Control::of(&text.split(' ').map(word).collect::<Vec<_>>())
    }

    #[test]
    fn only_plain_words_are_a_pair() {
        let begin = |modes: &str| Some(Control::Begin(modes.to_owned()));
        let other = |word: &str| Some(Control::Other(word.to_owned()));
        for (text, expected) in [
            ("begin", begin("")),
            ("begin work", begin("")),
            (
                "begin transaction isolation level repeatable read , read write",
                begin("isolation level repeatable read read write"),
            ),
            ("start transaction read only", begin("read only")),
            ("begin immediate", other("begin")),
            ("commit", Some(Control::Commit)),
            ("end transaction", Some(Control::Commit)),
            ("commit and no chain", Some(Control::Commit)),
            ("commit and chain", Some(Control::Chain)),
            ("end work and chain", Some(Control::Chain)),
            ("commit prepared 'x'", other("commit")),
            ("prepare transaction 'x'", other("prepare")),
            ("prepare p as select 1", None),
            ("rollback", other("rollback")),
            ("rollback work to a", None),
            ("rollback prepared 'x'", other("rollback")),
            ("abort", other("abort")),
            ("savepoint a", None),
            ("start x", None),
        ] {
            assert_eq!(control(text), expected, "{text}");
        }
    }
}
