//! When two models are the same, and what is shown when they are not.

use super::model;
use crate::harness::Test;

pub fn tests() -> Vec<Test> {
    tests![
        [] order_blanks_and_comments_count_for_nothing,
        [] what_authorizes_otherwise_is_different,
        [] each_difference_has_its_line,
    ]
}

const HEAD: &str = "model\n  schema 1.1\ntype user\ntype team\n  relations\n    define member: [user]\n";

fn doc(definitions: &str) -> String {
    format!("{HEAD}type doc\n  relations\n    define owner: [user]\n    define editor: [user]\n{definitions}\n")
}

#[track_caller]
fn assert_same(one: &str, other: &str) {
    let (one, other) = (model(&doc(one)), model(&doc(other)));
    assert_eq!(one.difference(&other), Vec::<String>::new());
    assert!(one == other);
}

fn order_blanks_and_comments_count_for_nothing() {
    assert_same(
        "define x: [user, team#member] or owner or editor",
        "define x: [team#member,user] or editor or owner # same",
    );
    assert_same("define x: owner\ndefine y: editor", "define y: editor\ndefine x: owner");
    assert_same("define x: owner or editor or z\ndefine z: owner", "define z: owner\ndefine x: owner or (editor or z)");
    assert_same("define x: (owner)", "define x: ((owner))");
    assert_same("define x: owner or owner", "define x: owner");
    assert_same(
        "define x: [user with c]\ncondition c(a: int, b: int) {\n  a < 1 && // so\n    b < 1\n}",
        "define x: [user with c]\ncondition c(b:int,a:int) { a < 1 && b < 1 }",
    );
    let text = doc("define x: owner");
    let turned = text.replace("type user\n", "").replace("type team", "type zebra") + "type user\n";
    assert!(model(&turned) == model(&text.replace("type team", "type zebra")));
}

fn what_authorizes_otherwise_is_different() {
    let pairs = [
        ("define x: owner or editor", "define x: owner and editor"),
        ("define x: owner but not editor", "define x: editor but not owner"),
        ("define x: [user]", "define x: [user:*]"),
        ("define x: [user]", "define x: [user] or owner"),
        ("define x: (owner or editor) and owner", "define x: owner or (editor and owner)"),
        (
            "define x: [user with c]\ncondition c(a: string) { a == \"x  y\" }",
            "define x: [user with c]\ncondition c(a: string) { a == \"x y\" }",
        ),
        (
            "define x: [user with c]\ncondition c(a: int) { a < 1 }",
            "define x: [user with c]\ncondition c(a: double) { a < 1 }",
        ),
    ];
    for (one, other) in pairs {
        let (one, other) = (model(&doc(one)), model(&doc(other)));
        assert!(one != other, "{:?}", one.to_dsl());
        assert_eq!(one.difference(&other).len(), 1, "{:?}", one.to_dsl());
    }
}

fn each_difference_has_its_line() {
    let old = model(&doc(
        "define gone: owner\ndefine x: [user] or owner\ndefine y: [user with c, user with d]\ncondition c(a: int) { a < 1 }\ncondition d(a: int) { a < 1 }",
    ));
    let new = model(
        &(doc("define x: [user] or editor or owner\ndefine y: [user with c, user with e]\ncondition c(a: int) { a < 2 }\ncondition e(b: string) { b == \"\" }")
            .replace("1.1", "1.2")
            .replace("type team\n  relations\n    define member: [user]\n", "type group\n  relations\n    define member: [user, group#member]\n")),
    );
    let expected = [
        "~ schema 1.2 (was 1.1)",
        "- doc#gone: owner",
        "~ doc#x: [user] or editor or owner (was [user] or owner)",
        "~ doc#y: [user with c, user with e] (was [user with c, user with d])",
        "+ type group",
        "+ group#member: [user, group#member]",
        "- type team",
        "- team#member: [user]",
        "~ condition c(a: int) { a < 2 } (was condition c(a: int) { a < 1 })",
        "- condition d(a: int) { a < 1 }",
        "+ condition e(b: string) { b == \"\" }",
    ];
    assert_eq!(old.difference(&new), expected);
}
