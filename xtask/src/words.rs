//! Numbers and times as people read them; numbers and names as they type them.

use std::borrow::Cow;
use std::fmt::Display;
use std::num::ParseIntError;
use std::ops::RangeInclusive;
use std::path::MAIN_SEPARATOR;
use std::str::FromStr;
use std::time::Duration;

/// A size as people read it: `2.4 MB` (powers of 1000).
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A number with its thousands set apart: `1,247`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `3 stores`, `1 store`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A number that was typed.
///
/// # Errors
/// It is none, or beyond what its type holds.
pub fn number<N: FromStr<Err = ParseIntError>>(text: &str) -> Result<N, String> {
    check_number(text)?;
    text.parse().map_err(|_| if text.starts_with('-') { "it is too small" } else { "it is too large" }.to_owned())
}

/// A number within these bounds.
pub fn number_within<N>(bounds: RangeInclusive<N>) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync + 'static
where
    N: FromStr<Err = ParseIntError> + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        check_number(text)?;
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| format!("it must be {} to {}", bounds.start(), bounds.end()))
    }
}

/// That a text is digits, with a sign or without.
fn check_number(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(()) } else { Err(format!("{text:?} is not a number")) }
}

/// A time span in one unit: `3 h`, `2 days`.
pub fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long something took: `12 ms`, `1.3 s`, `4 min`.
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..120 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min", seconds / 60),
    }
}

/// One line for each, but only the first of many.
pub fn first_lines(lines: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 20;
    let more = lines.len().saturating_sub(SHOWN);
    let rest = (more > 0).then(|| format!("… and {} more", count(more as u64)));
    lines.take(SHOWN).chain(rest).collect::<Vec<_>>().join("\n")
}

/// The first of these names in one line, and how many there are beyond them.
pub fn first_names(names: &[String], most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    names.iter().take(most).cloned().collect::<Vec<_>>().join(", ") + &rest
}

/// At most so many letters of a text, with … behind them where it is longer.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)).into(),
        None => text.into(),
    }
}

/// An address for people: without its login, and without what stands behind a `?` or `#`, where keys are written, too.
pub fn shown_address(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let (login, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("***@", rest));
    let end = rest.find(['?', '#']);
    let (place, more) = (&rest[..end.unwrap_or(rest.len())], if end.is_some() { "?***" } else { "" });
    if scheme.is_empty() { format!("{login}{place}{more}") } else { format!("{scheme}://{login}{place}{more}") }
}

/// A line without the logins of addresses in it: `postgres://***@host/db`.
pub fn without_logins(mut line: String) -> String {
    let mut from = 0;
    while let Some(start) = line[from..].find("://").map(|at| from + at + 3) {
        let rest = &line[start..];
        let end = rest.find(|letter: char| letter.is_whitespace() || "\"'/?".contains(letter)).unwrap_or(rest.len());
        if let Some(at) = rest[..end].rfind('@') {
            line.replace_range(start..start + at, "***");
        }
        from = start;
    }
    line
}

/// A line without these secrets, and without the logins of addresses in it.
pub fn masked(line: &str, secrets: &[impl AsRef<str>]) -> String {
    let line = secrets.iter().fold(line.to_owned(), |line, secret| line.replace(secret.as_ref(), "***"));
    without_logins(line)
}

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

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    fn sizes_and_counts_read_as_people_write_them() {
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(2_400_000), "2.4 MB");
        assert_eq!(size(999_960), "1.0 MB");
        assert_eq!(count(1_247), "1,247");
        assert_eq!(count(12), "12");
        assert_eq!(counted(1, "store", "stores"), "1 store");
        assert_eq!(span(59), "59 s");
        assert_eq!(span(7_300), "2 h");
        let times = [7, 1_340, 130_000].map(|time| duration(Duration::from_millis(time)));
        assert_eq!(times, ["7 ms", "1.3 s", "2 min"]);
    }

    #[test]
    fn of_a_long_text_and_of_many_names_the_beginning_is_shown() {
        assert_eq!(
            (shortened("äöü", 3), shortened("äöü", 2), shortened("", 0)),
            ("äöü".into(), "äö…".into(), "".into())
        );
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!((first_names(&names, 3), first_names(&names, 1)), ("a, b, c".to_owned(), "a and 2 more".to_owned()));
        assert_eq!(first_names(&[], 1), "");
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_a_key() {
        for (address, shown) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://u:SEC#RET@h/x", "http://***@h/x"),
            ("https://h/x?token=SECRET", "https://h/x?***"),
            ("http://h/?a=SECRET@b#SECRET", "http://***@b?***"),
            ("u:SECRET@h", "***@h"),
            ("", ""),
        ] {
            assert_eq!(shown_address(address), shown);
        }
    }

    #[test]
    fn secrets_and_logins_are_masked() {
        assert_eq!(masked("auth hunter2 failed", &["hunter2"]), "auth *** failed");
        for (line, shown) in [
            ("dial \"redis://u:p@ss@h:1/0\" and http://h/x@y", "dial \"redis://***@h:1/0\" and http://h/x@y"),
            ("ünder ://", "ünder ://"),
        ] {
            assert_eq!(without_logins(line.to_owned()), shown);
        }
    }

    #[test]
    fn a_number_that_was_typed_is_taken_or_said_to_be_none() {
        assert_eq!((number::<usize>("7"), number::<i64>("-7"), number::<usize>("+7")), (Ok(7), Ok(-7), Ok(7)));
        for text in ["", "x", "1 ", "--1", "1.5", "-", "٣"] {
            assert_eq!(number::<usize>(text).unwrap_err(), format!("{text:?} is not a number"));
            assert_eq!(number_within(1u16..=64)(text).unwrap_err(), format!("{text:?} is not a number"));
        }
        assert_eq!(number::<usize>("-1").unwrap_err(), "it is too small");
        assert_eq!(number::<i64>("9223372036854775808").unwrap_err(), "it is too large");
        let within = number_within(1u16..=64);
        assert_eq!((within("1"), within("64")), (Ok(1), Ok(64)));
        for text in ["0", "65", "-1", "99999999999999999999"] {
            assert_eq!(within(text).unwrap_err(), "it must be 1 to 64");
        }
    }

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
