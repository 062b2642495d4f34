//! What a hint says of others, such as a role, a table or a file, stands in quotes: a command in it is none of ours. Read
//! from the sources: each value in a hint goes through a function that quotes, or is in the list of those that need none.

use crate::architecture::sources;
use crate::harness::{Test, sandbox::checkout};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use syn::visit::{self, Visit};
use syn::{ExprMethodCall, ImplItemFn, ItemFn, ItemMod, LitStr, Local, Macro, Pat};

pub fn tests() -> Vec<Test> {
    tests![
        [] a_value_in_a_hint_is_quoted_or_was_looked_at,
        [] a_bare_name_in_a_hint_is_found,
        [] no_hint_gives_psql_a_file_that_was_not_proven,
    ]
}

/// Values in hints that no quoting function is seen to give, `file value count`: numbers, words of ours, texts that were
/// quoted before, names that Docker or this program limits to plain letters. The count is how often the file's hints hold
/// the value, so that a second one of the same name is looked at, too.
const KNOWN: &str = "xtask/tests/it/hint_names.txt";

/// What gives one word, or one name of SQL, whatever it is given.
const QUOTE: &[&str] = &["shell_word(", "as_word(", "identifier(", "sql_name(", "literal(", "in_sql(", ".setting()?"];
/// What a hint is said by, and built by.
const SAY: &[&str] = &["hint", "hint_line", "said_below", "to_type"];
const BUILD: &[&str] = &["hint", "way", "ways", "advice", "cure", "by", "remedy", "type", "order", "later"];

/// The values in the hints of a file.
#[derive(Default)]
struct Values {
    /// How many of the things around are a hint.
    depth: usize,
    /// Each with how often it is there.
    found: BTreeMap<String, usize>,
}

impl Values {
    fn within(&mut self, is_hint: bool, read: impl FnOnce(&mut Self)) {
        self.depth += usize::from(is_hint);
        read(self);
        self.depth -= usize::from(is_hint);
    }

    /// The values that a `format!` puts into its text.
    fn note(&mut self, body: &TokenStream) {
        let mut parts = parts(body).into_iter().skip_while(|part| syn::parse_str::<LitStr>(part).is_err());
        let Some(Ok(text)) = parts.next().map(|part| syn::parse_str::<LitStr>(&part)) else { return };
        let mut given: BTreeSet<String> = BTreeSet::new();
        for part in parts {
            let value = match part.split_once('=') {
                Some((name, value)) if syn::parse_str::<syn::Ident>(name).is_ok() && !value.starts_with('=') => {
                    given.insert(name.to_owned());
                    value
                }
                _ => part.as_str(),
            };
            if !QUOTE.iter().any(|quote| value.contains(quote)) && !is_constant(value) {
                self.count(value);
            }
        }
        let names = text.value().replace("{{", "");
        let names = names.split('{').skip(1).map(|piece| piece.split(['}', ':']).next().unwrap_or_default());
        names
            .filter(|name| !name.is_empty() && !is_constant(name) && !given.contains(*name))
            .for_each(|name| self.count(name));
    }

    fn count(&mut self, value: &str) {
        *self.found.entry(value.to_owned()).or_default() += 1;
    }
}

