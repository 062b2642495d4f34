mod random;
mod refused;

use super::*;
use crate::words::hex;
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
    let file = include_bytes!("../../../../tests/files/format_1_by_0_1_0.sql");
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
fn another_format_is_reported_before_anything_else() {
    for (format, reason) in [(json!(3), "format 3 is newer than this program"), (json!(0), "format 0 is unknown")] {
        assert_eq!(parsed(&json!({ "format": format, "bytes": "of another kind" })).unwrap_err(), reason);
    }
    for format in [json!(null), json!("1"), json!(1.5), json!(-1), json!(u64::MAX), json!([1])] {
        let mut facts = facts();
        facts["format"] = format;
        assert!(parsed(&facts).unwrap_err().starts_with("the manifest names no format: "));
    }
}
