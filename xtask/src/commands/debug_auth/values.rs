//! The values that a question brings for conditions: `--context`.

use crate::context::Context;
use crate::error::Fault;
use crate::openfga::debug::grounds::open_conditions;
use crate::openfga::debug::node::Node;
use crate::openfga::model::{Model, ParameterType, nearest};
use crate::terminal::{clean_line, shell_word};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// `--context`, a JSON object.
pub fn read(text: &str) -> Result<Map<String, Value>, Fault> {
    let hint = "write a JSON object: --context '{\"ip\": \"192.168.0.1\"}'";
    match serde_json::from_str(text) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(Fault::usage("--context is not a JSON object").hint(hint)),
        Err(why) => Err(Fault::usage(format!("--context is not JSON: {why}")).hint(hint)),
    }
}

/// A value that no condition takes changes nothing.
pub fn warn_of_unknown(values: Option<&Map<String, Value>>, model: &Model, context: &Context) {
    let known: BTreeSet<&str> =
        model.conditions().flat_map(|it| it.parameters.iter().map(|(name, _)| name.text.as_str())).collect();
    for name in values.into_iter().flat_map(Map::keys).filter(|name| !known.contains(name.as_str())) {
        let near = nearest(name, known.iter().copied()).map(|near| format!(" (did you mean {near}?)"));
        let text = format!("--context: no condition of the model takes {name}{}", near.unwrap_or_default());
        context.terminal.warn(&clean_line(&text));
    }
}

/// What to type where a value decides: those that were given and those that are missing; where a value is refused, the types.
pub fn hint(tree: &Node, given: Option<&Map<String, Value>>, model: &Model) -> Option<String> {
    let open = open_conditions(tree);
    let missing: BTreeSet<&String> = open.iter().flat_map(|condition| &condition.missing).collect();
    if missing.is_empty() {
        let refused = open.iter().find(|condition| condition.refusal.is_some())?;
        let parameters = &model.condition(&refused.name)?.parameters;
        let types: Vec<String> =
            parameters.iter().map(|(name, kind)| format!("{}: {kind}", shell_word(&name.text))).collect();
        return Some(format!(
            "give values of the types that {} takes: {}",
            shell_word(&refused.name),
            types.join(", ")
        ));
    }
    let name = |name: &str| Value::from(name).to_string();
    // A value that a condition here cannot take is one to give, too.
    let can_take = |key: &String, value: &Value| {
        let parameters = open.iter().filter_map(|it| model.condition(&it.name)).flat_map(|it| &it.parameters);
        parameters.filter(|(name, _)| name.text == *key).all(|(_, kind)| fits(kind, value))
    };
    let known = |name: &String| model.conditions().any(|it| it.parameters.iter().any(|(known, _)| known.text == *name));
    let kept = given.into_iter().flatten().filter(|(key, _)| known(key)).map(|(key, value)| {
        let value = if can_take(key, value) { value.to_string() } else { "VALUE".to_owned() };
        format!("{}: {value}", name(key))
    });
    let values: Vec<String> = kept.chain(missing.iter().map(|key| format!("{}: VALUE", name(key)))).collect();
    Some(format!("give the value: --context {}", shell_word(&format!("{{{}}}", values.join(", ")))))
}

/// Whether a parameter of this type may take the value; what is not known is left to the server.
fn fits(kind: &ParameterType, value: &Value) -> bool {
    match kind.name.as_str() {
        "bool" => value.is_boolean(),
        "int" => value.is_i64() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok()),
        "uint" => value.is_u64() || value.as_str().is_some_and(|text| text.parse::<u64>().is_ok()),
        "double" => value.is_number() || value.as_str().is_some_and(|text| text.parse::<f64>().is_ok()),
        "string" | "timestamp" | "duration" => value.is_string(),
        "ipaddress" => value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
        "list" => value.is_array(),
        "map" => value.is_object(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_of_another_type_is_not_typed_again() {
        for (kind, value, is_taken) in [
            ("int", json!("x"), false),
            ("int", json!("3"), true),
            ("int", json!(1.5), false),
            ("uint", json!(-1), false),
            ("double", json!(1.5), true),
            ("bool", json!("true"), false),
            ("string", json!(1), false),
            ("ipaddress", json!("10.0.0.300"), false),
            ("ipaddress", json!("::1"), true),
            ("list", json!({}), false),
            ("map", json!({}), true),
            ("any", json!(null), true),
        ] {
            assert_eq!(fits(&ParameterType::plain(kind), &value), is_taken, "{kind} {value}");
        }
    }

    #[test]
    fn a_context_is_an_object() {
        assert_eq!(read("{\"a\": 1}").unwrap().len(), 1);
        for text in ["", "1", "[]", "{a: 1}", "{\"a\": 1} x", "null"] {
            assert_eq!(read(text).unwrap_err().exit.code(), 2, "{text}");
        }
    }
}
