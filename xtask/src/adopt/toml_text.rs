//! Small changes of TOML that people wrote: everything else stays as it is, and what comes out is read back.

use serde_json::Value;

/// Deeper than people nest values, and than the names of their tables have parts. The parser calls itself for each level.
const DEEPEST: usize = 16;

/// What a TOML text says.
pub fn parsed(text: &str) -> Result<Value, String> {
    if !is_shallow(text) {
        return Err(format!("it is nested deeper than {DEEPEST} levels"));
    }
    basic_toml::from_str(text).map_err(|error| error.to_string())
}

/// Whether neither brackets nor the dots of names nest too deeply, outside of strings and comments.
fn is_shallow(text: &str) -> bool {
    let (mut rest, mut depth, mut dots) = (text, 0usize, 0usize);
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '"' | '\'' => string_length(rest),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            _ => letter.len_utf8(),
        };
        match letter {
            '[' | '{' => (depth, dots) = (depth + 1, 0),
            ']' | '}' => (depth, dots) = (depth.saturating_sub(1), 0),
            ',' | '=' | '\n' => dots = 0,
            '.' => dots += 1,
            _ => {}
        }
        if depth > DEEPEST || dots > DEEPEST {
            return false;
        }
        rest = &rest[length..];
    }
    true
}

/// How long the string is that begins here, with its quotes. One that is not closed ends with its line or the text.
fn string_length(text: &str) -> usize {
    let quote = &text[..1];
    let is_long = text[1..].starts_with(quote) && text[2..].starts_with(quote);
    let mut at = if is_long { 3 } else { 1 };
    while let Some(letter) = text[at..].chars().next() {
        if letter == '\\' && quote == "\"" {
            at += 1;
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        } else if is_long && text[at..].starts_with(&quote.repeat(3)) {
            // Up to two quotes before the three that end it belong to the string.
            let quotes = text[at..].len() - text[at..].trim_start_matches(quote).len();
            return at + quotes.min(5);
        } else if !is_long && (text[at..].starts_with(quote) || letter == '\n') {
            return at + 1;
        } else {
            at += letter.len_utf8();
        }
    }
    text.len()
}

/// The text with pieces put in, in its own line ends; `None` where it then says anything else than `expected`.
fn checked(text: String, expected: &Value) -> Option<String> {
    (parsed(&text).ok().as_ref() == Some(expected)).then_some(text)
}

/// The line ends of a text.
fn with_ends_of(text: &str, piece: &str) -> String {
    if text.contains("\r\n") { piece.replace('\n', "\r\n") } else { piece.to_owned() }
}

/// Adds lines at the end, behind an empty one.
pub fn appended(text: &str, lines: &str) -> String {
    let gap = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{text}{}", with_ends_of(text, &format!("{gap}{lines}")))
}

/// Adds a table of its own at the end.
pub fn with_table(text: &str, path: &[&str], lines: &[(&str, Value)]) -> Option<String> {
    let mut expected = parsed(text).ok()?;
    let mut table = &mut expected;
    for name in path {
        table =
            table.as_object_mut()?.entry((*name).to_owned()).or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    let mut piece = format!("[{}]\n", path.join("."));
    for (key, value) in lines {
        table.as_object_mut()?.insert((*key).to_owned(), value.clone());
        piece.push_str(&format!("{key} = {value}\n"));
    }
    checked(appended(text, &piece), &expected)
}

/// Adds a key to a table that has a header of its own.
pub fn with_key(text: &str, table: &str, key: &str, value: &Value) -> Option<String> {
    let mut expected = parsed(text).ok()?;
    expected.get_mut(table)?.as_object_mut()?.insert(key.to_owned(), value.clone());
    let header = header_end(text, table)?;
    let gap = if text[..header].ends_with('\n') { "" } else { "\n" };
    let piece = with_ends_of(text, &format!("{gap}{key} = {value}\n"));
    checked(format!("{}{piece}{}", &text[..header], &text[header..]), &expected)
}

/// Adds a text to the list `[table] key = […]`.
pub fn with_item(text: &str, table: &str, key: &str, item: &str) -> Option<String> {
    let mut expected = parsed(text).ok()?;
    expected.get_mut(table)?.get_mut(key)?.as_array_mut()?.push(item.into());
    let header = header_end(text, table)?;
    let start = list_start(text, header, key)?;
    let (last, end) = list_end(text, start)?;
    let item = Value::from(item);
    let is_open = text[last..].starts_with([',', '[']);
    let comma = if is_open { "" } else { "," };
    let line = text[..end].rfind('\n').filter(|line| *line > start && text[*line..end].trim().is_empty());
    let changed = match line {
        // The bracket stands on a line of its own.
        Some(line) => {
            let indent: String =
                text[..=last].rsplit('\n').next()?.chars().take_while(|letter| letter.is_whitespace()).collect();
            let indent = if indent.is_empty() { "    ".to_owned() } else { indent };
            let piece = with_ends_of(text, &format!("{indent}{item},\n"));
            format!("{}{comma}{}{piece}{}", &text[..=last], &text[last + 1..=line], &text[line + 1..])
        }
        None => {
            let blank = if text[last..].starts_with('[') { "" } else { " " };
            format!("{}{comma}{blank}{item}{}", &text[..=last], &text[last + 1..])
        }
    };
    checked(changed, &expected)
}

/// Where the lines of a table begin: behind its header.
fn header_end(text: &str, table: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let inside = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        if inside.is_some_and(|(name, rest)| {
            name.trim() == table && (rest.trim().is_empty() || rest.trim().starts_with('#'))
        }) {
            return Some(at);
        }
    }
    None
}

