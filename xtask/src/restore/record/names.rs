//! The names of the databases that runs make beside the live one: `openfga_before_20251021_163105`.

use chrono::{DateTime, Local};
use serde::{Deserialize, Serialize};

/// The server cuts longer names silently, in bytes.
const LONGEST: usize = 63;
/// Hexadecimal digits of a run's name, which keep two drills of one second apart.
const RUN: usize = 12;
/// `_20251021_163105`.
const TIME: usize = 16;

/// What a recorded database is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A scratch database of a drill.
    Verify,
    /// It is being filled, and becomes the live one at the swap.
    Staging,
    /// A previous database.
    #[serde(rename = "before")]
    Previous,
    /// The live one itself after a first restore, until its services run again.
    First,
    /// A newer version of this program recorded it: it is left alone.
    #[serde(other)]
    Unknown,
}

impl Purpose {
    /// As the record holds it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Staging => "staging",
            Self::Previous => "before",
            Self::First => "first",
            Self::Unknown => "unknown",
        }
    }

    /// The name of a database of this purpose beside `live`, never longer than a name may be. `run` is the run's
    /// session name, whose last part a scratch database bears.
    pub fn name(self, live: &str, run: &str, time: &DateTime<Local>) -> String {
        let own = run.rsplit('-').next().unwrap_or_default();
        match self {
            Self::Verify => named(live, &format!("{}_{own}", self.word()), time),
            _ => named(live, self.word(), time),
        }
    }

    /// Whether a database of this purpose beside `live` may bear this name.
    pub fn fits(self, name: &str, live: &str) -> bool {
        let own = match self {
            Self::Verify => RUN + 1,
            Self::Staging | Self::Previous => 0,
            Self::First | Self::Unknown => return false,
        };
        let start = cut(live, LONGEST - (1 + self.word().len() + own + TIME));
        let rest = name.strip_prefix(start).and_then(|rest| rest.strip_prefix('_')?.strip_prefix(self.word()));
        let Some((own, time)) = rest.and_then(|rest| rest.split_at_checked(own)) else { return false };
        let digit = |(at, letter): (usize, u8)| {
            matches!(at, 0 | 9) == (letter == b'_') && (letter == b'_' || letter.is_ascii_digit())
        };
        let hexadecimal = |letter: u8| matches!(letter, b'0'..=b'9' | b'a'..=b'f');
        (own.is_empty() || own.strip_prefix('_').is_some_and(|own| own.bytes().all(hexadecimal)))
            && time.len() == TIME
            && time.bytes().enumerate().all(digit)
    }

    /// The purpose that the name alone suggests.
    pub fn suggested(name: &str, live: &str) -> Option<Self> {
        [Self::Previous, Self::Staging, Self::Verify].into_iter().find(|purpose| purpose.fits(name, live))
    }
}

/// `openfga_WORD_20251021_163105`, the beginning cut where the name would be too long.
pub(super) fn named(live: &str, word: &str, time: &DateTime<Local>) -> String {
    let ending = format!("_{word}_{}", time.format("%Y%m%d_%H%M%S"));
    format!("{}{ending}", cut(live, LONGEST - ending.len()))
}

/// What every name beside this database begins with.
pub(super) fn common_start(live: &str) -> &str {
    cut(live, LONGEST - (1 + Purpose::Verify.word().len() + 1 + RUN + TIME))
}

/// The first `bytes` bytes of a name, or fewer: a character is never cut.
fn cut(name: &str, mut bytes: usize) -> &str {
    bytes = bytes.min(name.len());
    while !name.is_char_boundary(bytes) {
        bytes -= 1;
    }
    &name[..bytes]
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    const PURPOSES: [Purpose; 3] = [Purpose::Verify, Purpose::Staging, Purpose::Previous];

    #[test]
    fn every_name_fits_its_own_purpose_and_database_alone() {
        let time = Local.with_ymd_and_hms(2025, 10, 21, 14, 30, 22).unwrap();
        let lives = ["openfga", "it's \"näme\"", &"ü".repeat(31), &"n".repeat(63), "openfga_before_20251021_143022"];
        for live in lives {
            for purpose in PURPOSES {
                let name = purpose.name(live, "xtask-0123456789ab", &time);
                assert!(name.len() <= LONGEST && name.starts_with(common_start(live)), "{name}");
                for other in PURPOSES {
                    assert_eq!(other.fits(&name, live), other == purpose, "{name} as {other:?}");
                }
                assert_eq!(Purpose::suggested(&name, live), Some(purpose));
                assert!(!purpose.fits(&name, "another") && !Purpose::First.fits(&name, live));
            }
        }
        assert_eq!(Purpose::Staging.name("openfga", "", &time), "openfga_staging_20251021_143022");
    }

    #[test]
    fn what_only_resembles_a_name_does_not_fit() {
        for name in [
            "",
            "openfga",
            "openfga_before_",
            "openfga_before_20251021_14302",
            "openfga_before_20251021_1430222",
            "openfga_before_20251021-143022",
            "openfga_before__0251021_143022",
            "openfga_before_2025102１_14302",
            "xopenfga_before_20251021_143022",
            "openfga2_before_20251021_143022",
            "openfga_verify_20251021_143022",
            "openfga_verify_0123456789AB_20251021_143022",
            "openfga_verify_0123456789ab0_20251021_143022",
            "openfga_first_20251021_143022",
        ] {
            assert_eq!(Purpose::suggested(name, "openfga"), None, "{name}");
        }
    }
}
