//! Prometheus' text format, as any program may write it: bounded, and no line of it is trusted.

/// A longer line is left out; OpenFGA's own have some hundred bytes.
const LONGEST_LINE: usize = 8 * 1024;
/// Lines beyond these are not read.
const MOST_LINES: usize = 200_000;
const MOST_LABELS: usize = 64;

/// One line that tells a value: `name{label="value"} 7`.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<'a> {
    pub name: &'a str,
    labels: Vec<(&'a str, String)>,
    /// Never NaN.
    pub value: f64,
}

impl Point<'_> {
    /// The value of a label; empty where there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value.as_str())
    }

    /// The value as a number of things: whole, and one that a program can have counted to.
    pub fn count(&self) -> Option<u64> {
        number(self.value)
    }
}

/// A number of things.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 2^53")]
fn number(value: f64) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    (0.0..=MOST).contains(&value).then_some(value as u64)
}

/// The points of a text; lines that are none are left out.
pub fn points(text: &str) -> impl Iterator<Item = Point<'_>> {
    text.lines().take(MOST_LINES).filter(|line| line.len() <= LONGEST_LINE).filter_map(point)
}

fn point(line: &str) -> Option<Point<'_>> {
    let line = line.trim();
    let (name, rest) = word(line)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    (!value.is_nan()).then_some(Point { name, labels, value })
}

/// A name of letters, digits, `_` and `:`, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != ':');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    (!name.is_empty() && !name.starts_with(|letter: char| letter.is_ascii_digit())).then_some((name, rest))
}

/// The labels up to `}`, and what follows it.
fn labels(mut text: &str) -> Option<(Vec<(&str, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t', ',']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = word(text)?;
        let (value, rest) = quoted(rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?)?;
        if labels.len() == MOST_LABELS {
            return None;
        }
        labels.push((name, value));
        text = rest;
    }
}

/// A text up to its closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_name_labels_and_a_value() {
        let text = "# HELP a b\n# TYPE a counter\na 1\nb{x=\"1\",y=\"q\\\"\\\\\\n}\",} 2.5 1700000000\nc{} +Inf\n";
        let read: Vec<Point<'_>> = points(text).collect();
        let told: Vec<(&str, f64)> = read.iter().map(|point| (point.name, point.value)).collect();
        assert_eq!(told, [("a", 1.0), ("b", 2.5), ("c", f64::INFINITY)]);
        assert_eq!((read[1].label("x"), read[1].label("y"), read[1].label("z")), ("1", "q\"\\\n}", ""));
    }

    #[test]
    fn what_is_no_point_is_left_out() {
        for line in [
            "",
            "#",
            "a",
            "a NaN",
            "a b",
            "1a 1",
            "{x=\"1\"} 1",
            "a{x=\"1\" 1",
            "a{x=1} 1",
            "a{x=\"1} 1",
            "a{=\"1\"} 1",
            "a{x=\"\\",
            "ä 1",
            "a{ä=\"1\"} 1",
            "<html>1 1</html>",
            "\u{0} 1",
        ] {
            assert_eq!(points(line).count(), 0, "{line:?}");
        }
        assert_eq!(points(&format!("a{{x=\"{}\"}} 1", "y".repeat(LONGEST_LINE))).count(), 0);
        assert_eq!(points(&format!("a{{{}}} 1", "x=\"1\",".repeat(MOST_LABELS + 1))).count(), 0);
        assert_eq!(points(&"a 1\n".repeat(MOST_LINES + 5)).count(), MOST_LINES);
    }

    #[test]
    fn a_number_of_things_is_neither_negative_nor_without_end() {
        let count = |value: &str| points(&format!("a {value}")).next().and_then(|point| point.count());
        assert_eq!((count("7"), count("1e3"), count("0")), (Some(7), Some(1000), Some(0)));
        for value in ["-1", "+Inf", "-Inf", "1e300"] {
            assert_eq!(count(value), None, "{value}");
        }
    }
}
