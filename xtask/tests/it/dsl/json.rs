//! The API's form of a model: what is refused, what is odd, where, and what the DSL cannot express.

use super::model::Model;
use super::shown;
use crate::harness::Test;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    tests![
        [] findings_have_their_places,
        [] what_is_wrong_is_refused,
        [] what_is_odd_is_accepted_with_a_warning,
        [] both_styles_of_field_names_are_read,
        [] a_servers_answer_is_read,
        [] what_the_dsl_cannot_express_says_so,
        [] a_direct_operand_goes_first,
        [] a_tuple_can_be_looked_up,
    ]
}

/// A model with a type `user`, and a type `doc` with `owner: [user]` and these relations.
fn doc(relations: Value, details: Value) -> Value {
    let mut definition = json!({
        "type": "doc",
        "relations": { "owner": { "this": {} } },
        "metadata": { "relations": { "owner": { "directly_related_user_types": [{ "type": "user" }] } } },
    });
    let pairs = [("/relations", relations), ("/metadata/relations", details)];
    for (path, more) in pairs {
        let target = definition.pointer_mut(path).unwrap().as_object_mut().unwrap();
        target.extend(more.as_object().unwrap().clone());
    }
    json!({ "schema_version": "1.1", "type_definitions": [{ "type": "user" }, definition] })
}

/// The same with one relation `x`, directly assignable to these.
#[expect(clippy::needless_pass_by_value, reason = "it takes what json! makes")]
fn direct(user_types: Value) -> Value {
    doc(json!({ "x": { "this": {} } }), json!({ "x": { "directly_related_user_types": user_types } }))
}

/// The same with one relation `x` that is only computed.
#[expect(clippy::needless_pass_by_value, reason = "it takes what json! makes")]
fn computed(rewrite: Value) -> Value {
    doc(json!({ "x": rewrite }), json!({}))
}

/// The same with a condition `c` that `x` uses.
#[expect(clippy::needless_pass_by_value, reason = "it takes what json! makes")]
fn condition(condition: Value) -> Value {
    let mut model = direct(json!([{ "type": "user", "condition": "c" }]));
    model["conditions"] = json!({ "c": condition });
    model
}

fn same(relation: &str) -> Value {
    json!({ "computedUserset": { "relation": relation } })
}

fn from(computed: &str, tupleset: &str) -> Value {
    json!({ "tupleToUserset": { "tupleset": { "relation": tupleset }, "computedUserset": { "relation": computed } } })
}

