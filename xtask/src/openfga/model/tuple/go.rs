//! Texts as the server's language reads them: durations, timestamps, addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Units of a duration, in nanoseconds.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Go's `time.ParseDuration`: `1h30m`, `1.5s`, `0`.
pub fn is_duration(text: &str) -> bool {
    let (negative, mut rest) = (text.starts_with('-'), text.strip_prefix(['+', '-']).unwrap_or(text));
    if rest == "0" {
        return true;
    }
    let mut total: u128 = 0;
    if rest.is_empty() {
        return false;
    }
    let most = if negative { 1_u128 << 63 } else { (1_u128 << 63) - 1 };
    while !rest.is_empty() {
        let Some((nanoseconds, after)) = duration_part(rest) else { return false };
        match total.checked_add(nanoseconds) {
            Some(sum) if sum <= 1 << 63 => (total, rest) = (sum, after),
            _ => return false,
        }
    }
    total <= most
}

/// The nanoseconds of the number and unit that a text begins with, and what follows.
fn duration_part(text: &str) -> Option<(u128, &str)> {
    let (whole, after) = digits(text);
    let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = after.find(|letter: char| letter == '.' || letter.is_ascii_digit()).unwrap_or(after.len());
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == &after[..end])?;
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Of a fraction a few digits decide: less than one unit in all.
    let part = format!("0.{fraction}0").parse::<f64>().unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "below one hour in nanoseconds"
    )]
    let part = (part * *unit as f64) as u128;
    Some((whole.checked_mul(*unit)?.checked_add(part)?, &after[end..]))
}

/// The digits that a text begins with, and what follows.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Go's `time.Parse(time.RFC3339, …)`: the hour may have one digit, the fraction may begin with a comma.
pub fn is_timestamp(text: &str) -> bool {
    timestamp(text).is_some()
}

fn timestamp(text: &str) -> Option<()> {
    let (year, rest) = fixed(text, 4)?;
    let (month, rest) = fixed(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = fixed(rest.strip_prefix('-')?, 2)?;
    let rest = rest.strip_prefix('T')?;
    let (hour, rest) = fixed(rest, 2).or_else(|| fixed(rest, 1))?;
    let (minute, rest) = fixed(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = fixed(rest.strip_prefix(':')?, 2)?;
    let rest = match rest.strip_prefix(['.', ',']).map(digits) {
        Some((fraction, after)) if !fraction.is_empty() => after,
        _ => rest,
    };
    let zone = rest == "Z" || offset(rest).is_some();
    let date = chrono::NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day);
    (zone && date.is_some() && hour < 24 && minute < 60 && second < 60).then_some(())
}

/// `+02:00`
fn offset(text: &str) -> Option<()> {
    let (hours, rest) = fixed(text.strip_prefix(['+', '-'])?, 2)?;
    let (minutes, rest) = fixed(rest.strip_prefix(':')?, 2)?;
    (rest.is_empty() && hours <= 24 && minutes <= 60).then_some(())
}

/// A number of exactly `length` digits, and the rest of the text.
fn fixed(text: &str, length: usize) -> Option<(u32, &str)> {
    let number = text.get(..length)?;
    let fits = number.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| number.parse().ok()).flatten().map(|value| (value, &text[length..]))
}

/// Go's `netip.ParseAddr`: an address of version 6 may have a zone.
pub fn is_address(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<Ipv4Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[track_caller]
    pub fn decides(check: fn(&str) -> bool, taken: &[&str], refused: &[&str]) {
        taken.iter().for_each(|text| assert!(check(text), "{text:?}"));
        refused.iter().for_each(|text| assert!(!check(text), "{text:?}"));
    }

    #[test]
    fn durations() {
        decides(
            is_duration,
            &["0", "-0", "1h", "1h30m", "1.5s", ".5h", "1.h", "+3ms", "1\u{b5}s", "2562047h", "1s1s"],
            &["", "-", "1", "h", ".h", "1d", "1 h", "99999999999h", "2562048h", "1h ", "one hour"],
        );
    }

    #[test]
    fn timestamps() {
        decides(
            is_timestamp,
            &[
                "2025-10-21T14:30:00Z",
                "2025-10-21T14:30:00.5Z",
                "2025-10-21T14:30:00,123456789012+02:00",
                "2025-10-21T4:30:00Z",
                "2024-02-29T00:00:00Z",
                "0000-01-01T00:00:00-24:60",
            ],
            &[
                "yesterday",
                "2025-10-21",
                "2025-10-21 14:30:00Z",
                "2025-10-21T14:30:00",
                "2025-10-21T14:30:00z",
                "2025-13-01T00:00:00Z",
                "2025-02-29T00:00:00Z",
                "2025-10-21T24:00:00Z",
                "2025-10-21T14:30:60Z",
                "2025-10-21T14:30:00.Z",
                "2025-10-21T14:30:00+0200",
                "2025-10-21T14:30:00é",
            ],
        );
    }

    #[test]
    fn addresses() {
        decides(
            is_address,
            &["192.168.0.1", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"],
            &["", "localhost", "10.0.0", "010.0.0.1", "10.0.0.1/8", "10.0.0.1%eth0", "fe80::1%"],
        );
    }
}
