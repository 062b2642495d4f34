//! `db-restore --set` before anything happens: sets that are not whole or not of this server, and its questions.

use crate::harness::backup::sha256;
use crate::harness::{Outcome, Test};
use crate::restore_set::Pair;
use std::fs;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [Compose] a_set_that_is_not_whole_or_not_of_this_server_is_refused,
        [Compose, Script] its_questions_are_answered_at_a_terminal,
    ]
}

/// A set of these words, with a checksum that fits.
fn sealed(words: &str) -> String {
    let (body, _) = words.split_once(",\"checksum\":").unwrap();
    format!("{body},\"checksum\":\"{}\"}}\n", sha256(body.as_bytes()))
}

/// Options, the exit code, and a part of what is said.
const REFUSED: &[(&[&str], i32, &str)] = &[
    (&["x.sql", "--set"], 2, "cannot be used with"),
    (&["--set", "--repair"], 2, "cannot be used with"),
    (&["--set", "--globals", "x"], 2, "cannot be used with"),
    (&["--set", "--database", "x"], 2, "--set and --database do not go together"),
    (&["--undo", "--set", "x.json"], 2, "--undo --set takes no FILE"),
    (&["--undo", "--set", "--yes"], 1, "There is no restored set with "),
    (&["--set"], 1, "--yes"),
    (&["--set", "nosuch.json"], 1, "→ list the sets there are: cargo xtask db-list"),
];

fn a_set_that_is_not_whole_or_not_of_this_server_is_refused() {
    let pair = Pair::new();
    let [one, two] = &pair.members;
    let untouched = |run: &Outcome| {
        pair.untouched(run);
        assert!(one.safety_backups().is_empty(), "{}", run.stderr);
    };
    for (args, code, words) in REFUSED {
        untouched(pair.xtask(args).run().code(*code).stderr_has(words).prints_nothing());
    }
    untouched(pair.xtask(&[&pair.file, "--yes"]).run().code(3).stderr_has("db-restore --set backups/server_set_"));
    let dry = pair.xtask(&["--set", "latest", "--dry-run"]).run();
    untouched(dry.ok());
    for member in &pair.members {
        dry.stderr_has(&format!("Database {}, from backups/{}_backup_", member.name, member.name));
    }
    let json = pair.xtask(&["--set", "--dry-run", "--json"]).run().ok().json();
    let databases = json["databases"].as_array().unwrap();
    assert_eq!((databases.len(), &databases[1]["database"]), (2, &two.name.as_str().into()));

    let set = one.sandbox.path(&pair.file);
    let words = fs::read_to_string(&set).unwrap();
    let file = one.sandbox.backups().into_iter().find(|name| name.starts_with(&two.name)).unwrap();
    let file = one.sandbox.path("backups").join(file);
    let bytes = fs::read(&file).unwrap();
    let refused = |why: &str| untouched(pair.restore().run().code(3).stderr_has(why));
    fs::write(&file, [&bytes[..bytes.len() - 1], b" "].concat()).unwrap();
    refused(file.file_name().unwrap().to_str().unwrap());
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    refused(&format!("it has {} bytes and should have {}", bytes.len() - 1, bytes.len()));
    fs::remove_file(&file).unwrap();
    refused("it is missing");
    fs::write(&file, &bytes).unwrap();
    fs::write(&set, &words[..words.len() - 2]).unwrap();
    refused("is not a set that is whole");
    pair.xtask(&["--set", "latest", "--yes"]).run().code(3).stderr_has("is the newest set, but");
    fs::write(&set, sealed(&words.replace(&two.name, "template1"))).unwrap();
    refused("The set holds template1");
    fs::write(&set, sealed(&words.replace(&two.name, "xtask_record_postgres"))).unwrap();
    refused("is not the file that");

    another_servers_set_is_named_and_asked_for(&pair, &set, &words);
}

fn another_servers_set_is_named_and_asked_for(pair: &Pair<'_>, set: &Path, words: &str) {
    let [one, _] = &pair.members;
    let untouched = |run: &Outcome| pair.untouched(run);
    let identifier = one.stack.admin("SELECT system_identifier FROM pg_control_system()");
    fs::write(set, sealed(&words.replace(&identifier, "7300000000000000001"))).unwrap();
    let run = pair.xtask(&["--set", "latest", "--yes"]).run();
    untouched(run.code(1).stderr_has("holds no set of this server").stderr_has("db-restore --set backups/server_set_"));
    let run = pair.xtask(&["--set", &pair.file]).run();
    untouched(run.code(1).stderr_has("is a set of another server"));
    pair.restore().run().ok().stderr_has("is a set of another server").stderr_has("✓ Set restored");
    assert!(pair.live() == pair.restored);
}

fn its_questions_are_answered_at_a_terminal() {
    let pair = Pair::new();
    let [one, two] = &pair.members;
    let asks = |args: &[&str], keys: &str, code: i32, words: &str| {
        let mut terminal = pair.xtask(args).terminal();
        terminal.shows("Continue? (y/n) ").types(keys);
        let run = terminal.wait();
        run.code(code).stdout_has(words);
        run.text()
    };
    let restore = ["--set", &pair.file];
    let untouched = || {
        assert!(pair.live() == pair.old && pair.are_open() == [true, true]);
        assert!(
            pair.beside("staging").is_empty() && pair.beside("before").is_empty() && one.safety_backups().is_empty()
        );
    };
    for (keys, code) in [("n\n", 1), ("\x03", 130)] {
        let screen = asks(&restore, keys, code, "nothing was changed");
        assert!(screen.contains("This will replace 2 databases, all together"), "{screen}");
        untouched();
    }
    let screen = asks(&restore, "y\n", 0, "Set restored");
    assert!(screen.matches("(y/n)").count() == 1 && pair.live() == pair.restored, "there is one question: {screen}");
    asks(&["--undo", "--set"], "n\n", 1, "nothing was changed");
    assert!(pair.live() == pair.restored);
    let screen = asks(&["--undo", "--set"], "y\n", 0, "Restore of the set undone");
    assert!(pair.live() == pair.old && screen.contains(&format!("{} will be as it was before", two.name)), "{screen}");
    // A set of another server is asked about first.
    let set = one.sandbox.path(&pair.file);
    let identifier = one.stack.admin("SELECT system_identifier FROM pg_control_system()");
    let words = fs::read_to_string(&set).unwrap();
    fs::write(&set, sealed(&words.replace(&identifier, "7300000000000000001"))).unwrap();
    let mut terminal = pair.xtask(&restore).terminal();
    terminal.shows("Restore the set of another server into this one? (y/n) ").types("n\n");
    let run = terminal.wait();
    run.code(1).stdout_has("nothing was changed").stdout_lacks("Continue?");
    assert!(pair.live() == pair.old);
}
