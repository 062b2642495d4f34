//! Lines as wide as the terminal.

use crate::terminal::Terminal;

/// The text in lines that fit.
pub(super) fn fitted(text: &str, terminal: &Terminal) -> Vec<String> {
    match terminal.width_of_results() {
        Some(width) => text.lines().flat_map(|line| terminal.hanging(line, width)).collect(),
        None => vec![text.to_owned()],
    }
}
