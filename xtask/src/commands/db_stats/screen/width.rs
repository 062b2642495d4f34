//! Lines as wide as the terminal.

use crate::terminal::{Terminal, hanging};

/// Most commands fit into a line of so many columns.
const COMMANDS_FIT: usize = 60;

/// The text in lines that fit. A command that is copied stays on one line, except where hardly one fits.
pub(super) fn fitted(text: &str, terminal: &Terminal) -> Vec<String> {
    let is_typed = |line: &str| line.starts_with(&terminal.hint_line(""));
    let broken = |line: &str, width| {
        if is_typed(line) && width >= COMMANDS_FIT { vec![line.to_owned()] } else { hanging(line, width) }
    };
    match terminal.width_of_results() {
        Some(width) => text.lines().flat_map(|line| broken(line, width)).collect(),
        None => vec![text.to_owned()],
    }
}
