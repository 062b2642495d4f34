//! Tuples in CSV (RFC 4180): a header, then one tuple a record, its columns in any order.

use super::{Condition, Tuple};
use crate::openfga::model::nearest;
use crate::openfga::store_file::findings::{Place, Report, did_you_mean};

const COLUMNS: &[&str] = &[
    "user_type",
    "user_id",
    "user_relation",
    "relation",
    "object_type",
    "object_id",
    "condition_name",
    "condition_context",
];
const OPTIONAL: &[&str] = &["user_relation", "condition_name", "condition_context"];

struct Record {
    line: usize,
    fields: Vec<String>,
}

/// The file's tuples.
pub fn tuples(text: &str, report: &mut Report<'_>) -> Vec<Tuple> {
    let mut records = records(text, report).into_iter();
    let Some(header) = records.next() else {
        report.error(Place::of(1, 1), format!("no header; the columns are {}", COLUMNS.join(",")));
        return Vec::new();
    };
    let names: Vec<&str> = header.fields.iter().map(|name| name.trim()).collect();
    if let Some(why) = why_no_header(&names) {
        report.error(Place::of(header.line, 1), format!("{why}; the columns are {}", COLUMNS.join(",")));
        return Vec::new();
    }
    records.filter_map(|record| tuple(&names, &record, report)).collect()
}

/// All that is wrong with a header, in one line; `None` where nothing is.
fn why_no_header(names: &[&str]) -> Option<String> {
    if let [only] = names
        && let Some(separator) = [';', '\t', '|'].into_iter().find(|separator| only.contains(*separator))
    {
        return Some(format!("the columns are separated by {separator:?}; commas were expected"));
    }
    if !names.iter().any(|name| COLUMNS.contains(name)) && names.len() > 1 {
        return Some("the first line is not a header: it names no column".to_owned());
    }
    let mut wrong = Vec::new();
    let mut meant = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if !COLUMNS.contains(name) {
            meant.extend(nearest(name, COLUMNS.iter().copied()));
            let near = did_you_mean(name, COLUMNS.iter().copied());
            wrong.push(format!("there is no column {name:?}{near}"));
        } else if names[..index].contains(name) {
            wrong.push(format!("the column {name} is there twice"));
        }
    }
    let missing = COLUMNS.iter().filter(|name| !OPTIONAL.contains(name) && !names.contains(name));
    wrong.extend(missing.filter(|name| !meant.contains(name)).map(|name| format!("the column {name} is missing")));
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

fn tuple(names: &[&str], record: &Record, report: &mut Report<'_>) -> Option<Tuple> {
    let place = Place::of(record.line, 1);
    if record.fields.len() != names.len() {
        let (there, wanted) = (record.fields.len(), names.len());
        report.error(place, format!("this record has {there} fields, the header has {wanted}"));
        return None;
    }
    let field = |name: &str| {
        let at = names.iter().position(|column| *column == name)?;
        Some(record.fields[at].trim_matches([' ', '\t'])).filter(|value| !value.is_empty())
    };
    for name in COLUMNS.iter().filter(|name| !OPTIONAL.contains(name)) {
        if field(name).is_none() {
            report.error(place, format!("{name} is empty"));
            return None;
        }
    }
    let user = format!("{}:{}", field("user_type")?, field("user_id")?);
    let user = field("user_relation").map_or(user.clone(), |relation| format!("{user}#{relation}"));
    let context = match field("condition_context").map(serde_json::from_str) {
        None => serde_json::Map::new(),
        Some(Ok(context)) => context,
        Some(Err(error)) => {
            report.error(place, format!("condition_context is not a JSON object: {error}"));
            return None;
        }
    };
    let name = field("condition_name");
    if name.is_none() && field("condition_context").is_some() {
        report.error(place, "condition_context without condition_name");
        return None;
    }
    Some(Tuple {
        user,
        relation: field("relation")?.to_owned(),
        object: format!("{}:{}", field("object_type")?, field("object_id")?),
        condition: name.map(|name| Box::new(Condition { name: name.to_owned(), context })),
        file: report.file.clone(),
        place,
    })
}

