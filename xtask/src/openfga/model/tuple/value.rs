//! Whether a value fits the type of a condition's parameter, as a server converts it.

use super::super::parts::ParameterType;
use super::{go, number};
use serde_json::Value;

/// Why a value does not fit, in one line; `None` where it does.
pub fn why_not(value: &Value, kind: &ParameterType) -> Option<String> {
    why_no_text(value).or_else(|| wrong_type(value, kind))
}

/// Texts anywhere in a value hold no control characters.
fn why_no_text(value: &Value) -> Option<String> {
    let is_wrong = |text: &str| text.chars().any(char::is_control);
    match value {
        Value::String(text) if is_wrong(text) => Some(format!("{text:?} has a control character in it")),
        Value::Array(items) => items.iter().find_map(why_no_text),
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            if is_wrong(key) {
                Some(format!("the key {key:?} has a control character in it"))
            } else {
                why_no_text(value)
            }
        }),
        _ => None,
    }
}

fn wrong_type(value: &Value, kind: &ParameterType) -> Option<String> {
    let fits = match (kind.name.as_str(), value) {
        ("any", _) | ("bool", Value::Bool(_)) | ("string", Value::String(_)) | ("double", Value::Number(_)) => true,
        ("int", Value::Number(number)) => number.as_f64().is_some_and(is_whole),
        ("uint", Value::Number(number)) => number.as_f64().is_some_and(|number| is_whole(number) && number >= 0.0),
        ("int", Value::String(text)) => number::is_int(text),
        ("uint", Value::String(text)) => number::is_uint(text),
        ("double", Value::String(text)) => number::is_double(text),
        ("duration", Value::String(text)) => go::is_duration(text),
        ("timestamp", Value::String(text)) => go::is_timestamp(text),
        ("ipaddress", Value::String(text)) => go::is_address(text),
        ("map", Value::Object(fields)) => {
            let inner = kind.generic.first()?;
            return fields.iter().find_map(|(key, value)| Some(format!("{key}: {}", wrong_type(value, inner)?)));
        }
        ("list", Value::Array(items)) => {
            let inner = kind.generic.first()?;
            let wrong = |(index, item)| Some(format!("item {}: {}", index + 1, wrong_type(item, inner)?));
            return items.iter().enumerate().find_map(wrong);
        }
        _ => false,
    };
    (!fits).then(|| format!("{value} is not of type {kind}{}", example(&kind.name)))
}

fn is_whole(number: f64) -> bool {
    number.fract() == 0.0
}

/// What a value of the type looks like, where its name does not say it.
fn example(kind: &str) -> &'static str {
    match kind {
        "timestamp" => " such as \"2025-10-21T14:30:00Z\"",
        "duration" => " such as \"1h30m\"",
        "ipaddress" => " such as \"192.168.0.1\"",
        "double" => "; write the number without quotes",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fits(value: &Value, name: &str) -> bool {
        why_not(value, &ParameterType::plain(name)).is_none()
    }

    #[test]
    fn values_fit_as_a_server_converts_them() {
        for (value, kind) in [
            (json!(3.0), "int"),
            (json!("3"), "int"),
            (json!(1e300), "int"),
            (json!("2e1"), "uint"),
            (json!(1.5), "double"),
            (json!("0.5"), "double"),
            (json!(null), "any"),
            (json!("yesterday"), "string"),
            (json!("1h"), "duration"),
            (json!("2025-10-21T14:30:00Z"), "timestamp"),
            (json!("::1"), "ipaddress"),
            (json!(false), "bool"),
        ] {
            assert!(fits(&value, kind), "{value} {kind}");
        }
        for (value, kind) in [
            (json!(1.5), "int"),
            (json!("x"), "int"),
            (json!(-1), "uint"),
            (json!("0.1"), "double"),
            (json!(null), "string"),
            (json!("a\u{7}"), "any"),
            (json!(["a\u{7}"]), "any"),
            (json!({"a\u{7}": 1}), "any"),
            (json!(1), "string"),
            (json!("true"), "bool"),
            (json!("yesterday"), "timestamp"),
            (json!(60), "duration"),
            (json!("localhost"), "ipaddress"),
            (json!([]), "map"),
        ] {
            assert!(!fits(&value, kind), "{value} {kind}");
        }
    }

    #[test]
    fn what_is_inside_of_lists_and_maps_counts() {
        let list = ParameterType { name: "list".into(), generic: vec![ParameterType::plain("int")] };
        let map = ParameterType { name: "map".into(), generic: vec![list.clone()] };
        assert_eq!(why_not(&json!({"a": [1, 2]}), &map), None);
        assert_eq!(why_not(&json!({"a": [1, "x"]}), &map).unwrap(), "a: item 2: \"x\" is not of type int");
    }
}