/// Where the bracket of `key = [` stands, within the lines of a table.
fn list_start(text: &str, from: usize, key: &str) -> Option<usize> {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            return None;
        }
        let value = line.trim_start().strip_prefix(key).map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
        if value.is_some_and(|value| value.trim_start().starts_with('[')) {
            return line.find('[').map(|bracket| at + bracket);
        }
        at += line.len();
    }
    None
}

/// The last byte before the end of a list that is neither blank nor comment, and the bracket that ends it.
fn list_end(text: &str, start: usize) -> Option<(usize, usize)> {
    let (mut last, mut depth, mut quote) = (start, 0u32, None);
    let mut letters = text[start..].char_indices().map(|(at, letter)| (start + at, letter));
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some('"'), '\\') => {
                letters.next();
            }
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '#') => {
                letters.find(|(_, letter)| *letter == '\n');
                continue;
            }
            (None, '"' | '\'') => quote = Some(letter),
            (None, '[') => depth += 1,
            (None, ']') if depth == 1 => return Some((last, at)),
            (None, ']') => depth = depth.checked_sub(1)?,
            (None, letter) if letter.is_whitespace() => continue,
            (None, _) => {}
        }
        last = at;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gets_an_item_and_keeps_its_looks() {
        for (before, after) in [
            ("[workspace]\nmembers = []\n", "[workspace]\nmembers = [\"x\"]\n"),
            ("[workspace]\nmembers = [\"a\"]\n", "[workspace]\nmembers = [\"a\", \"x\"]\n"),
            ("[workspace]\nmembers=['a',] # c\n", "[workspace]\nmembers=['a', \"x\"] # c\n"),
            (
                "a = 1\n[ workspace ] # c\nresolver = \"2\"\nmembers = [\n  \"a\", # ]\n  \"b\" # c\n]\n[x]\n",
                "a = 1\n[ workspace ] # c\nresolver = \"2\"\nmembers = [\n  \"a\", # ]\n  \"b\", # c\n  \"x\",\n]\n[x]\n",
            ),
            (
                "[workspace]\r\nmembers = [\r\n\t\"]\",\r\n]\r\n",
                "[workspace]\r\nmembers = [\r\n\t\"]\",\r\n\t\"x\",\r\n]\r\n",
            ),
            ("[workspace]\nmembers = [\n]", "[workspace]\nmembers = [\n    \"x\",\n]"),
        ] {
            assert_eq!(with_item(before, "workspace", "members", "x").as_deref(), Some(after), "{before}");
        }
    }

    #[test]
    fn what_cannot_be_changed_by_its_text_is_left() {
        for text in [
            "workspace.members = []\n",
            "workspace = { members = [] }\n",
            "[workspace]\n",
            "x = [\n",
            "\"\"\"\n[workspace]\nmembers = []\n\"\"\" = 1\n",
        ] {
            assert_eq!(with_item(text, "workspace", "members", "x"), None, "{text}");
        }
        assert_eq!(with_key("alias = { b = \"build\" }\n", "alias", "x", &"run".into()), None);
        assert_eq!(with_table("[a]\n", &["a"], &[("x", 1.into())]), None, "a table has one header");
    }

    #[test]
    fn what_is_nested_without_end_is_refused_before_it_is_parsed() {
        for deep in [
            format!("a = {}", "[".repeat(200_000)),
            format!("[alias]\nx={}", "[".repeat(100_000)),
            format!("a = [\"\"\"x\"\"\"\", {}", "[".repeat(100_000)),
            format!("a = ['\\', {}", "[".repeat(100_000)),
            format!("[{}b]\n", "a.".repeat(100_000)),
            format!("{}b = 1\n", "a.".repeat(100_000)),
            format!("a = {}", "{a = ".repeat(100_000)),
        ] {
            assert!(parsed(&deep).unwrap_err().contains("nested deeper"), "{}", &deep[..30]);
        }
        let strings = format!("a = '{0}'\nb = \"\\\"{0}\"\nc = \"\"\"\n{0}\n\"\"\"\n# {0}\n", "[".repeat(100));
        assert!(parsed(&strings).is_ok(), "{strings}");
        assert!(parsed(&format!("a = [{}]\n", "1.5, ".repeat(100))).is_ok());
    }

    #[test]
    fn keys_and_tables_are_added() {
        assert_eq!(
            with_key("[alias]\r\nb = 1\r\n", "alias", "x", &"run".into()).unwrap(),
            "[alias]\r\nx = \"run\"\r\nb = 1\r\n"
        );
        assert_eq!(with_key("[alias]", "alias", "x", &"run".into()).unwrap(), "[alias]\nx = \"run\"\n");
        let table = with_table("[a.b]\nc = 1", &["a"], &[("x", 1.into())]);
        assert_eq!(table.unwrap(), "[a.b]\nc = 1\n\n[a]\nx = 1\n");
    }
}
