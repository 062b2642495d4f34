//! Why a file's checksum is not the one that was applied: found by trying what editors and checkouts do to files.

use super::checksum::{Checksum, Ignored};
use crate::platform;
use anyhow::{Context as _, Result};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

/// What happened to a file since it was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    LineEndings,
    ByteOrderMark,
    WhiteSpace,
    /// Nothing harmless explains it: the SQL itself may be another.
    Content,
}

impl Cause {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LineEndings => "only its line endings changed (LF, CR LF)",
            Self::ByteOrderMark => "only a byte order mark was added or removed",
            Self::WhiteSpace => "only white space at line ends or at the file's end changed",
            Self::Content => "its content changed",
        }
    }
}

const MARK: &[u8] = b"\xef\xbb\xbf";
/// How many bytes of a line are kept.
const LONGEST_LINE: u64 = 1 << 20;

/// One way in which the file may have looked.
struct Variant {
    cause: Cause,
    mark: bool,
    ending: &'static [u8],
    trimmed: bool,
    /// Newlines at the file's end: as they are, or exactly so many.
    last: Option<usize>,
    checksum: Checksum,
    /// Line ends that are held back until a line with text follows.
    held: usize,
}

impl Variant {
    fn end_line(&mut self, text: &[u8], ended: bool) {
        let text = if self.trimmed { text.trim_ascii_end() } else { text };
        if !text.is_empty() || self.last.is_none() {
            (0..std::mem::take(&mut self.held)).for_each(|_| self.checksum.feed(self.ending));
        }
        self.checksum.feed(text);
        self.held += usize::from(ended);
    }

    fn finish(mut self) -> String {
        (0..self.last.unwrap_or(self.held)).for_each(|_| self.checksum.feed(self.ending));
        self.checksum.finish()
    }
}

fn variants(ignored: &Ignored) -> Vec<Variant> {
    let mut all = Vec::new();
    for mark in [false, true] {
        for ending in [&b"\n"[..], b"\r\n"] {
            for (trimmed, last) in
                [false, true].into_iter().flat_map(|trimmed| [None, Some(0), Some(1)].map(|last| (trimmed, last)))
            {
                let cause = if trimmed || last.is_some() { Cause::WhiteSpace } else { Cause::LineEndings };
                let mut checksum = Checksum::without(ignored);
                checksum.feed(if mark { MARK } else { b"" });
                all.push(Variant { cause, mark, ending, trimmed, last, checksum, held: 0 });
            }
        }
    }
    all
}

/// Why this file's checksum is not `applied`. White space can only be recognised where the applied file had none too much, and
/// where no line is longer than is kept or holds a zero byte: such a file is read no further.
pub fn cause(path: &Path, applied: &str, ignored: &Ignored) -> Result<Cause> {
    let cannot = || format!("{} cannot be read", path.display());
    let mut reader = BufReader::new(platform::open_regular(path).with_context(cannot)?);
    let has_mark = reader.fill_buf().with_context(cannot)?.starts_with(MARK);
    if has_mark {
        reader.consume(MARK.len());
    }
    let mut variants = variants(ignored);
    let mut line = Vec::new();
    while reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).with_context(cannot)? > 0 {
        let ended = line.ends_with(b"\n");
        if memchr::memchr(0, &line).is_some() || !ended && line.len() as u64 == LONGEST_LINE {
            return Ok(Cause::Content);
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        variants.iter_mut().for_each(|variant| variant.end_line(text, ended));
        line.clear();
    }
    let fitting = variants.into_iter().filter_map(|variant| {
        let cause = match variant.cause {
            Cause::LineEndings if variant.mark != has_mark => Cause::ByteOrderMark,
            cause => cause,
        };
        (variant.finish() == applied).then_some(cause)
    });
    Ok(fitting.min().unwrap_or(Cause::Content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_and_checkouts_do_is_distinguished_from_new_content() {
        let applied = b"CREATE TABLE t (\n  a int\n);\n";
        let mut checksum = Checksum::default();
        checksum.feed(applied);
        let applied = checksum.finish();
        let path = std::env::temp_dir().join(format!("xtask-difference-{}", std::process::id()));
        let cases: [(&[u8], Cause); 8] = [
            (b"CREATE TABLE t (\r\n  a int\r\n);\r\n", Cause::LineEndings),
            (b"CREATE TABLE t (\r\n  a int\n);\n", Cause::LineEndings),
            (b"\xef\xbb\xbfCREATE TABLE t (\n  a int\n);\n", Cause::ByteOrderMark),
            (b"CREATE TABLE t (\n  a int\n);", Cause::WhiteSpace),
            (b"CREATE TABLE t (  \n  a int\t\n);\n\n\n", Cause::WhiteSpace),
            (b"\xef\xbb\xbfCREATE TABLE t (\r\n  a int\r\n);\r\n", Cause::ByteOrderMark),
            (b"CREATE TABLE t (\n  a text\n);\n", Cause::Content),
            (b"", Cause::Content),
        ];
        for (text, expected) in cases {
            std::fs::write(&path, text).unwrap();
            assert_eq!(
                cause(&path, &applied, &Ignored::default()).unwrap(),
                expected,
                "{:?}",
                String::from_utf8_lossy(text)
            );
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_huge_file_without_lines_is_not_read_to_its_end() {
        let path = std::env::temp_dir().join(format!("xtask-difference-huge-{}", std::process::id()));
        for first in [&b""[..], &[b'x'; LONGEST_LINE as usize + 1]] {
            std::fs::write(&path, first).unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
            // A terabyte: read to its end it would take hours, and all memory.
            assert_eq!(cause(&path, "x", &Ignored::default()).unwrap(), Cause::Content);
        }
        std::fs::remove_file(&path).unwrap();
    }
}
