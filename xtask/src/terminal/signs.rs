//! Beginnings of lines that can be taken for lines of ours.

use unicode_width::UnicodeWidthChar as _;

/// A letter that is wide and shows nothing.
pub(super) const BLANK: char = '\u{2800}';

/// Our marks and our arrow as a terminal without UTF-8 has them.
const IN_ASCII: [&str; 5] = ["OK:", "WARNING:", "ERROR:", "SKIPPED:", "->"];

/// A letter that is none of a text's: marks, arrows, what is drawn on the letter before it, what shows nothing. The list
/// is of letters that texts have, not of these: there are always more that look like ours.
pub(super) fn is_sign(letter: char) -> bool {
    let is_of_text = letter.is_alphanumeric() && is_of_texts(letter);
    !letter.is_ascii() && !is_thin(letter) && !is_of_text
}

/// Letters of the languages that servers and Docker speak: Latin, Greek, Cyrillic and Armenian, Georgian, Japanese,
/// Chinese, Korean.
fn is_of_texts(letter: char) -> bool {
    let is_in_alphabet = matches!(letter, '\u{aa}'..='\u{24f}' | '\u{370}'..='\u{58f}' | '\u{10a0}'..='\u{10ff}'
        | '\u{1e00}'..='\u{1fff}' | '\u{3041}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
    is_in_alphabet && letter.width().unwrap_or(0) > 0
}

/// What may stand before the first letter of a text.
fn is_thin(letter: char) -> bool {
    letter.is_ascii_punctuation()
        || letter.is_whitespace()
        || matches!(letter, BLANK | '…' | '≈' | '“' | '”' | '„' | '‘' | '’' | '¡' | '¿')
}

/// Whether a line that begins so can be taken for one of ours, on a terminal with these marks.
pub(super) fn begins_as_ours(text: &str, marks: &[&str]) -> bool {
    let begin = text.trim_start_matches(is_thin);
    let before = &text[..text.len() - begin.len()];
    // What `ERROR:` is on a terminal with UTF-8 only the server says.
    let is_mark = |mark: &&str| begin.starts_with(*mark);
    before.contains('>') || begin.starts_with(is_sign) || marks.iter().chain(&["OK:", "SKIPPED:"]).any(is_mark)
}

/// Whether a word within a line, which begins the next one where the line is folded, can be taken for a mark of ours.
pub(super) fn word_is_as_ours(word: &str) -> bool {
    word.trim_start_matches(is_thin).starts_with(is_sign) || IN_ASCII.contains(&word)
}

/// Whether it only points at the line above it.
pub(super) fn points_up(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && line.chars().all(|letter| matches!(letter, '^' | '~'))
}
