//! The part of a backup's text that psql gets: without this program's first and last line, the `\restrict` pair, and the
//! statements that a load skips.

use super::proof::Proven;
use crate::error::Fault;
use crate::postgres::dump::Contents;
use crate::postgres::quote::literal;
use crate::postgres::search_path::SearchPath;
use anyhow::{Context as _, Result};
use std::io::Write;
use std::ops::Range;

/// Writes pieces of one text. All places are in bytes from the beginning of the text.
#[derive(Debug)]
pub(super) struct PsqlInput {
    left_out: Vec<Range<u64>>,
    /// Where the statement that sets a typed `search_path` is put in, and that statement.
    path_offset: Option<u64>,
    set_path: String,
}

impl PsqlInput {
    pub(super) fn of(proven: &Proven, path: Option<&SearchPath>) -> Result<Self> {
        let head = proven.head().len() as u64;
        let in_file = |line: &Range<u64>| line.start.saturating_add(head)..line.end.saturating_add(head);
        let Contents { restrict_lines, skipped_timeout, skipped_public, .. } = &proven.contents;
        let mut left_out: Vec<Range<u64>> = std::iter::once(0..head)
            .chain(restrict_lines.iter().chain(skipped_timeout).chain(skipped_public).map(in_file))
            .chain(std::iter::once(proven.dump_end..u64::MAX))
            .collect();
        left_out.sort_unstable_by_key(|bytes| bytes.start);
        let path_offset = path.and(proven.contents.search_path_set).map(|end| end.saturating_add(head));
        let set_path = path.map(setting).transpose()?.unwrap_or_default();
        Ok(Self { left_out, path_offset, set_path })
    }

    /// Writes what psql gets of a piece that begins at `start`, as far as it lies in `wanted`.
    pub(super) fn write(&self, start: u64, bytes: &[u8], wanted: &Range<u64>, psql: &mut impl Write) -> Result<()> {
        let end = start.saturating_add(bytes.len() as u64).min(wanted.end);
        let within = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(bytes.len()).min(bytes.len());
        for part in kept(start.max(wanted.start)..end, &self.left_out) {
            let (from, to) = (within(part.start), within(part.end));
            let split = self.path_offset.filter(|at| part.start < *at && *at <= part.end).map(within);
            psql.write_all(&bytes[from..split.unwrap_or(to)]).context("feeding psql")?;
            if let Some(split) = split {
                psql.write_all(self.set_path.as_bytes()).context("feeding psql")?;
                psql.write_all(&bytes[split..to]).context("feeding psql")?;
            }
        }
        Ok(())
    }
}

/// The statement that sets a path; on the line that it is put into.
fn setting(path: &SearchPath) -> Result<String, Fault> {
    Ok(format!(" SELECT pg_catalog.set_config('search_path', {}, false);", literal(path.as_str())?))
}

/// The parts of a range that no other range covers; `left_out` is in order.
fn kept(whole: Range<u64>, left_out: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut start = whole.start;
    for gap in left_out {
        if start >= whole.end {
            return parts;
        }
        if gap.start > start {
            parts.push(start..gap.start.min(whole.end));
        }
        start = start.max(gap.end);
    }
    if start < whole.end {
        parts.push(start..whole.end);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_left_out_of_every_piece() {
        let left_out = [0..3, 5..7, 10..u64::MAX];
        assert_eq!(kept(0..20, &left_out), [3..5, 7..10]);
        assert_eq!(kept(6..9, &left_out), vec![7..9; 1]);
        assert_eq!(kept(0..2, &left_out), []);
        assert_eq!(kept(5..7, &left_out), []);
        assert_eq!(kept(12..14, &left_out), []);
        assert_eq!(kept(4..4, &left_out), []);
    }
}
