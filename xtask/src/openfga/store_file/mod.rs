//! `store.fga.yaml`, the ecosystem's file: a store's name, its model, its tuples and its tests.

pub mod fields;
pub mod findings;
mod model;
mod pipe;
mod rules;
pub mod sources;
mod tests;
mod tuple_list;
mod value;
pub mod yaml;

pub use rules::UserFilter;
pub use tests::{Check, ListObjects, ListUsers, Test};

use super::model::{Finding, Model};
use super::tuples::Tuple;
use crate::error::{self, Fault};
use crate::words::shell_word;
use anyhow::{Context as _, Result};
use fields::Fields;
use findings::{Place, Report, warnings_or_fault};
use sources::Folder;
use std::path::Path;
use tuple_list::{tuples_of, without_repetitions};

/// No store file is longer, in bytes.
const LONGEST: u64 = 1 << 28;

const KEYS: &[&str] = &["name", "model", "model_file", "tuples", "tuple_file", "tuple_files", "tests"];

/// All that a store file says, its other files included.
#[derive(Debug)]
pub struct StoreFile {
    /// The store's name: `--store`, else the file's `name`, else the file's own name, else its folder's.
    pub name: String,
    /// `None` where the file has tests (and tuples) alone.
    pub model: Option<Model>,
    pub tuples: Vec<Tuple>,
    pub tests: Vec<Test>,
    pub warnings: Vec<Finding>,
}

impl StoreFile {
    /// The file's model.
    ///
    /// # Errors
    /// Exit 1 where it has none.
    pub fn required_model(&self) -> Result<&Model, Fault> {
        self.model.as_ref().ok_or_else(|| {
            Fault::failed("The store file has neither model nor model_file; nothing was changed")
                .hint("name the model in it; to run tests alone against the live store: cargo xtask test-auth")
        })
    }
}

/// How a store file is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The store's name, whatever the file says.
    pub store: Option<&'a str>,
    /// Whether files outside the store file's folder may be read.
    pub allow_external_files: bool,
}

impl StoreFile {
    /// Reads the file at `path`; `shown` is how the user would type it.
    ///
    /// # Errors
    /// Exit 2 where there is no such file, exit 1 with every finding where it or a file that it names has errors.
    pub fn read(path: &Path, shown: &str, options: Options) -> Result<Self> {
        let bytes =
            pipe::read(path, LONGEST).map_err(|error| error::explain(error, || unreadable(shown, path.is_dir())))?;
        let here = path.parent().unwrap_or(Path::new(""));
        Self::of(bytes, here, shown, Some(&name_of(path)), options)
    }

    /// Reads content that did not come from a file. Files that it names are looked for in `here`; `name` is the
    /// store's where neither the file nor `options` name it.
    ///
    /// # Errors
    /// As for [`Self::read`]; exit 2 where nothing names the store.
    pub fn of(bytes: Vec<u8>, here: &Path, shown: &str, name: Option<&str>, options: Options) -> Result<Self> {
        let text = String::from_utf8(bytes).context("it is not UTF-8").with_context(|| unreadable(shown, false))?;
        let mut report = Report::new(shown, &text);
        let root = match yaml::parse(&text) {
            Ok(Some(root)) => Some(root),
            Ok(None) => {
                report.error(Place::of(1, 1), "the file is empty; model_file: model.fga was expected");
                None
            }
            Err(refusal) => {
                report.error(refusal.place, refusal.message);
                None
            }
        };
        let shown_folder = Path::new(shown).parent().unwrap_or(Path::new(""));
        let folder = Folder::new(here, shown_folder, options.allow_external_files);
        let fields = root.as_ref().and_then(|root| Fields::of(root, "a store file", KEYS, &mut report));
        let read = fields.map(|fields| Content::of(fields, &folder, &mut report));
        let named = fields.and_then(|fields| fields.text("name", &mut report));
        let name = options.store.or(named).or(name).map(str::to_owned);
        let warnings = warnings_or_fault(shown, report.into_findings())?;
        let name = name.ok_or_else(|| {
            Fault::usage(format!("{shown} has no name for the store"))
                .hint("write one in it, or give one with --store NAME")
        })?;
        check_name(&name)?;
        let Content { model, tuples, tests } = read.context("the store file has no content")?;
        Ok(Self { name, model, tuples, tests, warnings })
    }
}

