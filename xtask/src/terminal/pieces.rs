//! The pieces of a line that stay whole where it is folded: words, and commands that are to be typed.

use super::typed::quotes;
use std::ops::Range;

/// Programs that our hints name behind a colon, and what a statement begins with.
const PROGRAMS: &[&str] = &[
    "cargo",
    "cd",
    "chmod",
    "chown",
    "crontab",
    "curl",
    "docker",
    "export",
    "git",
    "gunzip",
    "iconv",
    "kill",
    "localedef",
    "loginctl",
    "mkdir",
    "openfga",
    "openssl",
    "pg_dump",
    "pg_restore",
    "psql",
    "sed",
    "sudo",
    "systemctl",
    "tr",
    "zstd",
];
const STATEMENTS: &[&str] = &[
    "ALTER", "CALL", "COMMENT", "CREATE", "DELETE", "DROP", "GRANT", "INSERT", "REASSIGN", "REINDEX", "REVOKE",
    "SELECT", "SET", "UPDATE",
];

/// The pieces of a line, with one blank between two of them. `call`: what a person types to call this program; without
/// it each word is a piece.
pub(super) fn pieces<'a>(line: &'a str, call: Option<&str>) -> Vec<&'a str> {
    let Some(call) = call else { return line.split(' ').collect() };
    let line = Line { text: line, quotes: quotes(line), call };
    let (mut pieces, mut at, mut is_behind_colon) = (Vec::new(), 0, true);
    loop {
        let end = line.command_end(at, is_behind_colon).unwrap_or_else(|| line.word_end(at));
        let piece = &line.text[at..end];
        // A mark, or an arrow, stands before the first word.
        is_behind_colon = piece.ends_with(':') || !piece.contains(char::is_alphanumeric) || piece.starts_with('\x1b');
        pieces.push(piece);
        if end == line.text.len() {
            return pieces;
        }
        at = end + 1;
    }
}

struct Line<'a, 'b> {
    text: &'a str,
    quotes: Vec<Range<usize>>,
    call: &'b str,
}

impl Line<'_, '_> {
    fn word_end(&self, at: usize) -> usize {
        self.text[at..].find(' ').map_or(self.text.len(), |blank| at + blank)
    }

    fn is_quoted(&self, at: usize) -> bool {
        self.quotes.iter().any(|quote| quote.contains(&at))
    }

    /// Where the command ends that begins here; `None` where none does.
    fn command_end(&self, at: usize, is_behind_colon: bool) -> Option<usize> {
        let rest = &self.text[at..];
        let is_ours = rest.strip_prefix(self.call).is_some_and(|rest| rest.starts_with(' '));
        let word = &self.text[at..self.word_end(at)];
        let sets = word
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
        let is_other = sets || PROGRAMS.contains(&word) || STATEMENTS.contains(&word);
        if self.is_quoted(at) || !(is_ours || is_behind_colon && is_other) {
            return None;
        }
        let called = if is_ours { at + self.call.len() + 1 } else { at };
        Some(if is_behind_colon { self.end_of_statement(at) } else { self.end_of_options(self.word_end(called)) })
    }

    /// Behind a colon a command goes on to a semicolon, a comma or a bracket, else to the line's end. In a list of names
    /// in capitals it goes on behind a comma.
    fn end_of_statement(&self, begin: usize) -> usize {
        let mut at = begin;
        loop {
            let end = self.word_end(at);
            let (word, next) = (&self.text[at..end], self.text.get(end + 1..).unwrap_or_default());
            let is_open = end > 0 && self.is_quoted(end - 1);
            let is_last = word.ends_with(';') || (word.ends_with(',') && !next.starts_with(char::is_uppercase));
            let is_before_bracket = next.starts_with('(') && !self.is_quoted(end + 1);
            if end == self.text.len() || (!is_open && is_last) || is_before_bracket {
                return end;
            }
            at = end + 1;
        }
    }

    /// Within a sentence a command has its options, their values and what is quoted.
    fn end_of_options(&self, name_end: usize) -> usize {
        let (mut end, mut takes_value) = (name_end, false);
        while let Some(next) = self.text.get(end + 1..) {
            let word_end = self.word_end(end + 1);
            let is_option = next.starts_with('-');
            if !is_option && !takes_value && !self.is_quoted(end + 1) && !self.is_quoted(end) {
                break;
            }
            takes_value = is_option && !self.text[end..word_end].contains('=');
            end = word_end;
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_piece_up_to_what_ends_it() {
        let of = |line: &'static str| {
            pieces(line, Some("/b/xtask")).into_iter().filter(|piece| piece.contains(' ')).collect::<Vec<_>>()
        };
        assert_eq!(
            of("add it and restart; then: /b/xtask db-shell --root '/a b' -- -c 'CREATE; (x)'"),
            ["/b/xtask db-shell --root '/a b' -- -c 'CREATE; (x)'"]
        );
        assert_eq!(
            of("→ see why: docker compose logs --tail 20 db; start it: X=1 /b/xtask up, or stop (all of it)"),
            ["docker compose logs --tail 20 db;", "X=1 /b/xtask up,"]
        );
        assert_eq!(of("in a sentence /b/xtask up --all --root /r makes one"), ["/b/xtask up --all --root /r"]);
        assert_eq!(of("as the owner: GRANT SELECT, INSERT ON a TO b; then again"), ["GRANT SELECT, INSERT ON a TO b;"]);
        assert_eq!(of("the role's docker: it is none of ours, psql neither"), [""; 0]);
        assert_eq!(pieces("a  b ", Some("x")), ["a", "", "b", ""]);
        assert_eq!(pieces("", Some("x")), [""]);
    }
}
