//! Numbers in quotes as the server's language reads them: Go's `big.ParseFloat` of base 10, which keeps 64 bits.

/// The most digits, and the largest power of two, of a number that is written with one and worked out.
const LONGEST: usize = 1000;
const LARGEST_BINARY: u32 = 1100;
/// How many digits decide whether 64 bits of a number are a double.
const WINDOW: usize = 38;

/// What decides about a number: its digits without leading zeros, and the power of ten that they are multiplied by.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// What a text reads as.
enum Number {
    Infinite,
    Decimal(Decimal),
    /// Too long, or too far from one, to be worked out; nothing is concluded from it.
    Unknown,
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "inf" | "Inf") {
        return Some(Number::Infinite);
    }
    let (mantissa, exponent, binary) = match unsigned.find(['e', 'E', 'p', 'P']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..]), unsigned[at..].starts_with(['p', 'P'])),
        None => (unsigned, None, false),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let exponent = match exponent {
        Some(text) => {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            let fits = !digits.is_empty() && is_digits(digits);
            text.parse::<i32>().ok().filter(|_| fits)?
        }
        None => 0,
    };
    let digits = format!("{whole}{fraction}").trim_start_matches('0').to_owned();
    let decimal = Decimal { negative: text.starts_with('-'), digits, exponent: -i64::try_from(fraction.len()).ok()? };
    Some(match binary {
        true if decimal.digits.len() > LONGEST || exponent.unsigned_abs() > LARGEST_BINARY => Number::Unknown,
        true => Number::Decimal(decimal.times_two_to(exponent)),
        false => Number::Decimal(Decimal { exponent: decimal.exponent + i64::from(exponent), ..decimal }),
    })
}

impl Decimal {
    fn times_two_to(mut self, exponent: i32) -> Self {
        // One half is five tenths.
        let factor = if exponent < 0 { 5 } else { 2 };
        for _ in 0..exponent.unsigned_abs() {
            self.digits = product(&self.digits, factor);
        }
        self.exponent += i64::from(exponent.min(0));
        self
    }

    /// A server keeps 64 bits of it: what is larger than they are has no fraction left.
    fn is_whole(&self) -> bool {
        let zeros = self.digits.len() - self.digits.trim_end_matches('0').len();
        let fraction = usize::try_from(-self.exponent).unwrap_or(0);
        let whole = self.digits.len().saturating_sub(fraction);
        self.digits.is_empty()
            || fraction <= zeros
            || self.digits[..whole].parse::<u128>().map_or(whole > 0, |whole| whole >= 1 << 63)
    }

    /// Whether this number, with 64 bits of it kept, is a double exactly.
    fn is_double(&self) -> bool {
        if self.digits.is_empty() {
            return true;
        }
        let Ok(double) = format!("{}e{}", self.digits, self.exponent).parse::<f64>() else { return false };
        if !double.is_finite() || double == 0.0 {
            return false;
        }
        // Every digit of a double can be written down: it has no more than this behind the point.
        let written = format!("{double:.1100}");
        let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
        let whole = whole.trim_start_matches('0');
        let all = format!("{whole}{fraction}");
        let shown = all.trim_start_matches('0');
        let zeros = |places: usize| i64::try_from(places).unwrap_or_default();
        let exact = Self { negative: false, digits: shown.to_owned(), exponent: -zeros(fraction.len()) };
        let top = self.top().max(exact.top());
        let (own, its) = (self.window(top), exact.window(top));
        own.abs_diff(its) <= half_of_last_bit(double, its, own < its)
    }

    /// The power of ten of the place before its first digit.
    fn top(&self) -> i64 {
        self.exponent + i64::try_from(self.digits.len()).unwrap_or_default()
    }

