//! The rules of the source code itself: which folder may import which, and what only one of them may do.

use crate::harness::{Test, sandbox::checkout};
use std::fs;
use std::path::{Path, PathBuf};

pub fn tests() -> Vec<Test> {
    tests![
        [] arrows_point_one_way,
        [] each_folder_of_the_sources_has_its_layer,
        [] one_folder_knows_the_system,
        [] one_folder_each_starts_programs_reads_settings_and_writes_to_people,
        [] one_function_makes_the_folders_of_a_checkout,
        [] whole_files_are_read_up_to_a_limit,
        [] source_files_are_short_and_few_are_long,
        [] every_dependency_says_why_it_is_there,
        [] the_name_of_a_test_is_a_claim,
    ]
}

/// The layers, from the bottom up: folders, and files of `src` itself. One imports from the layers below its own.
const LAYERS: &[&[&str]] = &[
    &["error", "words", "sql"],
    &["process", "platform", "settings"],
    &["target"],
    &["postgres"],
    &["backup"],
    &["restore", "migration", "openfga", "monitoring", "health", "adopt", "stats", "schedule"],
];
/// Folders of one layer that may be imported: from, to.
const SIDEWAYS: &[(&str, &str)] = &[
    ("process", "platform"),
    ("settings", "platform"),
    ("health", "restore"),
    ("health", "migration"),
    ("health", "openfga"),
    ("health", "schedule"),
    ("health", "monitoring"),
];
/// What stands above all layers, and what it may import beside them.
const ABOVE: &[(&str, &[&str])] = &[
    ("main", &["cli", "commands", "context", "terminal"]),
    ("cli", &["commands", "context", "global_options"]),
    ("commands", &["context", "terminal"]),
    ("context", &["global_options", "terminal"]),
    ("global_options", &[]),
    ("terminal", &[]),
];

/// A source file: its path in `src`, the first part of that path, its lines without comments.
pub struct Source {
    pub path: PathBuf,
    pub folder: String,
    pub lines: Vec<String>,
}

/// All source files.
pub fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let src = checkout().join("xtask/src");
    let mut paths = Vec::new();
    walk(&src, &mut paths);
    paths.sort();
    let sources: Vec<Source> = paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(&src).unwrap().to_owned();
            let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
            let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            Source { folder: first.trim_end_matches(".rs").to_owned(), lines: lines.map(str::to_owned).collect(), path }
        })
        .collect();
    assert!(sources.len() > 10, "the source files were not found");
    sources
}

impl Source {
    /// The folders that this file names as `crate::folder`, in `use` or in passing, with the line.
    fn imports(&self) -> Vec<(String, &str)> {
        let mut folders = Vec::new();
        let lines = self.lines.iter().flat_map(|line| line.split("crate::").skip(1).map(move |rest| (line, rest)));
        for (line, rest) in lines {
            let inside = rest.strip_prefix('{').map(|group| group.split('}').next().unwrap_or(group));
            let names: Vec<&str> = inside.map_or_else(|| vec![rest], |group| group.split(',').collect());
            for name in names {
                let word = name.trim().split(|letter: char| !letter.is_alphanumeric() && letter != '_').next();
                folders.extend(word.filter(|word| !word.is_empty()).map(|word| (word.to_owned(), line.trim())));
            }
        }
        folders
    }
}

fn layer(folder: &str) -> Option<usize> {
    LAYERS.iter().position(|folders| folders.contains(&folder))
}

/// A file of any size must not take all memory.
fn whole_files_are_read_up_to_a_limit() {
    let calls = sources().into_iter().map(|source| (source.path, source.lines.concat()));
    let unlimited: Vec<PathBuf> = calls
        .filter(|(_, text)| {
            text.split("read_regular(")
                .skip(1)
                .any(|call| call.split(';').next().unwrap_or_default().contains("u64::MAX"))
        })
        .map(|(path, _)| path)
        .collect();
    assert_eq!(unlimited, Vec::<PathBuf>::new(), "`read_regular` without a limit");
}

