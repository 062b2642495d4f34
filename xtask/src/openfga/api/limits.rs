//! OpenFGA's own limits of what it gives: an answer beyond them is not OpenFGA's.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

const USER: usize = 512;
/// Of four bytes each: OpenFGA counts the letters of these three.
const OBJECT: usize = 4 * 256;
const RELATION: usize = 4 * 50;
const CONDITION: usize = 4 * 256;
/// The longest name of a store has 64 letters.
const NAME: usize = 256;
/// `2025-10-21T14:00:00.123456789Z`
const TIME: usize = 64;
/// A model has 256 KiB as the server keeps it, unless it is set otherwise; this is its text in JSON.
const MODEL: usize = 4 << 20;
/// The values of a condition have 32 KiB as the server keeps them; this is their text in JSON.
const CONTEXT: usize = 256 << 10;

/// A store's name.
pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, "a name", NAME)
}

/// A time.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, "a time", TIME)
}

/// A tuple's user.
pub(super) fn user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, "a user", USER)
}

/// A tuple's relation.
pub(super) fn relation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, "a relation", RELATION)
}

/// A tuple's object.
pub(super) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, "an object", OBJECT)
}

/// A condition's name.
pub(super) fn condition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short(deserializer, "a condition's name", CONDITION)
}

/// The values of a condition.
pub(super) fn context<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    let Some(raw) = Option::<Box<RawValue>>::deserialize(deserializer)? else { return Ok(Map::new()) };
    tree::<Option<_>>(&raw, "a condition's values", CONTEXT).map(Option::unwrap_or_default).map_err(D::Error::custom)
}

/// A model.
pub(super) fn model(raw: &RawValue) -> Result<Value, String> {
    tree(raw, "a model", MODEL)
}

fn tree<T: for<'de> Deserialize<'de>>(raw: &RawValue, what: &str, longest: usize) -> Result<T, String> {
    check(raw.get(), what, longest)?;
    serde_json::from_str(raw.get()).map_err(|error| error.to_string())
}

fn short<'de, D: Deserializer<'de>>(deserializer: D, what: &str, longest: usize) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check(&text, what, longest).map_err(D::Error::custom)?;
    Ok(text)
}

fn check(text: &str, what: &str, longest: usize) -> Result<(), String> {
    if text.len() <= longest {
        return Ok(());
    }
    Err(format!("{what} has {} bytes, OpenFGA gives {longest} at most", text.len()))
}
