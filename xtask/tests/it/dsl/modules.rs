//! `fga.mod` and its modules.

use super::model::{Finding, Model};
use super::shown;
use crate::harness::Test;
use serde_json::json;

pub fn tests() -> Vec<Test> {
    tests![
        [] modules_become_one_model,
        [] the_files_paths_may_be_written_in_many_ways,
        [] each_mistake_is_found_in_its_file,
        [] what_only_openfgas_own_tools_refuse_is_a_warning,
        [] a_mistake_in_the_first_line_of_a_file_is_found,
        [] what_a_manifest_may_not_say_is_refused,
        [] modules_are_part_of_the_difference,
    ]
}

const MANIFEST: &str = "# the modules\nschema: '1.2'\ncontents:\n  - core.fga\n  - wiki/pages.fga # in a folder\n  - wiki/spaces.fga\n  - \"tracker.fga\"\n";
const FILES: &[(&str, &str)] = &[
    (
        "core.fga",
        "# base\nmodule core\ntype user\ntype organization\n  relations\n    define member: [user]\ntype label\n",
    ),
    (
        "wiki/pages.fga",
        "module wiki\ntype page\n  relations\n    define space: [space]\n    define viewer: [user with fresh] or member from space\nextend type organization\n  relations\n    define can_create_page: member\n",
    ),
    (
        "wiki/spaces.fga",
        "module wiki\ntype space\n  relations\n    define member: [user]\ncondition fresh(age: int) {\n  age < 3\n}",
    ),
    (
        "tracker.fga",
        "module tracker\r\nextend type organization\r\n  relations\r\n    define can_create_ticket: [user] or member\r\nextend type label\r\n  relations\r\n    define owner: [organization#member]\r\n",
    ),
];

fn read(manifest: &str, files: &[(&str, &str)]) -> Result<(Model, Vec<Finding>), Vec<Finding>> {
    Model::from_modules("fga.mod", manifest, &|path| {
        let found = files.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| anyhow::anyhow!("no such file"))
    })
}

/// A model of four files in three modules, two of which extend one type.
pub fn sample() -> Model {
    let (model, findings) = read(MANIFEST, FILES).unwrap_or_else(|found| panic!("{}", shown(&found)));
    assert_eq!(shown(&findings), "");
    model
}

fn modules_become_one_model() {
    let user = json!([{ "type": "user" }]);
    let expected = json!({
        "schema_version": "1.2",
        "type_definitions": [
            { "type": "user", "metadata": { "module": "core", "source_info": { "file": "core.fga" } } },
            { "type": "organization",
              "relations": {
                  "member": { "this": {} },
                  "can_create_page": { "computedUserset": { "relation": "member" } },
                  "can_create_ticket": { "union": { "child": [{ "this": {} }, { "computedUserset": { "relation": "member" } }] } } },
              "metadata": { "module": "core", "source_info": { "file": "core.fga" }, "relations": {
                  "member": { "directly_related_user_types": user },
                  "can_create_page": { "directly_related_user_types": [], "module": "wiki", "source_info": { "file": "wiki/pages.fga" } },
                  "can_create_ticket": { "directly_related_user_types": user, "module": "tracker", "source_info": { "file": "tracker.fga" } } } } },
            { "type": "label",
              "relations": { "owner": { "this": {} } },
              "metadata": { "module": "core", "source_info": { "file": "core.fga" }, "relations": {
                  "owner": { "directly_related_user_types": [{ "type": "organization", "relation": "member" }], "module": "tracker", "source_info": { "file": "tracker.fga" } } } } },
            { "type": "page",
              "relations": {
                  "space": { "this": {} },
                  "viewer": { "union": { "child": [{ "this": {} }, { "tupleToUserset": { "tupleset": { "relation": "space" }, "computedUserset": { "relation": "member" } } }] } } },
              "metadata": { "module": "wiki", "source_info": { "file": "wiki/pages.fga" }, "relations": {
                  "space": { "directly_related_user_types": [{ "type": "space" }] },
                  "viewer": { "directly_related_user_types": [{ "type": "user", "condition": "fresh" }] } } } },
            { "type": "space",
              "relations": { "member": { "this": {} } },
              "metadata": { "module": "wiki", "source_info": { "file": "wiki/spaces.fga" }, "relations": {
                  "member": { "directly_related_user_types": user } } } },
        ],
        "conditions": { "fresh": { "name": "fresh", "expression": "age < 3", "parameters": { "age": { "type_name": "TYPE_NAME_INT" } },
            "metadata": { "module": "wiki", "source_info": { "file": "wiki/spaces.fga" } } } },
    });
    let model = sample();
    assert_eq!(model.to_json(), expected, "{:#}", model.to_json());
    let (again, _) = Model::from_json("model.json", &expected.to_string()).unwrap();
    assert!(again == model);
    let dsl = model.to_dsl().unwrap();
    assert!(dsl.contains("    define can_create_page: member # module: wiki, file: wiki/pages.fga\n"), "{dsl}");
    super::model(&dsl);
}

