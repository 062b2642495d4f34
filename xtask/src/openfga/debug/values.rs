//! Other values for a condition that does not hold, to find out which of its values keeps it from holding.

use super::node::Judged;
use serde_json::{Map, Number, Value};
use std::net::IpAddr;

/// At most this many other values are tried in place of one.
const MOST: usize = 16;
/// They are made of at most so many values of the others and of the expression.
const MOST_IN_POOL: usize = 100;
/// Of two values at once, so many of each are tried.
const MOST_IN_PAIR: usize = 6;
const PAST: &str = "1970-01-01T00:00:00Z";
const FUTURE: &str = "9999-01-01T00:00:00Z";

/// Values of the same kind in place of the one of this name: those of the others and of the expression, those beside them,
/// and some that are far away.
pub fn others(judged: &Judged, name: &str, kind: &str) -> Vec<Value> {
    let values = judged.values();
    let Some(own) = values.get(name) else { return Vec::new() };
    let of_others = values.iter().filter(|(other, _)| *other != name).map(|(_, value)| value.clone());
    let pool: Vec<Value> = of_others.chain(literals(&judged.expression)).take(MOST_IN_POOL).collect();
    let mut found = match own {
        Value::Bool(is_true) => vec![Value::from(!is_true)],
        Value::Number(number) => numbers(number, &pool),
        Value::String(_) => texts(kind, &pool),
        Value::Array(list) => lists(list, &pool),
        Value::Null | Value::Object(_) => Vec::new(),
    };
    let mut seen = vec![own.clone()];
    found.retain(|value| {
        let is_kept = seen.len() <= MOST && !seen.contains(value);
        seen.extend(is_kept.then(|| value.clone()));
        is_kept
    });
    found
}

/// Two of a tuple's values at once: the first others of the one with the first of the other.
pub fn pairs(of_tuple: &Map<String, Value>, others: &[(String, Vec<Value>)]) -> Vec<Vec<(String, Value)>> {
    let own: Vec<_> = others.iter().filter(|(name, _)| of_tuple.contains_key(name)).collect();
    let mut found = Vec::new();
    for (at, (one, ones)) in own.iter().enumerate() {
        for (other, twos) in own.iter().skip(at.saturating_add(1)) {
            for value in ones.iter().take(MOST_IN_PAIR) {
                let with = |two: &Value| vec![(one.clone(), value.clone()), (other.clone(), two.clone())];
                found.extend(twos.iter().take(MOST_IN_PAIR).map(with));
            }
        }
    }
    found
}

fn numbers(own: &Number, pool: &[Value]) -> Vec<Value> {
    let whole = pool.iter().filter_map(Value::as_i64).chain(own.as_i64());
    let mut found: Vec<Value> = whole
        .flat_map(|number| [number, number.saturating_add(1), number.saturating_sub(1)])
        .map(Value::from)
        .collect();
    found.extend(pool.iter().filter(|value| value.is_f64()).cloned());
    found.extend([0, 1_000_000_000_000_i64, -1_000_000_000_000].map(Value::from));
    found
}

fn texts(kind: &str, pool: &[Value]) -> Vec<Value> {
    let mut found: Vec<String> = Vec::new();
    for text in pool.iter().filter_map(Value::as_str) {
        found.push(text.to_owned());
        // The first address of a network, and the network of one address.
        found.extend(
            text.split_once('/').filter(|(address, _)| address.parse::<IpAddr>().is_ok()).map(|it| it.0.to_owned()),
        );
        found.extend(
            text.parse::<IpAddr>().ok().map(|address| format!("{text}/{}", if address.is_ipv4() { 32 } else { 128 })),
        );
    }
    let far: &[&str] = match kind {
        "timestamp" => &[FUTURE, PAST],
        "duration" => &["0s", "1h", "87600h"],
        _ => &[],
    };
    found.into_iter().chain(far.iter().map(|text| (*text).to_owned())).map(Value::from).collect()
}

fn lists(own: &[Value], pool: &[Value]) -> Vec<Value> {
    let fits = |value: &&Value| own.first().is_none_or(|first| first.is_string() == value.is_string());
    let scalars = pool.iter().filter(|value| value.is_string() || value.is_number()).filter(fits);
    let longer = scalars.map(|value| own.iter().chain([value]).cloned().collect::<Vec<_>>().into());
    longer.chain([Value::Array(Vec::new())]).collect()
}

