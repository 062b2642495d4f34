//! What no backup says, and what could be read in two ways.

use super::{facts, forged, parsed};
use crate::backup::manifest::Manifest;
use crate::backup::sealed::Sealed as _;
use crate::postgres::count::Count;
use serde_json::{Value, json};

/// A member by its path, and values that no backup says.
type Case = (&'static str, Vec<Value>);

/// Longer than any text of a manifest.
fn long() -> String {
    "x".repeat(1 << 21)
}

fn of_the_file() -> Vec<Case> {
    vec![
        ("/tool", vec![json!("a\u{0}"), json!("two\nlines"), json!("x".repeat(256)), json!(1)]),
        ("/database", vec![json!(""), json!("a\u{0}"), json!("\u{1b}[2J"), json!("x".repeat(64)), json!(null)]),
        ("/only_tables", vec![json!(["a\u{0}"]), json!("t"), json!([long()])]),
        ("/server_version", vec![json!("15\u{0}"), json!(15)]),
        (
            "/started_at",
            vec![
                json!("+262143-01-01T00:00:00Z"),
                json!("-0001-01-01T00:00:00Z"),
                json!("9999-12-31T23:59:59-23:59"),
                json!("0000-01-01T00:00:00Z"),
                json!("2025-02-30T00:00:00Z"),
                json!("2025-10-21T14:30:22"),
                json!("2025-10-21T14:30:22+99:99"),
                json!("yesterday"),
                json!(""),
                json!(0),
            ],
        ),
        ("/seconds", vec![json!(-0.1), json!(1e10), json!(1e300), json!("1"), json!(null)]),
        ("/bytes", vec![json!(u64::MAX), json!(Count::MOST + 1), json!(-1), json!(1.5), json!(1e30), json!("12")]),
        (
            "/sha256",
            vec![
                json!("00"),
                json!("0".repeat(63)),
                json!("A".repeat(64)),
                json!("g".repeat(64)),
                json!("0".repeat(65)),
            ],
        ),
    ]
}

fn of_the_contents() -> Vec<Case> {
    vec![
        ("/copied", vec![json!({}), json!([{ "schema": "a", "name": "b" }])]),
        ("/copied/0/rows", vec![json!(u64::MAX), json!(Count::MOST), json!(-1), json!(0.5)]),
        ("/copied/0/name", vec![json!("a\u{0}"), json!("x".repeat(64)), json!(null)]),
        ("/openfga/stores", vec![json!(3), json!(u64::MAX), json!(-1)]),
        ("/openfga/authorization_models", vec![json!(3)]),
        ("/openfga/tuples", vec![json!(5)]),
        ("/roles", vec![json!(["a\u{0}"]), json!(["x".repeat(64)]), json!([null]), json!("a")]),
        ("/lc_monetary", vec![json!("C\u{0}"), json!("C\n"), json!("x".repeat(256)), json!(1)]),
        ("/extensions", vec![json!(["a\u{0}"]), json!([{ "name": "a", "version": "1" }])]),
        (
            "/extension_versions",
            vec![json!({ "a": "1\u{0}" }), json!({ "a\u{0}": "1" }), json!(["a"]), json!({ "a": 1 })],
        ),
    ]
}

fn of_the_database() -> Vec<Case> {
    vec![
        ("/properties", vec![json!(null), json!({})]),
        ("/properties/encoding", vec![json!("UTF8\u{0}"), json!("SJIS"), json!("utf8"), json!("")]),
        ("/properties/locale_provider", vec![json!("libc\u{0}"), json!("x"), json!("LIBC"), json!(null)]),
        ("/properties/collate", vec![json!("C\u{0}"), json!("C\n"), json!("x".repeat(256))]),
        ("/properties/ctype", vec![json!("C.UTF-8\u{0}"), json!("\u{9b}")]),
        ("/properties/locale", vec![json!("und\u{0}"), json!("und\r")]),
        ("/properties/icu_rules", vec![json!("& a\u{0}"), json!(1), json!(long())]),
        ("/properties/owner", vec![json!(""), json!("postgres\u{0}"), json!("x".repeat(64)), json!("\u{7}")]),
        (
            "/properties/grants",
            vec![json!([""]), json!(["a=X/b"]), json!(["a=T/b\u{0}"]), json!(["a=T/b; --"]), json!("a=T/b")],
        ),
        (
            "/properties/settings",
            vec![
                json!([{ "role": null, "values": ["a"] }]),
                json!([{ "role": "a\u{0}", "values": [] }]),
                json!([{ "role": null, "values": ["a\"; ALTER ROLE b SUPERUSER; --=c"] }]),
                json!([{ "role": null, "values": ["a=\u{0}"] }]),
                json!([{ "role": null, "values": ["a b=c"] }]),
                json!([{ "role": null, "values": [format!("a={}", long())] }]),
                json!(["a=b"]),
            ],
        ),
        (
            "/properties/connection_limit",
            vec![json!(-2), json!(i64::from(i32::MAX) + 1), json!(u64::MAX), json!(1.5), json!("1")],
        ),
        ("/properties/comment", vec![json!("a\u{0}"), json!(1), json!(long())]),
        ("/properties/size_bytes", vec![json!(u64::MAX), json!(-1), json!(1e3)]),
    ]
}

#[test]
fn what_no_backup_says_is_refused() {
    for (path, values) in [of_the_file(), of_the_contents(), of_the_database()].concat() {
        for value in values {
            let mut facts = facts();
            *facts.pointer_mut(path).unwrap() = value.clone();
            let refused = parsed(&facts).expect_err(path);
            assert!(refused.starts_with("the manifest ") && refused.len() < 2500, "{path}: {refused}");
            assert!(refused.chars().all(|letter| !letter.is_control()), "{path}: {refused:?}");
        }
    }
    for missing in facts()
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| !["extension_versions", "lc_monetary", "only_tables", "openfga"].contains(&key.as_str()))
    {
        let mut facts = facts();
        facts.as_object_mut().unwrap().remove(missing);
        assert!(parsed(&facts).is_err(), "{missing}");
    }
}

#[test]
fn json_that_could_be_read_in_two_ways_is_refused() {
    let json = facts().to_string();
    for twice in ["\"bytes\":12", "\"database\":\"x\"", "\"properties\":{}"] {
        assert!(Manifest::parse(&forged(&json.replacen('{', &format!("{{{twice},"), 1))).unwrap().is_err(), "{twice}");
    }
    let deep = |depth: usize| format!("{{\"deep\":{}{},{}", "[".repeat(depth), "]".repeat(depth), &json[1..]);
    for depth in [100, 100_000] {
        // What is not known is ignored, however deep it is; without an end it is no JSON.
        assert!(Manifest::parse(&forged(&deep(depth))).unwrap().is_ok(), "{depth}");
        assert!(Manifest::parse(&forged(&deep(depth).replacen("[]", "[[]", 1))).unwrap().is_err(), "{depth}");
    }
    let properties = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let mut facts = facts();
    facts["properties"] = json!("deep");
    let facts = facts.to_string().replace("\"deep\"", &properties);
    assert!(Manifest::parse(&forged(&facts)).unwrap().is_err());
    for line in ["-- xtask manifest: {}\n", "-- xtask manifest: \n", "-- xtask manifest: {\"checksum\":\"\"}\n"] {
        assert!(Manifest::parse(line.as_bytes()).unwrap().is_err(), "{line}");
    }
    assert!(Manifest::parse(b"-- xtask manifest: \xff\n").unwrap().is_err());
}