fn the_files_paths_may_be_written_in_many_ways() {
    let manifest = "contents: [ ./core.fga, 'wiki\\pages.fga', wiki%2Fspaces.fga, tracker.fga ]\nschema: \"1.2\"";
    let (model, findings) = read(manifest, FILES).unwrap_or_else(|found| panic!("{}", shown(&found)));
    assert_eq!(shown(&findings), "");
    assert_eq!(model.difference(&sample()), Vec::<String>::new());
    let (model, findings) = read(&MANIFEST.replace("'1.2'", "1.2").replace('\n', "\r\n"), FILES).unwrap();
    assert!(model == sample());
    let expected = "warning: fga.mod:2:9: OpenFGA's own tools want the version in quotes: `schema: '1.2'`\n  schema: 1.2\n          ^\n";
    assert_eq!(shown(&findings), expected);
}

/// The findings as file, place and message.
#[track_caller]
fn refused(manifest: &str, files: &[(&str, &str)]) -> Vec<String> {
    let findings = read(manifest, files).expect_err(manifest);
    findings.iter().map(|it| format!("{}:{}:{} {}", it.file, it.line, it.column, it.message)).collect()
}

fn each_mistake_is_found_in_its_file() {
    let manifest = "schema: '1.2'\ncontents:\n  - a.fga\n  - sub/b.fga\n  - c.fga\n  - missing.fga\n";
    let files = [
        (
            "a.fga",
            "module a\ntype user\ntype doc\n  relations\n    define owner: [user]\ncondition c(x: int) {\n  x < 1\n}\n",
        ),
        (
            "sub/b.fga",
            "module b\ntype user\nextend type doc\n  relations\n    define owner: [user]\n    define viewer: [usr] or ownr\nextend type dok\n  relations\n    define x: [user with c]\ncondition c(x: int) {\n  x < 2\n}\n",
        ),
        ("c.fga", "model\n  schema 1.1\ntype other\n"),
    ];
    let expected = [
        "fga.mod:6:5 cannot read `missing.fga`: no such file",
        "sub/b.fga:2:6 the type `user` is defined twice",
        "sub/b.fga:5:12 the relation `owner` is defined twice",
        "sub/b.fga:6:21 the type `usr` is not defined; did you mean `user`?",
        "sub/b.fga:6:29 the type `doc` has no relation `ownr`; did you mean `owner`?",
        "sub/b.fga:7:13 no module defines the type `dok` that this extends; did you mean `doc`?",
        "sub/b.fga:10:11 the condition `c` is defined twice",
        "c.fga:2:10 expected `module NAME`: `fga.mod` names modules, and the schema's version",
    ];
    let found = refused(manifest, &files);
    for line in expected {
        assert!(found.iter().any(|found| found == line), "{line} is not among\n{}", found.join("\n"));
    }
}

fn what_only_openfgas_own_tools_refuse_is_a_warning() {
    let twice = "module a\ntype user\ntype doc\nextend type doc\n  relations\n    define x: [user]\n\
                 extend type doc\n  relations\n    define y: [user]\n";
    let (_, findings) = read("schema: '1.2'\ncontents: [a.fga]\n", &[("a.fga", twice)]).unwrap();
    let expected = "warning: a.fga:7:13: OpenFGA's own tools refuse a file that extends a type twice, as `doc` here";
    assert!(shown(&findings).starts_with(expected), "{}", shown(&findings));
}

