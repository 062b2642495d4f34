//! The types that a condition's parameter can have.

use super::parts::ParameterType;

/// Their names in the DSL, in the order of the API's numbers from 1 on.
pub const NAMES: [&str; 11] =
    ["any", "bool", "string", "int", "uint", "double", "duration", "timestamp", "map", "list", "ipaddress"];

/// What the API calls a type: `TYPE_NAME_` and this name in capitals.
pub const PREFIX: &str = "TYPE_NAME_";

/// Whether the type holds values of another, as in `list<string>`.
pub fn is_container(name: &str) -> bool {
    matches!(name, "map" | "list")
}

/// Whether a map or list says of what, and nothing else does.
pub fn is_complete(kind: &ParameterType) -> bool {
    kind.generic.len() == usize::from(is_container(&kind.name)) && kind.generic.iter().all(is_complete)
}

/// All of them, as a person reads them.
pub fn listed() -> String {
    let shown = NAMES.map(|name| if is_container(name) { format!("{name}<…>") } else { name.to_owned() });
    shown.join(", ")
}

/// Which types the reference grammar reads.
pub const PLAIN: &str = "a type other than `any`, and in `map<…>` and `list<…>` no other `map` or `list`";

/// Whether the reference grammar reads the type, `depth` containers deep.
pub fn is_plain(name: &str, depth: usize) -> bool {
    name != "any" && (depth == 0 || !is_container(name))
}

/// Whether the reference grammar reads the type with all that it holds.
pub fn is_readable(kind: &ParameterType) -> bool {
    fn at(kind: &ParameterType, depth: usize) -> bool {
        is_plain(&kind.name, depth) && kind.generic.iter().all(|inner| at(inner, depth + 1))
    }
    is_complete(kind) && at(kind, 0)
}
