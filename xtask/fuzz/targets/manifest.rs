//! Bytes are a line, or the JSON of a manifest, to which the checksum is added: whoever writes a file can do that. What is
//! read keeps its bounds, and is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use xtask_fuzz::backup::manifest::Manifest;
use xtask_fuzz::backup::sealed::Sealed as _;
use xtask_fuzz::words::hex;

const START: &str = "-- xtask manifest: ";
/// No database of a server has more rows, or takes more bytes.
const MOST: u64 = i64::MAX as u64;

fuzz_target!(|data: &[u8]| {
    let _ = Manifest::parse(data);
    let Ok(json) = std::str::from_utf8(data) else { return };
    let body = json.trim_end().strip_suffix('}').unwrap_or(json);
    let sum = hex(&Sha256::new().chain_update(START).chain_update(body).finalize());
    let line = format!("{START}{body},\"checksum\":\"{sum}\"}}\n");
    let manifest = match Manifest::parse(line.as_bytes()).expect("it begins as one") {
        Ok(manifest) => manifest,
        Err(reason) => return assert!(!reason.contains(char::is_control) && !reason.is_empty(), "{reason:?}"),
    };
    keeps_bounds(&manifest);
    let written = manifest.line().expect("what was read can be written");
    assert!(written.is_ascii() && written.iter().filter(|byte| **byte < b' ').count() == 1, "one line of ASCII");
    let again = Manifest::parse(&written).expect("it begins as one").expect("what was written can be read");
    assert_eq!(again.line().expect("again"), written);
});

fn keeps_bounds(manifest: &Manifest) {
    assert!(manifest.rows() <= MOST && manifest.bytes.get() <= MOST);
    assert_eq!(manifest.tables().iter().map(|table| table.rows).sum::<u64>(), manifest.rows());
    // What is sent to a server holds nothing that ends a line or a text before its time.
    let json = serde_json::to_value(manifest).expect("JSON");
    let properties = &json["properties"];
    for member in ["encoding", "collate", "ctype", "locale", "locale_provider"] {
        if let Some(text) = properties[member].as_str() {
            assert!(!text.contains(char::is_control) && text.len() <= 255, "{member}: {text:?}");
        }
    }
    // A role's name may hold blanks of every kind, as on the server; it is quoted and escaped wherever it goes.
    let is_blank = |letter| matches!(letter, '\t' | '\n' | '\r');
    if let Some(owner) = properties["owner"].as_str() {
        assert!(!owner.contains(|letter: char| letter.is_control() && !is_blank(letter)), "owner: {owner:?}");
        assert!(owner.len() <= 252, "owner: {owner:?}");
    }
    no_nul(&json);
}

fn no_nul(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.contains('\0'), "{text:?}"),
        Value::Array(values) => values.iter().for_each(no_nul),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            assert!(!name.contains('\0'), "{name:?}");
            no_nul(value);
        }),
        _ => {}
    }
}
