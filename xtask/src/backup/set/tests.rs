use super::*;
use crate::words::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::PathBuf;

fn facts() -> Value {
    json!({
        "format": 1, "tool": "xtask 0.1.0",
        "server": { "system_identifier": "7300000000000000001", "version": "15.18 (Debian 15.18-0+deb12u1)" },
        "all": true,
        "started_at": "2025-10-21T14:30:22+02:00", "finished_at": "2025-10-21T14:30:24+02:00",
        "globals": { "file": "server_globals_20251021_143022.sql", "bytes": 9, "sha256": "1".repeat(64) },
        "databases": [
            {
                "database": "App", "file": "App_backup_20251021_143022.sql", "bytes": 12, "sha256": "0".repeat(64),
                "started_at": "2025-10-21T14:30:22+02:00", "seconds": 0.25,
            },
            {
                "database": "we ird/ä", "file": "we%20ird%2Fä_backup_20251021_143022_2.sql", "bytes": 7,
                "sha256": "a".repeat(64), "started_at": "2025-10-21T14:30:23+02:00", "seconds": 0.5,
            },
        ],
        "not_taken": [{ "database": "template1", "because": "template", "reason": "a template" }],
    })
}

fn sample() -> ServerSet {
    serde_json::from_value(facts()).unwrap()
}

/// A line of these words, whose checksum fits.
fn forged(json: &str) -> Vec<u8> {
    let body = json.strip_suffix('}').unwrap();
    format!("{body},\"checksum\":\"{}\"}}\n", hex(&Sha256::digest(body))).into_bytes()
}

fn parsed(facts: &Value) -> Result<ServerSet, String> {
    ServerSet::parse(&forged(&facts.to_string())).unwrap()
}

/// A folder of its own, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("xtask-set-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_line_is_ascii_and_read_back_the_same() {
    let line = sample().line().unwrap();
    assert!(line.is_ascii() && line.iter().filter(|byte| **byte == b'\n').count() == 1);
    assert_eq!(ServerSet::parse(&line), Some(Ok(sample())));
    assert_eq!(serde_json::to_value(sample()).unwrap(), facts());
    assert_eq!(sample().seconds(), 2);
}

#[test]
fn no_flipped_bit_and_no_cut_is_taken_for_a_set() {
    let line = sample().line().unwrap();
    for bit in 0..line.len() * 8 {
        let mut flipped = line.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!matches!(ServerSet::parse(&flipped), Some(Ok(_))), "bit {bit}");
    }
    for end in 0..line.len() {
        assert!(!matches!(ServerSet::parse(&line[..end]), Some(Ok(_))), "cut at {end}");
    }
}

#[test]
fn what_is_not_known_is_ignored_and_the_globals_may_be_missing() {
    let mut facts = facts();
    facts.as_object_mut().unwrap().retain(|key, _| key != "globals" && key != "all");
    facts["a member to come"] = json!([[[]]]);
    facts["not_taken"][0]["because"] = json!("a reason to come");
    let set = parsed(&facts).unwrap();
    assert_eq!((set.globals, set.not_taken[0].because), (None, NotTakenBecause::Unknown));
    facts["server"]["system_identifier"] = json!(null);
    assert_eq!(parsed(&facts).unwrap().server.system_identifier, None);
    facts["format"] = json!(3);
    assert_eq!(parsed(&facts).unwrap_err(), "format 3 is newer than this program");
}

/// No name of a file in the set's own folder.
const PATHS: &[&str] = &[
    "../App_backup_20251021_143022.sql",
    "/etc/App_backup_20251021_143022.sql",
    "a/App_backup_20251021_143022.sql",
    "..\\App_backup_20251021_143022.sql",
    "C:App_backup_20251021_143022.sql",
    "App_backup_20251021_143022.sql/",
    "App_backup_20251021_143022.sql\u{0}",
    "App_backup_20251021_143022.sql:stream",
    ".App_backup_20251021_143022.sql",
    "-App_backup_20251021_143022.sql",
    "app_backup_20251021_143022.sql",
    "App_tables_20251021_143022.sql",
    "App_backup_20251021_143022",
    "we%20ird%2Fä_backup_20251021_143022_2.sql",
    "..",
    "",
];

