//! `.env` as Docker Compose reads it, and edited without disturbing what people wrote in it.
//!
//! The rules are those of compose-go's `dotenv` and `template` packages, found in their source and tried with
//! `docker compose config`. Compose refuses a whole file for one bad line; here it is a [`Problem`] and the rest is read.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;

#[cfg(test)]
mod tests;

/// Stands for a byte that is not UTF-8: one byte long, as that was, and allowed in no name.
const NOT_UTF8: char = '\u{1a}';
const BOM: char = '\u{feff}';
/// A default inside a default inside a default: deeper than anybody writes, shallow enough for every stack.
const DEEPEST_NESTING: usize = 100;

/// A line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it; never contains a value, which may be a secret.
    pub message: String,
}

/// The values of a `.env` file.
#[derive(Debug, Default)]
pub struct EnvFile {
    values: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl EnvFile {
    /// Reads a file. `environment` looks a name up in the process environment: it wins over the file inside `${NAME}`,
    /// and gives names that stand without `=` their value. [`EnvFile::get`] still answers what the file says.
    pub fn parse(text: &[u8], environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let decoded = decode(text);
        let mut file = Self::default();
        for found in Scanner::new(&decoded) {
            match found {
                Ok(statement) => file.add(text, &statement, environment),
                Err(fault) => file.report(text, fault.at, fault.message),
            }
        }
        file
    }

    /// The value of a name; the last of several assignments.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The lines for which Compose would refuse the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn add(&mut self, text: &[u8], statement: &Statement, environment: &dyn Fn(&str) -> Option<String>) {
        let lookup = |name: &str| environment(name).or_else(|| self.values.get(name).cloned());
        let value = match &statement.content {
            Content::Inherited => environment(statement.name).map(Ok),
            Content::Plain(raw) => Some(expand(raw, &lookup, 0)),
            Content::Single(raw) => Some(Ok(raw.clone())),
            Content::Double(raw) => Some(expand(&unescape(raw), &lookup, 0)),
            Content::Unterminated => Some(Err("the quote is never closed".to_owned())),
        };
        let Some(value) = value else { return };
        match value.and_then(|value| usable(value, &text[statement.start..statement.end])) {
            Ok(value) => drop(self.values.insert(statement.name.to_owned(), value)),
            Err(message) => {
                // An earlier value would hide that the line people look at is broken.
                self.values.remove(statement.name);
                self.report(text, statement.start, message);
            }
        }
    }

    fn report(&mut self, text: &[u8], at: usize, message: String) {
        let line = 1 + text[..at].iter().filter(|&&byte| byte == b'\n').count();
        self.problems.push(Problem { line, message });
    }
}

/// The text with `name` set to `value`. Everything else keeps its bytes: other lines, comments, line ends, `export `.
/// The last assignment is replaced; without one the line goes below a commented-out `# NAME=`, else to the end.
/// The text comes back unchanged if it yields the value already, or if no line could: a bad name, a NUL in the value,
/// or a quote left open further up that the new line would close.
pub fn set(text: &[u8], name: &str, value: &str) -> Vec<u8> {
    let yields = |text: &[u8]| EnvFile::parse(text, &|_| None).get(name) == Some(value);
    if yields(text) {
        return text.to_vec();
    }
    let place = Place::find(&decode(text), name);
    let edited = spellings(value).map(|spelling| place.fill(text, &spelling)).find(|edited| yields(edited));
    edited.unwrap_or_else(|| text.to_vec())
}

/// The ways to write a value, the most readable first; what stands behind it on the line decides which of them work.
fn spellings(value: &str) -> impl Iterator<Item = String> {
    let is_plain = value.chars().all(|c| c.is_alphanumeric() || "_-./:,@%+=".contains(c));
    let is_single = !value.contains(|c: char| c == '\'' || c.is_control());
    let plain = is_plain.then(|| value.to_owned());
    let single = is_single.then(|| format!("'{value}'"));
    plain.into_iter().chain(single).chain(iter::once(double_quoted(value)))
}

