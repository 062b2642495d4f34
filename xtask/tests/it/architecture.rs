//! The rules of the source code itself: which folder may import which, and what only one of them may do.

use crate::harness::{Test, sandbox::checkout};
use proc_macro2::Ident;
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::Visit;
use syn::{FnArg, ItemStruct, Signature, Type};

pub fn tests() -> Vec<Test> {
    tests![
        [] arrows_point_one_way,
        [] each_folder_of_the_sources_has_its_layer,
        [] one_folder_knows_the_system,
        [] one_folder_each_starts_programs_reads_settings_and_writes_to_people,
        [] one_function_makes_the_folders_of_a_checkout,
        [] no_caller_asks_which_target_it_is,
        [] a_target_implements_all_that_differs,
        [] a_target_and_a_sessions_name_go_as_one_value,
        [] whole_files_are_read_up_to_a_limit,
        [] source_files_are_short_and_few_are_long,
        [] every_dependency_says_why_it_is_there,
        [] the_name_of_a_test_is_a_claim,
        [] a_statement_names_its_functions_with_their_schema,
        [] what_is_typed_into_psql_runs_nothing_of_the_databases_owner,
        [] what_would_run_code_of_the_owner_is_found,
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
struct Source {
    path: PathBuf,
    folder: String,
    lines: Vec<String>,
}

fn sources() -> Vec<Source> {
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

/// What we send, and what a person is to type, may run on a path that the database's owner fills.
fn a_statement_names_its_functions_with_their_schema() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.lines.iter().filter(|line| line.replace("SELECT pg_catalog", "").contains("SELECT pg_"));
        wrong.extend(lines.map(|line| format!("{}: {}", source.path.display(), line.trim())));
    }
    assert!(wrong.is_empty(), "write pg_catalog. in front:\n{}", wrong.join("\n"));
}

/// psql's own commands name operators without their schema: what is of the whole server is asked in the maintenance
/// database, and what is of the live one by a statement. So is a table: it has its schema.
fn what_is_typed_into_psql_runs_nothing_of_the_databases_owner() {
    let wrong: Vec<String> = sources().iter().flat_map(typed_unguarded).collect();
    assert!(wrong.is_empty(), "name another database (-d), or the schema:\n{}", wrong.join("\n"));
}

fn typed_unguarded(source: &Source) -> Vec<String> {
    let text: String = source.lines.iter().map(|line| line.trim().trim_end_matches('\\')).collect();
    let is_command = |typed: &str| typed.contains("-c '\\\\") || typed.split(' ').any(|word| word == "-l");
    let typed = text.split("db-shell -- ").skip(1).map(|rest| rest.split(['"', ';']).next().unwrap_or(rest));
    let commands = typed.filter(|typed| is_command(typed) && !typed.contains("-d "));
    let is_bare = |rest: &str| rest.starts_with("pg_") && !rest.starts_with("pg_catalog");
    let tables = ["FROM ", "JOIN ", "TABLE "].into_iter().flat_map(|word| text.split(word).skip(1));
    let bare = tables.filter(|rest| is_bare(rest)).map(|rest| rest.split([' ', '"']).next().unwrap_or(rest));
    commands.chain(bare).map(|what| format!("{}: {what}", source.path.display())).collect()
}

fn what_would_run_code_of_the_owner_is_found() {
    let found = |line: &str| {
        let source = Source { path: "a.rs".into(), folder: "a".into(), lines: vec![line.to_owned()] };
        typed_unguarded(&source).len()
    };
    for wrong in
        [r"cargo xtask db-shell -- -c '\\drds'", "cargo xtask db-shell -- -l", "SELECT a FROM pg_stat_activity"]
    {
        assert_eq!(found(&format!("\"{wrong}\"")), 1, "{wrong}");
    }
    let right = [r"db-shell -- -d postgres -c '\\drds'", "db-shell -- -l -d {m}", "SELECT a FROM pg_catalog.pg_tables"];
    assert_eq!(right.map(|right| found(&format!("\"{right}\""))), [0; 3]);
}

/// No line of `src` outside these files holds one of the words.
fn only(files: &[&str], words: &[&str]) {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !files.iter().any(|file| source.path.starts_with(file))) {
        let lines = source.lines.iter().filter(|line| words.iter().any(|word| line.contains(word)));
        wrong.extend(lines.map(|line| format!("{}: {}", source.path.display(), line.trim())));
    }
    assert!(wrong.is_empty(), "only {files:?} may say {words:?}:\n{}", wrong.join("\n"));
}

fn one_folder_knows_the_system() {
    only(&["platform.rs", "platform"], &["std::os::", "rustix::", "cfg(unix)", "cfg(windows)", "target_os"]);
    only(&["platform.rs", "platform"], &["cfg!(unix)", "cfg!(windows)"]);
}

