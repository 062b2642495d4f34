//! Text laid out for a terminal that is narrower than its lines.

use super::pieces::pieces;
use super::signs::{is_sign, word_is_as_ours};
use unicode_width::UnicodeWidthStr as _;

/// No text is folded into lines that are narrower than this many columns.
const NARROWEST: usize = 8;

/// No mark of a line is wider.
const MARK: usize = 1;

/// A line as lines of at most `width` columns, broken at blanks. Later lines keep the indentation of the first. A word
/// that is wider than a line stays whole: the terminal breaks it, and it can still be copied.
pub fn folded(text: &str, width: usize) -> Vec<String> {
    let text = text.trim_end();
    broken(text, &Room { width: width.max(NARROWEST), later: indentation(text), mark: 0 }, None)
}

/// Where the lines of a text begin and end.
struct Room {
    width: usize,
    /// Blanks before all lines but the first.
    later: usize,
    /// A first word of at most so many columns stays with the next one.
    mark: usize,
}

/// The folded lines of a report's line. Later lines stand below what follows the line's label (`Timer:     cron`), its mark
/// (`✓ done`) or its first column.
pub fn hanging(line: &str, width: usize) -> Vec<String> {
    hanging_with(line, width, None)
}

/// The same, where the commands in it stay whole; `call`: what a person types to call this program.
pub fn hanging_with(line: &str, width: usize, call: Option<&str>) -> Vec<String> {
    let line = line.trim_end();
    let indent = indentation(line);
    let text = &line[indent..];
    let word = text.split(' ').next().filter(|word| word.ends_with(':'));
    let end = word.map(str::len).or_else(|| text.find("  "));
    let label = end.map(|at| indent + shown_width(&text[..at]) + blanks(&text[at..]));
    // A word that fits only nearer to the margin stands there.
    let fits = |column: &usize| pieces(text, call).iter().all(|piece| column + shown_width(piece) <= width);
    let label = label.filter(|column| *column <= width / 2 && fits(column));
    broken(line, &Room { width: width.max(NARROWEST), later: label.unwrap_or(indent + 2), mark: MARK }, call)
}

