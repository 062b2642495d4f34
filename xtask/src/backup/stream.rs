//! A proven backup, fed to psql: the dump's own bytes, its `\restrict` pair left out.

use super::pieces::{Pieces, what_is_invalid};
use super::proof::Proven;
use super::psql_input::PsqlInput;
use crate::error::{self, Exit, Fault};
use crate::postgres::search_path::SearchPath;
use crate::process::signals;
use anyhow::Result;
use std::io::Write;

impl Proven {
    /// Writes the dump to `psql`; where the dump sets `search_path` first, this path is set behind that statement, so that
    /// the rest of the dump is read by it. `progress` hears how many bytes of the file have gone by.
    ///
    /// Each piece is compared with what the proof read there before psql gets it. So psql receives only bytes that the
    /// proof has scanned, also where the file is written to meanwhile.
    ///
    /// # Errors
    /// Exit 3 if the file is no longer the one that was proven: what psql has got of it must not be used.
    pub fn feed(&self, psql: &mut impl Write, path: Option<&SearchPath>, progress: &dyn Fn(u64)) -> Result<()> {
        let feed = PsqlInput::of(self, path)?;
        let mut pieces = Pieces::of(self.text().map_err(|error| self.unread(error))?);
        for proven in &self.marks {
            signals::check()?;
            let end = if pieces.offset() < self.dump_end { self.dump_end } else { u64::MAX };
            let start = pieces.offset();
            let next = pieces.next(end).map_err(|error| self.unread(error))?;
            let Some(piece) = next else { return Err(self.changed()) };
            if piece.read != *proven {
                return Err(self.changed());
            }
            feed.write(start, piece.bytes, &(0..u64::MAX), psql)?;
            progress(pieces.offset());
        }
        match pieces.next(u64::MAX).map_err(|error| self.unread(error))? {
            None => Ok(()),
            Some(_) => Err(self.changed()),
        }
    }

    pub(super) fn unread(&self, error: anyhow::Error) -> anyhow::Error {
        match what_is_invalid(&error) {
            Some(_) => self.changed(),
            None => error::unless_ended(error, || format!("reading {}", self.path.display())),
        }
    }

    pub(super) fn changed(&self) -> anyhow::Error {
        let message = format!("{} changed while it was read", self.path.display());
        Fault::new(Exit::Refused, message)
            .hint("another program writes to it: stop that program, then try again")
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::pieces::PIECE;
    use crate::backup::proof::prove;
    use crate::error;
    use std::fs::OpenOptions;
    use std::io::{Seek as _, SeekFrom};
    use std::path::PathBuf;

    const OPENING: &str =
        "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n";
    const CLOSING: &str = "\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n";

    fn dump() -> Vec<u8> {
        let rows: String = (0..PIECE / 4).map(|row| format!("row {row}\n")).collect();
        [OPENING, &rows, CLOSING].concat().into_bytes()
    }

    fn file(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("xtask-feed-{}-{name}.sql", std::process::id()));
        std::fs::write(&path, dump()).unwrap();
        path
    }

    /// What psql got.
    #[derive(Default)]
    struct Psql {
        got: Vec<u8>,
        /// Done once, when it has got something.
        then: Option<Box<dyn FnOnce()>>,
    }

    impl Write for Psql {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.got.extend_from_slice(bytes);
            if let Some(then) = self.then.take() {
                then();
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn overwrite(path: &PathBuf, at: usize, bytes: &[u8]) {
        let mut file = OpenOptions::new().write(true).open(path).unwrap();
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(bytes).unwrap();
    }

    #[test]
    fn no_byte_that_was_changed_after_the_proof_reaches_psql() {
        let path = file("changed");
        let original = dump();
        let last = original.len() - 1;
        for at in [0, 100, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, last] {
            std::fs::write(&path, &original).unwrap();
            let proven = prove(&path, &|_| {}).unwrap();
            overwrite(&path, at, b"!");
            let mut psql = Psql::default();
            let error = proven.feed(&mut psql, None, &|_| {}).unwrap_err();
            assert_eq!(error::exit(&error), Exit::Refused, "{at}");
            assert_eq!(psql.got, original[..at / PIECE * PIECE], "{at}: only the pieces before the changed one");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn no_byte_that_is_changed_while_psql_is_fed_reaches_it() {
        let path = file("meanwhile");
        let original = dump();
        let proven = prove(&path, &|_| {}).unwrap();
        let meddled = path.clone();
        let then = move || overwrite(&meddled, PIECE + 10, b"\n\\.\nDROP TABLE t;\n");
        let mut psql = Psql { then: Some(Box::new(then)), ..Psql::default() };
        assert_eq!(error::exit(&proven.feed(&mut psql, None, &|_| {}).unwrap_err()), Exit::Refused);
        assert_eq!(psql.got, original[..PIECE]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_path_is_set_directly_behind_the_dumps_own() {
        let path = file("path");
        let (emptied, rest) =
            ("SELECT pg_catalog.set_config('search_path', '', false);", "\nCREATE TABLE public.u (a text);\n");
        let text =
            [OPENING.split("CREATE").next().unwrap(), emptied, rest, CLOSING.trim_start_matches("\\.\n")].concat();
        std::fs::write(&path, &text).unwrap();
        let mut psql = Psql::default();
        let typed: SearchPath = "\"a'b\"".parse().unwrap();
        prove(&path, &|_| {}).unwrap().feed(&mut psql, Some(&typed), &|_| {}).unwrap();
        let set = " SELECT pg_catalog.set_config('search_path', '\"a''b\"', false);";
        assert_eq!(String::from_utf8(psql.got).unwrap(), text.replace(emptied, &format!("{emptied}{set}")));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_of_another_length_is_refused_and_adds_nothing() {
        let path = file("length");
        let original = dump();
        let whole = prove(&path, &|_| {}).unwrap();
        let mut psql = Psql::default();
        whole.feed(&mut psql, None, &|_| {}).unwrap();
        assert_eq!(psql.got, original);
        for length in [0, 10, PIECE, PIECE + 10, original.len() - 1, original.len() + 1, original.len() + 3 * PIECE] {
            std::fs::write(&path, &original).unwrap();
            let proven = prove(&path, &|_| {}).unwrap();
            OpenOptions::new().write(true).open(&path).unwrap().set_len(length as u64).unwrap();
            let mut psql = Psql::default();
            assert_eq!(error::exit(&proven.feed(&mut psql, None, &|_| {}).unwrap_err()), Exit::Refused, "{length}");
            assert!(original.starts_with(&psql.got), "{length}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
