//! A `.env`. Nothing panics; problems name lines of the file; a value that is set is read back, and no other one changes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xtask_fuzz::settings::env_file::{EnvFile, set};

const NAMES: [&str; 4] = ["POSTGRES_DB", "A", "B", "OPENFGA_STORE_ID"];

fuzz_target!(|data: &[u8]| {
    let lines = 1 + data.iter().filter(|byte| **byte == b'\n').count();
    let environment = |name: &str| (name == "B").then(|| "${A:-x}$B".to_owned());
    let file = EnvFile::parse(data, &environment);
    for problem in file.problems() {
        assert!((1..=lines).contains(&problem.line) && !problem.message.is_empty(), "{problem:?}");
    }
    let before = EnvFile::parse(data, &|_| None);
    for value in ["plain", "it's $A ${B} \"x\" \\n #", "", "a\nb\tc"] {
        let edited = set(data, "OPENFGA_STORE_ID", value);
        let after = EnvFile::parse(&edited, &|_| None);
        if edited != data {
            assert_eq!(after.get("OPENFGA_STORE_ID"), Some(value));
            assert_eq!(set(&edited, "OPENFGA_STORE_ID", value), edited);
        }
        for name in NAMES.iter().filter(|name| **name != "OPENFGA_STORE_ID") {
            let refers = String::from_utf8_lossy(data).contains("OPENFGA_STORE_ID");
            assert!(refers || after.get(name) == before.get(name), "{name} changed");
        }
    }
});
