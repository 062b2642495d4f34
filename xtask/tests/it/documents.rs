//! README and the pages of `docs/`: they name what there is, all of it, and nothing else.

use crate::conventions::commands;
use crate::harness::{Sandbox, Test, Xtask, sandbox::checkout};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub fn tests() -> Vec<Test> {
    tests![
        [] readme_is_short_and_names_every_command,
        [] the_page_of_a_command_describes_each_of_its_options,
        [] every_setting_stands_with_its_default,
        [] every_exit_code_stands_on_its_page,
        [] messages_to_look_up_are_messages_of_the_program,
        [] links_lead_to_pages_and_headings,
        [] ci_runs_the_test_command_of_readme,
        [] files_that_documents_name_are_there,
        [] tests_that_the_page_on_security_names_are_there,
    ]
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(checkout().join(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Every document of the checkout, by its path from the top: those that stand there, and the pages of `docs/`.
pub fn pages() -> BTreeMap<String, String> {
    let in_folder = |folder: &str| {
        let entries = fs::read_dir(checkout().join(folder)).unwrap();
        let names = entries.map(move |entry| format!("{folder}{}", entry.unwrap().file_name().to_str().unwrap()));
        names.filter(|name| name.ends_with(".md")).collect::<Vec<_>>()
    };
    let names = in_folder("").into_iter().chain(in_folder("docs/"));
    names.map(|name| (name.clone(), read(name))).collect()
}

/// The rows of the first table whose head begins so, as cells.
fn table<'a>(page: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let rows = page.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split('|').skip(1).map(str::trim).collect()).collect();
    assert!(!rows.is_empty(), "no table begins with {head}");
    rows
}

/// The texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Each command of README's table with the page that it leads to.
fn pages_of_commands() -> BTreeMap<String, String> {
    let readme = read("README.md");
    let page = |cell: &str| cell.split_once("](").and_then(|(_, rest)| rest.split_once(')')).unwrap().0.to_owned();
    let name = |cell: &str| quoted(cell).next().unwrap().split(' ').next().unwrap().to_owned();
    table(&readme, "| command | does").iter().map(|row| (name(row[0]), page(row[0]))).collect()
}

fn readme_is_short_and_names_every_command() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; its details belong into docs/");
    let named: BTreeSet<String> = pages_of_commands().into_keys().collect();
    assert_eq!(named, commands(), "left: README's command table, right: the commands of --help");
}

/// The options of a command's own, long and short, and its actions.
fn options(words: &[&str]) -> (BTreeSet<String>, Vec<String>) {
    let help = Xtask::new(&Sandbox::new()).args(words).args(["--help"]).run().text();
    let own = help.split("\nOptions of every command:").next().unwrap().to_owned();
    let lines = own.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words = lines.flat_map(|line| line.split("  ").next().unwrap().split([' ', ',', '=', '[']));
    let options = words.filter(|word| word.starts_with('-') && !["-h", "--help", "-"].contains(word));
    let actions = own.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let actions = actions.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let actions = actions.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    (options.map(str::to_owned).collect(), actions.map(str::to_owned).collect())
}

fn the_page_of_a_command_describes_each_of_its_options() {
    let mut missing = BTreeSet::new();
    let mut seen = 0;
    let short_forms = read("docs/configuration.md");
    for (command, page) in pages_of_commands() {
        let text = read(&page);
        let (mut all, actions) = options(&[&command]);
        for action in &actions {
            all.extend(options(&[&command, action]).0);
            if !quoted(&text).any(|quote| quote.split(' ').next() == Some(action)) {
                missing.insert(format!("{page}: {command} {action}"));
            }
        }
        seen += all.len();
        for option in all {
            let stands = |text: &str| quoted(text).any(|quote| quote.split([' ', ',']).any(|word| word == option));
            if !stands(&text) && (option.starts_with("--") || !stands(&short_forms)) {
                missing.insert(format!("{page}: {command} {option}"));
            }
        }
    }
    assert!(seen > 60, "the options of --help were not found: {seen}");
    assert!(missing.is_empty(), "not described:\n{}", missing.into_iter().collect::<Vec<_>>().join("\n"));
    let readme = read("README.md");
    let global = Xtask::new(&Sandbox::new()).args(["--help"]).run().text();
    let global = global.split("\nOptions of every command:").nth(1).unwrap();
    let names = global.lines().flat_map(str::split_whitespace).map(|word| word.trim_end_matches(','));
    let names: BTreeSet<&str> = names.filter(|word| word.starts_with('-') && word.len() > 1).collect();
    let stands = |name: &&str| quoted(&readme).any(|quote| quote.split([' ', ':']).any(|word| word == *name));
    assert!(names.len() >= 6 && names.iter().all(stands), "README should name {names:?}");
}

/// Each setting that `--verbose` tells, with its default.
fn settings() -> BTreeMap<String, String> {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.path(".env")).unwrap();
    // A stack that is read answers the login itself; the target `local` has defaults for it.
    let told = ["compose", "local"].map(|target| {
        let words: &[&str] = if target == "local" { &["--target", "local"] } else { &[] };
        Xtask::new(&sandbox).args(["--verbose", "db-list"]).args(words.iter().copied()).run().stderr
    });
    let told = told.concat();
    let lines = told.lines().filter_map(|line| line.trim().strip_suffix(" (default)")?.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn every_setting_stands_with_its_default() {
    let page = read("docs/configuration.md");
    let mut described = BTreeMap::new();
    for row in table(&page, "| setting |") {
        for name in quoted(row[0]) {
            described.insert(name.to_owned(), quoted(row[1]).next().unwrap_or("(not set)").to_owned());
        }
    }
    let told = settings();
    let names = |all: &BTreeMap<String, String>| all.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&described), names(&told), "left: docs/configuration.md, right: --verbose");
    for (name, default) in told {
        assert!(default == "***" || described[&name] == default, "{name}: {} is not {default}", described[&name]);
    }
    let example = read(".env.example");
    // Neither of them belongs there: the one is rarely wanted, the other one is not read from there.
    let elsewhere = ["XTASK_COMPOSE", "XTASK_ON_FAILURE"];
    for name in described.keys().filter(|name| !elsewhere.contains(&name.as_str())) {
        assert!(example.contains(&format!("{name}=")), ".env.example should show {name}");
    }
}