fn arrows_point_one_way() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (folder, line) in source.imports() {
            let own = source.folder.as_str();
            let may = folder == own
                || match (layer(own), layer(&folder)) {
                    (Some(from), Some(to)) => to < from || SIDEWAYS.contains(&(own, folder.as_str())),
                    (None, Some(_)) => true,
                    (Some(_), None) => false,
                    (None, None) => {
                        ABOVE.iter().any(|(above, folders)| *above == own && folders.contains(&folder.as_str()))
                    }
                };
            let known = layer(own).is_some() || ABOVE.iter().any(|(above, _)| *above == own);
            if !may || !known {
                wrong.push(format!("{}: {line}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point the wrong way:\n{}", wrong.join("\n"));
}

fn each_folder_of_the_sources_has_its_layer() {
    let above = ["main", "cli", "commands", "context", "global_options", "terminal"];
    let folders: Vec<String> = sources().iter().map(|source| source.folder.clone()).collect();
    for folder in folders {
        assert!(
            layer(&folder).is_some() || above.contains(&folder.as_str()),
            "{folder} has no layer: add it to LAYERS"
        );
    }
}

/// No line of `src` outside these files holds one of the words.
pub fn only(files: &[&str], words: &[&str]) {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !files.iter().any(|file| source.path.starts_with(file))) {
        let lines = source.lines.iter().filter(|line| words.iter().any(|word| line.contains(word)));
        wrong.extend(lines.map(|line| format!("{}: {}", source.path.display(), line.trim())));
    }
    assert!(wrong.is_empty(), "only {files:?} may say {words:?}:\n{}", wrong.join("\n"));
}

fn one_folder_knows_the_system() {
    only(&["platform"], &["std::os::", "rustix::", "cfg(unix)", "cfg(windows)", "target_os"]);
    only(&["platform"], &["cfg!(unix)", "cfg!(windows)"]);
}

fn one_folder_each_starts_programs_reads_settings_and_writes_to_people() {
    only(&["process", "settings", "platform", "terminal.rs"], &["clippy::disallowed"]);
    only(&["process", "platform"], &["process::Command", "xshell", "duct::", "shared_child"]);
    only(&["process"], &["signal_hook"]);
    only(&["settings"], &["env::var"]);
    only(&["terminal.rs", "terminal"], &["io::stdout", "io::stderr", "io::stdin", "indicatif"]);
    only(&["context.rs", "settings"], &["current_dir()"]);
    only(&["target/endpoint.rs", "target/endpoint"], &["ureq"]);
    only(&["restore"], &["services().stop("]);
    only(&["platform"], &["process::exit"]);
    only(&[], &["unsafe {", "todo!", "sh -c"]);
    let clippy = fs::read_to_string(checkout().join("xtask/clippy.toml")).unwrap();
    for rule in ["std::process::Command::new", "std::env::var", "std::println", "std::env::set_current_dir"] {
        assert!(clippy.contains(rule), "xtask/clippy.toml should forbid {rule}");
    }
}

/// Of `create_dir_all` nothing asks whether a part is a link: only folders that a person named, and those of other
/// programs, are made by it.
fn one_function_makes_the_folders_of_a_checkout() {
    let others = [
        "tests.rs",
        "adopt/apply.rs",
        "migration/files/create.rs",
        "monitoring/files.rs",
        "schedule/systemd.rs",
        "target/local/embedded.rs",
    ];
    for source in sources().iter().filter(|source| !others.iter().any(|file| source.path.ends_with(file))) {
        let of_tests = source.lines.iter().position(|line| line.contains("#[cfg(test)]"));
        let own = &source.lines[..of_tests.unwrap_or(source.lines.len())];
        let makes = own.iter().find(|line| line.contains("create_dir_all"));
        assert!(makes.is_none(), "{}: state_folder::make_below makes our folders", source.path.display());
    }
}

fn source_files_are_short_and_few_are_long() {
    let mut lengths: Vec<(usize, PathBuf)> =
        sources().into_iter().map(|source| (source.lines.len(), source.path)).collect();
    lengths.sort();
    let (median, longest) = (&lengths[lengths.len() / 2], &lengths[lengths.len() - 1]);
    assert!(median.0 <= 110, "the median file has {} lines: {lengths:?}", median.0);
    assert!(longest.0 <= 320, "{} has {} lines", longest.1.display(), longest.0);
    let long: Vec<_> = lengths.iter().filter(|(length, _)| *length > 300).collect();
    assert!(long.len() <= 5, "too many long files: {long:?}");
}

fn every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(checkout().join("xtask/Cargo.toml")).unwrap();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
        } else if inside && line.contains('=') {
            assert!(line.contains('#'), "no reason is given for: {line}");
        }
    }
}

/// A name of one to three words says what a test is about, and seldom what holds.
fn the_name_of_a_test_is_a_claim() {
    let tests: Vec<Test> = crate::modules().into_iter().flatten().collect();
    assert!(tests.len() > 500, "the tests were not found: {}", tests.len());
    let names = tests.iter().map(|test| test.name.as_str());
    let short: Vec<&str> = names.filter(|name| name.rsplit(':').next().unwrap().matches('_').count() < 3).collect();
    assert!(short.is_empty(), "say in four words or more what holds: {short:?}");
}
