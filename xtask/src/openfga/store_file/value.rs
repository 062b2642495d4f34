//! What a scalar without quotes means, by YAML's core schema.

use serde_json::Value;

/// A number, a truth value, null, or the text itself.
pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.trim_start_matches(['+', '-']);
    let number = text.strip_prefix('+').unwrap_or(text);
    let radix = |prefix: &str, radix| {
        let rest = digits.strip_prefix(prefix).filter(|rest| rest.starts_with(|first: char| first.is_digit(radix)))?;
        i64::from_str_radix(rest, radix).ok()
    };
    if let Some(value) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Value::from(if text.starts_with('-') { -value } else { value });
    }
    // `1e3` and `1.5` are numbers, `1h`, `192.168.0.1`, `inf` and `NaN` are not.
    let numeric = digits.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if !numeric {
        return Value::String(text.to_owned());
    }
    if let Ok(value) = number.parse::<i64>() {
        return Value::from(value);
    }
    if let Ok(value) = number.parse::<u64>() {
        return Value::from(value);
    }
    let float = number.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    float.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_only_looks_like_a_number_is_a_text() {
        for (text, value) in [("0x1F", json!(31)), ("-0o17", json!(-15)), ("+3", json!(3)), (".5", json!(0.5))] {
            assert_eq!(plain(text), value, "{text}");
        }
        for text in ["-0x-8000000000000000", "0x", "0x+1", "0xFFFFFFFFFFFFFFFFFF", "--1", "1-2", "e", ".", "1e999"] {
            assert_eq!(plain(text), json!(text));
        }
    }
}
