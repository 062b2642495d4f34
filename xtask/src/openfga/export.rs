//! A store as a store file, in the YAML that both this program and the `fga` tool read alike.
//!
//! The two read plain scalars differently (YAML 1.2 and 1.1), so only what both take for a text stands without quotes.

use super::api::{Api, Stored};
use super::model::Model;
use super::pages::{LONGEST_STORE, Pages};
use crate::process::signals;
use crate::words::is_obeyed;
use anyhow::Result;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The most tuples of an export: its file would have some gigabytes. `db-backup` keeps a larger store.
pub const MOST_TUPLES: u64 = 10_000_000;

/// A store file's text, and what it holds.
#[derive(Debug)]
pub struct Export {
    pub text: String,
    pub tuples: usize,
    /// Tuples that the model does not take, so that no server would take them back: they are comments.
    pub unfitting: usize,
    /// Why the model stands as JSON, which the `fga` tool does not read there; empty where it stands as DSL.
    pub not_in_dsl: Vec<String>,
}

/// All tuples of a store, in the order in which they were written. `seen` hears how many were read.
pub fn tuples(api: &Api, store: &str, seen: &dyn Fn(u64)) -> Result<Vec<Stored>> {
    let mut all = Vec::new();
    let mut pages = Pages::of_at_most(MOST_TUPLES, LONGEST_STORE);
    loop {
        signals::check()?;
        let (page, turn) = api.read_page(store, pages.token())?;
        all.extend(page);
        seen(all.len() as u64);
        if !api.go_on(&mut pages, turn)? {
            return Ok(all);
        }
    }
}

/// The store file of this name, model and tuples.
pub fn store_file(name: &str, model: &Model, tuples: &[Stored]) -> Export {
    let mut text = format!("name: {}\n", scalar(name));
    let (written, not_in_dsl) = match model.to_dsl() {
        Ok(dsl) => (dsl, Vec::new()),
        Err(why) => (format!("{:#}\n", model.to_json()), why.reasons),
    };
    text.push_str(&block("model", &written));
    let (fitting, unfitting): (Vec<&Stored>, Vec<&Stored>) =
        tuples.iter().partition(|tuple| model.why_not(&tuple.parts()).is_none());
    text.push_str(if fitting.is_empty() { "tuples: []\n" } else { "tuples:\n" });
    for tuple in &fitting {
        add(&mut text, tuple);
    }
    if !unfitting.is_empty() {
        text.push_str("# Live tuples that the model does not take:\n");
        for tuple in &unfitting {
            let _ = writeln!(text, "# {}", flow(&tuple.to_json()));
        }
    }
    Export { text, tuples: fitting.len(), unfitting: unfitting.len(), not_in_dsl }
}

fn add(text: &mut String, tuple: &Stored) {
    let (user, relation, object) = tuple.key();
    // Writing into a string cannot fail.
    let _ = writeln!(text, "  - user: {}", scalar(user));
    let _ = writeln!(text, "    relation: {}", scalar(relation));
    let _ = writeln!(text, "    object: {}", scalar(object));
    if let Some(condition) = &tuple.condition {
        let _ = writeln!(text, "    condition:\n      name: {}", scalar(&condition.name));
        if !condition.context.is_empty() {
            let _ = writeln!(text, "      context: {}", flow(&Value::Object(condition.context.clone())));
        }
    }
}

/// A text of several lines under a key.
fn block(key: &str, text: &str) -> String {
    let safe = |letter: char| letter == '\n' || letter == '\t' || is_printable(letter);
    if !text.chars().all(safe)
        || text.starts_with(char::is_whitespace)
        || !text.ends_with('\n')
        || text.ends_with("\n\n")
    {
        return format!("{key}: {}\n", quoted(text));
    }
    let lines = text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
    format!("{key}: |\n{}", lines.collect::<String>())
}

/// A text as a scalar: plain where every reader takes it for a text, else in quotes.
fn scalar(text: &str) -> String {
    const WORDS: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];
    let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./@".contains(&byte);
    // `a:b` and `a#b` are texts; `a: b` and `a #b` are not, but there are no blanks here.
    let inside =
        |(index, byte): (usize, u8)| plain(byte) || (b":#*".contains(&byte) && index + 1 < text.len() || byte == b'*');
    let is_plain =
        begins && text.bytes().enumerate().all(inside) && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// JSON on one line, which is YAML, too.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => format!("{{{}}}", fields_of(fields).join(", ")),
        plain => plain.to_string(),
    }
}

fn fields_of(fields: &Map<String, Value>) -> Vec<String> {
    fields.iter().map(|(key, value)| format!("{}: {}", quoted(key), flow(value))).collect()
}

/// A text in double quotes: what is not printable everywhere, and what some reader takes for the end of a line, is
/// written by its number.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            letter if is_printable(letter) => quoted.push(letter),
            letter if u32::from(letter) > 0xffff => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
            letter => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// Whether every YAML reader takes the letter as it is, and people see it.