/// The records, each with the line that it begins on. Empty lines are passed over.
fn records(text: &str, report: &mut Report<'_>) -> Vec<Record> {
    let mut reader = Reader { line: 1, start: 1, ..Reader::default() };
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if reader.quoted && letters.peek() == Some(&'"') => {
                letters.next();
                reader.field.push('"');
            }
            '\r' if !reader.quoted && letters.peek() == Some(&'\n') => {}
            _ => reader.take(letter),
        }
    }
    if reader.quoted {
        report.error(Place::of(reader.start, 1), "a quote is opened in this record and never closed");
        return reader.records;
    }
    reader.end_record();
    reader.records
}

#[derive(Default)]
struct Reader {
    records: Vec<Record>,
    fields: Vec<String>,
    field: String,
    /// The line now, and the one that the record begins on, from 1.
    line: usize,
    start: usize,
    /// Whether it is between two quotes, and whether the field had some.
    quoted: bool,
    was_quoted: bool,
}

impl Reader {
    fn take(&mut self, letter: char) {
        match letter {
            '"' if self.quoted => self.quoted = false,
            '"' if self.field.trim().is_empty() && !self.was_quoted => {
                self.field.clear();
                (self.quoted, self.was_quoted) = (true, true);
            }
            '\n' if self.quoted => {
                self.line += 1;
                self.field.push('\n');
            }
            _ if self.quoted => self.field.push(letter),
            ',' => {
                self.fields.push(std::mem::take(&mut self.field));
                self.was_quoted = false;
            }
            '\n' => {
                self.end_record();
                self.line += 1;
                (self.start, self.was_quoted) = (self.line, false);
            }
            _ => self.field.push(letter),
        }
    }

    fn end_record(&mut self) {
        if self.fields.is_empty() && self.field.trim().is_empty() {
            self.field.clear();
            return;
        }
        self.fields.push(std::mem::take(&mut self.field));
        self.records.push(Record { line: self.start, fields: std::mem::take(&mut self.fields) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let mut report = Report::new("t.csv", text);
        let tuples = tuples(text, &mut report);
        let shown = |tuple: &Tuple| match &tuple.condition {
            Some(condition) => format!("{} if {}", tuple.shown(), condition.shown()),
            None => tuple.shown(),
        };
        let findings =
            report.into_findings().iter().map(|found| format!("{}: {}", found.line, found.message)).collect();
        (tuples.iter().map(shown).collect(), findings)
    }

    #[test]
    fn columns_come_in_any_order_and_fields_may_be_quoted() {
        let (tuples, findings) = read(
            "relation,user_type,user_id,object_type,object_id,user_relation,condition_name,condition_context\r\n\
             member,user,\"a,\"\"b\",org,acme,,,\r\n\r\nviewer,team,x,doc,1,member,in_time,\"{\"\"grant\"\": \"\"1h\"\"}\"",
        );
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!(tuples, ["user:a,\"b member org:acme", "team:x#member viewer doc:1 if in_time {\"grant\":\"1h\"}"]);
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let header = "user_type,user_id,relation,object_type,object_id";
        for (text, finding) in [
            (String::new(), "1: no header"),
            (
                "user_type,userid,relation,object_type,object_id".to_owned(),
                "1: there is no column \"userid\" (did you mean user_id?)",
            ),
            ("user_type,user_id,object_type,object_id".to_owned(), "1: the column relation is missing"),
            (format!("{header},relation"), "1: the column relation is there twice; the columns"),
            (
                "relatoin,user_type,usr_id".to_owned(),
                "1: there is no column \"relatoin\" (did you mean relation?), there is no column \"usr_id\" (did you mean user_id?), the column object_type is missing, the column object_id is missing; the",
            ),
            ("a;b".to_owned(), "1: the columns are separated by ';'; commas were expected; the columns are user_type,"),
            ("user,a,member,org,acme".to_owned(), "1: the first line is not a header: it names no column"),
            (format!("{header}\nuser,a,r,o"), "2: this record has 4 fields, the header has 5"),
            (format!("{header}\nuser,,r,o,1"), "2: user_id is empty"),
            (format!("{header}\nuser,a,r,o,\"1"), "2: a quote is opened"),
            (
                format!("{header},condition_name,condition_context\nuser,a,r,o,1,c,{{"),
                "2: condition_context is not a JSON object",
            ),
            (format!("{header},condition_context\nuser,a,r,o,1,{{}}"), "2: condition_context without condition_name"),
        ] {
            let (_, findings) = read(&text);
            assert!(findings.len() == 1 && findings[0].starts_with(finding), "{text:?}: {findings:?}");
        }
    }
}
