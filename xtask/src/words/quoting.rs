//! Names of others in a line that people read, and in a command that they type.

use std::path::MAIN_SEPARATOR;

/// What a terminal obeys instead of showing it, or does not show at all: control characters, ends of lines and
/// paragraphs, marks that turn the direction of writing, and letters without a shape. By each of them a name can look
/// like another one.
pub fn is_obeyed(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}') || is_ignorable(letter)
}

/// Unicode's `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt, version 16), which has the marks of direction, too.
fn is_ignorable(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Names from a server or a file may hold control characters; a terminal must not obey them.
pub fn clean(text: &str) -> String {
    escaped(text, |letter| letter == '\n' || letter == '\t' || !is_obeyed(letter))
}

/// As [`clean`], for one line or cell: line breaks and tabs are escaped, too.
pub fn clean_line(text: &str) -> String {
    escaped(text, |letter| !is_obeyed(letter))
}

fn escaped(text: &str, harmless: fn(char) -> bool) -> String {
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|letter| if harmless(letter) { vec![letter] } else { letter.escape_default().collect() })
        .collect()
}

/// A text as one word of a suggested command: in single quotes where a shell would find anything else in it, or a program
/// an option. A letter that a terminal would obey, a line break too, is written in octal (`$'a\012b'`): the word is one
/// line. A shell without such words takes it for another name, and never for a command: no apostrophe stands in it.
pub fn shell_word(text: &str) -> String {
    if text.chars().any(is_obeyed) { in_octal(text) } else { exact_shell_word(text) }
}

/// The same of a command line that is shown: an option stands as it is.
pub fn shell_word_or_option(text: &str) -> String {
    if text.chars().any(is_obeyed) { in_octal(text) } else { quoted_where_needed(text) }
}

/// A text as one word of a command line that a program keeps: every shell reads it alike.
pub fn exact_shell_word(text: &str) -> String {
    if text.starts_with('-') { quoted(text) } else { quoted_where_needed(text) }
}

/// A name in the double quotes of SQL, for a hint or the text of a grant. What is sent goes through `postgres/quote.rs`.
pub fn sql_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted_where_needed(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_./:@%+=,-".contains(letter) || letter == MAIN_SEPARATOR;
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn in_octal(text: &str) -> String {
    let mut word = "$'".to_owned();
    for letter in text.chars() {
        if is_obeyed(letter) || letter == '\'' || letter == '\\' {
            letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| word += &format!("\\{byte:03o}"));
        } else {
            word.push(letter);
        }
    }
    word + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_suggested_command_is_one_word() {
        for (name, expected) in [
            ("backups/a_20261127.sql", "backups/a_20261127.sql"),
            ("backups/ä.sql", "backups/ä.sql"),
            ("a'b;id.sql", r"'a'\''b;id.sql'"),
            ("$(touch PWN).sql", "'$(touch PWN).sql'"),
            ("a b", "'a b'"),
            ("-rf", "'-rf'"),
            ("", "''"),
            ("a\n✓ it's\\b", r"$'a\012✓ it\047s\134b'"),
            ("-\u{200b}", r"$'-\342\200\213'"),
        ] {
            assert_eq!(shell_word(name), expected);
        }
        assert_eq!(sql_name("a \"b\""), "\"a \"\"b\"\"\"");
    }
}