fn unreadable(shown: &str, is_folder: bool) -> Fault {
    let fault = Fault::usage(format!("The store file {shown} cannot be read"));
    if is_folder {
        return fault.hint("name a file: --file FOLDER/store.fga.yaml");
    }
    fault.hint(format!(
        "name another one with --file; or write it from a store of the server, into a folder that is there: cargo xtask \
         openfga-export --output {}\n\
         or begin it with two lines, name: NAME and model_file: model.fga, and write the model into model.fga beside it",
        shell_word(shown)
    ))
}

struct Content {
    model: Option<Model>,
    tuples: Vec<Tuple>,
    tests: Vec<Test>,
}

impl Content {
    /// Model, tuples and tests; all that is wrong with any of them is reported.
    fn of(fields: Fields<'_>, folder: &Folder, report: &mut Report<'_>) -> Self {
        let model = model::read(fields, folder, report);
        let tuples = tuples_of(fields, folder, model.as_ref(), report);
        let tuples = without_repetitions(tuples, report);
        let nodes = fields.list("tests", report);
        let tests = nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| tests::read(node, index + 1, folder, model.as_ref(), report));
        let tests = tests.collect();
        Self { model, tuples, tests }
    }
}

/// The file's name without its ending; `store.fga.yaml` bears its folder's.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = [".fga.yaml", ".fga.yml", ".yaml", ".yml"].iter().find_map(|ending| name.strip_suffix(ending));
    let stem = stem.unwrap_or(&name);
    if stem != "store" {
        return stem.to_owned();
    }
    let folder = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    folder.unwrap_or_else(|| stem.to_owned())
}

/// The server's own rule for the names of stores.
///
/// # Errors
/// Exit 2: the server refuses such a name, so it has no store of that name.
pub fn check_name(name: &str) -> Result<(), Fault> {
    let letters = name.chars().count();
    let fits =
        |letter: char| letter.is_ascii_alphanumeric() || letter.is_ascii_whitespace() || ".-/^_&@".contains(letter);
    if (3..=64).contains(&letters) && name.chars().all(fits) {
        return Ok(());
    }
    Err(Fault::usage(format!("{name:?} cannot be a store's name"))
        .hint("a name has 3 to 64 letters, digits, blanks or . - / ^ _ & @; give one with --store NAME"))
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_store_without_a_name_has_its_files_or_folders() {
        assert_eq!(name_of(Path::new("/a/shop/store.fga.yaml")), "shop");
        assert_eq!(name_of(Path::new("/a/shop/orders.fga.yaml")), "orders");
        assert_eq!(name_of(Path::new("/a/shop/orders.fga.yml")), "orders");
    }

    /// Each of thousands of findings would walk it from its beginning.
    #[test]
    fn a_long_line_of_a_model_is_read_once() {
        let begun = std::time::Instant::now();
        let line = vec!["user"; 60_000].join(", ");
        let text = format!(
            "name: abc\nmodel: |\n  model\n    schema 1.1\n  type user\n  type d\n    relations\n      define r: [{line}]\n"
        );
        let options = Options { store: None, allow_external_files: false };
        let _ = StoreFile::of(text.into_bytes(), Path::new(""), "store.fga.yaml", None, options);
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    }

    #[test]
    fn a_name_that_the_server_refuses_is_refused_here() {
        for name in ["ab", "", "a\"b", "naïve", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("Acme & Sons/prod_1@eu").is_ok());
    }
}
