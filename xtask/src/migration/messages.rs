//! What psql writes to stderr while it reads a file: the server's messages, each with the line that psql had read to.
//!
//! psql runs with `VERBOSITY=verbose`, so that every message carries its SQLSTATE: the server's own words may be in any
//! language.

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// NOTICE, INFO and everything below.
    Notice,
    Warning,
    Error,
    /// The session ends with it.
    Fatal,
}

/// One message, without what only a developer of PostgreSQL wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The line of its stdin that psql had read to.
    pub line: u64,
    /// The line within the statement, where the server names one.
    pub inner: Option<u64>,
    pub severity: Severity,
    /// SQLSTATE; empty for psql's own words.
    pub code: String,
    /// `ERROR:  …` with its DETAIL, HINT and CONTEXT.
    pub text: String,
    /// The statement that failed.
    pub statement: Option<String>,
}

/// What a psql under `\restrict` says of any command to itself.
const RESTRICTED: &str = "error: backslash commands are restricted";
/// Lines of a verbose message that are left out.
const LEFT_OUT: [&str; 6] =
    ["LOCATION:  ", "SCHEMA NAME:  ", "TABLE NAME:  ", "COLUMN NAME:  ", "DATATYPE NAME:  ", "CONSTRAINT NAME:  "];

/// Every message among these words, in order.
pub fn read(stderr: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut in_statement = false;
    for line in stderr.lines() {
        let placed = place(line);
        let last = messages.last_mut();
        match (placed, last) {
            (Some((_, rest)), Some(last)) if rest.starts_with("STATEMENT:") => {
                in_statement = true;
                last.statement = Some(rest.trim_start_matches("STATEMENT:").trim_start().to_owned());
            }
            (Some((number, rest)), _) => {
                in_statement = false;
                messages.extend(Message::begun(number, rest));
            }
            (None, Some(last)) if in_statement => {
                last.statement.iter_mut().for_each(|statement| statement.extend(["\n", line]));
            }
            (None, Some(last)) => last.more(line),
            (None, None) => {}
        }
    }
    messages
}

/// `psql:<stdin>:LINE: ` and what follows it.
fn place(line: &str) -> Option<(u64, &str)> {
    let (number, rest) = line.strip_prefix("psql:<stdin>:")?.split_once(": ")?;
    Some((number.parse().ok()?, rest))
}

impl Message {
    /// Its first line: `ERROR:  42P01: relation "x" does not exist`, or psql's own refusal.
    fn begun(line: u64, rest: &str) -> Option<Self> {
        let message = |severity, code: &str, text: String| {
            let (code, inner, statement) = (code.to_owned(), None, None);
            Some(Self { line, inner, severity, code, text, statement })
        };
        if rest.starts_with(RESTRICTED) {
            return message(Severity::Error, "", rest.to_owned());
        }
        let (word, told) = rest.split_once(":  ")?;
        let (code, words) = match told.split_at_checked(5) {
            Some((code, words)) if is_code(code) && words.starts_with(": ") => (code, &words[2..]),
            _ => ("", told),
        };
        message(severity(word, code)?, code, format!("{word}:  {words}"))
    }

    fn more(&mut self, line: &str) {
        if LEFT_OUT.iter().any(|lead| line.starts_with(lead)) {
            return;
        }
        let number = line.strip_prefix("LINE ").and_then(|rest| rest.split_once(':'));
        self.inner = self.inner.or(number.and_then(|(number, _)| number.parse().ok()));
        self.text.extend(["\n", line]);
    }
}

fn is_code(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// By its word, in a server's language that is not English by its SQLSTATE.
fn severity(word: &str, code: &str) -> Option<Severity> {
    Some(match word {
        "ERROR" => Severity::Error,
        "FATAL" | "PANIC" => Severity::Fatal,
        "WARNING" => Severity::Warning,
        "NOTICE" | "INFO" | "LOG" | "DEBUG" => Severity::Notice,
        _ if code.is_empty() => return None,
        _ if code.starts_with("00") => Severity::Notice,
        _ if code.starts_with("01") => Severity::Warning,
        _ if code.starts_with("57P") => Severity::Fatal,
        _ => Severity::Error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_distinguished_with_their_place_and_code() {
        let said = "psql:<stdin>:3: WARNING:  01000: nothing\nDETAIL:  more\nLOCATION:  f, g.c:1\n\
                    psql:<stdin>:12: ERROR:  42P01: relation \"x\" does not exist\n\
                    LINE 2: SELECT * FROM x;\n                      ^\nHINT:  none\nLOCATION:  p, q.c:7\n\
                    psql:<stdin>:12: STATEMENT:  SELECT 1,\n  2 FROM x;\n";
        let messages = read(said);
        assert_eq!(messages.len(), 2);
        let (first, second) = (&messages[0], &messages[1]);
        assert_eq!(
            (first.line, first.severity, &*first.text),
            (3, Severity::Warning, "WARNING:  nothing\nDETAIL:  more")
        );
        assert_eq!(
            (second.line, second.inner, second.severity, &*second.code),
            (12, Some(2), Severity::Error, "42P01")
        );
        assert!(second.text.starts_with("ERROR:  relation \"x\"") && second.text.ends_with("HINT:  none"));
        assert_eq!(second.statement.as_deref(), Some("SELECT 1,\n  2 FROM x;"));
        assert_eq!(read("psql: error: connection refused\n"), []);
    }

    #[test]
    fn other_languages_and_psqls_own_words_are_read() {
        let of = |text: &str| read(text).first().map(|message| (message.severity, message.code.clone()));
        assert_eq!(of("psql:<stdin>:1: FEHLER:  22P02: ungültig"), Some((Severity::Error, "22P02".to_owned())));
        assert_eq!(of("psql:<stdin>:1: HINWEIS:  00000: so"), Some((Severity::Notice, "00000".to_owned())));
        assert_eq!(of("psql:<stdin>:1: WARNING:  P0001: é"), Some((Severity::Warning, "P0001".to_owned())));
        assert_eq!(of("psql:<stdin>:1: FATAL:  57P01: ended"), Some((Severity::Fatal, "57P01".to_owned())));
        assert_eq!(of("psql:<stdin>:1: ERROR:  short"), Some((Severity::Error, String::new())));
        let restricted = "psql:<stdin>:4: error: backslash commands are restricted; only \\unrestrict is allowed";
        assert_eq!(of(restricted), Some((Severity::Error, String::new())));
        assert_eq!(of("psql:<stdin>:x: ERROR:  12345: no line"), None);
        assert_eq!(of("psql:<stdin>:4: something: else"), None);
    }
}
