//! A number of bytes or rows that a file or a server gave.

use serde::{Deserialize, Serialize};

/// A number that a server can count to, and that a file's size can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct Count(u64);

impl Count {
    /// PostgreSQL's `bigint` and the systems' file sizes end there.
    pub const MOST: u64 = i64::MAX.unsigned_abs();

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Count {
    type Error = String;

    /// # Errors
    /// It is above [`Count::MOST`].
    fn try_from(number: u64) -> Result<Self, String> {
        if number > Self::MOST {
            return Err(format!("{number} is larger than any number of bytes or rows"));
        }
        Ok(Self(number))
    }
}
