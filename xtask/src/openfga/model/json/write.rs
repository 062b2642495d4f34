//! Model to JSON, in the form that the API's documentation uses.

use super::super::definition::Model;
use super::super::parts::{Condition, Origin, ParameterType, Relation, Rewrite, TypeDefinition, UserForm, UserType};
use super::super::types;
use serde_json::{Map, Value, json};

/// What `POST /stores/{id}/authorization-models` takes.
pub fn write(model: &Model) -> Value {
    let mut out = object([
        ("schema_version", json!(model.schema.text)),
        ("type_definitions", model.types.iter().map(type_definition).collect()),
    ]);
    if !model.conditions.is_empty() {
        let conditions = model.conditions.iter().map(|item| (item.name.text.clone(), condition(item))).collect();
        out.insert("conditions".to_owned(), Value::Object(conditions));
    }
    Value::Object(out)
}

fn type_definition(definition: &TypeDefinition) -> Value {
    let mut out = object([("type", json!(definition.name.text))]);
    let mut metadata = origin(&definition.origin);
    if !definition.relations.is_empty() {
        let named = |content: fn(&Relation) -> Value| -> Map<String, Value> {
            definition.relations.iter().map(|relation| (relation.name.text.clone(), content(relation))).collect()
        };
        out.insert("relations".to_owned(), Value::Object(named(|relation| rewrite(&relation.rewrite))));
        metadata.insert("relations".to_owned(), Value::Object(named(relation_detail)));
    }
    if !metadata.is_empty() {
        out.insert("metadata".to_owned(), Value::Object(metadata));
    }
    Value::Object(out)
}

fn relation_detail(relation: &Relation) -> Value {
    let mut out = origin(&relation.origin);
    out.insert("directly_related_user_types".to_owned(), relation.user_types.iter().map(user_type).collect());
    Value::Object(out)
}

fn user_type(user_type: &UserType) -> Value {
    let mut out = object([("type", json!(user_type.type_name.text))]);
    match &user_type.form {
        UserForm::Object => None,
        UserForm::Wildcard => out.insert("wildcard".to_owned(), json!({})),
        UserForm::Userset(relation) => out.insert("relation".to_owned(), json!(relation.text)),
    };
    if let Some(condition) = &user_type.condition {
        out.insert("condition".to_owned(), json!(condition.text));
    }
    Value::Object(out)
}

fn rewrite(tree: &Rewrite) -> Value {
    let children = |operands: &[Rewrite]| json!({ "child": operands.iter().map(rewrite).collect::<Vec<_>>() });
    match tree {
        Rewrite::Direct => json!({ "this": {} }),
        Rewrite::Computed(relation) => json!({ "computedUserset": { "relation": relation.text } }),
        Rewrite::From { computed, tupleset } => json!({ "tupleToUserset": {
            "tupleset": { "relation": tupleset.text }, "computedUserset": { "relation": computed.text },
        } }),
        Rewrite::Union(operands) => json!({ "union": children(operands) }),
        Rewrite::Intersection(operands) => json!({ "intersection": children(operands) }),
        Rewrite::Difference(base, subtract) => {
            json!({ "difference": { "base": rewrite(base), "subtract": rewrite(subtract) } })
        }
    }
}

fn condition(condition: &Condition) -> Value {
    let parameters =
        condition.parameters.iter().map(|(name, kind)| (name.text.clone(), parameter_type(kind))).collect();
    let mut out = object([
        ("name", json!(condition.name.text)),
        ("expression", json!(condition.expression)),
        ("parameters", Value::Object(parameters)),
    ]);
    let metadata = origin(&condition.origin);
    if !metadata.is_empty() {
        out.insert("metadata".to_owned(), Value::Object(metadata));
    }
    Value::Object(out)
}

fn parameter_type(kind: &ParameterType) -> Value {
    let mut out = object([("type_name", json!(format!("{}{}", types::PREFIX, kind.name.to_uppercase())))]);
    if !kind.generic.is_empty() {
        out.insert("generic_types".to_owned(), kind.generic.iter().map(parameter_type).collect());
    }
    Value::Object(out)
}

fn origin(origin: &Origin) -> Map<String, Value> {
    let mut out = Map::new();
    if let Some(module) = &origin.module {
        out.insert("module".to_owned(), json!(module));
    }
    if let Some(file) = &origin.file {
        out.insert("source_info".to_owned(), json!({ "file": file }));
    }
    out
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