fn one_folder_each_starts_programs_reads_settings_and_writes_to_people() {
    only(&["process", "settings", "platform.rs", "platform", "terminal.rs"], &["clippy::disallowed"]);
    only(&["process", "platform.rs", "platform"], &["process::Command", "xshell", "duct::", "shared_child"]);
    only(&["process"], &["signal_hook"]);
    only(&["settings"], &["env::var"]);
    only(&["terminal.rs", "terminal"], &["io::stdout", "io::stderr", "io::stdin", "indicatif"]);
    only(&["context.rs", "settings"], &["current_dir()"]);
    only(&["target/endpoint.rs"], &["ureq"]);
    only(&["restore"], &["services().stop("]);
    only(&["platform.rs", "platform"], &["process::exit"]);
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

fn no_caller_asks_which_target_it_is() {
    // A caller asks the target for what a person types.
    only(&["target", "health", "monitoring", "terminal.rs", "terminal"], &["docker compose "]);
    // What only Docker has is asked in one place, and only for what that place reports.
    only(&["target", "health/scene.rs"], &["compose_project()"]);
    let list = fs::read_to_string(checkout().join("xtask/src/target/mod.rs")).unwrap();
    let variants = list.split("pub enum Kind {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let variants = variants.lines().filter_map(|line| line.trim().strip_suffix(','));
    let kinds: Vec<String> = variants.map(|variant| format!("Kind::{variant}")).collect();
    assert!(kinds.len() >= 3, "the kinds of target were not found");
    only(&["target"], &kinds.iter().map(String::as_str).collect::<Vec<_>>());
    let folders = fs::read_dir(checkout().join("xtask/src/target")).unwrap().map(|entry| entry.unwrap().path());
    let targets: Vec<String> = folders
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        // What the targets implement, and callers hold.
        .filter(|name| name != "backend")
        .collect();
    assert!(targets.len() >= 3, "the targets were not found");
    for target in targets {
        let is_private = list.lines().any(|line| line == format!("mod {target};"));
        assert!(is_private, "target/mod.rs should keep {target} to itself");
        let elsewhere = sources().into_iter().filter(|source| source.folder == "target");
        let elsewhere = elsewhere.filter(|source| !source.path.starts_with(format!("target/{target}")));
        for source in elsewhere.filter(|source| source.path != Path::new("target/mod.rs")) {
            let paths = [format!("super::{target}::"), format!("target::{target}::")];
            let knows = source.lines.iter().find(|line| paths.iter().any(|path| line.contains(path.as_str())));
            assert!(knows.is_none(), "{} knows the target {target}: {knows:?}", source.path.display());
        }
    }
}

/// A default body would be wrong for the next target, and the compiler would not say so.
fn a_target_implements_all_that_differs() {
    let files = fs::read_dir(checkout().join("xtask/src/target/backend")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let seam = texts.collect::<Vec<_>>().join("\n");
    let traits: Vec<&str> = seam.split("\npub trait ").skip(1).map(|text| text.split("\n}").next().unwrap()).collect();
    let methods: Vec<&str> = traits.iter().flat_map(|text| text.lines()).filter(|line| line.contains("fn ")).collect();
    assert!(traits.len() >= 6 && methods.len() >= 30, "the traits were not found");
    let with_body: Vec<&&str> = methods.iter().filter(|line| !line.ends_with(';')).collect();
    assert!(with_body.is_empty(), "with a default body: {with_body:?}");
}

/// Parameters of one function, or fields of one value: whether a target is among them, and the name of a session.
#[derive(Default)]
struct Beside {
    target: bool,
    session: bool,
}

impl Beside {
    fn add(&mut self, names: &[String], ty: &Type) {
        let mut types = Names::default();
        types.visit_type(ty);
        self.target |= types.0.iter().any(|name| name == "Target");
        let is_text = types.0.iter().any(|name| name == "str" || name == "String");
        self.session |= is_text && names.iter().any(|name| is_session(name));
    }
}

fn is_session(name: &str) -> bool {
    matches!(name, "run" | "session") || name.ends_with("_session") || name.ends_with("_run")
}

/// The names in a pattern or a type.
#[derive(Default)]
struct Names(Vec<String>);

impl Visit<'_> for Names {
    fn visit_ident(&mut self, name: &Ident) {
        self.0.push(name.to_string());
    }
}

/// What holds a target and a session's name side by side.
#[derive(Default)]
struct SideBySide(Vec<String>);

impl Visit<'_> for SideBySide {
    fn visit_signature(&mut self, signature: &Signature) {
        let mut beside = Beside::default();
        for input in &signature.inputs {
            if let FnArg::Typed(input) = input {
                let mut names = Names::default();
                names.visit_pat(&input.pat);
                beside.add(&names.0, &input.ty);
            }
        }
        if beside.target && beside.session {
            self.0.push(format!("fn {}", signature.ident));
        }
    }

    fn visit_item_struct(&mut self, item: &ItemStruct) {
        let mut beside = Beside::default();
        for field in &item.fields {
            let names: Vec<String> = field.ident.iter().map(ToString::to_string).collect();
            beside.add(&names, &field.ty);
        }
        if beside.target && beside.session {
            self.0.push(format!("struct {}", item.ident));
        }
    }
}

fn a_target_and_a_sessions_name_go_as_one_value() {
    let mut found = Vec::new();
    for source in sources() {
        let mut here = SideBySide::default();
        here.visit_file(&syn::parse_file(&source.lines.join("\n")).unwrap());
        found.extend(
            here.0.into_iter().map(|what| format!("{}: {what}", source.path.display().to_string().replace('\\', "/"))),
        );
    }
    // The handle itself, and how it is made.
    let own = ["postgres/server.rs: struct Server", "postgres/server.rs: fn under_name"];
    assert_eq!(found, own, "a function or a value takes postgres::server::Server in place of both");
}

fn source_files_are_short_and_few_are_long() {
    let mut lengths: Vec<(usize, PathBuf)> =
        sources().into_iter().map(|source| (source.lines.len(), source.path)).collect();
    lengths.sort();
    let (median, longest) = (&lengths[lengths.len() / 2], &lengths[lengths.len() - 1]);
    assert!(median.0 <= 150, "the median file has {} lines: {lengths:?}", median.0);
    assert!(longest.0 <= 450, "{} has {} lines", longest.1.display(), longest.0);
    let long: Vec<_> = lengths.iter().filter(|(length, _)| *length > 300).collect();
    assert!(long.len() * 8 <= lengths.len(), "too many long files: {long:?}");
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
