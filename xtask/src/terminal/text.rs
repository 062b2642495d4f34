//! Tables, JSON, numbers and names as people read them.

pub use crate::words::{clean, clean_line, count, counted, duration, shell_word, size, span};

use crate::words::is_obeyed;
use chrono::{DateTime, Local};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// How long ago that was: `3 h ago`.
pub fn age_of(time: &DateTime<Local>) -> String {
    format!("{} ago", span(Local::now().signed_duration_since(*time).num_seconds().max(0)))
}

/// A table with columns as wide as their widest cell; `right` names the columns of numbers.
pub fn table(head: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let cells = || std::iter::once(head.iter().map(|cell| (*cell).to_owned()).collect()).chain(rows.iter().cloned());
    let mut widths = vec![0; head.len()];
    for row in cells() {
        let row: Vec<String> = row;
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = (*width).max(clean_line(cell).width());
        }
    }
    let lines = cells().map(|row| {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let cell = clean_line(cell);
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            let lead = if column == 0 { "" } else { "  " };
            if right.contains(&column) {
                let _ = write!(line, "{lead}{gap}{cell}");
            } else {
                let _ = write!(line, "{lead}{cell}{gap}");
            }
        }
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The table for a terminal that is too narrow: each row's first cell, and below it the others with their heads;
/// a column without a head only parts others.
pub fn paragraphs(head: &[&str], rows: &[Vec<String>]) -> String {
    let widest = head.iter().skip(1).map(|head| head.width()).max().unwrap_or_default();
    let lines = rows.iter().flat_map(|row| {
        let named = row.iter().zip(head).filter(|(_, head)| !head.is_empty());
        named.enumerate().map(move |(column, (cell, head))| {
            let gap = " ".repeat(widest.saturating_sub(head.width()));
            if column == 0 { clean_line(cell) } else { format!("  {head}{gap}  {}", clean_line(cell)) }
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The columns that a text's longest line takes.
pub fn width(text: &str) -> usize {
    text.lines().map(|line| line.width()).max().unwrap_or_default()
}

/// A report: its first line is ours, with its mark; the others hold names and are shown clean.
pub fn report(lines: &[String]) -> String {
    let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    std::iter::once(first.to_owned()).chain(rest.iter().map(|line| clean_line(line))).collect::<Vec<_>>().join("\n")
}

/// A JSON document in which each such letter is written as `\u….`: it stands in a string, where that means the same.
pub(super) fn json(document: &str) -> String {
    if !document.contains(|letter: char| letter != '\n' && is_obeyed(letter)) {
        return document.to_owned();
    }
    let mut text = String::with_capacity(document.len());
    for letter in document.chars() {
        if letter == '\n' || !is_obeyed(letter) {
            text.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_instead_of_obeyed() {
        assert_eq!(clean("a\x1b[31mb\r\n"), "a\\u{1b}[31mb\\r\n");
        assert_eq!(clean_line("two\nlines\t"), "two\\nlines\\t");
        assert_eq!(clean("gro\u{202e}eno\u{2069}\u{2028}"), "gro\\u{202e}eno\\u{2069}\\u{2028}");
        assert_eq!(clean("zoë 日本 עברית"), "zoë 日本 עברית");
    }

    #[test]
    fn a_letter_without_a_shape_is_shown() {
        for letter in ["\u{200b}", "\u{200d}", "\u{feff}", "\u{ad}", "\u{2060}", "\u{3164}", "\u{fe0f}", "\u{e0041}"] {
            let escaped = letter.escape_default().to_string();
            assert_eq!(clean(&format!("open{letter}fga")), format!("open{escaped}fga"));
            assert_eq!(table(&["A"], &[vec![letter.to_owned()]], &[]), format!("A\n{escaped}"));
        }
    }

    #[test]
    fn a_json_document_means_the_same_and_a_terminal_obeys_nothing_of_it() {
        let value = serde_json::json!({ "a\u{200b}": ["zoë\n", "\u{9b}31m\u{7f}", "\u{202e}", "\u{e0041}"] });
        let document = serde_json::to_string_pretty(&value).unwrap();
        let shown = json(&document);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert!(shown.chars().all(|letter| letter == '\n' || !is_obeyed(letter)) && shown.contains("zoë"), "{shown}");
        assert_eq!(json("{\n}"), "{\n}");
    }

    #[test]
    fn columns_line_up_for_wide_letters() {
        let rows = vec![vec!["日本".to_owned(), "7".to_owned()], vec!["a".to_owned(), "1,000".to_owned()]];
        let lined_up = table(&["NAME", "ROWS"], &rows, &[1]);
        assert_eq!(lined_up, "NAME   ROWS\n日本      7\na     1,000");
        assert_eq!(width(&lined_up), 11);
        assert_eq!(paragraphs(&["NAME", "ROWS"], &rows), "日本\n  ROWS  7\na\n  ROWS  1,000");
    }
}
