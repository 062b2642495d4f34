//! `openfga-export`: the live store as a store file that is read back as the same store.

use crate::harness::{Sandbox, Test, Xtask, shared};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] an_export_is_read_back_as_the_same_store,
        [Stack, Openfga] every_page_and_every_letter_comes_along,
        [Stack, Openfga] one_of_several_stores_must_be_named,
        [] a_folder_that_is_not_there_is_named_before_a_server_is_asked,
        [] what_is_shipped_is_read_by_other_tools_too,
    ]
}

fn an_export_is_read_back_as_the_same_store() {
    let mut shop = shared().shop();
    shop.sandbox.copy_folder("openfga");
    for (file, tuples) in [("store", 10), ("documents", 16)] {
        shop.store = format!("{}-{file}-export", shop.sandbox.project);
        let name = shop.store.clone();
        shop.setup(["--file", &format!("openfga/{file}.fga.yaml"), "--store", &name, "--yes"]).run().ok();
        let id = shop.ids().pop().unwrap();
        let path = "openfga/export.fga.yaml";
        let export = shop.export(["--output", path]).run();
        export.ok().prints(path);
        assert_eq!(fs::metadata(shop.sandbox.path(path)).unwrap().permissions().mode() & 0o777, 0o600);
        // Read back: the same store, and the same as a new one.
        shop.setup(["--file", path]).run().ok().stdout_has("no changes").stdout_has(&format!("{tuples} in the file"));
        let text = fs::read_to_string(shop.sandbox.path(path)).unwrap();
        shop.stack.psql("openfga", &format!("UPDATE store SET deleted_at = now() WHERE id = '{id}'"));
        shop.setup(["--file", "-"]).stdin(&text).run().ok().stdout_has(", created");
        assert_ne!(shop.ids(), [id]);
        // Modules are comments in one file: the store made from it has none.
        let plain = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.split(" # module: ").next().unwrap().to_owned()).collect()
        };
        let again = shop.export([]).run();
        assert_eq!(plain(std::str::from_utf8(&again.ok().stdout).unwrap()), plain(&text));
        assert_eq!(shop.export(["--output", "-"]).run().ok().stdout, again.stdout);
        assert!(!shop.sandbox.path("-").exists());
        shop.setup(["--file", &format!("openfga/{file}.fga.yaml"), "--store", &name, "--yes"]).run().ok();
        // A file that is there is not replaced without a yes.
        shop.export(["--output", path]).run().code(1).stderr_has("is there already. Replace it?");
        let json = shop.export(["--output", path, "--yes", "--json"]).run().ok().json();
        assert_eq!((&json["version"], &json["tuples"], &json["unfitting"]), (&json!(1), &json!(tuples), &json!(0)));
        assert!(json["file"].as_str().unwrap().ends_with(path) && json["content"].is_null(), "{json}");
        fs::remove_file(shop.sandbox.path(path)).unwrap();
    }
}

fn every_page_and_every_letter_comes_along() {
    let shop = shared().shop();
    let mut tuples: Vec<(String, String, String)> =
        (0..250).map(|number| (format!("user:u{number}"), "viewer".to_owned(), format!("doc:{number}"))).collect();
    for id in [
        "yes", "1", "é", "日本", "a\u{a0}b", "\u{2028}", "\u{feff}", "'", "\"", "\\", "{", "%", "|", "-", "!x", "&a",
        "@", "a,b",
    ] {
        tuples.push((format!("user:{id}"), "viewer".to_owned(), format!("doc:{id}")));
    }
    shop.tuples(&[]);
    shop.setup([]).run().ok();
    let store = shop.ids().pop().unwrap();
    shop.api().write_tuples(&store, &tuples);
    let odd = json!({"user": "user:c", "relation": "viewer", "object": "doc:c", "condition": {"name": "in_time", "context": {"until": 1_000_000_000_000_u64, "now": 7}}});
    let body = json!({"writes": {"tuple_keys": [odd]}});
    assert_eq!(shop.api().request(&format!("/stores/{store}/write"), Some(&body)).0, 200);
    let export = shop.export([]).run();
    export.ok();
    let all = tuples.len() + 1;
    let back = shop.setup(["--file", "-", "--prune", "--json"]).stdin(&export.stdout).run().ok().json();
    assert_eq!((&back["changed"], &back["tuples"]["unchanged"]), (&json!(false), &json!(all)));
    // What the model does not take any more is left out, and said.
    let narrow = crate::harness::store::MODEL.replace("[user, user with in_time, team#member]", "[user with in_time]");
    shop.sandbox.write("openfga/model.fga", narrow);
    shop.setup(["--yes"]).run().ok();
    let export = shop.export([]).run();
    export.ok().stderr_has("268 tuples do not fit the model").stdout_has("\n# {\"object\": \"doc:0\"");
    shop.setup(["--file", "-"]).stdin(&export.stdout).run().ok().stdout_has("no changes").stdout_has("1 in the file");
}

