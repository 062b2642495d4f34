//! The body of a condition: CEL, of which only strings, comments and braces matter here.

/// What a stretch of a CEL text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    Code,
    Text,
    /// A quote that its line, or the file, leaves open.
    OpenText,
    Comment,
}

/// A condition's body, up to the `}` that closes it.
#[derive(Debug)]
pub struct Body {
    /// The expression without comments and surrounding blanks.
    pub expression: String,
    /// Where the closing `}` stands.
    pub end: usize,
    /// Where quotes stand that are never closed.
    pub open_quotes: Vec<usize>,
}

/// Reads the body that starts at `start`, behind the `{`. `None` if no `}` closes it.
pub fn body(text: &str, start: usize) -> Option<Body> {
    let (mut expression, mut open_quotes, mut depth, mut at) = (String::new(), Vec::new(), 0_usize, start);
    while at < text.len() {
        let (stretch, end) = stretch(text, at);
        match stretch {
            Stretch::Comment => expression.truncate(expression.trim_end_matches([' ', '\t']).len()),
            Stretch::Text => expression.push_str(&text[at..end]),
            Stretch::OpenText => {
                open_quotes.push(at);
                expression.push_str(&text[at..end]);
            }
            Stretch::Code => match &text[at..end] {
                "}" if depth == 0 => {
                    return Some(Body { expression: tidy(&expression), end: at, open_quotes });
                }
                code => {
                    depth = if code == "{" { depth + 1 } else { depth - usize::from(code == "}") };
                    expression.push_str(code);
                }
            },
        }
        at = end;
    }
    None
}

/// Two expressions that differ only in blanks and comments have one canonical form.
pub fn canonical(expression: &str) -> String {
    let (mut out, mut at) = (String::with_capacity(expression.len()), 0);
    while at < expression.len() {
        let (stretch, end) = stretch(expression, at);
        let part = &expression[at..end];
        if stretch == Stretch::Comment || (stretch == Stretch::Code && part.trim().is_empty()) {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push_str(part);
        }
        at = end;
    }
    out.trim().to_owned()
}

/// Whether a condition's body can hold the expression and give it back as it is.
pub fn fits_into_body(expression: &str) -> bool {
    let text = format!("{expression}\n}}");
    body(&text, 0).is_some_and(|body| {
        let whole = body.end == text.len() - 1 && body.open_quotes.is_empty();
        whole && canonical(&body.expression) == canonical(expression)
    })
}

/// No blanks around the whole nor at the end of a line; line ends are `\n`.
fn tidy(expression: &str) -> String {
    let lines: Vec<&str> = expression.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

/// The stretch that starts at a byte, and where it ends: a whole string or comment, or one character of code.
fn stretch(text: &str, at: usize) -> (Stretch, usize) {
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
fn is_raw(before: &str) -> bool {
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
