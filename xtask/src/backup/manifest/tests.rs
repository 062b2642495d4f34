use super::*;
use crate::postgres::count::Count;
use crate::words::hex;
use chrono::DateTime;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What a manifest says, as JSON.
fn facts() -> Value {
    json!({
        "format": 1, "tool": "xtask 0.1.0", "database": "ünï \"c\" 日本 😀\n", "only_tables": null,
        "server_version": "15.18", "pg_dump_version": "15.18",
        "started_at": "2025-10-21T14:30:22+02:00", "seconds": 0.25, "bytes": 12, "sha256": "0".repeat(64),
        "copied": [
            { "schema": "public", "name": "tuple", "rows": 1 },
            { "schema": "public", "name": "store", "rows": 2 },
            { "schema": "public", "name": "tuple", "rows": 3 },
            { "schema": "public", "name": "authorization_model", "rows": 2 },
        ],
        "openfga": { "stores": 1, "authorization_models": 2, "tuples": 3 },
        "roles": ["postgres"], "extensions": ["pg_trgm"], "extension_versions": { "pg_trgm": "1.6" }, "lc_monetary": "de_DE.UTF-8",
        "properties": {
            "encoding": "UTF8", "locale_provider": "libc", "collate": "C", "ctype": "C", "locale": null, "icu_rules": null,
            "owner": "postgres", "grants": ["=T/postgres", "\"a b\"=C*c/postgres"],
            "settings": [{ "role": null, "values": ["search_path=app, public"] }, { "role": "app", "values": ["a.b=c=\td"] }],
            "connection_limit": -1, "comment": ",\"checksum\":\"x\"}\n-- xtask manifest: {}", "size_bytes": 7_000_000,
        },
    })
}

pub(crate) fn sample() -> Manifest {
    serde_json::from_value(facts()).unwrap()
}

/// A line of these words, whose checksum fits.
fn forged(json: &str) -> Vec<u8> {
    let body = format!("-- xtask manifest: {}", json.strip_suffix('}').unwrap());
    format!("{body},\"checksum\":\"{}\"}}\n", hex(&Sha256::digest(&body))).into_bytes()
}

fn parsed(facts: &Value) -> Result<Manifest, String> {
    Manifest::parse(&forged(&facts.to_string())).unwrap()
}

#[test]
fn the_line_is_ascii_and_read_back_the_same() {
    let line = sample().line().unwrap();
    assert!(line.is_ascii() && line.iter().filter(|byte| **byte == b'\n').count() == 1);
    assert_eq!(Manifest::parse(&line), Some(Ok(sample())));
    assert_eq!(Manifest::parse(b"--\n"), None);
    assert_eq!(sample().tables().iter().map(|table| table.rows).collect::<Vec<_>>(), [4, 2, 2]);
    assert_eq!(serde_json::to_value(sample()).unwrap(), facts());
}

/// A number with more digits than it can hold would be read as its neighbour each time.
#[test]
fn a_duration_of_any_length_is_read_back_the_same() {
    for seconds in ["0.24444444444444444444444444444444445", "1e-9", "999999999.9994", "123456789.123456789123456789"] {
        let json = facts().to_string().replace("\"seconds\":0.25", &format!("\"seconds\":{seconds}"));
        let manifest = Manifest::parse(&forged(&json)).unwrap().unwrap();
        assert_eq!(Manifest::parse(&manifest.line().unwrap()), Some(Ok(manifest)), "{seconds}");
    }
}

#[test]
fn no_flipped_bit_and_no_cut_is_taken_for_a_manifest() {
    let line = sample().line().unwrap();
    for bit in 0..line.len() * 8 {
        let mut flipped = line.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!matches!(Manifest::parse(&flipped), Some(Ok(_))), "bit {bit}");
    }
    for end in 0..line.len() {
        assert!(!matches!(Manifest::parse(&line[..end]), Some(Ok(_))), "cut at {end}");
    }
}

