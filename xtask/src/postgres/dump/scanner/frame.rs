//! What frames a dump's statements: pg_dump's comments, its `\restrict` pair, the rows of `COPY` blocks.

use super::part::Part;
use super::{Flaw, Kind, LONGEST_TOKEN, Scanner, UNRESTRICT};
use crate::postgres::dump::statement::printable;

/// The comment that pg_dump writes last, and what it writes after it.
const TRAILER: &[u8] = b"-- PostgreSQL database dump complete";
const AFTER_TRAILER: &[u8] = b"\n--\n\n";

impl Scanner {
    /// A line of comment, which begins with `--`.
    pub(super) fn comment(&mut self, text: &[u8]) {
        if self.statements.is_empty() && text == TRAILER {
            self.tail = AFTER_TRAILER.to_vec();
            if let Some(key) = &self.restrict_key {
                self.tail.extend_from_slice(UNRESTRICT);
                self.tail.extend_from_slice(key);
                self.tail.extend_from_slice(b"\n\n");
            }
            self.part = Part::Tail(0);
        }
        let version = |start: &[u8]| {
            let rest = text.strip_prefix(start)?;
            Some(String::from_utf8_lossy(rest).trim().to_owned())
        };
        if let Some(version) = version(b"-- Dumped from database version ") {
            self.contents.server_version.get_or_insert(version);
        } else if let Some(version) = version(b"-- Dumped by pg_dump version ") {
            self.contents.pg_dump_version.get_or_insert(version);
        }
    }

    /// What is wrong with this byte behind the dump's last lines, of which so many have come.
    pub(super) fn after_end(&self, seen: usize, byte: u8) -> Flaw {
        let of = |kind, what: &str| Flaw { kind, ..self.flaw(what) };
        if self.restrict_key.is_none() && byte == b'\\' {
            let what = "a command of psql after the end of the dump; was its \\restrict line taken out?";
            return of(Some(Kind::WithoutRestrict), what);
        }
        if seen >= self.tail.len() {
            let whole = self.line.saturating_sub(1);
            return of(Some(Kind::AfterEnd(whole)), "text after the end of the dump");
        }
        let lacks = self.lacks_unrestrict(seen);
        let kind = (!lacks.is_empty()).then_some(Kind::WithoutUnrestrict);
        of(kind, &format!("text after the end of the dump{lacks}"))
    }

    /// A dump whose first lines have `\restrict` ends with `\unrestrict`.
    pub(super) fn lacks_unrestrict(&self, seen: usize) -> &'static str {
        let is_lacking = self.restrict_key.is_some() && seen == AFTER_TRAILER.len();
        if is_lacking { "; \\unrestrict is missing: was that line taken out?" } else { "" }
    }

    /// Only pg_dump's own `\restrict KEY`, once, before the first statement; `\unrestrict` belongs to the tail.
    pub(super) fn meta_command(&mut self) -> Result<(), Flaw> {
        let key = self.command.strip_prefix(b"\\restrict ").filter(|key| key.iter().all(u8::is_ascii_alphanumeric));
        let allowed = key.filter(|key| {
            !key.is_empty()
                && self.command.len() < LONGEST_TOKEN
                && self.restrict_key.is_none()
                && self.contents.server_version.is_none()
                && self.statements.is_empty()
        });
        let Some(key) = allowed else {
            let shown = printable(&String::from_utf8_lossy(&self.command));
            return Err(self.flaw(format!("a psql meta-command: {shown}")));
        };
        // The line was kept from its backslash on; its newline is being read.
        let start = self.offset.saturating_sub(self.command.len() as u64);
        self.contents.restrict_lines.push(start..self.offset.saturating_add(1));
        self.restrict_key = Some(key.to_vec());
        self.part = Part::Statements;
        Ok(())
    }

    pub(super) fn rows(&mut self, piece: &[u8]) -> Result<usize, Flaw> {
        let Some(copy) = self.copy.as_mut() else {
            return Err(self.flaw("rows outside a COPY block"));
        };
        let (used, ended) = copy.take(piece, self.line, &mut self.watching)?;
        if ended {
            if let Some(copy) = self.copy.take() {
                self.watching.block_ended(&copy.copied);
                self.contents.copied.push(copy.copied);
            }
            self.part = Part::Statements;
            self.ended = self.block.take();
        }
        Ok(used)
    }
}