fn every_exit_code_stands_on_its_page() {
    let page = read("docs/scripting.md");
    let described: Vec<&str> = table(&page, "| code |").iter().map(|row| row[0]).collect();
    let list = read("xtask/src/error.rs");
    let list = list.split("pub enum Exit {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let code = |line: &'_ str| line.trim().strip_prefix("/// ")?.split_once(": ").map(|(code, _)| code.to_owned());
    let codes: Vec<String> = list.lines().filter_map(code).collect();
    let variants = list.lines().filter(|line| line.trim().ends_with(',')).count();
    assert_eq!(codes.len(), variants, "each variant of Exit should begin its comment with its code: {codes:?}");
    assert_eq!(described, [&["0".to_owned()], codes.as_slice()].concat());
}

/// All text of the source files in one piece, without what breaks a literal over lines.
pub fn source() -> String {
    fn walk(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                walk(&entry.path(), text);
            } else {
                text.push_str(&fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let mut text = String::new();
    walk(&checkout().join("xtask/src"), &mut text);
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ").replace("\\ ", "")
}

fn messages_to_look_up_are_messages_of_the_program() {
    let (page, source) = (read("docs/troubleshooting.md"), source());
    let mut unknown = Vec::new();
    for row in table(&page, "| message |") {
        for message in quoted(row[0]) {
            let parts =
                message.split('…').map(|part| part.trim_matches([' ', '.', ':', ','])).filter(|part| !part.is_empty());
            unknown.extend(parts.filter(|part| !source.contains(part)).map(|part| format!("{part} (of: {message})")));
        }
    }
    assert!(
        unknown.is_empty(),
        "docs/troubleshooting.md has messages that no source file has:\n{}",
        unknown.join("\n")
    );
}

/// A heading as GitHub makes an anchor of it.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = letters.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// The page that a link of this page leads to, from the checkout's top, and its heading.
fn destination(page: &str, link: &str) -> (String, String) {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = match (path, page.rsplit_once('/')) {
        ("", _) => page.to_owned(),
        (path, Some((folder, _))) => path.strip_prefix("../").map_or_else(|| format!("{folder}/{path}"), str::to_owned),
        (path, None) => path.to_owned(),
    };
    (path, heading.to_owned())
}

fn links_lead_to_pages_and_headings() {
    let pages = pages();
    assert!(pages.len() > 15, "the pages were not found");
    let mut wrong = Vec::new();
    let mut linked = BTreeSet::from(["README.md".to_owned()]);
    for (page, text) in &pages {
        let name = page.strip_prefix("docs/").and_then(|name| name.strip_suffix(".md"));
        assert!(
            name.is_none_or(|name| name.chars().all(|letter| letter.is_ascii_lowercase())),
            "{page}: a lower-case word"
        );
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("https://")) {
            let (target, heading) = destination(page, link);
            let headings = pages.get(&target).map(|text| text.lines().filter(|line| line.starts_with('#')).map(anchor));
            if headings.is_none_or(|mut all| !heading.is_empty() && !all.any(|found| found == heading)) {
                wrong.push(format!("{page}: {link}"));
            }
            if page == "README.md" {
                linked.insert(target);
            }
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
    let unlinked: Vec<_> = pages.keys().filter(|page| !linked.contains(*page)).collect();
    assert!(unlinked.is_empty(), "README leads to every page, not yet to {unlinked:?}");
}

/// What is in backticks and looks like a file or folder of this repository is one.
fn files_that_documents_name_are_there() {
    let tops = ["", "xtask/src", "xtask/tests/it"];
    let mut seen = 0;
    let mut missing = Vec::new();
    for (page, text) in pages() {
        for name in quoted(&text) {
            let is_path = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
            let of_source =
                name.ends_with(".rs") || ["xtask/", "docs/", ".ci/"].iter().any(|top| name.starts_with(top));
            if of_source && name.chars().all(is_path) {
                seen += 1;
                let there = tops.iter().any(|top| checkout().join(top).join(name).exists());
                missing.extend((!there).then(|| format!("{page}: {name}")));
            }
        }
    }
    assert!(seen > 30, "the names were not found: {seen}");
    assert!(missing.is_empty(), "there is no such file:\n{}", missing.join("\n"));
}

fn ci_runs_the_test_command_of_readme() {
    let command = "cargo test";
    assert!(read("README.md").lines().any(|line| line == format!("$ {command}")), "README tells how to run the tests");
    let ci = read(".ci/run");
    let last = ci.trim_end().lines().next_back().unwrap();
    assert!(last.starts_with(command), ".ci/run ends with README's command: {last}");
}

/// `module`, `module::name` in `xtask/tests/it`, or a file or folder of unit tests.
fn tests_that_the_page_on_security_names_are_there() {
    let page = read("docs/security.md");
    let rows = page.lines().filter(|line| line.starts_with("| **"));
    let mut named = 0;
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
        for name in quoted(tests) {
            named += 1;
            if name.contains('/') {
                let places = [checkout().join(name), checkout().join("xtask/src").join(name)];
                assert!(places.iter().any(|place| place.exists()), "{name}");
                continue;
            }
            let (module, test) = name.split_once("::").unwrap_or((name, ""));
            let text = read(format!("xtask/tests/it/{module}.rs"));
            assert!(test.is_empty() || text.contains(&format!("] {test},")), "{name}");
        }
    }
    assert!(named > 20, "{named}");
}