fn is_printable(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{e000}'..='\u{f8ff}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'.. => {
            false
        }
        letter => letter > '\u{a0}' && !letter.is_whitespace() && !is_obeyed(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openfga::store_file::{Options, StoreFile};
    use crate::openfga::tuples::{Condition, same_condition};
    use serde_json::json;
    use std::path::Path;

    fn stored(user: &str, object: &str, condition: Option<Value>) -> Stored {
        let condition = condition.map(|context| Condition {
            name: "in_time".to_owned(),
            context: context.as_object().cloned().unwrap_or_default(),
        });
        Stored { user: user.to_owned(), relation: "viewer".to_owned(), object: object.to_owned(), condition }
    }

    const MODEL: &str = "model\n  schema 1.1\n\ntype user\n\ntype doc\n  relations\n    define viewer: [user, user:*, user with in_time]\n\n\
         condition in_time(x: any) {\n  x == \"# no comment: 'x' \u{2028}\" &&\n\tx != 'é'\n}\n";

    #[test]
    fn what_is_written_is_read_back_as_the_same() {
        let texts = ["yes", "2025-10-21T14:00:00Z", "0x1F", "é\u{feff}\"\\\u{2028}"];
        let texts: Vec<Value> = texts.map(|text| json!({ "x": text })).into_iter().chain([json!({})]).collect();
        assert_read_back(&MODEL.replace("any", "string"), texts.clone(), &[]);
        // A type that no parser of the language reads: the model stands as JSON.
        let others = [json!({"x": [1, 1.5, 1e300, null, true, "1", "é\u{feff}\"\\\u{2028}", {"a b": "c: d #e"}]})];
        let all = texts.into_iter().chain(others).collect();
        assert_read_back(MODEL, all, &["condition in_time: parameter x: the type any"]);
    }

    /// Ids that YAML reads as something else where they are not quoted.
    const IDS: &[&str] = &[
        "*",
        "a",
        "yes",
        "-",
        "1",
        "a\u{a0}b",
        "\u{feff}",
        "日本",
        "'",
        "\"",
        "\\",
        "{",
        "%",
        "a,b",
        "\u{1f600}",
        "@",
        "!x",
        "&a",
        "|",
        "?",
        "\u{2028}x",
        "\u{e0001}",
    ];

    #[track_caller]
    fn assert_read_back(model: &str, values: Vec<Value>, not_in_dsl: &[&str]) {
        let (model, _) = Model::from_dsl("m", model).unwrap();
        let mut tuples: Vec<Stored> = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| stored("user:c", &format!("doc:{index}"), Some(value)))
            .collect();
        for id in IDS {
            tuples.push(stored(&format!("user:{id}"), "doc:x", None));
            if *id != "*" {
                tuples.push(stored("user:x", &format!("doc:{id}"), None));
            }
        }
        let export = store_file("yes", &model, &tuples);
        assert_eq!((export.tuples, export.unfitting), (tuples.len(), 0));
        assert_eq!(export.not_in_dsl, not_in_dsl);
        let options = Options { store: None, allow_external_files: false };
        let file = StoreFile::of(export.text.clone().into_bytes(), Path::new(""), "x", None, options)
            .unwrap_or_else(|error| panic!("{error:#}\n{}", export.text));
        assert_eq!(file.name, "yes");
        assert_eq!(model.difference(file.model.as_ref().unwrap()), Vec::<String>::new());
        assert_eq!(file.tuples.len(), tuples.len());
        for (read, stored) in file.tuples.iter().zip(&tuples) {
            assert_eq!(read.key(), stored.key());
            assert!(same_condition(read.condition.as_deref(), stored.condition.as_ref()), "{read:?} {stored:?}");
        }
        assert!(export.text.chars().all(|letter| letter == '\n' || is_printable(letter)), "{}", export.text);
    }

    #[test]
    fn what_the_model_does_not_take_is_a_comment() {
        let (model, _) = Model::from_dsl("m", MODEL).unwrap();
        let export = store_file("shop", &model, &[stored("robot:a\u{85}tuples:", "doc:1", None)]);
        assert_eq!((export.tuples, export.unfitting), (0, 1));
        let last = export.text.lines().last().unwrap();
        assert_eq!(last, r##"# {"object": "doc:1", "relation": "viewer", "user": "robot:a\u0085tuples:"}"##);
        assert!(export.text.contains("\ntuples: []\n"));
    }

    #[test]
    fn an_ordinary_store_file_is_pleasant_to_read() {
        let model = "model\n  schema 1.1\n\ntype user\n\ntype doc\n  relations\n    define viewer: [user, user with in_time]\n\ncondition in_time(x: int) {\n  x == 1\n}\n";
        let (model, _) = Model::from_dsl("m", model).unwrap();
        let tuples = [stored("user:a", "doc:1", None), stored("user:a", "doc:2", Some(json!({"x": 1})))];
        let expected = "name: shop\nmodel: |\n  model\n    schema 1.1\n\n  type user\n\n  type doc\n    relations\n      define viewer: [user, user with in_time]\n\n  \
             condition in_time(x: int) {\n    x == 1\n  }\ntuples:\n  - user: user:a\n    relation: viewer\n    object: doc:1\n  - user: user:a\n    relation: viewer\n    \
             object: doc:2\n    condition:\n      name: in_time\n      context: {\"x\": 1}\n";
        assert_eq!(store_file("shop", &model, &tuples).text, expected);
    }
}
