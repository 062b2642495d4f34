//! Files that people take for a plain SQL dump, and what they really are.

/// So many bytes are looked at: a tar archive names itself at byte 257.
const LOOKED_AT: usize = 512;

/// What a file is by its first bytes.
const BY_BYTES: &[(&[u8], &str)] = &[
    (b"PGDMP", "pg_dump's custom format: convert it to SQL first (pg_restore -f x.sql FILE)"),
    (b"\x1f\x8b", "gzip: unpack it first (gunzip -c FILE > x.sql)"),
    (b"\x28\xb5\x2f\xfd", "zstd: unpack it first (unzstd -c FILE > x.sql)"),
    (b"PK\x03\x04", "a zip archive: unpack it first (unzip -p FILE > x.sql)"),
    (b"BZh", "bzip2: unpack it first (bunzip2 -c FILE > x.sql)"),
    (b"\xfd7zXZ", "xz: unpack it first (unxz -c FILE > x.sql)"),
    (b"\x04\x22\x4d\x18", "lz4: unpack it first (lz4 -dc FILE > x.sql)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first (7z x -so FILE > x.sql)"),
    (b"\xff\xfe\0\0", UTF_32),
    (b"\0\0\xfe\xff", UTF_32),
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
    (b"-\0-\0", "UTF-16 text, which psql cannot read: iconv -f UTF-16LE -t UTF-8 FILE > x.sql"),
    (b"\0-\0-", "UTF-16 text, which psql cannot read: iconv -f UTF-16BE -t UTF-8 FILE > x.sql"),
    (b"\xef\xbb\xbf", "text that begins with a byte order mark, which pg_dump never writes: tail -c +4 FILE > x.sql"),
    (b"]\0\0", "lzma: unpack it first (unlzma -c FILE > x.sql)"),
    (b"\x85\x01", GPG),
    (b"\x85\x02", GPG),
    (b"\x8c\x0d", GPG),
    (b"\xc3\x0d", GPG),
    (b"age-encryption.org/", AGE),
    (b"SQLite format 3\0", "a database of SQLite, which no PostgreSQL reads"),
    (b"Salted__", "encrypted by openssl: decrypt it first (openssl enc -d … -in FILE -out x.sql)"),
];
const UTF_32: &str = "UTF-32 text, which psql cannot read: iconv -f UTF-32 -t UTF-8 FILE > x.sql";
const GPG: &str = "encrypted by gpg: decrypt it first (gpg -o x.sql -d FILE)";
const AGE: &str = "encrypted by age: decrypt it first (age -d -o x.sql FILE)";
const UTF_16: &str =
    "UTF-16 text (written by PowerShell's > ?), which psql cannot read: iconv -f UTF-16 -t UTF-8 FILE > x.sql";

/// What a text is by how it begins, without blanks before it, in small letters.
const BY_WORDS: &[(&[&str], &str)] = &[
    (&["<!doctype html", "<html"], "a web page"),
    (&["<"], "XML, such as what a storage service says of an error"),
    (&["{", "["], "JSON, such as what a service says of an error"),
    (
        &["--\n-- postgresql database cluster dump", "--\r\n-- postgresql database cluster dump"],
        "the dump of a whole cluster (pg_dumpall): dump the one database with pg_dump; where its server is gone, load all of \
         it into an empty server (cargo xtask db-shell -- -d postgres -f FILE), then dump there",
    ),
    (&["--\r\n"], "a dump whose line ends are CR LF (changed by a terminal or an editor): tr -d '\\r' < FILE > x.sql"),
    (
        &["-- mysql dump", "-- mariadb dump", "/*!", "/*m!", "-- phpmyadmin"],
        "a dump of MySQL or MariaDB, which no PostgreSQL reads",
    ),
    (&["pragma "], "a dump of SQLite, which no PostgreSQL reads"),
    (
        &["-- adminer", "-- phppgadmin"],
        "the export of a web console, which is not proof of anything: dump the database with pg_dump",
    ),
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
        "what a program said beside its dump (2>&1, or a terminal's): dump again with pg_dump -f x.sql",
    ),
    (&[";\n; archive created at"], "the list that pg_restore --list makes: pg_restore -f x.sql ARCHIVE makes SQL"),
    (&["-----begin age"], AGE),
    (&["-----begin pgp"], GPG),
    (&["version https://git-lfs"], "a pointer of Git LFS, without the file itself: git lfs pull"),
    (&["insert into"], ROWS_ALONE),
];

const ROWS_ALONE: &str = "rows alone, as DBeaver, DataGrip or supabase db dump --data-only write them: dump the whole database \
                          with pg_dump -f x.sql";
