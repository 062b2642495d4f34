//! The server's error, told by the file's own line and statement.

use crate::postgres::session as postgres;
use crate::process::Captured;
use crate::target::Target;

/// How much of a statement a person is shown.
const SHOWN: usize = 200;

/// What a psql under `\restrict` says of any meta-command.
const RESTRICTED: &str = "error: backslash commands are restricted";

/// Why a file did not come to its end.
#[derive(Debug)]
pub struct Failure {
    /// The line of the file that psql had read to, and the line within the statement if the server named one.
    pub at: Option<(u64, Option<u64>)>,
    /// How the statement begins.
    pub statement: Option<String>,
    /// The server's message.
    pub error: anyhow::Error,
    pub lock_timeout: bool,
    /// The server itself said no: psql has ended, and nothing of its transaction is left.
    pub refused: bool,
    /// The file had come to its end; its row and COMMIT were sent.
    pub committing: bool,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { at: None, statement: None, error, lock_timeout: false, refused: false, committing: false }
    }
}

impl Failure {
    /// Reads psql's last words; `begun` lines had been sent before the file's first.
    pub fn of(said: &Captured, begun: u64, target: &Target) -> Self {
        let Some(message) = Message::find(&said.stderr) else {
            return error(said, target).into();
        };
        let line = message.line.checked_sub(begun).filter(|line| *line > 0);
        Self { at: line.map(|line| (line, message.inner)), ..Self::told(message) }
    }

    /// The same, of what was sent after the file's end; the statement is named unless it is the COMMIT itself.
    pub fn of_commit(said: &Captured, target: &Target) -> Self {
        let Some(message) = Message::find(&said.stderr) else {
            return Self { committing: true, ..error(said, target).into() };
        };
        let mut failure = Self { committing: true, ..Self::told(message) };
        failure.statement = failure.statement.filter(|statement| !statement.starts_with("COMMIT"));
        failure
    }

    fn told(message: Message) -> Self {
        Self {
            at: None,
            statement: message.statement,
            lock_timeout: message.text.contains("lock timeout"),
            error: anyhow::Error::msg(message.text),
            refused: true,
            committing: false,
        }
    }
}

/// Why SQL of our own failed: the server's message, without psql's places in what it was sent.
pub fn error(said: &Captured, target: &Target) -> anyhow::Error {
    let words = Message::find(&said.stderr).map_or_else(|| said.stderr.clone(), |message| message.text);
    postgres::failure(target, "psql", &words, said.ending)
}

#[derive(Debug, PartialEq, Eq)]
struct Message {
    line: u64,
    inner: Option<u64>,
    text: String,
    statement: Option<String>,
}

impl Message {
    /// The first error among the words of psql: `psql:<stdin>:LINE: ERROR:  …` and what belongs to it. Its own refusal
    /// of a meta-command counts as one.
    fn find(stderr: &str) -> Option<Self> {
        let lines: Vec<&str> = stderr.lines().collect();
        let place = |line: &str| -> Option<(u64, usize)> {
            let rest = line.strip_prefix("psql:<stdin>:")?;
            let (number, _) = rest.split_once(':')?;
            Some((number.parse().ok()?, line.len() - rest.len() + number.len() + 2))
        };
        let is_error = |line: &&str| {
            place(line).is_some_and(|(_, at)| line[at..].starts_with("ERROR:") || line[at..].starts_with(RESTRICTED))
        };
        let first = lines.iter().position(is_error)?;
        let (line, at) = place(lines[first])?;
        let mut text = vec![lines[first][at..].to_owned()];
        let mut inner = None;
        let mut statement: Option<String> = None;
        for following in &lines[first + 1..] {
            if let Some((_, at)) = place(following) {
                let Some(begun) = following[at..].strip_prefix("STATEMENT:") else { break };
                statement = Some(begun.trim_start().to_owned());
            } else if let Some(statement) = &mut statement {
                statement.push('\n');
                statement.push_str(following);
            } else {
                let number = following.strip_prefix("LINE ").and_then(|rest| rest.split_once(':'));
                inner = inner.or(number.and_then(|(number, _)| number.parse().ok()));
                text.push((*following).to_owned());
            }
        }
        let statement = statement.map(|statement| shortened(&statement));
        Some(Self { line, inner, text: text.join("\n"), statement })
    }
}

fn shortened(statement: &str) -> String {
    let words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= SHOWN {
        return words;
    }
    words.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psql_words_are_read() {
        let said = "psql:<stdin>:3: WARNING:  nothing\npsql:<stdin>:12: ERROR:  relation \"x\" does not exist\n\
                    LINE 2: SELECT * FROM x;\n                      ^\nHINT:  none\n\
                    psql:<stdin>:12: STATEMENT:  SELECT 1,\n  2 FROM x;\n";
        let message = Message::find(said).unwrap();
        assert_eq!((message.line, message.inner), (12, Some(2)));
        assert!(message.text.starts_with("ERROR:  relation \"x\"") && message.text.ends_with("HINT:  none"));
        assert_eq!(message.statement.as_deref(), Some("SELECT 1, 2 FROM x;"));
        assert_eq!(Message::find("psql: error: connection refused\n"), None);
    }
}