#[test]
fn the_files_of_released_formats_stay_readable() {
    let file = include_bytes!("../../../tests/files/format_1_by_0_1_0.sql");
    let (_, line) = file.split_at(file[..file.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1);
    let manifest = Manifest::parse(line).unwrap().unwrap();
    assert_eq!((manifest.format, manifest.tool.as_str()), (1, "xtask 0.1.0"));
    assert_eq!(manifest.bytes.get(), (file.len() - line.len()) as u64);
    assert_eq!(manifest.extension_versions, None);
    assert!(manifest.rows() > 0 && manifest.openfga.is_some() && !manifest.extensions.is_empty());
    let properties = &manifest.properties;
    assert!(!properties.settings.is_empty() && properties.grants.is_some() && properties.comment.is_some());
}

#[test]
fn what_is_not_known_is_ignored_and_what_came_later_may_be_missing() {
    let mut facts = facts();
    facts.as_object_mut().unwrap().remove("extension_versions");
    assert_eq!(parsed(&facts).unwrap().extension_versions, None);
    // Members of later versions, among them one of the server alone.
    facts["a member to come"] = json!({ "a": [[[[]]]] });
    facts["Database"] = json!("\u{0}");
    facts["properties"]["tablespace"] = json!("x\u{0}\"; DROP DATABASE y; --");
    let manifest = parsed(&facts).unwrap();
    assert_eq!((manifest.properties.tablespace, manifest.database), (None, sample().database));
}

#[test]
fn another_format_is_told_before_anything_else() {
    for (format, reason) in [(json!(3), "format 3 is newer than this program"), (json!(0), "format 0 is unknown")] {
        assert_eq!(parsed(&json!({ "format": format, "bytes": "of another kind" })).unwrap_err(), reason);
    }
    for format in [json!(null), json!("1"), json!(1.5), json!(-1), json!(u64::MAX), json!([1])] {
        let mut facts = facts();
        facts["format"] = format;
        assert!(parsed(&facts).unwrap_err().starts_with("the manifest names no format: "));
    }
}

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

/// Random numbers: the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        // Knuth's MMIX generator; the upper bits are the random ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.throw()).unwrap() % end.max(1)
    }

    fn text(&mut self) -> String {
        let letters =
            ['a', '"', '\'', '\\', '\0', '\n', '\u{1b}', '\u{9b}', '=', '/', '.', '*', 'T', '1', 'ü', '😀', ';', ' '];
        let length = [0, 1, 3, 9, 63, 64, 256, 300][self.below(8)];
        (0..length).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 8 } else { 10 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!([0, 1, u64::MAX, Count::MOST, Count::MOST + 1, 1 << 32][self.below(6)]),
            3 => json!([-1, -2, i64::MIN, i64::from(i32::MAX), i64::from(i32::MIN)][self.below(5)]),
            4 => json!([0.5, -0.5, 1e300, 1e18, -0.0][self.below(5)]),
            5 => json!(
                ["C", "UTF8", "icu", "a=T/b", "a.b=c", "2025-10-21T14:30:22Z", "9998-12-31T23:59:59-23:59"]
                    [self.below(7)]
            ),
            6 | 7 => json!(self.text()),
            8 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object((0..self.below(4)).map(|_| (self.text(), self.value(depth - 1))).collect()),
        }
    }

    /// Puts something else in the place of one of its parts, or takes it away.
    fn change(&mut self, value: &mut Value) {
        let stop = self.below(4) == 0;
        match value {
            Value::Object(members) if !stop && !members.is_empty() => {
                let at = self.below(members.len());
                let key = members.keys().nth(at).cloned().unwrap();
                match self.below(12) {
                    0 => drop(members.remove(&key)),
                    1 => drop(members.insert(self.text(), self.value(2))),
                    _ => self.change(members.get_mut(&key).unwrap()),
                }
            }
            Value::Array(elements) if !stop && !elements.is_empty() => {
                let at = self.below(elements.len());
                match self.below(6) {
                    0 => drop(elements.remove(at)),
                    1 => elements.push(elements[at].clone()),
                    _ => self.change(&mut elements[at]),
                }
            }
            value => *value = self.value(2),
        }
    }
}

/// What holds for every manifest that is taken.
fn is_in_bounds(manifest: &Manifest) {
    let year = chrono::Datelike::year(&manifest.started_at.time());
    assert!((1900..=9998).contains(&year));
    assert!(manifest.rows() <= Count::MOST && manifest.bytes.get() <= Count::MOST);
    assert!(manifest.tables().len() <= manifest.copied.len());
    let _ = DateTime::UNIX_EPOCH.fixed_offset().signed_duration_since(manifest.started_at.time());
    let value = serde_json::to_value(manifest).unwrap();
    let mut parts = vec![&value];
    while let Some(part) = parts.pop() {
        match part {
            Value::String(text) => assert!(text.len() <= 1 << 21 && !text.contains('\0'), "{text:?}"),
            Value::Array(elements) => parts.extend(elements),
            Value::Object(members) => {
                assert!(members.keys().all(|key| !key.contains('\0')));
                parts.extend(members.values());
            }
            _ => {}
        }
    }
    assert_eq!(Manifest::parse(&manifest.line().unwrap()), Some(Ok(manifest.clone())));
}

const CASES: u64 = 1000;

#[test]
fn random_manifests_never_panic_and_are_taken_only_within_bounds() {
    let mut taken = 0;
    for seed in 0..CASES {
        let mut dice = Dice(seed * 77 + 1);
        let mut facts = facts();
        for _ in 0..=dice.below(3) {
            dice.change(&mut facts);
        }
        if !facts.is_object() {
            continue;
        }
        if let Ok(manifest) = parsed(&facts) {
            is_in_bounds(&manifest);
            taken += 1;
        }
    }
    assert!((CASES / 40..CASES * 3 / 4).contains(&taken), "{taken} of {CASES} were taken");
}
