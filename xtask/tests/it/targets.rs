//! What differs between targets stays in the target's folder, and a target goes as one value.

use crate::architecture::{only, sources};
use crate::harness::{Test, sandbox::checkout};
use proc_macro2::Ident;
use std::fs;
use std::path::Path;
use syn::visit::Visit;
use syn::{FnArg, ItemStruct, Signature, Type};

pub fn tests() -> Vec<Test> {
    tests![
        [] no_caller_asks_which_target_it_is,
        [] a_target_implements_all_that_differs,
        [] a_target_and_a_sessions_name_go_as_one_value,
    ]
}

fn no_caller_asks_which_target_it_is() {
    // A caller asks the target for what a person types.
    only(&["target", "health", "monitoring", "terminal.rs", "terminal"], &["docker compose "]);
    only(&["target"], &["Program::new(\"docker\")"]);
    // What only Docker has is asked in one place, and only for what that place reports.
    only(&["target", "health/scene.rs"], &["compose_project()"]);
    let list = fs::read_to_string(checkout().join("xtask/src/target/mod.rs")).unwrap();
    let variants = list.split("pub enum Kind {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let variants: Vec<&str> = variants.lines().filter_map(|line| line.trim().strip_suffix(',')).collect();
    let kinds: Vec<String> = variants.iter().map(|variant| format!("Kind::{variant}")).collect();
    assert!(kinds.len() >= 3, "the kinds of target were not found");
    only(&["target"], &kinds.iter().map(String::as_str).collect::<Vec<_>>());
    for target in variants.iter().map(|variant| variant.to_lowercase()) {
        let is_folder = checkout().join("xtask/src/target").join(&target).is_dir();
        assert!(is_folder, "the target {target} should have a folder");
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
