//! The manifest: the backup's last line, a comment for psql, ASCII JSON that ends in a checksum of itself.

use crate::postgres::dump::{Copied, OpenFga};
use crate::postgres::properties::Properties;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io;

/// The backup's first line.
pub const HEAD: &[u8] = b"-- xtask backup, format 1: it is whole only if its last line is a manifest that fits\n";
/// What every head line of every format begins with.
pub const HEAD_START: &[u8] = b"-- xtask backup, format ";
const START: &str = "-- xtask manifest: ";
const CHECKSUM: &str = ",\"checksum\":\"";
const FORMAT: u32 = 1;

/// Everything that a backup says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The program that wrote the file: `xtask 0.1.0`.
    pub tool: String,
    pub database: String,
    /// The `--table` patterns of a partial backup; none: the whole database.
    pub only_tables: Option<Vec<String>>,
    /// As pg_dump wrote it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub server_version: String,
    pub pg_dump_version: String,
    /// RFC 3339, with the offset of the place.
    pub started_at: String,
    pub seconds: f64,
    /// Bytes that precede this line, and their SHA-256 in lower-case hexadecimal.
    pub bytes: u64,
    pub sha256: String,
    /// Rows of every `COPY` block, in order.
    pub copied: Vec<Copied>,
    pub openfga: Option<OpenFga>,
    /// Roles and extensions that the dump names.
    pub roles: Vec<String>,
    pub extensions: Vec<String>,
    pub properties: Properties,
}

impl Manifest {
    /// The format that this program writes.
    pub const FORMAT: u32 = FORMAT;

    /// Rows per table, in the dump's order; a table with several `COPY` blocks is summed.
    pub fn tables(&self) -> Vec<Copied> {
        tables(&self.copied)
    }

    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.copied.iter().map(|copied| copied.rows).sum()
    }

    /// Whether the whole database is in the file.
    pub fn is_full(&self) -> bool {
        self.only_tables.is_none()
    }

    /// The line, newline included.
    pub fn line(&self) -> Result<Vec<u8>> {
        let mut line = START.as_bytes().to_vec();
        let mut json = serde_json::Serializer::with_formatter(&mut line, Ascii);
        self.serialize(&mut json)?;
        // Before the closing brace, so that the checksum is the JSON's own last member.
        line.pop();
        let checksum = hex(&Sha256::digest(&line));
        line.extend_from_slice(format!("{CHECKSUM}{checksum}\"}}\n").as_bytes());
        Ok(line)
    }

    /// Reads a line, newline included. `None`: no manifest; an error: one that does not fit itself.
    pub fn parse(line: &[u8]) -> Option<Result<Self, String>> {
        let text = std::str::from_utf8(line).ok()?;
        text.starts_with(START).then(|| Self::fitting(text))
    }

    fn fitting(line: &str) -> Result<Self, String> {
        let (body, checksum) = line.rsplit_once(CHECKSUM).ok_or("the manifest has no checksum")?;
        if checksum != format!("{}\"}}\n", hex(&Sha256::digest(body))) {
            return Err("the manifest does not fit its own checksum".to_owned());
        }
        let json = format!("{}}}", &body[START.len()..]);
        let manifest: Self =
            serde_json::from_str(&json).map_err(|error| format!("the manifest cannot be read: {error}"))?;
        if manifest.format > FORMAT {
            return Err(format!("format {} is newer than this program", manifest.format));
        }
        Ok(manifest)
    }
}

/// Rows per table of these `COPY` blocks, in order of first appearance.
pub fn tables(copied: &[Copied]) -> Vec<Copied> {
    let mut tables: Vec<Copied> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    for block in copied {
        let at = *seen.entry((&block.schema, &block.name)).or_insert(tables.len());
        match tables.get_mut(at) {
            Some(table) => table.rows = table.rows.saturating_add(block.rows),
            None => tables.push(block.clone()),
        }
    }
    tables
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON whose letters beyond ASCII are escaped, so that no editor or encoding can change the line.
struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for letter in fragment.chars() {
            if letter.is_ascii() && letter != '\x7f' {
                writer.write_all(&[letter as u8])?;
            } else {
                for unit in letter.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> Manifest {
        Manifest {
            format: FORMAT,
            tool: "xtask 0.1.0".into(),
            database: "ünï \"c\" 日本 😀\u{7f}".into(),
            only_tables: None,
            server_version: "15.18".into(),
            pg_dump_version: "15.18".into(),
            started_at: "2025-10-21T14:30:22+02:00".into(),
            seconds: 0.25,
            bytes: 12,
            sha256: "00".into(),
            copied: [("a", 1), ("b", 2), ("a", 3)]
                .map(|(name, rows)| Copied { schema: "public".into(), name: name.into(), rows })
                .into(),
            openfga: Some(OpenFga { stores: 1, authorization_models: 2, tuples: 3 }),
            roles: vec!["postgres".into()],
            extensions: vec![],
            properties: Properties {
                encoding: "UTF8".into(),
                locale_provider: "libc".into(),
                collate: "C".into(),
                ctype: "C".into(),
                locale: None,
                icu_rules: None,
                owner: "postgres".into(),
                grants: None,
                settings: vec![],
                connection_limit: -1,
                comment: Some(",\"checksum\":\"x\"}\n-- xtask manifest: {}".into()),
                tablespace: None,
                size_bytes: 7_000_000,
            },
        }
    }

    #[test]
    fn the_line_is_ascii_and_read_back_the_same() {
        let line = sample().line().unwrap();
        assert!(line.is_ascii() && line.iter().filter(|byte| **byte == b'\n').count() == 1);
        assert_eq!(Manifest::parse(&line), Some(Ok(sample())));
        assert_eq!(Manifest::parse(b"--\n"), None);
        assert_eq!(sample().tables().iter().map(|table| table.rows).collect::<Vec<_>>(), [4, 2]);
    }

    #[test]
    fn no_flipped_bit_and_no_cut_is_taken_for_a_manifest() {
        let line = sample().line().unwrap();
        for bit in 0..line.len() * 8 {
            let mut flipped = line.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(Manifest::parse(&flipped), Some(Ok(_))), "bit {bit}");
        }
        for end in 0..line.len() {
            assert!(!matches!(Manifest::parse(&line[..end]), Some(Ok(_))), "cut at {end}");
        }
    }
}