/// The lines of a text: words, and commands as they are.
fn broken(text: &str, room: &Room, call: Option<&str>) -> Vec<String> {
    let (indent, width) = (indentation(text), room.width);
    let later = " ".repeat(room.later);
    let mut lines = Vec::new();
    let (mut line, mut begin) = (text[..indent].to_owned(), indent);
    for word in pieces(&text[indent..], call).into_iter().flat_map(|piece| whole_or_words(piece, width)) {
        let is_begun = line.len() > begin;
        // A mark stands before its first word, however long that is.
        let is_mark = shown_width(&line) <= indent.saturating_add(room.mark) && lines.is_empty();
        if is_begun && !is_mark && shown_width(&line) + 1 + shown_width(word) > width {
            begin = later.len();
            lines.push(std::mem::replace(&mut line, later.clone()));
            // A word of others must not become a mark by standing first.
            if word_is_as_ours(word) {
                line.push_str("| ");
            }
        } else if is_begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .filter(|line| !line.is_empty() || text.is_empty())
        .collect()
}

/// A command stays whole, unless the terminal would break it and could begin a line with a sign of others.
fn whole_or_words(piece: &str, width: usize) -> Vec<&str> {
    let is_risky = shown_width(piece) > width && (piece.chars().any(is_sign) || piece.contains("-> "));
    if is_risky { piece.split(' ').collect() } else { vec![piece] }
}

/// The bytes of the blanks at a text's beginning.
fn indentation(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// The columns that a text takes; the colours of our marks take none.
fn shown_width(text: &str) -> usize {
    text.split('\x1b').enumerate().fold(0, |width, (number, part)| {
        let shown = if number == 0 { part } else { part.split_once('m').map_or(part, |(_, rest)| rest) };
        width + shown.width()
    })
}

/// The terminal's columns, and what a person types to call this program, where commands stay whole.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    pub columns: Option<usize>,
    pub call: Option<&'a str>,
}

/// Lines behind a mark of `mark_width` columns: each line of the text is folded, later lines stand below the text.
pub fn behind(mark: &str, mark_width: usize, text: &str, page: Page<'_>) -> String {
    let indent = " ".repeat(mark_width);
    let width = page.columns.map(|columns| columns.saturating_sub(mark_width).max(NARROWEST));
    let lines = text.lines().flat_map(|line| match width {
        Some(width) => broken(line.trim_end(), &Room { width, later: indentation(line), mark: 0 }, page.call),
        None => vec![line.to_owned()],
    });
    let mut out = String::new();
    for (number, line) in lines.enumerate() {
        let lead = if number == 0 { mark } else { &indent };
        out.push_str(if line.is_empty() && number > 0 { "" } else { lead });
        out.push_str(&line);
        out.push('\n');
    }
    if out.is_empty() { format!("{mark}\n") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal_but_a_wider_word_and_no_word_is_broken() {
        let text = "it does not answer at 127.0.0.1:8080: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 12 ms";
        for width in [8, 12, 20, 40] {
            let lines = folded(text, width);
            assert!(lines.iter().all(|line| line.width() <= width || !line.contains(' ')), "{width}: {lines:?}");
            assert_eq!(lines.join(" "), text);
        }
        assert_eq!(folded("  a  bc", 80), ["  a  bc"]);
        assert_eq!(folded("aaaa bbb ✓ c", 8), ["aaaa bbb", "| ✓ c"]);
        assert_eq!(folded("aaaa bbb OK: c -> d > e", 8), ["aaaa bbb", "| OK: c", "| -> d >", "e"]);
        assert_eq!(folded("  日本語 日本語 日本語", 12), ["  日本語", "  日本語", "  日本語"]);
    }

    #[test]
    fn what_follows_a_label_stands_below_its_first_word() {
        assert_eq!(hanging("Time:   one two three", 16), ["Time:   one two", "        three"]);
        assert_eq!(hanging("Time: one two three", 14), ["Time: one two", "      three"]);
        assert_eq!(hanging("  ROWS  1 2 3 4 5", 16), ["  ROWS  1 2 3 4", "        5"]);
        assert_eq!(hanging("✓ one two three", 10), ["✓ one two", "  three"]);
        assert_eq!(hanging("\x1b[32m✓\x1b[0m one two three", 10), ["\x1b[32m✓\x1b[0m one two", "  three"]);
        assert_eq!(hanging("a label that is long  one two", 16), ["a label that is", "  long  one two"]);
        assert_eq!(hanging("", 10), [""]);
        assert_eq!(hanging("Log:    a/long/path", 12), ["Log:", "  a/long/path"]);
        assert_eq!(hanging("✓ a/very/long/path done", 12), ["✓ a/very/long/path", "  done"]);
    }

    #[test]
    fn a_command_stays_whole_and_the_words_around_it_are_folded() {
        let line = "  → add it to the list of libraries; then: /b/xtask db-shell -- -c 'CREATE it'; and again";
        let expected =
            ["  → add it to the list of libraries; then:", "    /b/xtask db-shell -- -c 'CREATE it'; and", "    again"];
        assert_eq!(hanging_with(line, 44, Some("/b/xtask")), expected);
        let hint = "/b/xtask db-shell -- -c 'CREATE it'; and again";
        let page = Page { columns: Some(20), call: Some("/b/xtask") };
        assert_eq!(behind("→ ", 2, hint, page), "→ /b/xtask db-shell -- -c 'CREATE it';\n  and again\n");
        assert_eq!(
            hanging_with("  → /b/xtask db-list --check", 20, Some("/b/xtask")),
            ["  → /b/xtask db-list --check"]
        );
    }

    #[test]
    fn what_follows_a_mark_stands_below_its_text() {
        let behind = |mark, width, text, columns| behind(mark, width, text, Page { columns, call: None });
        assert_eq!(behind("✗ ", 2, "one two three\nfour", Some(10)), "✗ one two\n  three\n  four\n");
        assert_eq!(behind("✗ ", 2, "one two three\n\nfour", None), "✗ one two three\n\n  four\n");
        assert_eq!(behind("✓ ", 2, "", Some(10)), "✓ \n");
        assert_eq!(behind("", 0, "a b", Some(1)), "a b\n");
    }
}