/// Values for members by their paths, none of which a set of ours says.
#[test]
fn what_no_set_says_is_refused() {
    let globals = ["App_backup_20251021_143022.sql", "../server_globals_20251021_143022.sql", "server_globals_x.sql"];
    let cases: &[(&str, Vec<Value>)] = &[
        ("/databases/0/file", PATHS.iter().map(|path| json!(path)).collect()),
        ("/databases/0/database", vec![json!(""), json!("app"), json!("a\u{0}"), json!("\u{1b}[2J"), json!(null)]),
        ("/databases/0/bytes", vec![json!(u64::MAX), json!(-1), json!(1.5), json!("12")]),
        ("/databases/0/sha256", vec![json!(""), json!("A".repeat(64)), json!("0".repeat(63))]),
        ("/databases/0/started_at", vec![json!("yesterday"), json!("0000-01-01T00:00:00Z")]),
        ("/databases/0/seconds", vec![json!(-0.1), json!(1e10)]),
        ("/databases", vec![json!([]), json!({}), json!([facts()["databases"][0], facts()["databases"][0]])]),
        ("/globals/file", globals.iter().map(|path| json!(path)).collect()),
        ("/globals/bytes", vec![json!(-1)]),
        (
            "/server/system_identifier",
            vec![json!("-1"), json!("007"), json!("18446744073709551616"), json!(7), json!("")],
        ),
        ("/server/version", vec![json!("15\n"), json!(15)]),
        ("/finished_at", vec![json!("2025-10-21T14:30:21+02:00"), json!(0)]),
        ("/not_taken/0/database", vec![json!("App"), json!("a\u{0}")]),
        ("/not_taken/0/reason", vec![json!("a\u{0}"), json!(null)]),
    ];
    for (path, values) in cases {
        for value in values {
            let mut facts = facts();
            *facts.pointer_mut(path).unwrap() = value.clone();
            let refused = parsed(&facts).expect_err(&format!("{path}: {value}"));
            assert!(refused.chars().all(|letter| !letter.is_control()), "{path}: {refused:?}");
        }
    }
    for missing in facts().as_object().unwrap().keys().filter(|key| !["all", "globals"].contains(&key.as_str())) {
        let mut facts = facts();
        facts.as_object_mut().unwrap().remove(missing);
        assert!(parsed(&facts).is_err(), "{missing}");
    }
    // Names that one folder of a Mac or of Windows cannot hold both.
    let mut facts = facts();
    facts["databases"][1]["database"] = json!("APP");
    facts["databases"][1]["file"] = json!("APP_backup_20251021_143022.sql");
    assert!(parsed(&facts).unwrap_err().ends_with("twice"));
}

#[test]
fn a_set_is_private_whole_and_never_replaces_another() {
    let folder = Folder::new("written");
    let run = "xtask-0000000000b1";
    let first = write(&folder.0, &sample(), run).unwrap();
    let second = write(&folder.0, &sample(), run).unwrap();
    assert_eq!(read(&first).unwrap().set, sample());
    assert!(second.to_str().unwrap().ends_with("_2.json"), "{second:?}");
    assert!(crate::platform::mode(&first).unwrap().is_none_or(|mode| mode == 0o600));
    fs::write(folder.0.join("notes.json"), "{}").unwrap();
    fs::write(folder.0.join("server_set_20200101_000000.json"), b"{}").unwrap();
    let listed = list(&folder.0).unwrap();
    let read: Vec<bool> = listed.iter().map(|listed| listed.set.is_ok()).collect();
    assert_eq!((listed[0].path.clone(), read), (second, vec![true, true, false]));
    assert!(list(&folder.0.join("none")).unwrap().is_empty());
    for (text, why) in [("", "it is empty"), ("{}", "no checksum"), ("\u{feff}", "no checksum")] {
        let path = folder.0.join("broken.json");
        fs::write(&path, text).unwrap();
        let error = super::read(&path).unwrap_err();
        assert!(crate::error::exit_code(&error) == 3 && error.to_string().contains(why), "{error:#}");
    }
}

#[test]
fn a_file_that_is_missing_or_of_another_size_is_named() {
    let folder = Folder::new("present");
    let set = SetFile { path: folder.0.join("server_set_20251021_143022.json"), set: sample() };
    let sizes = [("App_backup_20251021_143022.sql", 12), ("we%20ird%2Fä_backup_20251021_143022_2.sql", 7)];
    for (name, size) in sizes.into_iter().chain([("server_globals_20251021_143022.sql", 9)]) {
        let why = check_presence(&set).unwrap_err().to_string();
        assert!(why.contains(name) && why.ends_with("it is missing"), "{why}");
        fs::write(folder.0.join(name), vec![b'-'; size + 1]).unwrap();
        let why = check_presence(&set).unwrap_err().to_string();
        assert!(why.contains(name) && why.ends_with(&format!("should have {size}")), "{why}");
        fs::write(folder.0.join(name), vec![b'-'; size]).unwrap();
    }
    check_presence(&set).unwrap();
    let file = &set.set.databases[0];
    let error = prove_database(&set, file, &|_| ()).unwrap_err();
    assert_eq!(crate::error::exit_code(&error), 3);
}