    /// The digits in the places below this power of ten, as many as decide.
    fn window(&self, top: i64) -> u128 {
        let missing = usize::try_from(top - self.top()).unwrap_or(WINDOW).min(WINDOW);
        let digits = self.digits.bytes().chain(std::iter::repeat(b'0'));
        std::iter::repeat_n(b'0', missing)
            .chain(digits)
            .take(WINDOW)
            .fold(0, |value, digit| value * 10 + u128::from(digit - b'0'))
    }
}

/// Half of the last of the 64 bits that a server keeps of a number near this double, whose digits these are.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "far below the window's 38 digits, and no digit but the first sixteen decides"
)]
fn half_of_last_bit(double: f64, digits: u128, is_from_below: bool) -> u128 {
    let mantissa = f64::from_bits(double.to_bits() & ((1 << 52) - 1) | 1023 << 52);
    let half = digits as f64 / mantissa / 2f64.powi(64);
    // Below a power of two the bits are worth half.
    (if is_from_below && mantissa == 1.0 { half / 2.0 } else { half }) as u128
}

/// Decimal digits times a number below ten.
fn product(digits: &str, factor: u8) -> String {
    let mut carry = 0;
    let mut product: Vec<u8> = Vec::with_capacity(digits.len() + 1);
    for digit in digits.bytes().rev() {
        let value = (digit - b'0') * factor + carry;
        product.push(b'0' + value % 10);
        carry = value / 10;
    }
    product.extend((carry > 0).then_some(b'0' + carry));
    product.into_iter().rev().map(char::from).collect()
}

pub fn is_int(text: &str) -> bool {
    match number(text) {
        Some(Number::Decimal(decimal)) => decimal.is_whole(),
        Some(Number::Unknown) => true,
        Some(Number::Infinite) | None => false,
    }
}

pub fn is_uint(text: &str) -> bool {
    let negative =
        matches!(number(text), Some(Number::Decimal(Decimal { negative: true, digits, .. })) if !digits.is_empty());
    is_int(text) && !negative
}

pub fn is_double(text: &str) -> bool {
    match number(text) {
        Some(Number::Decimal(decimal)) => decimal.is_double(),
        Some(Number::Infinite | Number::Unknown) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::go::tests::decides;
    use super::*;

    #[test]
    fn numbers_in_quotes() {
        decides(
            is_int,
            &["3", "+3", "-3", "3.0", "0.1e1", "1e400", "10e-1", "18446744073709551617.5", "0.0", "3."],
            &["", "x", "3x", "0x10", "1_000", "1.5", "1e-1", "Inf", ".", "e3", "1e", "1e+", "NaN", " 3"],
        );
        decides(is_uint, &["3", "-0", "1e30"], &["-1", "1.5"]);
        decides(is_double, &["0.5", "3", "1.25", "Inf", "-inf", "0", "100"], &["0.1", "x", "1e300", "1e-400", "1e999"]);
        decides(is_int, &["8p-3", "1p3", "0.5p1", "1.25p+2"], &["1p-3", "0.1p1", "3p-1", "1p", "p3"]);
        decides(is_uint, &["8p-3", "-0p3"], &["-8p-3"]);
        decides(is_double, &["1p-3", "1p-1074", "0.5p3"], &["0.1p3", "9007199254740993p-60"]);
    }

    /// A server keeps 64 bits of a number: one that these make a double is taken, and no other.
    #[test]
    fn long_numbers_are_what_64_bits_of_them_are() {
        let tenth = "0.1000000000000000055511151231257827021181583404541015625";
        decides(
            is_double,
            &[
                "18446744073709551616",
                "1.00000000000000000000000000000000000000000000001",
                "36893488147419103232",
                "340282366920938463463374607431768211456",
                tenth,
                "-0.10000000000000000555111512312578270211815834045410",
            ],
            &[
                "18446744073709551615",
                "18446744073709551617e-1",
                "123456789012345678901234567890",
                "0.1000000000000000055",
                "0.10000000000000000000000000000000000000000000000000001",
                "9007199254740993.0000000000000000000000",
            ],
        );
    }
}
