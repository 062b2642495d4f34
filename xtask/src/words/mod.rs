//! Numbers, times and names as people read them, and as they type them.

mod quoting;
mod secrets;

pub use quoting::{clean, clean_line, exact_shell_word, is_obeyed, shell_word, shell_word_or_option, sql_name};
pub use secrets::{masked, shown_address, without_logins};

use std::borrow::Cow;
use std::fmt::Display;
use std::num::ParseIntError;
use std::ops::RangeInclusive;
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

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
}
