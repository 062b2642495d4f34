//! Random models as JSON: valid ones, and valid ones with a few random changes.

use crate::harness::dice::Dice;
use serde_json::{Map, Value, json};

/// Names that the DSL has to tell from its own words.
const NAMES: &[&str] =
    &["type", "model", "extend", "relation", "a-b", "x.y", "org/unit", "_", "fromage", "order", "V2", "android"];

/// A type whose relations are complete: name and relations.
type Known = (String, Vec<String>);

/// A model that every server takes: each relation leads only to earlier ones.
pub fn model(dice: &mut Dice) -> Value {
    let conditions: Vec<Value> = (0..dice.below(4)).map(|number| condition(dice, number)).collect();
    let names: Vec<String> = conditions.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    let mut known: Vec<Known> = vec![("user".to_owned(), Vec::new())];
    let mut definitions = vec![json!({ "type": "user" })];
    for number in 0..=dice.below(4) {
        let name = format!("{}{number}", dice.one_of(NAMES));
        let (definition, relations) = type_definition(dice, &name, &known, &names);
        definitions.push(definition);
        known.push((name, relations));
    }
    let mut model = json!({ "schema_version": dice.one_of(&["1.1", "1.2"]), "type_definitions": definitions });
    if !conditions.is_empty() {
        let by_name: Map<String, Value> = names.into_iter().zip(conditions).collect();
        model["conditions"] = Value::Object(by_name);
    }
    model
}

fn type_definition(dice: &mut Dice, name: &str, known: &[Known], conditions: &[String]) -> (Value, Vec<String>) {
    let mut relations: Vec<String> = Vec::new();
    // Relations of this type that lead to others: their names, and the types they lead to.
    let mut leading: Vec<(String, String)> = Vec::new();
    let (mut rewrites, mut details) = (Map::new(), Map::new());
    for number in 0..dice.below(7) {
        let relation = format!("{}{number}", dice.one_of(NAMES));
        let (rewrite, user_types) = if dice.once_in(3) {
            let target = dice.one_of(&known.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()).to_owned();
            let user_types = json!([{ "type": target }]);
            leading.push((relation.clone(), target));
            (json!({ "this": {} }), user_types)
        } else {
            let mut tree = Tree { dice: &mut *dice, own: &relations, leading: &leading, known, direct: false };
            let rewrite = tree.rewrite(3, true);
            let direct = tree.direct;
            let user_types = if direct { user_types(dice, name, &relations, known, conditions) } else { json!([]) };
            (rewrite, user_types)
        };
        rewrites.insert(relation.clone(), rewrite);
        details.insert(relation.clone(), json!({ "directly_related_user_types": user_types }));
        relations.push(relation);
    }
    let mut definition = json!({ "type": name });
    if !relations.is_empty() {
        definition["relations"] = Value::Object(rewrites);
        definition["metadata"] = json!({ "relations": details });
    }
    (definition, relations)
}

/// One rewrite in the making.
struct Tree<'t> {
    dice: &'t mut Dice,
    own: &'t [String],
    leading: &'t [(String, String)],
    known: &'t [Known],
    direct: bool,
}

impl Tree<'_> {
    /// `first` where `[…]` may stand, which it does at most once.
    fn rewrite(&mut self, depth: usize, first: bool) -> Value {
        if depth > 0 && self.dice.once_in(2) && (first || !self.own.is_empty()) {
            let kind = self.dice.below(3);
            let mut operands = vec![self.rewrite(depth - 1, first)];
            if self.own.is_empty() {
                return operands.remove(0);
            }
            let more = if kind == 2 { 1 } else { 1 + self.dice.below(3) };
            operands.extend((0..more).map(|_| self.rewrite(depth - 1, false)));
            return match kind {
                0 => json!({ "union": { "child": operands } }),
                1 => json!({ "intersection": { "child": operands } }),
                _ => json!({ "difference": { "base": operands[0], "subtract": operands[1] } }),
            };
        }
        self.leaf(first)
    }

    fn leaf(&mut self, first: bool) -> Value {
        if self.own.is_empty() || (first && !self.direct && self.dice.once_in(2)) {
            self.direct = true;
            return json!({ "this": {} });
        }
        if !self.leading.is_empty() && self.dice.once_in(3) {
            let (tupleset, target) = &self.leading[self.dice.below(self.leading.len())];
            let relations = self.known.iter().find(|(name, _)| name == target).map(|(_, relations)| relations);
            if let Some(relations) = relations.filter(|relations| !relations.is_empty()) {
                let computed = &relations[self.dice.below(relations.len())];
                return json!({ "tupleToUserset": {
                    "tupleset": { "relation": tupleset }, "computedUserset": { "relation": computed },
                } });
            }
        }
        json!({ "computedUserset": { "relation": self.own[self.dice.below(self.own.len())] } })
    }
}