fn double_quoted(value: &str) -> String {
    let mut quoted = String::from('"');
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' | '"' | '$' => quoted.extend(['\\', c]),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Where a value goes, and what has to stand around it there.
struct Place {
    slot: Range<usize>,
    before: String,
    after: &'static str,
}

impl Place {
    fn find(text: &str, name: &str) -> Self {
        let mut scanner = Scanner::new(text);
        let last = scanner.by_ref().flatten().filter(|statement| statement.name == name).last();
        if let Some(Statement { content, slot, .. }) = last {
            let before = if matches!(content, Content::Inherited) { "=" } else { "" };
            return Self { slot, before: before.to_owned(), after: "" };
        }
        let commented_out = scanner.comments.into_iter().rev().find(|at| is_commented_out(&text[*at..], name));
        Self::new_line(text, commented_out.map_or(text.len(), |at| next_line(text, at)), name)
    }

    fn new_line(text: &str, at: usize, name: &str) -> Self {
        let line_end = match text.find('\n') {
            Some(end) if text[..end].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        let missing = if is_line_start(&text[..at]) { "" } else { line_end };
        Self { slot: at..at, before: format!("{missing}{name}="), after: line_end }
    }

    fn fill(&self, text: &[u8], value: &str) -> Vec<u8> {
        let (start, end) = (&text[..self.slot.start], &text[self.slot.end..]);
        [start, self.before.as_bytes(), value.as_bytes(), self.after.as_bytes(), end].concat()
    }
}

fn is_commented_out(comment: &str, name: &str) -> bool {
    let words = comment.trim_start_matches(['#', ' ', '\t']);
    let assignment = words.strip_prefix("export ").unwrap_or(words).trim_start_matches(' ');
    assignment.strip_prefix(name).is_some_and(|rest| rest.trim_start_matches(' ').starts_with('='))
}

/// The text with every byte that is not UTF-8 as one control character, so that offsets stay those of the file.
fn decode(text: &[u8]) -> String {
    let mut decoded = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        decoded.push_str(chunk.valid());
        decoded.extend(iter::repeat_n(NOT_UTF8, chunk.invalid().len()));
    }
    decoded
}

/// Compose cannot put a NUL into its environment, and a value that is not UTF-8 reaches no program unharmed.
fn usable(value: String, written: &[u8]) -> Result<String, String> {
    if value.contains('\0') {
        return Err("the value contains a NUL".to_owned());
    }
    if value.contains(NOT_UTF8) && std::str::from_utf8(written).is_err() {
        return Err("the value is not UTF-8".to_owned());
    }
    Ok(value)
}

struct Fault {
    at: usize,
    message: String,
}

struct Statement<'a> {
    name: &'a str,
    start: usize,
    end: usize,
    content: Content<'a>,
    /// The bytes to replace when the value changes, with their quotes.
    slot: Range<usize>,
}

enum Content<'a> {
    Inherited,
    Plain(&'a str),
    Single(String),
    Double(String),
    Unterminated,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Where the lines start that are nothing but a comment.
    comments: Vec<usize>,
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
    fn new(text: &'a str) -> Self {
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
            return Err(format!("no name stands before `{delimiter}`"));
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
        // `A= # words`: Compose takes the words for the value, but whoever wrote them meant a comment, so `set` keeps it.
        let is_comment = value.starts_with('#') && start > delimiter_end;
        let slot =
            if value.is_empty() || is_comment { delimiter_end..delimiter_end } else { start..start + value.len() };
        (Content::Plain(value), slot)
    }
}

fn is_line_start(before: &str) -> bool {
    matches!(before, "" | "\u{feff}") || before.ends_with('\n')
}

fn next_line(text: &str, at: usize) -> usize {
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
            _ => return Err(format!("{c:?} cannot stand in a name")),
        }
    }
    Err("a name without `=` needs a line end behind it".to_owned())
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

/// The escapes of double quotes. `\$` becomes the `$$` of [`expand`]; what is no escape stays, with its backslash.
fn unescape(text: &str) -> String {
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
fn expand(template: &str, lookup: &dyn Fn(&str) -> Option<String>, depth: usize) -> Result<String, String> {
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
