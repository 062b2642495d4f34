//! The manifest as the file's last line: how it is written and how it is told from everything else.

use super::{GLOBALS_FORMAT, LONGEST, Manifest};
use anyhow::{Result, ensure};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::io;

const START: &str = "-- xtask manifest: ";
const CHECKSUM: &str = ",\"checksum\":\"";
/// So many letters of a reason are shown.
const REASON_SHOWN: usize = 300;

/// What a manifest of every format says.
#[derive(Deserialize)]
struct OfAnyFormat {
    format: u32,
}

impl Manifest {
    /// The line, newline included.
    ///
    /// # Errors
    /// It would be longer than any line that is read back.
    pub fn line(&self) -> Result<Vec<u8>> {
        seal(self)
    }

    /// Reads a line, newline included. `None`: no manifest; an error: one that does not fit itself.
    pub fn parse(line: &[u8]) -> Option<Result<Self, String>> {
        Some(unseal(line)?.and_then(|json| Self::fitting(&json).map_err(|reason| shown(&reason))))
    }

    fn fitting(json: &str) -> Result<Self, String> {
        match serde_json::from_str::<Self>(json) {
            Ok(manifest) if manifest.format == Self::FORMAT => manifest.adds_up().map(|()| manifest),
            Ok(manifest) => Err(of_format(manifest.format)),
            Err(error) => Err(why_unreadable(json, &error)),
        }
    }
}

/// A manifest of any format as the file's last line, newline included.
///
/// # Errors
/// It would be longer than any line that is read back.
pub fn seal(manifest: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut line = START.as_bytes().to_vec();
    let mut json = serde_json::Serializer::with_formatter(&mut line, Ascii);
    manifest.serialize(&mut json)?;
    // Before the closing brace, so that the checksum is the JSON's own last member.
    line.pop();
    let checksum = hex(&Sha256::digest(&line));
    line.extend_from_slice(format!("{CHECKSUM}{checksum}\"}}\n").as_bytes());
    ensure!(line.len() <= LONGEST, "the manifest would have {} bytes; the limit is {LONGEST}", line.len());
    Ok(line)
}

/// The JSON of such a line. `None`: no manifest; an error: one that does not fit its checksum.
pub fn unseal(line: &[u8]) -> Option<Result<String, String>> {
    let line = line.strip_prefix(START.as_bytes())?;
    let json = || {
        let line = std::str::from_utf8(line).map_err(|_| "the manifest is not UTF-8")?;
        let (body, checksum) = line.rsplit_once(CHECKSUM).ok_or("the manifest has no checksum")?;
        let expected = Sha256::new().chain_update(START).chain_update(body).finalize();
        if checksum != format!("{}\"}}\n", hex(&expected)) {
            return Err("the manifest does not match its own checksum".to_owned());
        }
        Ok(format!("{body}}}"))
    };
    Some(json())
}

/// Another format may mean something else by every word but its number.
fn of_format(format: u32) -> String {
    if format == GLOBALS_FORMAT {
        format!("format {format} is that of a server's roles, not of a database")
    } else if format > Manifest::FORMAT {
        format!("format {format} is newer than this program")
    } else {
        format!("format {format} is unknown")
    }
}

fn why_unreadable(json: &str, error: &serde_json::Error) -> String {
    match serde_json::from_str(json) {
        Ok(OfAnyFormat { format: Manifest::FORMAT }) => format!("the manifest cannot be read: {error}"),
        Ok(OfAnyFormat { format }) => of_format(format),
        Err(error) => format!("the manifest names no format: {error}"),
    }
}

/// A reason may quote what it refuses: not too much of it, and no letter that a terminal obeys.
pub fn shown(reason: &str) -> String {
    let escaped =
        |letter: char| if letter.is_control() { letter.escape_default().collect() } else { letter.to_string() };
    reason.chars().take(REASON_SHOWN).map(escaped).collect()
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value as ASCII JSON.
pub fn ascii_json(value: &impl serde::Serialize) -> Result<String> {
    let mut json = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, Ascii))?;
    Ok(String::from_utf8(json)?)
}

/// JSON whose letters beyond ASCII are escaped, so that no editor or encoding can change the line.
struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for letter in fragment.chars() {
            match u8::try_from(letter) {
                Ok(byte) if byte < 0x7f => writer.write_all(&[byte])?,
                _ => {
                    for unit in letter.encode_utf16(&mut units) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}