/// What a tuple may name: types, usersets of what is there already, and everyone of a type; with conditions now and
/// then.
fn user_types(dice: &mut Dice, own: &str, relations: &[String], known: &[Known], conditions: &[String]) -> Value {
    let mut user_types = vec![json!({ "type": "user" })];
    for _ in 0..dice.below(4) {
        let (name, its) = &known[dice.below(known.len())];
        let mut user_type = match dice.below(4) {
            0 => json!({ "type": name, "wildcard": {} }),
            1 if !its.is_empty() => json!({ "type": name, "relation": its[dice.below(its.len())] }),
            2 if !relations.is_empty() => json!({ "type": own, "relation": relations[dice.below(relations.len())] }),
            _ => json!({ "type": name }),
        };
        if !conditions.is_empty() && dice.once_in(2) {
            user_type["condition"] = json!(conditions[dice.below(conditions.len())]);
        }
        if !user_types.contains(&user_type) {
            user_types.push(user_type);
        }
    }
    json!(user_types)
}

/// A condition that compiles: a comparison for each of its parameters.
fn condition(dice: &mut Dice, number: usize) -> Value {
    const KINDS: &[(&str, &str, &str)] = &[
        ("BOOL", "", "{}"),
        ("STRING", "", "{} == \"a }# b // c \\\" d\""),
        ("STRING", "", "{} != r'\\' && {0} != '''it's }'''"),
        ("INT", "", "{} < 3"),
        ("UINT", "", "{} < 3u"),
        ("DOUBLE", "", "{} < 1.5"),
        ("DURATION", "", "{} < duration('1h')"),
        ("TIMESTAMP", "", "{} < timestamp('2024-01-01T00:00:00Z')"),
        ("IPADDRESS", "", "{}.in_cidr('10.0.0.0/8')"),
        ("LIST", "STRING", "'x' in {}"),
        ("MAP", "INT", "{}['k'] == 1"),
    ];
    let name = format!("{}{number}", dice.one_of(&["c", "type", "in-time", "_"]));
    let (mut parameters, mut parts) = (Map::new(), Vec::new());
    for index in 0..=dice.below(4) {
        let parameter = format!("p{index}");
        let (kind, inner, expression) = dice.one_of(KINDS);
        let mut parameter_type = json!({ "type_name": format!("TYPE_NAME_{kind}") });
        if !inner.is_empty() {
            parameter_type["generic_types"] = json!([{ "type_name": format!("TYPE_NAME_{inner}") }]);
        }
        parts.push(expression.replacen("{}", &parameter, 1).replace("{0}", &parameter));
        parameters.insert(parameter, parameter_type);
    }
    let expression = parts.join(dice.one_of(&[" && ", " ||\n  ", "\n    && "]));
    json!({ "name": name, "expression": expression, "parameters": parameters })
}

/// The model with a few changes that make most of them wrong: names changed for others, parts taken away or doubled.
pub fn mutated(dice: &mut Dice, model: &Value) -> Value {
    let mut model = model.clone();
    for _ in 0..=dice.below(2) {
        let mut paths = Vec::new();
        walk(&model, &mut String::new(), &mut paths);
        let from = &paths[dice.below(paths.len())];
        let other = model.pointer(&paths[dice.below(paths.len())]).cloned().unwrap();
        let taken = model.pointer(from).cloned().unwrap();
        let (parent, key) = from.rsplit_once('/').unwrap();
        let (key, name) = (key.to_owned(), taken.is_string());
        let choice = dice.below(4);
        match model.pointer_mut(parent).unwrap() {
            Value::Object(fields) if choice == 0 => drop(fields.remove(&key)),
            Value::Array(items) if choice == 0 => drop(items.remove(key.parse().unwrap())),
            Value::Array(items) if choice == 1 => items.push(taken),
            Value::Object(fields) if other.is_string() == name => drop(fields.insert(key, other)),
            _ => {}
        }
    }
    model
}

/// The paths of all parts below the outermost.
fn walk(value: &Value, path: &mut String, paths: &mut Vec<String>) {
    let length = path.len();
    let mut below = |key: &str, value: &Value, path: &mut String| {
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        paths.push(path.clone());
        walk(value, path, paths);
        path.truncate(length);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key, value, path)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| below(&index.to_string(), value, path));
        }
        _ => {}
    }
}
