//! The body of a condition: CEL, of which only strings, comments and braces matter here.

mod language;
mod stretch;

pub use language::{Odd, odd};

use stretch::{Stretch, stretch};

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

/// Whether a condition's body can hold the expression and give it back as it is, here and in OpenFGA's own tools.
pub fn fits_into_body(expression: &str) -> bool {
    let text = format!("\n  {}\n}}", expression.trim());
    body(&text, 0).is_some_and(|body| {
        let whole = body.end == text.len() - 1 && body.open_quotes.is_empty();
        whole && canonical(&body.expression) == canonical(expression) && odd(&text, 0, body.end).is_empty()
    })
}

/// No blanks around the whole nor at the end of a line; line ends are `\n`.
fn tidy(expression: &str) -> String {
    let lines: Vec<&str> = expression.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}