type Cases = Vec<(&'static str, Value)>;

/// What no server takes, by what is wrong with it.
pub fn refused() -> Cases {
    [refused_types(), refused_relations(), refused_user_types(), refused_conditions()].concat()
}

fn refused_types() -> Cases {
    vec![
        ("no type", json!({ "schema_version": "1.1", "type_definitions": [] })),
        ("no schema", json!({ "type_definitions": [{ "type": "user" }] })),
        ("old schema", json!({ "schema_version": "1.0", "type_definitions": [{ "type": "user" }] })),
        ("schema to come", json!({ "schema_version": "1.3", "type_definitions": [{ "type": "user" }] })),
        (
            "type twice",
            json!({ "schema_version": "1.1", "type_definitions": [{ "type": "user" }, { "type": "user" }] }),
        ),
        ("no name", json!({ "schema_version": "1.1", "type_definitions": [{}] })),
        ("reserved type", json!({ "schema_version": "1.1", "type_definitions": [{ "type": "self" }] })),
        ("long type", json!({ "schema_version": "1.1", "type_definitions": [{ "type": "a".repeat(255) }] })),
        ("blank in type", json!({ "schema_version": "1.1", "type_definitions": [{ "type": "a b" }] })),
        ("list as text", json!({ "schema_version": "1.1", "type_definitions": "user" })),
        ("number as name", json!({ "schema_version": "1.1", "type_definitions": [{ "type": 1 }] })),
    ]
}

fn refused_relations() -> Cases {
    let long = "a".repeat(51);
    let circle = doc(json!({ "x": same("y"), "y": { "union": { "child": [same("owner"), same("x")] } } }), json!({}));
    let only_circle = doc(
        json!({ "x": from("x", "parent"), "parent": { "this": {} } }),
        json!({ "parent": { "directly_related_user_types": [{ "type": "doc" }] } }),
    );
    vec![
        ("reserved relation", doc(json!({ "this": same("owner") }), json!({}))),
        ("long relation", doc(json!({ long: same("owner") }), json!({}))),
        ("no rewrite", computed(json!({}))),
        ("two rewrites", computed(json!({ "this": {}, "computedUserset": { "relation": "owner" } }))),
        ("no such relation", computed(same("nothing"))),
        ("itself", computed(same("x"))),
        ("circle", circle),
        ("no way in", only_circle),
        ("only itself", direct(json!([{ "type": "doc", "relation": "x" }]))),
        ("no such tupleset", computed(from("owner", "nothing"))),
        ("tupleset is computed", doc(json!({ "x": from("owner", "y"), "y": same("owner") }), json!({}))),
        ("nothing at the tupleset", computed(from("nothing", "owner"))),
        ("union of one", computed(json!({ "union": { "child": [same("owner")] } }))),
        ("intersection of none", computed(json!({ "intersection": { "child": [] } }))),
        ("half a difference", computed(json!({ "difference": { "base": same("owner") } }))),
    ]
}

fn refused_user_types() -> Cases {
    vec![
        ("no user types", direct(json!([]))),
        ("no metadata", computed(json!({ "this": {} }))),
        (
            "user types of a computed one",
            doc(json!({ "x": same("owner") }), json!({ "x": { "directly_related_user_types": [{ "type": "user" }] } })),
        ),
        ("no such type", direct(json!([{ "type": "nobody" }]))),
        ("no such userset", direct(json!([{ "type": "doc", "relation": "nothing" }]))),
        ("relation and wildcard", direct(json!([{ "type": "doc", "relation": "owner", "wildcard": {} }]))),
        ("no such condition", direct(json!([{ "type": "user", "condition": "nothing" }]))),
        (
            "wildcard at the tupleset",
            doc(
                json!({ "x": from("owner", "y"), "y": { "this": {} } }),
                json!({ "y": { "directly_related_user_types": [{ "type": "doc", "wildcard": {} }] } }),
            ),
        ),
    ]
}

fn refused_conditions() -> Cases {
    let number = json!({ "type_name": "TYPE_NAME_INT" });
    let parameters: Value = (0..26).map(|index| (format!("p{index}"), number.clone())).collect();
    vec![
        ("another name", condition(json!({ "name": "d", "expression": "true", "parameters": {} }))),
        ("no expression", condition(json!({ "name": "c", "expression": "", "parameters": { "p": number } }))),
        (
            "long expression",
            condition(json!({ "name": "c", "expression": format!("p == '{}'", "x".repeat(520)),
            "parameters": { "p": { "type_name": "TYPE_NAME_STRING" } } })),
        ),
        ("many parameters", condition(json!({ "name": "c", "expression": "p0 < 1", "parameters": parameters }))),
        (
            "unknown parameter type",
            condition(json!({ "name": "c", "expression": "p < 1",
            "parameters": { "p": { "type_name": "TYPE_NAME_INTEGER" } } })),
        ),
        (
            "list of what",
            condition(json!({ "name": "c", "expression": "p[0] < 1",
            "parameters": { "p": { "type_name": "TYPE_NAME_LIST" } } })),
        ),
        (
            "integer of integers",
            condition(json!({ "name": "c", "expression": "p < 1",
            "parameters": { "p": { "type_name": "TYPE_NAME_INT", "generic_types": [number] } } })),
        ),
    ]
}

/// What a server takes, though it is odd.
pub fn odd() -> Cases {
    let mut misspelt = direct(json!([{ "type": "user" }]));
    misspelt["type_definitions"][1]["metdata"] = json!({});
    let unused = json!({ "name": "c", "expression": "1 < 2", "parameters": {} });
    let mut with_unused = direct(json!([{ "type": "user" }]));
    with_unused["conditions"] = json!({ "c": unused });
    let object = json!({ "computedUserset": { "object": "doc:1", "relation": "owner" } });
    vec![
        ("unknown field", misspelt),
        ("unused condition", with_unused),
        ("metadata of nothing", doc(json!({}), json!({ "x": { "directly_related_user_types": [] } }))),
        ("user type twice", direct(json!([{ "type": "user" }, { "type": "user" }]))),
        ("operand twice", computed(json!({ "union": { "child": [same("owner"), same("owner")] } }))),
        ("nothing left", computed(json!({ "difference": { "base": same("owner"), "subtract": same("owner") } }))),
        ("an object", computed(object)),
        (
            "union of one inside",
            computed(json!({ "union": { "child": [same("owner"), { "union": { "child": [same("owner")] } }] } })),
        ),
    ]
}

fn what_is_wrong_is_refused() {
    for (name, json) in refused() {
        Model::from_json("model.json", &json.to_string()).expect_err(name);
    }
}

fn what_is_odd_is_accepted_with_a_warning() {
    for (name, json) in odd() {
        let read = Model::from_json("model.json", &json.to_string());
        let (_, findings) = read.unwrap_or_else(|found| panic!("{name}: {}", shown(&found)));
        assert!(!findings.is_empty(), "{name}");
    }
}

fn findings_have_their_places() {
    let text = r#"{
  "schema_version": "1.1",
  "type_definitions": [
    { "type": "user", "relation": {} },
    { "type": "doc",
      "relations": { "ö": { "this": {} }, "x": { "computed_userset": { "relation": "ow" } }, "x": { "this": {} } },
      "metadata": { "relations": { "ö": { "directly_related_user_types": [{ "type": "usr" }, 3] } } } }
  ],
  "conditions": { "c": { "name": "d", "expression": "true" } }
}"#;
    let findings = Model::from_json("model.json", text).unwrap_err();
    let placed: Vec<String> = findings.iter().map(|it| format!("{}:{} {}", it.line, it.column, it.message)).collect();
    assert_eq!(
        placed,
        [
            "4:23 a type definition has no field `relation`: a server drops it silently; did you mean `relations`?",
            "6:84 the type `doc` has no relation `ow`",
            "6:94 `x` is defined twice",
            "7:85 the type `usr` is not defined; did you mean `user`?",
            "7:94 expected a user type, an object, found a number",
            "9:34 expected the name `c`, as in `conditions`, found `d`",
        ]
    );
    let findings = Model::from_json("model.json", "{\n  \"schema_version\": \"1.1\",\n  oops\n}").unwrap_err();
    assert_eq!(shown(&findings), "model.json:3:3: this is not JSON: key must be a string\n    oops\n    ^\n");
    let findings = Model::from_json("model.json", "[]").unwrap_err();
    assert_eq!(findings[0].message, "expected an authorization model, an object, found a list");
}