fn a_mistake_in_the_first_line_of_a_file_is_found() {
    let syntax = [("a.fga", "module a\ntype user\n"), ("sub/b.fga", "module\ntype x\n"), ("c.fga", "type y\n")];
    let found = refused("schema: '1.2'\ncontents: [a.fga, sub/b.fga, c.fga]\n", &syntax);
    let expected = [
        "sub/b.fga:1:7 expected the module's name, found the end of the line",
        "c.fga:1:1 expected `model` or `module NAME` at the start of the file, found `type`",
    ];
    assert_eq!(found, expected);
}

/// Manifests with all that is found in each.
const REFUSED_MANIFESTS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "1:1 expected `schema: '1.2'` in `fga.mod`",
            "1:1 expected `contents:` and a list of `.fga` files in `fga.mod`",
        ],
    ),
    (
        "schema: '1.1'\ncontents: [core.fga]\n",
        &["1:9 expected the schema's version '1.2', which modules need, found `1.1`"],
    ),
    ("schema: '1.2'\ncontents: core.fga\n", &["2:11 expected a list of `.fga` files"]),
    (
        "schema: '1.2'\ncontents:\n  - ../core.fga\n",
        &["3:5 expected a file in the folder of `fga.mod`, found `../core.fga`"],
    ),
    (
        "schema: '1.2'\ncontents:\n  - a/%2e%2e/core.fga\n",
        &["3:5 expected a file in the folder of `fga.mod`, found `a/%2e%2e/core.fga`"],
    ),
    (
        "schema: '1.2'\ncontents:\n  - /core.fga\n",
        &["3:5 expected a file in the folder of `fga.mod`, found `/core.fga`"],
    ),
    (
        "schema: '1.2'\ncontents:\n  - C:\\core.fga\n",
        &["3:5 expected a file in the folder of `fga.mod`, found `C:\\core.fga`"],
    ),
    ("schema: '1.2'\ncontents:\n  - core.txt\n", &["3:5 expected a file that ends in `.fga`, found `core.txt`"]),
    (
        "schema: '1.2'\ncontents:\n  - my core.fga\n",
        &[
            "3:5 expected letters, digits, `_`, `-` and `/` before `.fga`, 100 at most: a server takes no other name, found `my core.fga`",
        ],
    ),
    ("schema: '1.2'\ncontents:\n  - core.fga\n  - ./core.fga\n", &["4:5 `core.fga` is listed twice"]),
    ("schema: '1.2'\ncontents:\n  - core.fga: 1\n", &["3:5 expected the path of a `.fga` file"]),
    ("schema: '1.2'\ncontents: [core.fga\n", &["3:1 this is not YAML"]),
    ("- schema\n", &["1:1 expected `schema:` and `contents:`", "1:1 expected `schema: '1.2'` in `fga.mod`"]),
];

fn what_a_manifest_may_not_say_is_refused() {
    for (manifest, expected) in REFUSED_MANIFESTS {
        let found = refused(manifest, &[("core.fga", "module core\ntype user\n")]);
        for message in *expected {
            let message = format!("fga.mod:{message}");
            assert!(
                found.iter().any(|found| found.starts_with(&message)),
                "{message} is not among\n{}",
                found.join("\n")
            );
        }
    }
    let (_, findings) = read(&MANIFEST.replace("schema", "schemas: x\nschema"), FILES).unwrap();
    assert_eq!(findings[0].message, "`fga.mod` has no key `schemas`; did you mean `schema`?");
}

fn modules_are_part_of_the_difference() {
    let moved = MANIFEST.replace("wiki/pages", "pages");
    let mut files = FILES.to_vec();
    files[1].0 = "pages.fga";
    files[3].1 = "module other\nextend type organization\n  relations\n    define can_create_ticket: [user] or member\nextend type label\n  relations\n    define owner: [organization#member]\n";
    let (model, _) = read(&moved, &files).unwrap();
    let expected = [
        "~ label#owner: module other, file tracker.fga (was module tracker, file tracker.fga)",
        "~ organization#can_create_page: module wiki, file pages.fga (was module wiki, file wiki/pages.fga)",
        "~ organization#can_create_ticket: module other, file tracker.fga (was module tracker, file tracker.fga)",
        "~ type page: module wiki, file pages.fga (was module wiki, file wiki/pages.fga)",
    ];
    assert_eq!(sample().difference(&model), expected);
}
