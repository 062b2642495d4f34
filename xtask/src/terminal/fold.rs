//! Text laid out for a terminal that is narrower than its lines.

use unicode_width::UnicodeWidthStr as _;

/// No text is folded into lines that are narrower than this many columns.
const NARROWEST: usize = 8;

/// A line in lines of at most so many columns, broken at blanks. Later lines keep the indentation of the first. A word
/// that is wider than a line stays whole: the terminal breaks it, and it can still be copied.
pub fn folded(text: &str, width: usize) -> Vec<String> {
    let text = text.trim_end();
    let indent = &text[..text.len() - text.trim_start().len()];
    let width = width.max(NARROWEST);
    let mut lines = Vec::new();
    let mut line = indent.to_owned();
    for word in text.trim_start().split(' ') {
        let is_begun = line.len() > indent.len();
        if is_begun && line.width() + 1 + word.width() > width {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else if is_begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Lines behind a mark of so many columns: each line of the text is folded, later lines stand below the text.
pub fn behind(mark: &str, mark_width: usize, text: &str, columns: Option<usize>) -> String {
    let indent = " ".repeat(mark_width);
    let width = columns.map(|columns| columns.saturating_sub(mark_width));
    let lines = text.lines().flat_map(|line| width.map_or_else(|| vec![line.to_owned()], |width| folded(line, width)));
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
        assert_eq!(folded("  日本語 日本語 日本語", 12), ["  日本語", "  日本語", "  日本語"]);
    }

    #[test]
    fn what_follows_a_mark_stands_below_its_text() {
        assert_eq!(behind("✗ ", 2, "one two three\nfour", Some(10)), "✗ one two\n  three\n  four\n");
        assert_eq!(behind("✗ ", 2, "one two three\n\nfour", None), "✗ one two three\n\n  four\n");
        assert_eq!(behind("✓ ", 2, "", Some(10)), "✓ \n");
        assert_eq!(behind("", 0, "a b", Some(1)), "a b\n");
    }
}
