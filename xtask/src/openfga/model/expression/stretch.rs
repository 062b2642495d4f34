//! A CEL text in stretches: strings, comments, and single characters of code.

/// What a stretch of a CEL text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    Code,
    Text,
    /// A quote that its line, or the file, leaves open.
    OpenText,
    Comment,
}

/// The stretch that starts at a byte, and where it ends: a whole string or comment, or one character of code.
pub fn stretch(text: &str, at: usize) -> (Stretch, usize) {
    let rest = &text[at..];
    let Some(letter) = rest.chars().next() else { return (Stretch::Code, at) };
    let before = text[..at].chars().next_back();
    let comment = rest.starts_with("//") || (letter == '#' && before.is_none_or(char::is_whitespace));
    if comment {
        return (Stretch::Comment, at + rest.find(['\n', '\r']).unwrap_or(rest.len()));
    }
    if matches!(letter, '"' | '\'') {
        return string(text, at, is_raw(&text[..at]));
    }
    (Stretch::Code, at + letter.len_utf8())
}

/// Whether the quote behind this text belongs to a raw string: `r"…"`, `br'…'`, in either case.
pub fn is_raw(before: &str) -> bool {
    let word = before.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    matches!(before[word.len()..].to_ascii_lowercase().as_str(), "r" | "br" | "rb")
}

/// A string, in one or three quotes; in a raw one a backslash means itself. One quote does not reach over a line end.
fn string(text: &str, at: usize, raw: bool) -> (Stretch, usize) {
    let rest = &text[at..];
    let single = &rest[..1];
    let triple = single.repeat(3);
    let quote = if rest.starts_with(&triple) { triple.as_str() } else { single };
    let mut letters = rest.char_indices().skip(quote.len());
    while let Some((index, letter)) = letters.next() {
        if rest[index..].starts_with(quote) {
            return (Stretch::Text, at + index + quote.len());
        }
        if quote.len() == 1 && matches!(letter, '\n' | '\r') {
            return (Stretch::OpenText, at + index);
        }
        if letter == '\\' && !raw {
            let escaped = letters.clone().next();
            if escaped.is_some_and(|(_, letter)| quote.len() == 3 || !matches!(letter, '\n' | '\r')) {
                letters.next();
            }
        }
    }
    (Stretch::OpenText, text.len())
}
