//! What the server said while files ran: warnings, then notices, with file and line.

use crate::migration::files::shown;
use crate::migration::messages::Severity;
use crate::migration::session::{Heard, Notice};
use crate::terminal::{self, Terminal};

/// At most this many messages of one file are shown.
const SHOWN: usize = 10;

/// Shows them, file by file, the warnings of each first.
pub(super) fn show(heard: &Heard, terminal: &Terminal) {
    for of_file in heard.notices.chunk_by(|one, next| one.file == next.file) {
        let (warnings, others): (Vec<&Notice>, Vec<&Notice>) =
            of_file.iter().partition(|notice| notice.severity > Severity::Notice);
        for notice in warnings.into_iter().chain(others).take(SHOWN) {
            let line = format!("{}:{}: {}", shown(&notice.file), notice.line, notice.text);
            match notice.severity {
                Severity::Notice => terminal.note(&line),
                _ => terminal.warn(&line),
            }
        }
        let more = of_file.len().saturating_sub(SHOWN);
        if let Some(notice) = of_file.first().filter(|_| more > 0) {
            let more = if heard.is_cut {
                "more messages".to_owned()
            } else {
                terminal::counted(more as u64, "more message", "more messages")
            };
            terminal.note(&format!("{}: {more}", shown(&notice.file)));
        }
    }
    if heard.is_cut {
        terminal.note("The server sent more messages than are kept: those in the middle are neither shown nor counted");
    }
}
