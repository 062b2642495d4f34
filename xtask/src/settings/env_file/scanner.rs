//! The statements of a file: names, and values as they are written.

use std::iter;
use std::ops::Range;

/// Stands for a byte that is not UTF-8: one byte long, as that was, and allowed in no name.
pub(super) const NOT_UTF8: char = '\u{1a}';
const BOM: char = '\u{feff}';

/// The text with every byte that is not UTF-8 as one control character, so that offsets stay those of the file.
pub(super) fn decode(text: &[u8]) -> String {
    let mut decoded = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        decoded.push_str(chunk.valid());
        decoded.extend(iter::repeat_n(NOT_UTF8, chunk.invalid().len()));
    }
    decoded
}

pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) message: String,
}

pub(super) struct Statement<'a> {
    pub(super) name: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) content: Content<'a>,
    /// The bytes to replace when the value changes, with their quotes.
    pub(super) slot: Range<usize>,
}

pub(super) enum Content<'a> {
    Inherited,
    Plain(&'a str),
    Single(String),
    Double(String),
    Unterminated,
}

pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Where the lines start that are nothing but a comment.
    pub(super) comments: Vec<usize>,
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Result<Statement<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_to_statement();
        let start = self.at;
        if start == self.text.len() {
            return None;
        }
        Some(self.statement(start).map_err(|message| {
            self.at = next_line(self.text, start);
            Fault { at: start, message }
        }))
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let at = if text.starts_with(BOM) { BOM.len_utf8() } else { 0 };
        Self { text, at, comments: Vec::new() }
    }

    fn skip_to_statement(&mut self) {
        loop {
            let rest = self.text[self.at..].trim_start();
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            let before = self.text[..self.at].trim_end_matches([' ', '\t']);
            if is_line_start(before) {
                self.comments.push(self.at);
            }
            self.at = next_line(self.text, self.at);
        }
    }

    fn statement(&mut self, start: usize) -> Result<Statement<'a>, String> {
        let key_start = self.text.len() - without_export(&self.text[start..]).len();
        let key_text = &self.text[key_start..];
        let (end, delimiter) = key_end(key_text)?;
        let name = key_text[..end].trim_end();
        let delimiter_end = key_start + end + 1;
        if name.contains(' ') {
            return Err("a name cannot contain a space".to_owned());
        }
        if delimiter == '\n' {
            self.at = delimiter_end;
            let slot = key_start + name.len()..key_start + name.len();
            return Ok(Statement { name, start, end: self.at, content: Content::Inherited, slot });
        }
        if name.is_empty() {
            return Err(format!("there is no name before `{delimiter}`"));
        }
        let (content, slot) = self.value(delimiter_end);
        Ok(Statement { name, start, end: self.at, content, slot })
    }

    fn value(&mut self, delimiter_end: usize) -> (Content<'a>, Range<usize>) {
        let rest = self.text[delimiter_end..].trim_start_matches(is_inline_space);
        let start = self.text.len() - rest.len();
        let first_line = start..next_line(self.text, start);
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let Some(quote) = quote else { return self.plain_value(delimiter_end, first_line) };
        let Some((content, length)) = quoted_value(rest, quote) else {
            self.at = first_line.end;
            let length = self.text[first_line].trim_end().len();
            return (Content::Unterminated, start..start + length);
        };
        self.at = start + length;
        let content = if quote == '"' { Content::Double(content) } else { Content::Single(content) };
        (content, start..self.at)
    }

    fn plain_value(&mut self, delimiter_end: usize, line: Range<usize>) -> (Content<'a>, Range<usize>) {
        self.at = line.end;
        let start = line.start;
        let line = &self.text[line];
        let value = line.split_once(" #").map_or(line, |(value, _comment)| value).trim_end();
        // `A= # words`: Compose takes the words for the value, but the author meant a comment, so `set` keeps
        // it.
        let is_comment = value.starts_with('#') && start > delimiter_end;
        let slot =
            if value.is_empty() || is_comment { delimiter_end..delimiter_end } else { start..start + value.len() };
        (Content::Plain(value), slot)
    }
}

pub(super) fn is_line_start(before: &str) -> bool {
    matches!(before, "" | "\u{feff}") || before.ends_with('\n')
}

pub(super) fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

fn is_inline_space(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

fn without_export(text: &str) -> &str {
    match text.strip_prefix("export") {
        Some(rest) if rest.starts_with(['\t', '\n', '\u{c}', '\r', ' ']) => rest.trim_start_matches(is_inline_space),
        _ => text,
    }
}

/// How long the key is, with the spaces behind it, and what ends it. A line end means that the value is inherited.
fn key_end(text: &str) -> Result<(usize, char), String> {
    for (at, c) in text.char_indices() {
        match c {
            '=' | ':' | '\n' => return Ok((at, c)),
            '_' | '.' | '-' | '[' | ']' => {}
            _ if is_inline_space(c) || c.is_alphanumeric() => {}
            NOT_UTF8 => return Err("the name is not UTF-8".to_owned()),
            _ => return Err(format!("a name cannot contain {c:?}")),
        }
    }
    Err("a line end must follow a name without `=`".to_owned())
}

/// What stands between the quotes, and the length with them. Only the escaped quote itself is resolved here.
fn quoted_value(text: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match (is_escaped, c) {
            (false, '\\') => {
                is_escaped = true;
                continue;
            }
            (false, c) if c == quote => return Some((content, at + 1)),
            (true, c) if c != quote => content.push('\\'),
            _ => {}
        }
        content.push(c);
        is_escaped = false;
    }
    None
}