/// The arguments of a macro, without blanks outside of strings.
fn parts(body: &TokenStream) -> Vec<String> {
    let mut parts = vec![String::new()];
    for token in body.clone() {
        match token {
            TokenTree::Punct(point) if point.as_char() == ',' => parts.push(String::new()),
            TokenTree::Literal(text) => parts.last_mut().unwrap().push_str(&text.to_string()),
            other => parts.last_mut().unwrap().push_str(&other.to_string().replace([' ', '\n'], "")),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn is_constant(value: &str) -> bool {
    let name = value.rsplit("::").next().unwrap_or(value);
    name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

fn builds(name: &str) -> bool {
    name.split('_').any(|word| BUILD.contains(&word))
}

impl<'ast> Visit<'ast> for Values {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.within(builds(&item.sig.ident.to_string()), |values| visit::visit_item_fn(values, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.within(builds(&item.sig.ident.to_string()), |values| visit::visit_impl_item_fn(values, item));
    }

    fn visit_local(&mut self, local: &'ast Local) {
        let is_hint = matches!(&local.pat, Pat::Ident(name) if builds(&name.ident.to_string()));
        self.within(is_hint, |values| visit::visit_local(values, local));
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.visit_expr(&call.receiver);
        let is_hint = SAY.contains(&call.method.to_string().as_str());
        self.within(is_hint, |values| call.args.iter().for_each(|argument| values.visit_expr(argument)));
    }

    fn visit_macro(&mut self, text: &'ast Macro) {
        let makes_text = ["format", "write"].iter().any(|name| text.path.is_ident(name));
        if makes_text && self.depth > 0 {
            self.note(&text.tokens);
        }
    }
}

fn values(source: &str) -> BTreeMap<String, usize> {
    let mut values = Values::default();
    values.visit_file(&syn::parse_file(source).unwrap());
    values.found
}

fn a_value_in_a_hint_is_quoted_or_was_looked_at() {
    let folder = checkout().join("xtask/src");
    let mut found = BTreeSet::new();
    for source in sources().iter().filter(|source| !source.path.to_string_lossy().contains("tests")) {
        let text = fs::read_to_string(folder.join(&source.path)).unwrap();
        let lines =
            values(&text).into_iter().map(|(value, count)| format!("{} {value} {count}", source.path.display()));
        found.extend(lines);
    }
    let known = fs::read_to_string(checkout().join(KNOWN)).unwrap();
    let known: BTreeSet<String> = known.lines().map(str::to_owned).collect();
    let more: Vec<&String> = found.difference(&known).collect();
    let less: Vec<&String> = known.difference(&found).collect();
    assert!(
        more.is_empty(),
        "quote these in their hints (words::shell_word, postgres::quote), or look at them, each as often as it is there: {more:#?}"
    );
    assert!(less.is_empty(), "no hint has these so often any more; change them in hint_names.txt: {less:#?}");
}

fn a_bare_name_in_a_hint_is_found() {
    let source = "fn a(b: &str) { Fault::failed(format!(\"{c}\")).hint(format!(\"log in as {b}, {}, {d} or {e}\", f.g(), d = shell_word(d), e = h)) }
        fn by_hand() { format!(\"{i} {SETTING} {}\", identifier(j)?); x.hint(format!(\"{b}\")) }
        fn k() { let the_way = format!(\"{l}\"); let other = format!(\"{m}\"); }
        mod tests { fn n() { x.hint(format!(\"{o}\")) } }";
    let found = [("b", 2), ("f.g()", 1), ("h", 1), ("i", 1), ("l", 1)].map(|(value, count)| (value.to_owned(), count));
    assert_eq!(values(source), found.into());
}

/// Files whose hints give psql a file: a backup that the scan has passed (`Proven`), or one that was just made.
const PROVEN: [&str; 5] = [
    "commands/db_restore/choose.rs",
    "restore/load_ways.rs",
    "restore/preflight/extensions/of_backup.rs",
    "restore/preflight/parts.rs",
    "restore/rights/mod.rs",
];

fn no_hint_gives_psql_a_file_that_was_not_proven() {
    let gives = |text: &str| {
        let typed = text.split("db-shell --").skip(1).map(|rest| rest.split(['"', '\n']).next().unwrap_or_default());
        typed.into_iter().any(|typed| typed.contains("-f ") || typed.contains('<'))
    };
    assert!(gives("\"x: cargo xtask db-shell -- -d EMPTY -f FILE\"") && !gives("db-shell -- -c 'a'\", \"-f x\""));
    let text = |source: &crate::architecture::Source| source.lines.iter().map(|line| line.trim()).collect::<String>();
    let found = sources().into_iter().filter(|source| gives(&text(source)));
    let mut found: Vec<String> = found.map(|source| source.path.display().to_string()).collect();
    found.retain(|path| !path.contains("tests") && path != "terminal/text.rs" && path != "terminal/typed.rs");
    found.sort();
    assert_eq!(found, PROVEN, "psql runs the meta-commands of a file that the scan has not passed");
}
