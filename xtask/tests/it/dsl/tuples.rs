//! Tuples: what is refused here the real server refuses, what is taken here it takes.

use super::model::{Model, TupleParts};
use crate::harness::dice::{self, Dice};
use crate::harness::openfga::Api;
use crate::harness::{Test, shared};
use serde_json::{Map, Value, json};

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] the_server_decides_on_tuples_as_the_checks_do,
        [Stack, Openfga] the_server_decides_on_random_tuples_as_the_checks_do,
    ]
}

/// Every form of `[…]`, a parameter of every type, a condition whose name no tuple can hold.
const MODEL: &str = "model
  schema 1.1
type user
type team
  relations
    define member: [user, team#member]
    define lead: [user]
type doc
  relations
    define parent: [doc]
    define plain: [user]
    define every: [user, user:*]
    define set: [team#member]
    define none: plain
    define timed: [user with some]
    define both: [user, user with some, team#member with some]
    define split: [team with some, team#member]
    define loose: [team, team#lead with some]
    define one: [user with c]
    define deep: plain from parent
    define selfish: [doc#plain, user]
    define own: [user, doc#own]
condition some(b: bool, s: string, i: int, u: uint, d: double, t: timestamp, l: duration, a: ipaddress, x: any, m: map<int>, n: list<string>) {
  b && s == '' && i == 1 && u == 1u && d == 1.0 && t < t && l < l && a.in_cidr('') && x == 1 && m['a'] == 1 && 'a' in n
}
condition c(i: int) {
  i == 1
}
";

/// One store, and both judges.
struct Court {
    api: Api,
    model: Model,
    path: String,
}

impl Court {
    fn new() -> Self {
        let (api, model) = (shared().openfga(), super::model(MODEL));
        let store = api.create_store("tuples");
        let (status, answer) = api.request(&format!("/stores/{store}/authorization-models"), Some(&model.to_json()));
        assert_eq!(status, 201, "{answer}");
        Self { api, model, path: format!("/stores/{store}/write") }
    }

    /// That both say the same of a tuple; whether they take it.
    #[track_caller]
    fn agrees(&self, tuple: &Value, about: &str) -> bool {
        let text = |name: &str| tuple[name].as_str().unwrap();
        let nothing = Map::new();
        let condition = tuple.get("condition").map(|condition| {
            let context = condition.get("context").and_then(Value::as_object).unwrap_or(&nothing);
            (condition["name"].as_str().unwrap(), context)
        });
        let parts = TupleParts { user: text("user"), relation: text("relation"), object: text("object"), condition };
        let ours = self.model.why_not(&parts);
        let body = json!({ "writes": { "tuple_keys": [tuple], "on_duplicate": "ignore" } });
        let (status, answer) = self.api.request(&self.path, Some(&body));
        // 409: it is there with another condition, so that it is one that the server takes.
        let taken = match status {
            200 | 409 => true,
            400 => false,
            _ => panic!("{status} {answer}\n{tuple} {about}"),
        };
        assert_eq!(ours.is_none(), taken, "here: {ours:?}, there: {answer}\n{tuple} {about}");
        taken
    }
}

fn tuple(user: &str, relation: &str, object: &str) -> Value {
    json!({ "user": user, "relation": relation, "object": object })
}

fn with(mut tuple: Value, name: &str, context: Value) -> Value {
    tuple["condition"] = json!({ "name": name });
    tuple["condition"]["context"] = context;
    tuple
}

fn the_server_decides_on_tuples_as_the_checks_do() {
    let court = Court::new();
    for user in USERS {
        for relation in ["plain", "every", "set", "own", "selfish", "split", "loose", "parent", "none", "deep"] {
            court.agrees(&tuple(user, relation, "doc:1"), "");
        }
    }
    for object in OBJECTS {
        court.agrees(&tuple("user:a", "plain", object), "");
    }
    for relation in RELATIONS {
        court.agrees(&tuple("user:a", relation, "doc:1"), "");
    }
    for length in [254, 255, 256, 257, 510, 511, 512, 513] {
        court.agrees(&tuple(&format!("user:{}", "x".repeat(length - 5)), "plain", "doc:1"), "");
        court.agrees(&tuple(&format!("user:{}", "é".repeat((length - 5) / 2)), "plain", "doc:1"), "");
        court.agrees(&tuple("user:a", "plain", &format!("doc:{}", "é".repeat(length - 4))), "");
        court.agrees(&tuple("user:a", &"x".repeat(length / 5), "doc:1"), "");
    }
    for (kind, values) in VALUES {
        for value in *values {
            let value: Value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            let context = json!({ *kind: value });
            court.agrees(&with(tuple("user:v", "timed", "doc:1"), "some", context), "");
        }
    }
    for bytes in [32_740, 32_754, 32_755, 32_756, 32_757, 32_758, 32_759, 32_760, 32_800] {
        court.agrees(&with(tuple("user:v", "timed", "doc:1"), "some", json!({ "s": "x".repeat(bytes) })), "");
    }
    for name in ["", "c", "some", "so me", "none", "x\u{a0}y", "some\u{7}"] {
        for relation in ["timed", "both", "split", "loose", "one", "plain"] {
            for user in ["user:c", "team:x", "team:x#member", "team:x#lead", "user:*"] {
                court.agrees(&with(tuple(user, relation, "doc:1"), name, json!({})), "");
            }
        }
    }
    court.agrees(&with(tuple("user:v", "timed", "doc:1"), "some", json!({ "unknown": 1 })), "");
}

fn the_server_decides_on_random_tuples_as_the_checks_do() {
    let court = Court::new();
    let (mut dice, seed) = Dice::thrown();
    let about = format!("seed {seed}");
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..dice::cases(400) {
        let mut tuple = tuple(
            &text(&mut dice, USERS, &["user", "team", "doc"]),
            if dice.once_in(6) { dice.one_of(RELATIONS) } else { dice.one_of(GOOD_RELATIONS) },
            &text(&mut dice, OBJECTS, &["doc"]),
        );
        if dice.once_in(2) {
            let mut context = Map::new();
            for _ in 0..dice.below(3) {
                let (kind, values) = dice.one_of(VALUES);
                let value = dice.one_of(values);
                context.insert(kind.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| json!(value)));
            }
            tuple = with(tuple, dice.one_of(&["some", "some", "some", "c", "none"]), Value::Object(context));
        }
        if court.agrees(&tuple, &about) { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 0 && refused > 0, "{about}: {taken} taken, {refused} refused");
}

/// A text of the list, or one put together of a type and pieces.
fn text(dice: &mut Dice, texts: &[&str], types: &[&str]) -> String {
    const PIECES: &[&str] =
        &["a", "*", ":", "#", "#member", "@", "\u{a0}", "\u{2028}", "é", ".", "/", "|", "\u{200b}", "%", "\"", "\\"];
    match dice.below(4) {
        0 => dice.one_of(texts).to_owned(),
        1 => format!("{}:x#{}", dice.one_of(&["team", "doc"]), dice.one_of(&["member", "lead", "plain", "own"])),
        _ => {
            let own_type = dice.one_of(types);
            let id: String = (0..=dice.below(3)).map(|_| dice.one_of(PIECES)).collect();
            format!("{own_type}:{id}")
        }
    }
}

const USERS: &[&str] = &[
    "",
    "a",
    "*",
    "user:",
    ":a",
    "user:a",
    "user:a:b",
    "user:*",
    "user:a*b",
    "user:**",
    "user:a b",
    "user:a\tb",
    "user:a\u{a0}b",
    "user:a\u{85}b",
    "user:\u{2003}",
    "user:a@b.c",
    "user:a#",
    "user:#member",
    "user#member:a",
    "robot:a",
    "team:x",
    "team:x#member",
    "team:x#lead",
    "team:x#nobody",
    "team:*#member",
    "team:x#*",
    "team:x#member#lead",
    "team:x#mem ber",
    "team:x:y#member",
    "team:*",
    "doc:1",
    "doc:1#plain",
    "doc:1#own",
    "doc:2#own",
    "doc:1#selfish",
    "doc:*",
    "user:日本",
    "user:a/b|c\\d",
    "user:'\"{}[],",
];
const OBJECTS: &[&str] = &[
    "",
    "doc",
    "doc:",
    ":1",
    "doc:1",
    "doc:1:2",
    "doc:*",
    "doc:**",
    "doc:a*",
    "doc:1#plain",
    "doc:1 2",
    "doc:1\n2",
    "doc:\u{a0}",
    "doc:\u{feff}",
    "robot:1",
    "doc:1@2",
    "doc::",
    "doc:日本",
    "team:x",
    "user:a",
];
const RELATIONS: &[&str] =
    &["", "plain", "pla in", "plain:", "plain#", "plain@", "nothing", "pl\u{a0}ain", "plain\u{7}"];
const GOOD_RELATIONS: &[&str] =
    &["plain", "every", "set", "timed", "both", "split", "loose", "one", "selfish", "own", "parent", "member"];

/// Values by the parameter that they are for; what is no JSON is a text.
const VALUES: &[(&str, &[&str])] = &[
    ("b", &["true", "\"true\"", "1", "null", "yes"]),
    ("s", &["", "x", "1", "null", "\"a\\u0007\"", "\"a\\u00a0\"", "\"\\u2028\"", "[]"]),
    (
        "i",
        &[
            "1",
            "1.0",
            "1.5",
            "1e300",
            "-7",
            "\"1\"",
            "\"1.5\"",
            "\"1e2\"",
            "\"10e-1\"",
            "\"0x10\"",
            "\"1_0\"",
            "\"\"",
            "\"Inf\"",
            "\" 1\"",
            "null",
            "true",
            "9223372036854775808",
            "\"18446744073709551617.5\"",
            "\"1e-1\"",
        ],
    ),
    ("u", &["1", "-1", "-0.0", "\"-1\"", "\"-0\"", "1e30", "1.5", "\"2e1\"", "18446744073709551615"]),
    (
        "d",
        &[
            "1",
            "1.5",
            "0.1",
            "\"0.5\"",
            "\"0.1\"",
            "\"Inf\"",
            "\"-inf\"",
            "\"NaN\"",
            "\"1e300\"",
            "\"1e400\"",
            "\"1e-400\"",
            "\"100\"",
            "\"x\"",
            "\"1.\"",
            "\".5\"",
            "\"123456789.25\"",
            "null",
        ],
    ),
    (
        "t",
        &[
            "2025-10-21T14:30:00Z",
            "2025-10-21T14:30:00.5+02:00",
            "yesterday",
            "2025-10-21",
            "2025-10-21 14:30:00Z",
            "2025-10-21T4:30:00Z",
            "2025-10-21T14:30:60Z",
            "2025-02-29T00:00:00Z",
            "2024-02-29T00:00:00Z",
            "2025-10-21T14:30:00,5Z",
            "2025-10-21T14:30:00z",
            "2025-10-21T14:30:00+24:60",
            "2025-10-21T14:30:00+25:00",
            "1761057000",
            "null",
            "\"\"",
        ],
    ),
    (
        "l",
        &[
            "1h",
            "1h30m",
            "1.5h",
            ".5s",
            "1.s",
            "0",
            "\"0\"",
            "\"-1h\"",
            "\"+1h\"",
            "1d",
            "1",
            "1 h",
            "2562047h",
            "2562048h",
            "\"1\\u00b5s\"",
            "\"1\\u03bcs\"",
            "60",
            "\"\"",
            "\"-9223372036854775808ns\"",
            "\"9223372036854775808ns\"",
            "\"0.00000000000000000000001h\"",
            "\"9223372036854775807.5ns\"",
        ],
    ),
    (
        "a",
        &[
            "192.168.0.1",
            "::1",
            "fe80::1%eth0",
            "10.0.0.1%eth0",
            "10.0.0",
            "010.0.0.1",
            "::ffff:10.0.0.1",
            "10.0.0.0/8",
            "localhost",
            "1::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "null",
        ],
    ),
    ("x", &["null", "1", "{\"a\":[1,\"b\"]}", "[\"a\\u0007\"]", "{\"a\\u0007\":1}", "x"]),
    ("m", &["{}", "{\"a\":1}", "{\"a\":1.5}", "{\"a\":\"2\"}", "{\"a\":null}", "[]", "{\"\":1}", "1"]),
    ("n", &["[]", "[\"a\"]", "[1]", "[null]", "{}", "a", "[\"a\",[]]"]),
];
