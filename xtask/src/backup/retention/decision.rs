//! Whether something stays by the rules, and why.

use super::policy::Policy;
use chrono::{DateTime, FixedOffset, Local};
use std::collections::{BTreeMap, BTreeSet};

/// The SHA-256 of a whole file.
pub type Sha256 = [u8; 32];

/// Whether a file stays, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub keep: bool,
    pub reason: String,
}

pub(super) fn stays(reason: &str) -> Decision {
    Decision { keep: true, reason: reason.to_owned() }
}

/// What the rules say: it stays for these reasons, or goes for the lack of one.
pub(super) fn by_rules(why: &[String]) -> Decision {
    if why.is_empty() {
        return Decision { keep: false, reason: "no rule keeps it".to_owned() };
    }
    stays(&why.join(", "))
}

/// For each of these (a place and a time each, newest first) that a rule keeps, the rules.
pub(super) fn kept_by_rules(
    timed: &[(usize, DateTime<FixedOffset>)],
    policy: &Policy,
    now: DateTime<FixedOffset>,
) -> BTreeMap<usize, Vec<String>> {
    let mut reasons: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let timed = || timed.iter().copied();
    for (rule, count, period) in policy.counts() {
        let mut periods = BTreeSet::new();
        let mut left = count.unwrap_or_default();
        for (at, time) in timed() {
            let key = period.map_or_else(|| at.to_string(), |period| period(&time.with_timezone(&Local)));
            if left > 0 && periods.insert(key) {
                left = left.saturating_sub(1);
                reasons.entry(at).or_default().push(rule.to_owned());
            }
        }
    }
    if let Some(span) = policy.keep_within {
        for (at, _) in timed().filter(|(_, time)| now.signed_duration_since(*time) <= span) {
            reasons.entry(at).or_default().push("--keep-within".to_owned());
        }
    }
    reasons
}