fn both_styles_of_field_names_are_read() {
    let snake = r#"{"schema_version":"1.1","type_definitions":[{"type":"user"},{"type":"doc","relations":{"p":{"this":{}},
        "x":{"tuple_to_userset":{"tupleset":{"relation":"p"},"computed_userset":{"relation":"y"}}},"y":{"this":{}}},
        "metadata":{"relations":{"p":{"directly_related_user_types":[{"type":"doc"}]},
        "y":{"directly_related_user_types":[{"type":"user","wildcard":null,"condition":"cc"}]}}}}],
        "conditions":{"cc":{"name":"cc","expression":"p[0]","parameters":{"p":{"type_name":10,"generic_types":[{"type_name":"TYPE_NAME_BOOL"}]}}}}}"#;
    let camel = snake
        .replace("schema_version", "schemaVersion")
        .replace("type_definitions", "typeDefinitions")
        .replace("tuple_to_userset", "tupleToUserset")
        .replace("computed_userset", "computedUserset")
        .replace("directly_related_user_types", "directlyRelatedUserTypes")
        .replace("type_name", "typeName")
        .replace("generic_types", "genericTypes");
    let [(one, first), (other, second)] = [snake, &camel].map(|text| Model::from_json("model.json", text).unwrap());
    assert_eq!(shown(&first) + &shown(&second), "");
    assert_eq!(one.to_json(), other.to_json());
    let dsl = one.to_dsl().unwrap();
    assert!(dsl.contains("define x: y from p\n    define y: [user with cc]\n"), "{dsl}");
    assert!(dsl.contains("condition cc(p: list<bool>) {\n  p[0]\n}\n"), "{dsl}");
}

fn a_servers_answer_is_read() {
    let answer = json!({ "authorization_model": {
        "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "schema_version": "1.1", "conditions": {}, "of_a_newer_server": 1,
        "type_definitions": [
            { "type": "doc", "metadata": { "relations": {
                "owner": { "directly_related_user_types": [{ "type": "user", "condition": "" }], "module": "", "source_info": null },
                "viewer": { "directly_related_user_types": [], "module": "", "source_info": null },
            }, "module": "", "source_info": null },
              "relations": { "viewer": { "computedUserset": { "object": "", "relation": "owner" } }, "owner": { "this": {} } } },
            { "type": "user", "relations": {}, "metadata": null },
        ],
    } });
    let text =
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define owner: [user]\n    define viewer: owner\n";
    let (echo, model) = (Model::from_value(&answer).unwrap(), super::model(text));
    assert_eq!(model.difference(&echo), Vec::<String>::new());
    assert!(model == echo);
    let error = Model::from_value(&json!({ "code": "store_id_not_found", "message": "no" })).unwrap_err().to_string();
    assert_eq!(error, "this is not an authorization model: expected a field `schema_version`");
    let error = Model::from_value(&json!("<html>")).unwrap_err().to_string();
    assert_eq!(error, "this is not an authorization model: expected an authorization model, an object, found a string");
}

