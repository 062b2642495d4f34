//! What the server said while files ran: notices and warnings, with file and line.

use crate::migration::files::shown;
use crate::migration::messages::Severity;
use crate::migration::session::Notice;
use crate::terminal::{self, Terminal};
use std::collections::BTreeMap;
use std::path::Path;

/// At most this many notices of one file are shown.
const SHOWN: usize = 10;

/// Shows them, file by file.
pub(super) fn show(notices: &[Notice], terminal: &Terminal) {
    let mut of_file: BTreeMap<&Path, usize> = BTreeMap::new();
    for notice in notices {
        let count = of_file.entry(&notice.file).or_default();
        *count += 1;
        if *count > SHOWN {
            continue;
        }
        let line = terminal::clean(&format!("{}:{}: {}", shown(&notice.file), notice.line, notice.text));
        match notice.severity {
            Severity::Notice => terminal.note(&line),
            _ => terminal.warn(&line),
        }
    }
    for (file, count) in of_file {
        if let Some(more) = count.checked_sub(SHOWN).filter(|more| *more > 0) {
            let more = terminal::counted(more as u64, "more message", "more messages");
            terminal.note(&terminal::clean(&format!("{}: {more}", shown(file))));
        }
    }
}
