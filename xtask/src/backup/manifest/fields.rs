//! The kinds of values that only a manifest holds, each with its bounds.

use crate::postgres::count::Count;
use crate::postgres::dump::Copied;
use crate::postgres::text::{Checked, ObjectName, Rule, start};
use chrono::{DateTime, Datelike as _, FixedOffset, SecondsFormat};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::{Deref, RangeInclusive};

/// The rule of [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DigestRule;

/// A SHA-256 in lower-case hexadecimal.
pub type Digest = Checked<DigestRule>;

impl Rule for DigestRule {
    const KIND: &'static str = "SHA-256 in lower-case hexadecimal";
    const LONGEST: usize = 64;

    fn allows(letter: char) -> bool {
        matches!(letter, '0'..='9' | 'a'..='f')
    }

    fn fits(text: &str) -> bool {
        text.len() == Self::LONGEST
    }
}

/// When a backup was begun: RFC 3339, with the offset of the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StartedAt(DateTime<FixedOffset>);

impl StartedAt {
    /// Clocks are set wrong, but not that wrong; and such times can be compared and counted with.
    const YEARS: RangeInclusive<i32> = 1900..=9998;

    /// The time.
    pub fn time(self) -> DateTime<FixedOffset> {
        self.0
    }
}

impl TryFrom<DateTime<FixedOffset>> for StartedAt {
    type Error = String;

    /// # Errors
    /// The year is none of those in which backups are made.
    fn try_from(time: DateTime<FixedOffset>) -> Result<Self, String> {
        if Self::YEARS.contains(&time.year()) {
            Ok(Self(time))
        } else {
            Err(format!("a backup cannot be from the year {}", time.year()))
        }
    }
}

impl TryFrom<String> for StartedAt {
    type Error = String;

    /// # Errors
    /// It is no time, or one in which no backup is made.
    fn try_from(text: String) -> Result<Self, String> {
        let time =
            DateTime::parse_from_rfc3339(&text).map_err(|error| format!("{} is not a time: {error}", start(&text)))?;
        Self::try_from(time)
    }
}

impl From<StartedAt> for String {
    fn from(started: StartedAt) -> Self {
        started.0.to_rfc3339_opts(SecondsFormat::Secs, false)
    }
}

/// How long something took, in seconds: whole milliseconds, not negative, and not longer than decades.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct Seconds(f64);

impl Seconds {
    /// The most seconds: up to here JSON gives back each millisecond as it was written.
    const MOST: f64 = 1e9;

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

impl TryFrom<f64> for Seconds {
    type Error = String;

    /// # Errors
    /// It is below zero, too long, or no number.
    fn try_from(seconds: f64) -> Result<Self, String> {
        if (0.0..=Self::MOST).contains(&seconds) {
            Ok(Self((seconds * 1000.0).round() / 1000.0))
        } else {
            Err(format!("{seconds} s is not a duration"))
        }
    }
}

/// The `COPY` blocks of a dump, in order: names that a server can have, rows that can be counted, also all together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Copied>")]
pub struct CopyBlocks(Vec<Copied>);

impl TryFrom<Vec<Copied>> for CopyBlocks {
    type Error = String;

    /// # Errors
    /// A name that no table can have; more rows than can be counted.
    fn try_from(blocks: Vec<Copied>) -> Result<Self, String> {
        let mut total = 0u64;
        for block in &blocks {
            ObjectName::try_from(block.schema.as_str())?;
            ObjectName::try_from(block.name.as_str())?;
            total = total.saturating_add(block.rows);
        }
        Count::try_from(total)?;
        Ok(Self(blocks))
    }
}

impl Deref for CopyBlocks {
    type Target = [Copied];

    fn deref(&self) -> &[Copied] {
        &self.0
    }
}

/// Rows per table of these `COPY` blocks, in order of first appearance; a table with several blocks is summed.
pub fn tables(blocks: &[Copied]) -> Vec<Copied> {
    let mut tables: Vec<Copied> = Vec::new();
    let mut seen = HashMap::new();
    for block in blocks {
        let at = *seen.entry((&block.schema, &block.name)).or_insert(tables.len());
        match tables.get_mut(at) {
            Some(table) => table.rows = table.rows.saturating_add(block.rows),
            None => tables.push(block.clone()),
        }
    }
    tables
}

/// Rows of all these blocks.
pub fn rows(blocks: &[Copied]) -> u64 {
    blocks.iter().fold(0, |total, block| total.saturating_add(block.rows))
}