#[track_caller]
fn assert_not_expressible(model: &Value, reasons: &[&str]) {
    let model = Model::from_value(model).unwrap();
    let error = model.to_dsl().unwrap_err();
    assert_eq!(error.reasons, reasons);
    assert_eq!(error.to_string(), format!("the DSL cannot express this model:\n  {}", reasons.join("\n  ")));
}

fn what_the_dsl_cannot_express_says_so() {
    let late = json!({ "difference": { "base": same("owner"), "subtract": { "this": {} } } });
    let user = json!({ "x": { "directly_related_user_types": [{ "type": "user" }] } });
    assert_not_expressible(
        &doc(json!({ "x": late }), user.clone()),
        &["doc#x: the directly assignable types do not come first"],
    );
    let twice = json!({ "union": { "child": [{ "this": {} }, { "intersection": { "child": [{ "this": {} }, same("owner")] } }] } });
    assert_not_expressible(
        &doc(json!({ "x": twice }), user),
        &[
            "doc#x: the directly assignable types do not come first",
            "doc#x: the directly assignable types are listed more than once",
        ],
    );
    assert_not_expressible(
        &json!({ "schema_version": "1.1", "type_definitions": [{ "type": "a b" }, { "type": "ünï", "relations": { "or": same("and") } }] }),
        &[
            "the type name \"a b\"",
            "the type name \"ünï\"",
            "the relation name \"or\"",
            "ünï#or: the relation name \"and\"",
        ],
    );
    assert_not_expressible(
        &condition(json!({ "name": "c", "expression": "p == '}\n", "parameters": {} })),
        &["condition c: it has no parameter", "condition c: its expression cannot stand between braces"],
    );
    // OpenFGA's own parser ends an expression at the first brace, cuts lines at ` #`, and knows fewer escapes and types.
    for expression in ["p == {'k': 1}['k']", "p == 'a #b'", "p == '\\d'", "p == $x", "p == '''\n# x'''"] {
        let parameters = json!({ "p": { "type_name": "TYPE_NAME_STRING" } });
        assert_not_expressible(
            &condition(json!({ "name": "c", "expression": expression, "parameters": parameters })),
            &["condition c: its expression cannot stand between braces"],
        );
    }
    let parameters = json!({ "p": { "type_name": "TYPE_NAME_ANY" } });
    assert_not_expressible(
        &condition(json!({ "name": "c", "expression": "p == 1", "parameters": parameters })),
        &["condition c: parameter p: the type any"],
    );
}

fn a_direct_operand_goes_first() {
    let user = json!({ "x": { "directly_related_user_types": [{ "type": "user" }] } });
    let inner = json!({ "difference": { "base": { "union": { "child": [same("owner"), { "this": {} }] } }, "subtract": same("owner") } });
    let model =
        Model::from_value(&doc(json!({ "x": { "intersection": { "child": [same("owner"), inner] } } }), user)).unwrap();
    let dsl = model.to_dsl().unwrap();
    assert!(dsl.contains("    define x: (([user] or owner) but not owner) and owner\n"), "{dsl}");
    assert!(super::model(&dsl) == model);
}

fn a_tuple_can_be_looked_up() {
    let model = super::model(
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define owner: [user with c, user:*, doc#owner]\n    define viewer: owner\ncondition c(x: map<string>) {\n  x.y == \"\"\n}\n",
    );
    assert_eq!(model.types().collect::<Vec<_>>(), ["user", "doc"]);
    assert_eq!(model.relations("doc").collect::<Vec<_>>(), ["owner", "viewer"]);
    let owner = model.relation("doc", "owner").unwrap();
    assert_eq!(owner[0].condition.as_ref().unwrap().text, "c");
    assert_eq!(owner.iter().map(ToString::to_string).collect::<Vec<_>>(), ["user with c", "user:*", "doc#owner"]);
    assert!(model.relation("doc", "viewer").unwrap().is_empty());
    assert!(model.relation("doc", "editor").is_none() && model.relation("team", "owner").is_none());
    assert_eq!(model.condition("c").unwrap().parameters[0].1.to_string(), "map<string>");
    assert!(model.condition("d").is_none());
}
