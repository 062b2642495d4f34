//! How a person calls this program.

use super::variable;
use crate::words::shell_word;

/// The package's name, which is also that of cargo's alias for it.
const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// The words of a command line up to the name of the command: `cargo xtask` where cargo started this program, else the
/// program as it was called.
pub fn call() -> String {
    // cargo tells what it starts the package that it is of.
    if variable("CARGO_PKG_NAME").is_some_and(|package| package == PACKAGE) {
        return format!("cargo {PACKAGE}");
    }
    let word = std::env::args_os().next().filter(|word| !word.is_empty());
    word.map_or_else(|| PACKAGE.to_owned(), |word| shell_word(&word.to_string_lossy()))
}
