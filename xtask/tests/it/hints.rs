//! A failure says what to type next: a `Fault` that is made in a function gets its hint there. Read from the sources.

use crate::harness::{Test, sandbox::checkout};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, ExprMethodCall, ImplItemFn, ItemFn, ItemMod};

pub fn tests() -> Vec<Test> {
    tests![[] a_failure_says_what_to_type_next, [] a_fault_without_a_hint_is_found]
}

/// Functions that make faults without a hint, and how many: most are wrapped by a fault that has one, say something that a
/// person decided, or give one hint to two faults. The list only becomes shorter.
const KNOWN: &str = "xtask/tests/it/hints.txt";

/// How many faults, and how many hints, each function has.
#[derive(Debug, Default)]
struct Counts {
    within: Vec<String>,
    found: BTreeMap<String, (usize, usize)>,
}

impl Counts {
    fn note(&mut self, faults: usize, hints: usize) {
        let name = self.within.join("::");
        let counted = self.found.entry(name).or_default();
        *counted = (counted.0 + faults, counted.1 + hints);
    }

    fn inside(&mut self, name: String, read: impl FnOnce(&mut Self)) {
        self.within.push(name);
        read(self);
        self.within.pop();
    }
}

impl<'ast> Visit<'ast> for Counts {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.inside(item.sig.ident.to_string(), |counts| visit::visit_item_fn(counts, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.inside(item.sig.ident.to_string(), |counts| visit::visit_impl_item_fn(counts, item));
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func {
            let words: Vec<String> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
            let makes = ["usage", "failed", "unreachable", "new"];
            if matches!(words.as_slice(), [.., of, made] if of == "Fault" && makes.contains(&made.as_str())) {
                self.note(1, 0);
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.method == "hint" {
            self.note(0, 1);
        }
        visit::visit_expr_method_call(self, call);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// `file function count` of each function with fewer hints than faults.
fn without_hint(file: &str, source: &str) -> Vec<String> {
    let mut counts = Counts::default();
    counts.visit_file(&syn::parse_file(source).unwrap());
    let lacks = counts.found.into_iter().filter(|(_, (faults, hints))| faults > hints);
    lacks.map(|(function, (faults, hints))| format!("{file} {function} {}", faults - hints)).collect()
}

fn a_failure_says_what_to_type_next() {
    let sources = checkout().join("xtask/src");
    let mut found = Vec::new();
    for path in files(&sources) {
        let file = path.strip_prefix(&sources).unwrap().display().to_string();
        // The constructors themselves; what is compiled for tests alone.
        if file != "error.rs" && !file.contains("tests") {
            found.extend(without_hint(&file, &fs::read_to_string(&path).unwrap()));
        }
    }
    let known = fs::read_to_string(checkout().join(KNOWN)).unwrap();
    let known: Vec<&str> = known.lines().collect();
    let more: Vec<&String> = found.iter().filter(|line| !known.contains(&line.as_str())).collect();
    let less: Vec<&&str> = known.iter().filter(|line| !found.iter().any(|found| found == *line)).collect();
    assert!(more.is_empty(), "give these faults a hint, which says what to type next: {more:#?}");
    assert!(less.is_empty(), "these have their hint now; take them out of hints.txt: {less:#?}");
}

fn a_fault_without_a_hint_is_found() {
    let source = "fn a() { let fault = Fault::failed(\"x\"); fault.hint(\"y\") }
        impl B { fn b() { if c { Fault::usage(\"x\").hint(\"y\") } else { Fault::new(Exit::Failed, \"x\") } } }
        fn c() { error::Fault::unreachable(\"x\") }
        #[cfg(test)] mod tests { fn d() { Fault::failed(\"x\") } }";
    assert_eq!(without_hint("e.rs", source), ["e.rs b 1", "e.rs c 1"]);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all.push(path);
        }
    }
    all.sort();
    all
}
