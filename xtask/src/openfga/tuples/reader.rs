//! Tuples from the nodes of a store file, or from a file of their own by its ending.

use super::{Condition, Tuple, csv, json};
use crate::openfga::model::{Finding, Model};
use crate::openfga::store_file::fields::{Fields, list};
use crate::openfga::store_file::findings::Report;
use crate::openfga::store_file::sources::Text;
use crate::openfga::store_file::yaml::{self, Node};

const KEYS: &[&str] = &["user", "relation", "object", "condition"];

/// Tuples as a store file lists them.
pub fn from_nodes(nodes: &[&Node], model: Option<&Model>, report: &mut Report<'_>) -> Vec<Tuple> {
    let tuples: Vec<Tuple> = nodes.iter().filter_map(|node| one(node, report)).collect();
    check(&tuples, model, report);
    tuples
}

/// The tuples of a file; what is wrong in it goes to `findings`.
pub fn from_file(source: &Text, model: Option<&Model>, findings: &mut Vec<Finding>) -> Result<Vec<Tuple>, String> {
    let mut report = Report::new(&source.shown, &source.text);
    let ending = source.shown.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let tuples = match ending.as_str() {
        "yaml" | "yml" => match yaml::parse(&source.text) {
            Ok(None) => Vec::new(),
            Ok(Some(node)) => {
                let nodes = list(&node, "a file of tuples", &mut report);
                nodes.iter().filter_map(|node| one(node, &mut report)).collect()
            }
            Err(refusal) => {
                report.error(refusal.place, refusal.message);
                Vec::new()
            }
        },
        "json" => json::array(&source.text, &mut report),
        "jsonl" => json::lines(&source.text, &mut report),
        "csv" => csv::tuples(&source.text, &mut report),
        _ => {
            return Err(format!(
                "{} is not a file of tuples; its name can end in .yaml, .json, .jsonl or .csv",
                source.shown
            ));
        }
    };
    check(&tuples, model, &mut report);
    findings.extend(report.into_findings());
    Ok(tuples)
}

fn check(tuples: &[Tuple], model: Option<&Model>, report: &mut Report<'_>) {
    let Some(model) = model else { return };
    for tuple in tuples {
        let Some(why) = model.why_not(&tuple.parts()) else { continue };
        let message = format!("the model does not allow {}: {why}", tuple.shown());
        match model.barren_condition(&tuple.parts()) {
            Some(condition) => report.barren(tuple.place, condition, message),
            None => report.error(tuple.place, message),
        }
    }
}

fn one(node: &Node, report: &mut Report<'_>) -> Option<Tuple> {
    let fields = Fields::of(node, "a tuple", KEYS, report)?;
    let user = fields.required("user", "this tuple", report);
    let relation = fields.required("relation", "this tuple", report);
    let object = fields.required("object", "this tuple", report);
    let condition = fields.get("condition").and_then(|node| {
        let fields = Fields::of(node, "a condition", &["name", "context"], report)?;
        let name = fields.required("name", "this condition", report)?.to_owned();
        Some(Box::new(Condition { name, context: fields.context(report).unwrap_or_default() }))
    });
    Some(Tuple {
        user: user?.to_owned(),
        relation: relation?.to_owned(),
        object: object?.to_owned(),
        condition,
        file: report.file.clone(),
        place: node.place,
    })
}
