//! How many bytes a condition's values have in a server's message (protobuf's `google.protobuf.Struct`).

use serde_json::{Map, Value};

/// The bytes of a `Struct` of these fields.
pub fn of(fields: &Map<String, Value>) -> usize {
    fields.iter().map(|(key, value)| field(field(key.len()) + field(value_of(value)))).sum()
}

/// A field of this many bytes, with its tag and its length.
fn field(bytes: usize) -> usize {
    1 + varint(bytes) + bytes
}

fn value_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 2,
        Value::Number(_) => 9,
        Value::String(text) => field(text.len()),
        Value::Object(fields) => field(of(fields)),
        Value::Array(items) => field(items.iter().map(|item| field(value_of(item))).sum()),
    }
}

fn varint(mut number: usize) -> usize {
    let mut bytes = 1;
    while number >= 0x80 {
        number >>= 7;
        bytes += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_are_those_of_the_wire() {
        let size = |value: Value| of(value.as_object().unwrap());
        // 0a 0c | 0a 01 61 | 12 07 | 1a 05 78 78 78 78 78
        assert_eq!(size(json!({"a": "xxxxx"})), 14);
        assert_eq!(size(json!({"a": 1})), 2 + 3 + 2 + 9);
        assert_eq!(size(json!({"a": null, "b": true})), 2 * (2 + 3 + 2 + 2));
        assert_eq!(size(json!({"a": [1, "x"]})), 2 + 3 + 2 + 2 + (2 + 9) + (2 + 3));
        assert_eq!(size(json!({})), 0);
        assert_eq!(size(json!({"a": "x".repeat(200)})), 1 + 2 + 3 + 1 + 2 + 1 + 2 + 200);
    }
}