fn one_of_several_stores_must_be_named() {
    let shop = shared().shop();
    shop.tuples(&[("user:a", "viewer", "doc:1")]);
    shop.setup(["--no-env"]).run().ok();
    let several = shop.export([]).run();
    several.code(2).prints_nothing().stderr_has(&shop.store).stderr_has("name one: --store NAME");
    shop.export(["--store", &shop.store]).run().ok().stdout_has(&format!("name: {}\n", shop.store));
    shop.export(["--store", &shop.ids()[0]]).run().ok().stdout_has(&format!("name: {}\n", shop.store));
    shop.export(["--store", "no such store"]).run().code(1).stderr_has("has no store no such store");
    shop.export([]).env("OPENFGA_STORE_ID", "01ARZ3NDEKTSV4RRFFQ69G5FAV").run().code(1).stderr_has("names no store of");
    let json = shop.export(["--store", &shop.store, "--json"]).run().ok().json();
    assert!(json["content"].as_str().unwrap().starts_with("name: ") && json["file"].is_null(), "{json}");
    shop.export(["--store", &shop.store, "--output", "openfga"]).run().code(2).stderr_has("is a folder");
    shop.export(["--store", &shop.store, "--output", "no/such/folder.yaml"])
        .run()
        .code(1)
        .stderr_has("There is no folder no/such");
}

fn a_folder_that_is_not_there_is_named_before_a_server_is_asked() {
    let sandbox = Sandbox::new();
    for (file, folder) in [("no/such/folder.yaml", "no/such"), ("no/store.fga.yaml", "no")] {
        let run = Xtask::new(&sandbox).args(["openfga-export", "--output", file]).run();
        run.code(1).prints_nothing().stderr_has(&format!("✗ There is no folder {folder}\n"));
        run.stderr_has(&format!("→ create it first: mkdir -p {folder}\n"));
        assert!(!sandbox.path("no").exists(), "a path that is mistyped makes no folder");
    }
    for file in ["no/such.xml", "backups"] {
        sandbox.write("backups/x", "");
        let run = Xtask::new(&sandbox).args(["test-auth", "--junit", file]).run();
        run.code(1).prints_nothing().stderr_has(&format!("{file} cannot be written"));
        run.stderr_has("→ name a file in a folder that is there: --junit FILE");
    }
}

/// The `fga` tool makes a time of what looks like one, which no request can carry, and of several filters it takes one.
fn what_is_shipped_is_read_by_other_tools_too() {
    let folder = crate::harness::sandbox::checkout().join("openfga");
    let mut seen = 0;
    for path in [folder.clone(), folder.join("documents")] {
        for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
            if !entry.is_file() || entry.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            seen += 1;
            let text = fs::read_to_string(&entry).unwrap();
            for line in text.lines() {
                let value = line.split_once(": ").map_or("", |(_, value)| value);
                let is_time = value.len() > 9
                    && value.as_bytes()[..4].iter().all(u8::is_ascii_digit)
                    && value.as_bytes()[4] == b'-';
                assert!(!is_time, "{}: {line}", entry.display());
            }
            for filters in text.split("user_filter:\n").skip(1) {
                let filters = filters.split("assertions:").next().unwrap();
                assert_eq!(filters.matches("- type:").count(), 1, "{}: {filters}", entry.display());
            }
        }
    }
    assert_eq!(seen, 3);
}
