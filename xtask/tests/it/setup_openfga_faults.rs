//! `setup-openfga` interrupted, twice at once, and with files that are wrong.

use crate::harness::restore::paused;
use crate::harness::store::Shop;
use crate::harness::{Test, shared};
use rustix::process::Signal;
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    tests![
        [Stack, Openfga] a_run_that_was_killed_is_completed_by_the_next,
        [Stack, Openfga] ctrl_c_says_that_part_of_it_is_done,
        [Stack, Openfga] two_runs_at_once_make_one_store,
        [Stack, Openfga] all_that_is_wrong_in_the_files_is_said_at_once,
        [Stack, Openfga] a_mistake_in_the_model_is_shown_at_its_place,
        [Stack, Openfga] files_stay_inside_the_folder,
        [Stack, Openfga] a_large_file_of_mistakes_is_answered_at_once,
    ]
}

/// 250 tuples: three requests.
fn many(shop: &Shop<'_>) {
    let lines = (0..250).map(|number| format!("user,u{number},viewer,doc,{number}\n"));
    let csv = format!("user_type,user_id,relation,object_type,object_id\n{}", lines.collect::<String>());
    shop.sandbox.write("openfga/many.csv", csv);
    shop.file(
        "tuple_file: many.csv\ntests:\n  - check: [{user: 'user:u7', object: 'doc:7', assertions: {viewer: yes}}]\n",
    );
}

fn a_run_that_was_killed_is_completed_by_the_next() {
    for point in ["planned", "store", "model", "writing", "tuples", "tested"] {
        let shop = shared().shop();
        many(&shop);
        let running = paused(shop.setup([]), point);
        running.signal(Signal::KILL);
        running.wait();
        assert_eq!(shop.env("OPENFGA_STORE_ID"), None, "{point}");
        shop.setup([]).run().ok();
        assert_eq!((shop.rows().as_str(), shop.ids().len()), ("1|1|250|250|0", 1), "{point}");
        shop.setup([]).run().ok().stdout_has("no changes");
    }
}

fn ctrl_c_says_that_part_of_it_is_done() {
    let shop = shared().shop();
    many(&shop);
    let running = paused(shop.setup([]), "store");
    running.signal(Signal::INT);
    running.signal(Signal::CONT);
    running.wait().code(6).prints_nothing().stderr_has("Ended by Ctrl-C (SIGINT); part of it is done");
    let running = paused(shop.setup(["--yes"]), "planned");
    running.signal(Signal::TERM);
    running.signal(Signal::CONT);
    running.wait().code(143);
    shop.setup([]).run().ok();
    assert_eq!(shop.rows(), "1|1|250|250|0");
}

fn two_runs_at_once_make_one_store() {
    let shop = shared().shop();
    many(&shop);
    let runs: Vec<_> = (0..3).map(|_| shop.setup([]).spawn()).collect();
    let texts: Vec<String> = runs
        .into_iter()
        .map(|run| {
            let run = run.wait();
            run.ok();
            run.text()
        })
        .collect();
    assert_eq!(texts.iter().filter(|text| text.contains("no changes")).count(), 2, "{texts:?}");
    assert_eq!(shop.rows(), "1|1|250|250|0");
}

/// A store file in which much is wrong; `more.json` beside it has a field that no tuple has.
const WRONG_FILE: &str = "\
tuple:
  - x
tuples:
  - {user: 'user:a', relation: viewr, object: 'doc:1'}
  - {user: 'robot:a', relation: viewer, object: 'doc:1'}
  - {user: 'user:a', relation: viewer, object: 'doc:1'}
  - {user: 'user:a', relation: viewer, object: 'doc:1', condition: {name: in_time}}
tuple_files: [more.json, none.csv]
tests:
  - chek: []
  - check: [{user: 'user:a', object: 'doc:1', assertions: {owner: maybe}}]
";
const FINDINGS: [&str; 10] = [
    "openfga/store.fga.yaml:3:1: a store file has no key \"tuple\" (did you mean tuples?)",
    "openfga/store.fga.yaml:6:5: the model does not allow user:a viewr doc:1: type doc has no relation viewr (did you mean viewer?)",
    "openfga/store.fga.yaml:7:5: the model does not allow robot:a viewer doc:1: doc#viewer takes [user, user with in_time, team#member]",
    "openfga/store.fga.yaml:9:5: this tuple is in openfga/store.fga.yaml, line 8 already, with another condition",
    "openfga/more.json:2:31: unknown field `relatoin`",
    "openfga/store.fga.yaml:10:26: none.csv cannot be read",
    "a test has no key \"chek\" (did you mean check?)",
    "type doc has no relation owner",
    "owner is a text; true or false was expected",
    "    tuple_files: [more.json, none.csv]\n                             ^",
];

