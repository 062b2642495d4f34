//! Escapes of double quotes, and what `$NAME` and `${NAME…}` stand for.

/// How deep defaults may stand inside defaults: deeper than people write, shallow enough for every thread's stack.
const DEEPEST_NESTING: usize = 100;

/// The escapes of double quotes. `\$` becomes the `$$` of [`expand`]; what is no escape stays, with its backslash.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        let (c, length) = escape(after);
        plain.push_str(before);
        plain.push(c);
        rest = &after[length..];
    }
    plain + rest
}

/// The character of an escape, from what stands behind its backslash, and how many bytes of that it used up.
fn escape(text: &str) -> (char, usize) {
    match text.bytes().next() {
        Some(b'a') => ('\u{7}', 1),
        Some(b'b') => ('\u{8}', 1),
        Some(b'f') => ('\u{c}', 1),
        Some(b'n') => ('\n', 1),
        Some(b'r') => ('\r', 1),
        Some(b't') => ('\t', 1),
        Some(b'v') => ('\u{b}', 1),
        Some(b'"') => ('"', 1),
        Some(b'\\') => ('\\', 1),
        Some(b'$') => ('$', 0),
        Some(b'0') => octal(&text[1..]).map_or(('\\', 1), |c| (c, 4)),
        _ => ('\\', 0),
    }
}

/// The `123` of `\0123`. Compose drops the zero in front of anything else.
fn octal(number: &str) -> Option<char> {
    let digits = number.get(..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    u8::from_str_radix(digits, 8).ok().map(char::from)
}

/// Replaces `$NAME` and `${NAME…}`. A `$` before anything else stands for itself.
pub(super) fn expand(template: &str, lookup: &dyn Fn(&str) -> Option<String>, depth: usize) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let name = &after[..name_length(after)];
        if let Some(behind) = after.strip_prefix('$') {
            expanded.push('$');
            rest = behind;
        } else if let Some(inside) = after.strip_prefix('{') {
            let braced = Braced::parse(inside)?;
            expanded.push_str(&braced.value(lookup, depth)?);
            rest = &inside[braced.length..];
        } else if name.is_empty() {
            expanded.push('$');
            rest = after;
        } else {
            expanded.push_str(&lookup(name).unwrap_or_default());
            rest = &after[name.len()..];
        }
    }
    Ok(expanded + rest)
}

fn name_length(text: &str) -> usize {
    // Two letters fold to `k` and `s` in Compose's case-insensitive pattern, and so are ones of a name.
    let is_letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '\u{17f}' | '\u{212a}');
    if !text.starts_with(is_letter) {
        return 0;
    }
    text.find(|c: char| !is_letter(c) && !c.is_ascii_digit()).unwrap_or(text.len())
}

/// `NAME}` or `NAME:-words}`, as it stands behind `${`.
struct Braced<'a> {
    name: &'a str,
    operator: &'static str,
    words: &'a str,
    /// Up to and with the brace.
    length: usize,
}

impl<'a> Braced<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let invalid = || "`${` needs a name and a `}` on the same line; write `$$` for a dollar".to_owned();
        let (name, behind) = text.split_at(name_length(text));
        let operator = [":-", ":+", ":?", "-", "+", "?"].into_iter().find(|operator| behind.starts_with(operator));
        let operator = operator.unwrap_or_default();
        let words_start = name.len() + operator.len();
        let line = text.split('\n').next().unwrap_or_default();
        let words_end = if operator.is_empty() {
            words_start
        } else {
            closing_brace(line).or_else(|| line.rfind('}')).ok_or_else(invalid)?
        };
        if name.is_empty() || !text[words_end..].starts_with('}') {
            return Err(invalid());
        }
        Ok(Self { name, operator, words: &text[words_start..words_end], length: words_end + 1 })
    }

    fn value(&self, lookup: &dyn Fn(&str) -> Option<String>, depth: usize) -> Result<String, String> {
        if depth == DEEPEST_NESTING {
            return Err("defaults are nested too deeply".to_owned());
        }
        let current = lookup(self.name).filter(|value| !self.operator.starts_with(':') || !value.is_empty());
        let words = || expand(self.words, lookup, depth + 1);
        match (self.operator.trim_start_matches(':'), current) {
            ("+", Some(_)) | ("-", None) => words(),
            ("?", None) => Err(format!("required variable {} is missing a value: {}", self.name, self.words)),
            (_, current) => Ok(current.unwrap_or_default()),
        }
    }
}

/// The brace that closes the one before this line. Compose skips the byte behind each opening brace; so do we.
fn closing_brace(line: &str) -> Option<usize> {
    let mut depth = 1;
    let mut is_skipped = true;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if is_skipped => is_skipped = false,
            b'{' => {
                depth += 1;
                is_skipped = true;
            }
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}
