//! Tuples in JSON: one array, or one object a line.

use super::{Condition, Tuple};
use crate::openfga::store_file::findings::{Place, Report};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

const EMPTY: &str = "an empty entry is ignored";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    user: String,
    relation: String,
    object: String,
    #[serde(default)]
    condition: Option<WrittenCondition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCondition {
    name: String,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

/// An array of tuples.
pub fn array(text: &str, report: &mut Report<'_>) -> Vec<Tuple> {
    let mut starts = starts_of_items(text);
    match serde_json::from_str::<Vec<Option<Written>>>(text) {
        Ok(written) => {
            let nowhere = Place { line: 1, column: 1 };
            if written.iter().any(Option::is_none) {
                report.warning(nowhere, EMPTY);
            }
            let places = starts.by_ref().chain(std::iter::repeat(nowhere));
            written.into_iter().flatten().zip(places).map(|(one, place)| one.tuple(place, report)).collect()
        }
        Err(error) => {
            match why_no_list(text) {
                Some(why) => report.error(Place::of(1, 1), why.to_owned()),
                None => refuse(&error, 0, report),
            }
            Vec::new()
        }
    }
}

/// What a text is that is no list of tuples, where that is known.
fn why_no_list(text: &str) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Keyed {
        #[serde(rename = "key")]
        _key: IgnoredAny,
    }
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "tuples")]
        _tuples: Vec<Keyed>,
    }
    let is_object = text.trim_start().starts_with('{');
    let is_answer = if is_object {
        serde_json::from_str::<Answer>(text).is_ok()
    } else {
        serde_json::from_str::<Vec<Keyed>>(text).is_ok()
    };
    match (is_answer, is_object) {
        (true, _) => Some("this is what `fga tuple read` prints; use: fga tuple read --output-format simple-json"),
        (false, true) => Some("this is an object; a list of {user, relation, object} was expected"),
        (false, false) => None,
    }
}

/// One tuple a line; empty lines are passed over.
pub fn lines(text: &str, report: &mut Report<'_>) -> Vec<Tuple> {
    let mut tuples = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = Place::of(index + 1, 1);
        match serde_json::from_str::<Option<Written>>(line) {
            Ok(Some(written)) => tuples.push(written.tuple(place, report)),
            Ok(None) => report.warning(place, EMPTY),
            Err(error) => refuse(&error, index, report),
        }
    }
    tuples
}

fn refuse(error: &serde_json::Error, lines_before: usize, report: &mut Report<'_>) {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned();
    report.error(Place::of(error.line() + lines_before, error.column().max(1)), message);
}

impl Written {
    fn tuple(self, place: Place, report: &Report<'_>) -> Tuple {
        let condition = self.condition.map(|condition| {
            Box::new(Condition { name: condition.name, context: condition.context.unwrap_or_default() })
        });
        let Self { user, relation, object, .. } = self;
        Tuple { user, relation, object, condition, file: report.file.clone(), place }
    }
}

/// Where the array's items begin: braces of the first level, not those inside texts.
fn starts_of_items(text: &str) -> impl Iterator<Item = Place> {
    let (mut line, mut column, mut depth, mut inside, mut escaped) = (1, 0, 0_usize, false, false);
    text.chars().filter_map(move |letter| {
        if letter == '\n' {
            (line, column) = (line + 1, 0);
        } else {
            column += 1;
        }
        match (inside, letter) {
            (true, _) if escaped => escaped = false,
            (true, '\\') => escaped = true,
            (_, '"') => inside = !inside,
            (false, '{') => {
                depth += 1;
                return (depth == 1).then(|| Place::of(line, column));
            }
            (false, '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_knows_where_each_tuple_stands() {
        let text = "[null,\n {\"user\": \"user:{a}\", \"relation\": \"r\", \"object\": \"o:1\"},\n  {\"user\": \"user:b\", \"relation\": \"r\", \"object\": \"o:1\", \"condition\": {\"name\": \"c\", \"context\": {\"x\": 1}}}\n]";
        let mut report = Report::new("t.json", text);
        let tuples = array(text, &mut report);
        let findings = report.into_findings();
        assert!(findings.len() == 1 && findings[0].message.contains("empty entry"), "{findings:?}");
        assert_eq!(
            tuples.iter().map(|tuple| (tuple.place.line, tuple.place.column)).collect::<Vec<_>>(),
            [(2, 2), (3, 3)]
        );
        assert_eq!(tuples[1].condition.as_ref().unwrap().shown(), r#"c {"x":1}"#);
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line, words) in [
            ("[\n{\"user\": \"u:a\", \"relatoin\": \"r\", \"object\": \"o:1\"}]", 2, "unknown field `relatoin`"),
            ("[\n{\"user\": \"u:a\"}]", 2, "missing field"),
            ("{}", 1, "a list of {user, relation, object} was expected"),
            ("{\"writes\": {\"tuple_keys\": []}}", 1, "a list of {user, relation, object} was expected"),
            ("{\"tuples\": [{\"key\": {}, \"timestamp\": \"x\"}]}", 1, "--output-format simple-json"),
            ("[{\"key\": {}, \"timestamp\": \"x\"}]", 1, "--output-format simple-json"),
            ("[", 1, "EOF"),
        ] {
            let mut report = Report::new("t.json", text);
            assert!(array(text, &mut report).is_empty());
            let findings = report.into_findings();
            assert!(findings[0].line == line && findings[0].message.contains(words), "{findings:?}");
        }
        let text = "{\"user\": \"u:a\", \"relation\": \"r\", \"object\": \"o:1\"}\n\nnonsense\n";
        let mut report = Report::new("t.jsonl", text);
        assert_eq!(lines(text, &mut report).len(), 1);
        assert_eq!(report.into_findings()[0].line, 3);
    }
}
