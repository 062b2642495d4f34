//! Files that people take for a plain SQL dump, and what they really are.

use super::kind::Kind;

/// How many bytes are looked at: a tar archive names itself at byte 257.
const LOOKED_AT: usize = 512;

/// What a file is by its first bytes.
const BY_BYTES: &[(&[u8], Kind)] = &[
    (b"PGDMP", Kind::CustomFormat),
    (b"\x1f\x8b", Kind::Gzip),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (b"PK\x03\x04", Kind::Zip),
    (b"BZh", Kind::Bzip2),
    (b"\xfd7zXZ", Kind::Xz),
    (b"\x04\x22\x4d\x18", Kind::Lz4),
    (b"7z\xbc\xaf\x27\x1c", Kind::SevenZip),
    (b"\xff\xfe\0\0", Kind::Utf32),
    (b"\0\0\xfe\xff", Kind::Utf32),
    (b"\xff\xfe", Kind::Utf16),
    (b"\xfe\xff", Kind::Utf16),
    (b"-\0-\0", Kind::Utf16Le),
    (b"\0-\0-", Kind::Utf16Be),
    (b"\xef\xbb\xbf", Kind::ByteOrderMark),
    (b"]\0\0", Kind::Lzma),
    (b"\x85\x01", Kind::Gpg),
    (b"\x85\x02", Kind::Gpg),
    (b"\x8c\x0d", Kind::Gpg),
    (b"\xc3\x0d", Kind::Gpg),
    (b"age-encryption.org/", Kind::Age),
    (b"SQLite format 3\0", Kind::SqliteDatabase),
    (b"Salted__", Kind::Openssl),
];

/// What a text is by how it begins, without blanks before it, in small letters.
const BY_WORDS: &[(&[&str], Kind)] = &[
    (&["<!doctype html", "<html"], Kind::WebPage),
    (&["<"], Kind::Xml),
    (&["{", "["], Kind::Json),
    (&["--\n-- postgresql database cluster dump", "--\r\n-- postgresql database cluster dump"], Kind::Cluster),
    (&["--\r\n"], Kind::CarriageReturns),
    (&["-- mysql dump", "-- mariadb dump", "/*!", "/*m!", "-- phpmyadmin"], Kind::MySql),
    (&["pragma "], Kind::SqliteDump),
    (&["-- adminer", "-- phppgadmin"], Kind::WebConsole),
    (
        // Compose's remarks: time="…" level=warning, WARN[0000].
        &[
            "pg_dump:",
            "pg_dumpall:",
            "psql:",
            "pg_restore:",
            "warning:",
            "password:",
            "time=\"",
            "warn[",
            "error[",
            "info[",
        ],
        Kind::Programs,
    ),
    (&[";\n; archive created at"], Kind::RestoreList),
    (&["-----begin age"], Kind::Age),
    (&["-----begin pgp"], Kind::Gpg),
    (&["version https://git-lfs"], Kind::GitLfs),
    (&["insert into"], Kind::RowsAlone),
];

