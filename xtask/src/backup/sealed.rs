//! A line of ASCII JSON whose last member is a checksum of what precedes it: how it is written, and how it is distinguished from
//! a line that lost or changed a byte.

use crate::words::hex;
use anyhow::{Result, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io;

const CHECKSUM: &str = ",\"checksum\":\"";
/// At most this many letters of a reason are shown.
const REASON_SHOWN: usize = 300;

/// A kind of sealed lines.
#[derive(Debug)]
pub struct Seal {
    /// What each line begins with, before the JSON. The checksum covers it, too.
    pub start: &'static str,
    /// The kind, as a message names it: `manifest`.
    pub kind: &'static str,
    /// The longest line, in bytes.
    pub longest: usize,
}

/// What a sealed line says.
pub trait Sealed: Serialize + DeserializeOwned {
    /// The formats that this program writes and reads, the newest one last.
    const FORMATS: &'static [u32];
    /// The kind of line.
    const SEAL: Seal;

    /// The format that it names.
    fn format(&self) -> u32;

    /// Whether its parts agree.
    ///
    /// # Errors
    /// Those that do not.
    fn adds_up(&self) -> Result<(), String>;

    /// The line, newline included.
    ///
    /// # Errors
    /// It would be longer than any line that is read back.
    fn line(&self) -> Result<Vec<u8>> {
        let Seal { start, kind, longest } = Self::SEAL;
        let mut line = start.as_bytes().to_vec();
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Ascii))?;
        // Before the closing brace, so that the checksum is the JSON's own last member.
        line.pop();
        let checksum = hex(&Sha256::digest(&line));
        line.extend_from_slice(format!("{CHECKSUM}{checksum}\"}}\n").as_bytes());
        ensure!(line.len() <= longest, "the {kind} would have {} bytes; the limit is {longest}", line.len());
        Ok(line)
    }

    /// Reads a line, newline included. `None`: another kind of line; an error: one that does not fit itself.
    fn parse(line: &[u8]) -> Option<Result<Self, String>> {
        let line = line.strip_prefix(Self::SEAL.start.as_bytes())?;
        Some(fitting(line).map_err(|reason| shown(&reason)))
    }
}

/// What follows the line's start.
fn fitting<T: Sealed>(line: &[u8]) -> Result<T, String> {
    let Seal { start, kind, .. } = T::SEAL;
    let line = std::str::from_utf8(line).map_err(|_| format!("the {kind} is not UTF-8"))?;
    let (body, checksum) = line.rsplit_once(CHECKSUM).ok_or_else(|| format!("the {kind} has no checksum"))?;
    let expected = Sha256::new().chain_update(start).chain_update(body).finalize();
    if checksum != format!("{}\"}}\n", hex(&expected)) {
        return Err(format!("the {kind} does not match its own checksum"));
    }
    let json = format!("{body}}}");
    match serde_json::from_str::<T>(&json) {
        Ok(value) if T::FORMATS.contains(&value.format()) => value.adds_up().map(|()| value),
        Ok(value) => Err(of_format::<T>(value.format())),
        Err(error) => Err(why_unreadable::<T>(&json, &error)),
    }
}

/// What a line of every format says.
#[derive(Deserialize)]
struct OfAnyFormat {
    format: u32,
}

/// Another format may mean something else by every word but its number.
fn of_format<T: Sealed>(format: u32) -> String {
    if T::FORMATS.iter().all(|known| format > *known) {
        format!("format {format} is newer than this program")
    } else {
        format!("format {format} is unknown")
    }
}

fn why_unreadable<T: Sealed>(json: &str, error: &serde_json::Error) -> String {
    let kind = T::SEAL.kind;
    match serde_json::from_str(json) {
        Ok(OfAnyFormat { format }) if T::FORMATS.contains(&format) => format!("the {kind} cannot be read: {error}"),
        Ok(OfAnyFormat { format }) => of_format::<T>(format),
        Err(error) => format!("the {kind} names no format: {error}"),
    }
}

/// A reason may quote what it refuses: not too much of it, and no letter that a terminal obeys.
fn shown(reason: &str) -> String {
    let escaped =
        |letter: char| if letter.is_control() { letter.escape_default().collect() } else { letter.to_string() };
    reason.chars().take(REASON_SHOWN).map(escaped).collect()
}

/// A value as ASCII JSON.
pub fn ascii_json(value: &impl Serialize) -> Result<String> {
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
