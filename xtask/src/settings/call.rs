//! How a person calls this program.

use super::environment::variable;
use super::root::package_folder;
use crate::words::shell_word;
use std::path::Path;

/// The package's name, which is also that of cargo's alias for it.
const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// The words of a command line up to the name of the command: `cargo xtask` where cargo started this program, or would
/// find it from here; else the program as it was called.
pub fn call() -> String {
    // cargo tells what it starts the package that it is of.
    let is_started_by_cargo = variable("CARGO_PKG_NAME").is_some_and(|package| package == PACKAGE);
    if is_started_by_cargo || is_in_own_checkout() {
        return format!("cargo {PACKAGE}");
    }
    let word = std::env::args_os().next().filter(|word| !word.is_empty());
    word.map_or_else(|| PACKAGE.to_owned(), |word| shell_word(&word.to_string_lossy()))
}

/// Whether the user stands in the checkout where this program was built: its alias counts there.
fn is_in_own_checkout() -> bool {
    let checkout = package_folder().and_then(|package| package.parent().map(Path::to_owned));
    checkout.zip(std::env::current_dir().ok()).is_some_and(|(checkout, here)| here.starts_with(checkout))
}