/// The first texts and numbers that an expression names.
fn literals(expression: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(|letter: char| letter.is_alphanumeric() || "_\"'".contains(letter)) {
        let begun = &rest[at..];
        let quote = begun.chars().next().filter(|letter| "\"'".contains(*letter));
        let end = match quote {
            Some(quote) => begun[1..].find(quote).map(|end| end + 2),
            None => begun.find(|letter: char| !letter.is_alphanumeric() && !"_.".contains(letter)),
        };
        let word = &begun[..end.unwrap_or(begun.len())];
        match quote {
            // One with an escape would have to be read as CEL does.
            Some(quote) => found.extend((!word.contains('\\')).then(|| Value::from(word.trim_matches(quote)))),
            None => found.extend(word.parse::<i64>().map(Value::from)),
        }
        rest = &begun[word.len()..];
        if found.len() >= MOST_IN_POOL {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::node::Verdict;
    use super::*;
    use serde_json::json;

    fn tried(expression: &str, of_tuple: &Value, of_request: &Value, (name, kind): (&str, &str)) -> Vec<Value> {
        let map = |value: &Value| value.as_object().cloned().unwrap_or_else(Map::new);
        let condition = crate::openfga::tuples::Condition { name: "c".to_owned(), context: map(of_tuple) };
        let judged = Judged {
            expression: expression.to_owned(),
            of_request: map(of_request),
            verdict: Verdict::No,
            ..Judged::holding(&condition)
        };
        others(&judged, name, kind)
    }

    #[test]
    fn the_values_beside_those_that_are_compared_are_tried_first() {
        let one = tried("now < until", &json!({"until": 10}), &json!({"now": 20}), ("until", "int"));
        assert_eq!(one[..3], [json!(20), json!(21), json!(19)]);
        let one = tried("a == b", &json!({"b": "y"}), &json!({"a": "x"}), ("b", "string"));
        assert_eq!(one, [json!("x")]);
        let one = tried("ip.in_cidr(\"10.0.0.0/8\")", &json!({}), &json!({"ip": "11.0.0.1"}), ("ip", "ipaddress"));
        assert!(one.contains(&json!("10.0.0.0")), "{one:?}");
        let one = tried("x in l && hour > 17", &json!({"l": ["a"]}), &json!({"x": "b", "hour": 5}), ("l", "list"));
        assert_eq!(one[0], json!(["a", "b"]));
        let one = tried("is_on", &json!({"is_on": false}), &json!({}), ("is_on", "bool"));
        assert_eq!(one, [json!(true)]);
        let one = tried("hour > 17", &json!({}), &json!({"hour": 5}), ("hour", "int"));
        assert!(one.contains(&json!(18)) && one.len() <= MOST, "{one:?}");
    }

    #[test]
    fn two_values_of_a_tuple_are_tried_together_and_they_are_few() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let many = |name: &str| (name.to_owned(), (0..MOST).map(Value::from).collect());
        let found = pairs(&map(json!({"a": 1, "b": 2})), &[many("a"), many("now"), many("b")]);
        assert_eq!(found.len(), MOST_IN_PAIR * MOST_IN_PAIR);
        assert_eq!(found[1], [("a".to_owned(), json!(0)), ("b".to_owned(), json!(1))]);
        assert!(pairs(&map(json!({"a": 1})), &[many("a"), many("b")]).is_empty());
    }

    /// A model and a tuple of others decide how many they are.
    #[test]
    fn many_values_of_an_expression_and_of_a_list_are_few_that_are_tried() {
        let many: Vec<String> = (0..50_000).map(|number| format!("'{number}'")).collect();
        let expression = format!("x in [{}]", many.join(", "));
        assert_eq!(literals(&expression).len(), MOST_IN_POOL);
        let list: Vec<String> = (0..5_000).map(|number| format!("e{number}")).collect();
        let found = tried(&expression, &json!({"l": list}), &json!({"x": "a"}), ("l", "list"));
        assert_eq!(found.len(), MOST);
        let found = tried(&expression.replace('\'', ""), &json!({"l": 1}), &json!({"x": 2}), ("l", "int"));
        assert_eq!((found.len(), &found[0]), (MOST, &json!(2)));
    }

    #[test]
    fn literals_of_any_expression_are_found_without_a_panic() {
        assert_eq!(literals("a1 == 'x' || b > 17 && c == \"é'\""), [json!("x"), json!(17), json!("é'")]);
        for odd in ["'", "\"é", "'\\'", "日本 1", "", "1.5.", "'' 2"] {
            literals(odd);
        }
        assert_eq!(literals("'' 2"), [json!(""), json!(2)]);
    }
}