fn all_that_is_wrong_in_the_files_is_said_at_once() {
    let shop = shared().shop();
    shop.file(WRONG_FILE);
    shop.sandbox
        .write("openfga/more.json", "[\n  {\"user\": \"user:a\", \"relatoin\": \"viewer\", \"object\": \"doc:1\"}\n]");
    let run = shop.setup([]).run();
    run.code(1).prints_nothing();
    for finding in FINDINGS {
        run.stderr_has(finding);
    }
    assert!(shop.ids().is_empty());
    shop.setup(["--file", "nowhere.fga.yaml"])
        .run()
        .code(2)
        .stderr_has("nowhere.fga.yaml cannot be read")
        .stderr_has("cargo xtask openfga-export --output nowhere.fga.yaml");
    let quoted = shop.setup(["--file", "not here.fga.yaml"]).run();
    quoted.code(2).stderr_has("cargo xtask openfga-export --output 'not here.fga.yaml'");
    let folder = shop.setup(["--file", "/"]).run();
    folder.code(2).stderr_has("The store file / cannot be read").stderr_has("→ name a file: --file FOLDER/");
    folder.stderr_lacks("openfga-export");
    shop.setup(["--store", "a\"b"]).run().code(1);
}

fn a_mistake_in_the_model_is_shown_at_its_place() {
    let shop = shared().shop();
    shop.sandbox.write(
        "openfga/model.fga",
        "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [usr]\n",
    );
    shop.tuples(&[]);
    shop.setup([]).run().code(1).stderr_has("openfga/model.fga:6:").stderr_has("usr");
    // A model in the file itself is found at its place there.
    shop.sandbox.write(
        "openfga/store.fga.yaml",
        format!("name: {}\n# here\nmodel: |\n  model\n    schema 1.1\n  type doc\n    relations\n      define viewer: [usr]\n", shop.store),
    );
    shop.setup([]).run().code(1).stderr_has("openfga/store.fga.yaml:8:23:").stderr_has("      define viewer: [usr]\n");
    assert!(shop.ids().is_empty());
}

fn files_stay_inside_the_folder() {
    let shop = shared().shop();
    let tuple = "[{\"user\": \"user:a\", \"relation\": \"viewer\", \"object\": \"doc:1\"}]";
    let outside = shop.sandbox.write("outside.json", tuple);
    std::os::unix::fs::symlink(&outside, shop.sandbox.path("openfga/link.json")).unwrap();
    for name in ["../outside.json", outside.to_str().unwrap(), "link.json"] {
        shop.file(&format!("tuple_file: {name}\n"));
        shop.setup([])
            .run()
            .code(1)
            .stderr_has("is outside the store file's folder")
            .stderr_has("--allow-external-files");
    }
    assert!(shop.ids().is_empty());
    shop.setup(["--allow-external-files"]).run().ok().stdout_has("written: 1\n");
}

fn a_large_file_of_mistakes_is_answered_at_once() {
    let shop = shared().shop();
    let tuple = |number| format!(r#"{{"user":"user:u{number}","relation":"viewr","object":"doc:{number}"}}"#);
    let line = (0..10_000).map(tuple).collect::<Vec<_>>().join(",");
    shop.sandbox.write("openfga/one-line.json", format!("[{line}]"));
    shop.file("tuple_file: one-line.json\n");
    let run = shop.setup([]).run();
    run.code(1).stderr_has("has 10000 errors").stderr_has("… and 9950 more");
    run.stderr_has("(did you mean viewer?)").stderr_has("one-line.json:1:2: ");
    run.holds(run.stderr.len() < 30_000, "a line that is long is shown around the place alone");
    run.within(Duration::from_secs(20), "it should take a second, not minutes");
    // The same tuple again and again is one mistake of many places.
    let again = "  - {user: 'user:u', relation: viewer, object: 'doc:1'}\n".repeat(10_000);
    shop.file(&format!("tuples:\n{again}"));
    let run = shop.setup([]).run();
    run.ok().stdout_has("1 in the file, written: 1").stderr_has("9,949 more warnings");
}