/// What a text that does not begin like a dump is. `before` are the bytes that still fitted.
pub(super) fn kind_of(before: &[u8], rest: &[u8]) -> Kind {
    let mut start = before.to_vec();
    start.extend_from_slice(&rest[..rest.len().min(LOOKED_AT)]);
    let text = String::from_utf8_lossy(&start).to_ascii_lowercase();
    let text = text.trim_start();
    let by_bytes = BY_BYTES.iter().find(|(bytes, _)| start.starts_with(bytes)).map(|(_, kind)| *kind);
    let by_words = || BY_WORDS.iter().find(|(begins, _)| begins.iter().any(|begin| text.starts_with(begin)));
    match by_bytes {
        Some(kind) => kind,
        None if start.get(257..262) == Some(b"ustar") && start.starts_with(b"toc.dat\0") => Kind::TarFormat,
        None if start.get(257..262) == Some(b"ustar") => Kind::Tar,
        None if start.contains(&0) => Kind::Binary,
        None => match by_words() {
            Some((_, kind)) => *kind,
            None if text.contains("\n-- postgresql database dump\n") => Kind::TextBefore,
            None if text.starts_with("set session_replication_role") => Kind::RowsAlone,
            None => Kind::BeginsOtherwise,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{BY_BYTES, BY_WORDS, Kind};
    use crate::postgres::dump::Scanner;

    #[test]
    fn a_file_that_is_something_else_is_named_with_the_way_to_sql() {
        let mut tar = b"toc.dat".to_vec();
        tar.resize(257, 0);
        tar.extend(b"ustar\x000");
        let mut other_tar = tar.clone();
        other_tar[..7].copy_from_slice(b"x.sql\0\0");
        for (file, words) in [
            (&tar[..], "pg_restore -f x.sql 'a b'"),
            (&other_tar, "tar xOf 'a b' > x.sql"),
            (b"PGDMP\x01\x0e", "pg_restore -f x.sql 'a b'"),
            (b"-\0-\0\n\0", "iconv -f UTF-16LE"),
            (b"\x04\x22\x4d\x18\0", "lz4 -dc 'a b'"),
            (b"<?xml version=\"1.0\"?><Error>", "XML"),
            (b"\n<!DOCTYPE HTML>", "a web page"),
            (b"-- MySQL dump 10.13", "MySQL"),
            (b"/*M!999999\\- enable the sandbox mode */", "MariaDB"),
            (b"PRAGMA foreign_keys=OFF;", "SQLite"),
            (b"SQLite format 3\0", "SQLite"),
            (b"-- Adminer 4.8.1 PostgreSQL 15.3 dump", "web console"),
            (b"--\r\n-- PostgreSQL database dump\r\n", "tr -d '\\r' < 'a b'"),
            (b"time=\"2026-01-02T03:04:05Z\" level=warning msg=\"The \\\"X\\\" variable is not set.\"\n--\n--", "2>&1"),
            (b"WARN[0000] /srv/compose.yml: the attribute `version` is obsolete", "2>&1"),
            (b"pg_dump: warning: circular\n--\n-- PostgreSQL database dump\n--\n", "$p' 'a b'; } > x.sql"),
            (b"-----BEGIN PGP MESSAGE-----", "gpg -o x.sql -d 'a b'"),
            (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
            (b"--\n-- PostgreSQL database cluster dump\n--\n", "pg_dumpall"),
            (b"CREATE TABLE t ();", "text that does not begin as pg_dump writes it"),
            (b"\xff\xfe\0\0-\0\0\0", "iconv -f UTF-32 -t UTF-8"),
            (b"age-encryption.org/v1\n-> X25519 x\n--- x\n\0\x01", "age -d -o x.sql 'a b'"),
            (b"\x85\x02\x0c\x03\0", "gpg -o x.sql -d 'a b'"),
            (b"]\0\0\x80\0", "unlzma -c < 'a b'"),
            (b"INSERT INTO t (a) VALUES (1);", "rows alone"),
            (b"SET session_replication_role = replica;\n", "rows alone"),
            (b"-- ours\n--\n-- PostgreSQL database dump\n--\n", "{ echo --; sed -n "),
            (b"\x01\0\x02", "binary data"),
        ] {
            let flaw = Scanner::default().feed(file).unwrap_err();
            let kind = flaw.kind.unwrap();
            let said = format!("{flaw}\n{}", kind.way("'a b'"));
            assert!(said.contains(words) && kind.is_other(), "{words}: {said}");
        }
    }

    #[test]
    fn each_kind_that_is_recognised_has_words_of_its_own() {
        let flaw = Scanner::default().feed(b"{\"message\": \"Not Found\"}").unwrap_err();
        assert_eq!(flaw.kind, Some(Kind::Json));
        let kinds = BY_BYTES.iter().map(|(_, kind)| *kind).chain(BY_WORDS.iter().map(|(_, kind)| *kind));
        for kind in kinds.chain([Kind::Tar, Kind::TarFormat, Kind::Binary, Kind::TextBefore]) {
            assert_ne!(kind.what(), Kind::BeginsOtherwise.what(), "{kind:?}");
        }
    }
}