const TEXT_BEFORE: &str = "a dump with other text before it; leave that out: \
                           { echo --; sed -n '/^-- PostgreSQL database dump$/,$p' FILE; } > x.sql";

/// What a text that does not begin like a dump is. `before` are the bytes that still fitted.
pub(super) fn kind_of(before: &[u8], rest: &[u8]) -> String {
    let mut start = before.to_vec();
    start.extend_from_slice(&rest[..rest.len().min(LOOKED_AT)]);
    let text = String::from_utf8_lossy(&start).to_ascii_lowercase();
    let text = text.trim_start();
    let by_bytes = BY_BYTES.iter().find(|(bytes, _)| start.starts_with(bytes)).map(|(_, what)| *what);
    let by_words = || BY_WORDS.iter().find(|(begins, _)| begins.iter().any(|begin| text.starts_with(begin)));
    let what = match by_bytes {
        Some(what) => what,
        None if start.get(257..262) == Some(b"ustar") && start.starts_with(b"toc.dat\0") => {
            "pg_dump's tar format: convert it to SQL first (pg_restore -f x.sql FILE)"
        }
        None if start.get(257..262) == Some(b"ustar") => "a tar archive: unpack it first (tar xf FILE)",
        None if start.contains(&0) => "binary data",
        None => match by_words() {
            Some((_, what)) => what,
            None if text.contains("\n-- postgresql database dump\n") => TEXT_BEFORE,
            None if text.starts_with("set session_replication_role") => ROWS_ALONE,
            None => "text that does not begin as pg_dump writes it: dump the database with pg_dump -f x.sql",
        },
    };
    format!("not a plain SQL dump: {what}")
}

#[cfg(test)]
mod tests {
    use crate::postgres::dump::Scanner;

    #[test]
    fn a_file_that_is_something_else_is_named_with_the_way_to_sql() {
        let mut tar = b"toc.dat".to_vec();
        tar.resize(257, 0);
        tar.extend(b"ustar\x000");
        let mut other_tar = tar.clone();
        other_tar[..7].copy_from_slice(b"x.sql\0\0");
        for (file, words) in [
            (&tar[..], "tar format: convert it to SQL first (pg_restore -f x.sql FILE)"),
            (&other_tar, "tar xf FILE"),
            (b"PGDMP\x01\x0e", "pg_restore -f x.sql FILE"),
            (b"-\0-\0\n\0", "iconv -f UTF-16LE"),
            (b"\x04\x22\x4d\x18\0", "lz4 -dc FILE"),
            (b"{\"message\": \"Not Found\"}", "JSON"),
            (b"<?xml version=\"1.0\"?><Error>", "XML"),
            (b"\n<!DOCTYPE HTML>", "a web page"),
            (b"-- MySQL dump 10.13", "MySQL"),
            (b"/*M!999999\\- enable the sandbox mode */", "MariaDB"),
            (b"PRAGMA foreign_keys=OFF;", "SQLite"),
            (b"SQLite format 3\0", "SQLite"),
            (b"-- Adminer 4.8.1 PostgreSQL 15.3 dump", "web console"),
            (b"pg_dump: warning: there are circular foreign-key constraints", "2>&1"),
            (b"--\r\n-- PostgreSQL database dump\r\n", "tr -d '\\r' < FILE"),
            (b"time=\"2026-01-02T03:04:05Z\" level=warning msg=\"The \\\"X\\\" variable is not set.\"\n--\n--", "2>&1"),
            (b"WARN[0000] /srv/compose.yml: the attribute `version` is obsolete", "2>&1"),
            (b"-----BEGIN PGP MESSAGE-----", "gpg -o x.sql -d FILE"),
            (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
            (b"--\n-- PostgreSQL database cluster dump\n--\n", "pg_dumpall"),
            (b"CREATE TABLE t ();", "text that does not begin as pg_dump writes it"),
            (b"\xff\xfe\0\0-\0\0\0", "iconv -f UTF-32 -t UTF-8"),
            (b"age-encryption.org/v1\n-> X25519 x\n--- x\n\0\x01", "age -d -o x.sql FILE"),
            (b"\x85\x02\x0c\x03\0", "gpg -o x.sql -d FILE"),
            (b"]\0\0\x80\0", "unlzma -c FILE"),
            (b"INSERT INTO t (a) VALUES (1);", "rows alone"),
            (b"SET session_replication_role = replica;\n", "rows alone"),
            (b"-- ours\n--\n-- PostgreSQL database dump\n--\n", "{ echo --; sed -n "),
            (b"\x01\0\x02", "binary data"),
        ] {
            let flaw = Scanner::default().feed(file).unwrap_err();
            assert!(flaw.what.contains(words) && !flaw.cut, "{words}: {flaw}");
        }
    }
}
